internal import Scoring
internal import Tabular

/// Linear models, and what turns sums into scores.
extension GraphLowering {
    /// The class labels of a classifier, as they are printed.
    func labels(_ node: Node, integers: String) throws(LoweringFailure) -> (labels: [String], type: ElementType) {
        let strings = try node.strings("classlabels_strings")
        guard strings.isEmpty else { return (strings, .string) }
        return (node.integers(integers).map(String.init), .int64)
    }

    mutating func lowerLinearClassifier(_ node: Node) throws(LoweringFailure) {
        let sums = try linearSums(node, targets: node.floats("intercepts").count)
        let (labels, type) = try labels(node, integers: "classlabels_ints")
        let transform = try node.string("post_transform", default: "NONE")
        var scores: [Formula.Operand]
        let label: Formula.Operand
        if sums.count == 1 {
            guard labels.count == 2 else { throw node.needsRuntime(.labelsOfOneSum(labels.count)) }
            label = isTrue(.greater, sums[0], builder.constant(0))
            switch transform {
            case "LOGISTIC": scores = [logistic(builder.apply(.subtract, builder.constant(0), sums[0])), logistic(sums[0])]
            case "NONE": scores = [float(.subtract, builder.constant(1), sums[0]), sums[0]]
            default: throw node.needsRuntime(.transformOfOneSum(transform))
            }
            if transform == "LOGISTIC" { scores[0] = float(.subtract, builder.constant(1), scores[1]) }
        } else {
            guard labels.count == sums.count else { throw node.invalid("\(labels.count) labels for \(sums.count) sums") }
            // A missing feature makes all sums missing, and none is greater than the first.
            label = builder.apply(.coalesce, builder.combine(.highest, sums), builder.constant(0))
            scores = try transformed(node, sums, transform)
        }
        try set(node, Columns(type: type, dims: [], operands: [label], labels: labels))
        try set(node, Columns(type: .float, dims: [scores.count], operands: scores), output: 1)
    }

    mutating func lowerLinearRegressor(_ node: Node) throws(LoweringFailure) {
        let sums = try linearSums(node, targets: node.integer("targets", default: 1))
        guard try node.string("post_transform", default: "NONE") == "NONE" else { throw node.needsRuntime(.anyTransform) }
        try set(node, Columns(type: .float, dims: [sums.count], operands: sums))
    }

    /// Sums over all features, in double, rounded to float32 at the end.
    private mutating func linearSums(_ node: Node, targets: Int) throws(LoweringFailure) -> [Formula.Operand] {
        let x = try floats(node)
        let (weights, intercepts) = (node.floats("coefficients"), node.floats("intercepts"))
        guard targets > 0, targets <= 10_000, weights.count % targets == 0, weights.count / targets == x.count,
            intercepts.isEmpty || intercepts.count == targets
        else { throw node.invalid("\(weights.count) weights for \(x.count) features and \(targets) targets") }
        return (0..<targets).map { target in
            let terms = x.indices.map { Formula.Term(x[$0], coefficient: Double(weights[target * x.count + $0])) }
            let sum = builder.linear(terms, intercept: intercepts.isEmpty ? 0 : Double(intercepts[target]))
            return builder.apply(.float32, sum)
        }
    }

    /// A comparison that NaN does not pass.
    mutating func isTrue(_ comparison: Formula.Operation, _ a: Formula.Operand, _ b: Formula.Operand) -> Formula.Operand {
        builder.apply(.coalesce, builder.apply(comparison, a, b), builder.constant(0))
    }

    /// 1 / (1 + exp(-|x|)) in float32, taken from 1 for negative x.
    mutating func logistic(_ x: Formula.Operand) -> Formula.Operand {
        let one = builder.constant(1)
        let power = float(.exponential, builder.apply(.subtract, builder.constant(0), builder.apply(.absolute, x)))
        let upper = float(.divide, one, float(.add, one, power))
        return builder.apply(.choose, isTrue(.less, x, builder.constant(0)), float(.subtract, one, upper), upper)
    }

    mutating func transformed(_ node: Node, _ x: [Formula.Operand], _ transform: String) throws(LoweringFailure) -> [Formula
        .Operand]
    {
        switch transform {
        case "NONE": return x
        case "LOGISTIC": return x.map { logistic($0) }
        case "SOFTMAX":
            let highest = builder.combine(.maximum, x)
            let powers = x.map { float(.exponential, float(.subtract, $0, highest)) }
            var sum = builder.constant(0)
            for power in powers { sum = float(.add, sum, power) }
            return powers.map { float(.divide, $0, sum) }
        default: throw node.needsRuntime(.transform(transform))
        }
    }
}
