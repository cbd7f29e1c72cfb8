extension Formula {
    /// What an instruction computes. `Operation.Form` says what it works with.
    package enum Operation: Sendable, CaseIterable {
        // One operand.
        case copy, float32, absolute, floor, ceiling
        /// Halves go up, as Java rounds: -2.5 becomes -2.
        case roundHalfUp
        case roundHalfEven
        /// Cuts the fraction off.
        case truncate
        case squareRoot, exponential, exponentialMinus1, logarithm, logarithm10, logarithmPlus1
        case sine, cosine, tangent, arcSine, arcCosine, arcTangent, hyperbolicSine, hyperbolicCosine, hyperbolicTangent
        case errorFunction, normalDistribution, normalDensity, normalQuantile
        /// 1 / (1 + exp(-x))
        case logistic
        /// The logarithm of the gamma function's absolute value.
        case logGamma
        case not
        /// 1 or 0, never missing.
        case isMissing, isPresent

        // Two operands.
        case add, subtract, multiply, divide, power, hypotenuse
        /// The angle of the point with ordinate a and abscissa b.
        case arcTangent2
        /// a - b * floor(a / b)
        case modulo
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
        /// Three-valued: false and unknown is false, true or unknown is true.
        case and, or
        case exclusiveOr
        /// a, or b where a is missing.
        case coalesce
        /// a where b is true, else missing.
        case only

        // Three operands.
        /// b where a is true, c where it is false; missing where a is unknown.
        case choose
        /// a limited to b...c.
        case clamp

        // A table.
        /// What the table says of a.
        case lookup
        /// The intercept b plus the table's terms.
        case linear

        // A list. Missing members are ignored; missing if all are.
        case sum, average, minimum, maximum, median, product
        /// Any NaN member makes the result NaN; the others are added up in order.
        case strictSum
        /// How many members are missing.
        case missingCount
        /// The position of the greatest member; the first of equals; missing members do not count.
        case highest
        /// The first member that is not missing.
        case first
        /// The value at which half of the weight is reached; members and weights alternate.
        case weightedMedian
        /// exp of each member over the sum of all exps; writes a slot a member.
        case softmax
        /// Each member over the sum of all; writes a slot a member.
        case share

        /// Fails the row where a is true, with the failure of index `detail`.
        case fail
        /// Fails the row where a is missing.
        case failMissing
    }
}

extension Formula.Operation {
    /// What an operation works with and writes: by this the kernel chooses how to run it, the builder moves its
    /// operands, and `Program.validate` checks its instruction.
    package enum Form: Sendable, Equatable {
        /// Computes one result from the operands a, from a and b, or from a, b and c.
        case one, two, three
        /// Computes one result from the operand a and a table of values.
        case lookup
        /// Computes one result from the operand b, the intercept, and a table of terms.
        case linear
        /// Computes one result from a list.
        case list
        /// Computes as many results as the list has members.
        case spread
        /// Reads the operand a, writes nothing, and fails rows.
        case failure
    }

    /// The table of operations. One line says all that is not said by the operation's own code.
    package var form: Form {
        switch self {
        case .copy, .float32, .absolute, .floor, .ceiling, .roundHalfUp, .roundHalfEven, .truncate, .squareRoot,
            .exponential, .exponentialMinus1, .logarithm, .logarithm10, .logarithmPlus1, .sine, .cosine, .tangent, .arcSine,
            .arcCosine, .arcTangent, .hyperbolicSine, .hyperbolicCosine, .hyperbolicTangent, .errorFunction,
            .normalDistribution, .normalDensity, .normalQuantile, .logistic, .logGamma, .not, .isMissing, .isPresent:
            .one
        case .add, .subtract, .multiply, .divide, .power, .hypotenuse, .arcTangent2, .modulo, .equal, .notEqual, .less,
            .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .exclusiveOr, .coalesce, .only:
            .two
        case .choose, .clamp: .three
        case .lookup: .lookup
        case .linear: .linear
        case .sum, .average, .minimum, .maximum, .median, .product, .strictSum, .missingCount, .highest, .first,
            .weightedMedian:
            .list
        case .softmax, .share: .spread
        case .fail, .failMissing: .failure
        }
    }
}

extension Formula.Operation.Form {
    /// Which of an instruction's operands are read.
    package var reads: (a: Bool, b: Bool, c: Bool) {
        switch self {
        case .one, .lookup, .failure: (true, false, false)
        case .two: (true, true, false)
        case .three: (true, true, true)
        case .linear: (false, true, false)
        case .list, .spread: (false, false, false)
        }
    }

    /// How many operands of its own an operation has that needs neither table nor list; 0 for all others.
    package var operandCount: Int {
        switch self {
        case .one: 1
        case .two: 2
        case .three: 3
        case .lookup, .linear, .list, .spread, .failure: 0
        }
    }
}
