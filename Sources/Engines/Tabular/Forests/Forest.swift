/// An ensemble of decision trees as a training library defines it: what is compared how, where missing
/// values go, how leaves are added up. The meaning is given by `ForestReference`; `ForestKernel` computes
/// the same bits faster.
package struct Forest: Sendable, Equatable {
    /// Which side of a numeric split the threshold itself belongs to.
    package enum Comparison: Sendable, Equatable {
        /// `x < threshold` goes left (XGBoost).
        case less
        /// `x <= threshold` goes left (LightGBM, scikit-learn).
        case lessOrEqual
    }

    package enum Precision: Sendable, Equatable { case float32, float64 }

    /// What becomes of a category code that is no whole non-negative number.
    package enum CategoryRounding: Sendable, Equatable {
        /// Negative codes are no member of any set; others are truncated (XGBoost).
        case refuseNegativeThenTruncate
        /// Codes are truncated first: -0.5 is category 0 (LightGBM).
        case truncateThenRefuseNegative
    }

    package var comparison: Comparison
    /// Inputs are rounded to this precision before they are compared.
    package var inputPrecision: Precision
    /// Leaves are added up in this precision, in the order of `trees`.
    package var sumPrecision: Precision
    package var categoryRounding: CategoryRounding
    /// How many features a row has.
    package var featureCount: Int
    /// How many sums there are: 1, the number of classes, or the number of targets.
    package var outputCount: Int
    /// Added to each sum; one an output.
    package var base: [Double]
    package var baseIsAddedLast: Bool
    /// Each sum is divided by this at the end, before a base that is added last; 1 for no averaging.
    package var divisor: Double
    package var trees: [Tree]

    package init(
        comparison: Comparison, inputPrecision: Precision, sumPrecision: Precision, featureCount: Int, outputCount: Int,
        base: [Double]
    ) {
        self.comparison = comparison
        self.inputPrecision = inputPrecision
        self.sumPrecision = sumPrecision
        self.categoryRounding = .refuseNegativeThenTruncate
        self.featureCount = featureCount
        self.outputCount = outputCount
        self.base = base
        self.baseIsAddedLast = false
        self.divisor = 1
        self.trees = []
    }

    package struct Tree: Sendable, Equatable {
        /// Node 0 is the root. Children have higher indices than their parent, so that every walk ends.
        package var nodes: [Node]
        /// Which sum a scalar leaf adds to. Ignored by vector leaves, which add to all.
        package var output: Int
        /// Leaf values, `valueWidth` a leaf: 1, or `outputCount` for vector leaves.
        package var values: [Double]
        package var valueWidth: Int
        /// Linear functions in the leaves, by leaf; empty for constant leaves.
        package var linearLeaves: [LinearLeaf]
        package var categorySets: [CategorySet]
        /// How much of the training data came to each node, by node: the sum of the second derivatives (XGBoost), or a
        /// number of rows (LightGBM, PMML). nil where the file does not say it of every node. Explanations weigh ways by
        /// it; scores do not depend on it, and no kernel keeps it: eight bytes a node that go with the program once the
        /// kernels are made.
        package var covers: [Double]?

        package init(nodes: [Node] = [], output: Int = 0, values: [Double] = [], valueWidth: Int = 1) {
            self.nodes = nodes
            self.output = output
            self.values = values
            self.valueWidth = valueWidth
            self.linearLeaves = []
            self.categorySets = []
            self.covers = nil
        }
    }

    package enum Node: Sendable, Equatable {
        /// Ends a walk: the leaf's number in its tree. Several nodes may share one.
        case leaf(Int)
        case split(Split)
    }

    package struct Split: Sendable, Equatable {
        package var feature: Int
        package var condition: Condition
        package var missing: Missing
        /// Where a missing value goes.
        package var missingGoesLeft: Bool
        package var left: Int
        package var right: Int

        package init(feature: Int, condition: Condition, missing: Missing, missingGoesLeft: Bool, left: Int, right: Int) {
            self.feature = feature
            self.condition = condition
            self.missing = missing
            self.missingGoesLeft = missingGoesLeft
            self.left = left
            self.right = right
        }
    }

    package enum Condition: Sendable, Equatable {
        /// Compares with the threshold by the forest's `comparison`; smaller goes left.
        case threshold(Double)
        /// Members of the tree's category set of this index go left, all others right.
        case categories(Int)
    }

    /// Which values of a split's feature count as missing.
    package enum Missing: Sendable, Equatable {
        /// NaN.
        case nan
        /// NaN and |x| <= 1e-35 (LightGBM `zero_as_missing`); the double constant is float32's 1e-35.
        case zeroOrNaN
        /// None; NaN is taken for 0.
        case none
    }

    /// A set of category codes as a bit set.
    package struct CategorySet: Sendable, Equatable {
        /// Bit c of word c / 32 says whether code c is a member.
        package var words: [UInt32]

        package init(words: [UInt32]) { self.words = words }

        package func contains(_ code: Int) -> Bool {
            code >= 0 && code >> 5 < words.count && words[code >> 5] >> UInt32(code & 31) & 1 == 1
        }
    }

    /// `constant + sum of coefficient * feature`, in order; the leaf's plain value where any feature is NaN.
    package struct LinearLeaf: Sendable, Equatable {
        package var constant: Double
        package var features: [Int]
        package var coefficients: [Double]

        package init(constant: Double, features: [Int], coefficients: [Double]) {
            self.constant = constant
            self.features = features
            self.coefficients = coefficients
        }
    }
}
