internal import Scoring

/// The meaning of a `Forest`, written to be read: one row, one tree after the other, one node after the
/// other. Slow; faster kernels are tested against it bit for bit.
package struct ForestReference: Sendable {
    package let forest: Forest

    /// Covers are not kept.
    package init(_ forest: Forest) {
        var forest = forest
        for tree in forest.trees.indices where forest.trees[tree].covers != nil { forest.trees[tree].covers = nil }
        self.forest = forest
    }

    /// The sums for one row; `row[f]` is feature f, NaN for missing.
    package func sums(of row: [Double]) -> [Double] {
        let row = row.map { rounded($0, to: forest.inputPrecision) }
        let base = forest.base.map { rounded($0, to: forest.sumPrecision) }
        var sums = forest.baseIsAddedLast ? [Double](repeating: 0, count: forest.outputCount) : base
        for tree in forest.trees {
            let leaf = leaf(of: tree, for: row)
            if tree.valueWidth == 1 {
                add(value(of: leaf, in: tree, for: row), to: &sums[tree.output])
            } else {
                for output in 0..<forest.outputCount {
                    add(tree.values[leaf * tree.valueWidth + output], to: &sums[output])
                }
            }
        }
        for output in sums.indices {
            if forest.divisor != 1 { sums[output] = rounded(sums[output] / forest.divisor, to: forest.sumPrecision) }
            if forest.baseIsAddedLast { add(base[output], to: &sums[output]) }
        }
        return sums
    }

    /// The number of the leaf that the row ends in. The row is rounded already.
    package func leaf(of tree: Forest.Tree, for row: [Double]) -> Int {
        var node = 0
        while true {
            switch tree.nodes[node] {
            case .leaf(let leaf): return leaf
            case .split(let split): node = goesLeft(row[split.feature], at: split, in: tree) ? split.left : split.right
            }
        }
    }

    private func goesLeft(_ value: Double, at split: Forest.Split, in tree: Forest.Tree) -> Bool {
        var value = value
        switch split.missing {
        case .nan:
            if value.isNaN { return split.missingGoesLeft }
        case .zeroOrNaN:
            if value.isNaN || abs(value) <= Forest.zeroBound { return split.missingGoesLeft }
        case .none:
            if value.isNaN { value = 0 }
        }
        switch split.condition {
        case .threshold(let threshold):
            return forest.comparison == .less ? value < threshold : value <= threshold
        case .categories(let set):
            guard let code = Forest.categoryCode(value, rounding: forest.categoryRounding) else { return false }
            return tree.categorySets[set].contains(code)
        }
    }

    private func value(of leaf: Int, in tree: Forest.Tree, for row: [Double]) -> Double {
        guard !tree.linearLeaves.isEmpty else { return tree.values[leaf] }
        let linear = tree.linearLeaves[leaf]
        var sum = linear.constant
        for (feature, coefficient) in zip(linear.features, linear.coefficients) {
            if row[feature].isNaN { return tree.values[leaf] }
            sum += coefficient * row[feature]
        }
        return sum
    }

    private func add(_ value: Double, to sum: inout Double) {
        sum = rounded(sum + rounded(value, to: forest.sumPrecision), to: forest.sumPrecision)
    }

    private func rounded(_ value: Double, to precision: Forest.Precision) -> Double {
        precision == .float32 ? Double(Float(value)) : value
    }
}

extension Forest {
    /// LightGBM's kZeroThreshold, a float32 literal widened to double.
    package static let zeroBound = Double(Float(1e-35))

    /// The category that a value stands for, or nil if it stands for none.
    package static func categoryCode(_ value: Double, rounding: CategoryRounding) -> Int? {
        guard abs(value) < 16_777_216 else { return nil }
        switch rounding {
        case .refuseNegativeThenTruncate: return value < 0 ? nil : Int(value)
        case .truncateThenRefuseNegative: return Int(value) < 0 ? nil : Int(value)
        }
    }
}
