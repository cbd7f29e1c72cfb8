internal import Scoring
internal import Tabular

/// Tree ensembles with ONNX Runtime's rules: float32 thresholds and sums, trees in file order, base values last.
extension GraphLowering {
    mutating func lowerTreeRegressor(_ node: Node) throws(LoweringFailure) {
        let targets = node.integer("n_targets", default: 1)
        let aggregate = try node.string("aggregate_function", default: "SUM")
        guard aggregate == "SUM" || aggregate == "AVERAGE" else { throw node.needsRuntime(.aggregate(aggregate)) }
        let transform = try node.string("post_transform", default: "NONE")
        guard transform == "NONE" || targets > 1 else { throw node.needsRuntime(.transform(transform)) }
        let ensemble = try TreeEnsemble(node, weights: "target", outputs: targets, featureCount: try columns(node).operands.count)
        let base = node.floats("base_values")
        guard base.isEmpty || base.count == targets else {
            throw node.invalid("\(base.count) base values for \(targets) targets")
        }
        try finish(node, ensemble, isAverage: aggregate == "AVERAGE", base, transform)
    }

    /// The one operator for trees of ai.onnx.ml 5.
    mutating func lowerTreeEnsemble(_ node: Node) throws(LoweringFailure) {
        let targets = node.integer("n_targets", default: 1)
        let aggregate = node.integer("aggregate_function", default: 1)
        guard aggregate == 0 || aggregate == 1 else { throw node.needsRuntime(.extremeOfTrees) }
        let transforms = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
        let transform = node.integer("post_transform", default: 0)
        guard transforms.indices.contains(transform) else { throw node.invalid("transform \(transform)") }
        guard transform == 0 || targets > 1 else { throw node.needsRuntime(.transform(transforms[transform])) }
        let source = try columns(node)
        guard source.type == .float else { throw node.needsRuntime(.elementType) }
        let ensemble = try TreeEnsemble(
            node, outputs: targets, featureCount: source.operands.count, try TreeEnsemble.flattened(node))
        try finish(node, ensemble, isAverage: aggregate == 0, [], transforms[transform])
    }

    private mutating func finish(
        _ node: Node, _ ensemble: TreeEnsemble, isAverage: Bool, _ base: [Float], _ transform: String
    ) throws(LoweringFailure) {
        var sums = try add(ensemble, node, divisor: isAverage ? Double(ensemble.trees.count) : 1)
        for (index, value) in base.enumerated() { sums[index] = float(.add, sums[index], builder.constant(Double(value))) }
        let scores = try transformed(node, sums, transform)
        try set(node, Columns(type: .float, dims: [ensemble.outputs], operands: scores))
    }

    mutating func lowerTreeClassifier(_ node: Node) throws(LoweringFailure) {
        let (labels, type) = try labels(node, integers: "classlabels_int64s")
        guard labels.count != 1 else { throw .invalid(.unsupportedModel(ONNXFormat.singleClass(node.place))) }
        guard labels.count >= 2 else { throw node.needsRuntime(.fewClasses) }
        let ensemble = try TreeEnsemble(
            node, weights: "class", outputs: labels.count, featureCount: try columns(node).operands.count)
        guard ensemble.leavesAgree else { throw node.needsRuntime(.disagreeingLeaves) }
        let base = node.floats("base_values").map { builder.constant(Double($0)) }
        var sums = try add(ensemble, node, divisor: 1)
        let transform = try node.string("post_transform", default: "NONE")
        let label: Formula.Operand
        let scores: [Formula.Operand]
        if labels.count > 2 {
            guard base.isEmpty ? ensemble.usedOutputs.count == labels.count : base.count == labels.count else {
                throw node.needsRuntime(.incompleteClasses)
            }
            for (index, value) in base.enumerated() { sums[index] = float(.add, sums[index], value) }
            label = builder.combine(.highest, sums)
            scores = try transformed(node, sums, transform)
        } else if ensemble.usedOutputs == [0] {
            guard base.count <= 1 else { throw node.needsRuntime(.baseValuesOfOneClass) }
            if let base = base.first { sums[0] = float(.add, sums[0], base) }
            (label, scores) = try binary(node, sums[0], isPositive: ensemble.allWeightsArePositive, transform)
        } else {
            guard base.isEmpty, ensemble.usedOutputs.contains(1) else { throw node.needsRuntime(.baseValues) }
            let isOneClass = ensemble.usedOutputs.count == 1
            let bound = isOneClass && ensemble.allWeightsArePositive ? 0.5 : 0
            label = isTrue(.greater, sums[1], builder.constant(bound))
            scores = try transformed(node, sums, transform)
        }
        try set(node, Columns(type: type, dims: [], operands: [label], labels: labels))
        try set(node, Columns(type: .float, dims: [scores.count], operands: scores), output: 1)
    }

    /// Two classes of which the trees give one sum: a probability if no weight is negative, else a margin.
    private mutating func binary(
        _ node: Node, _ sum: Formula.Operand, isPositive: Bool, _ transform: String
    ) throws(LoweringFailure) -> (Formula.Operand, [Formula.Operand]) {
        let zero = builder.constant(0)
        let label = isTrue(.greater, sum, builder.constant(isPositive ? 0.5 : 0))
        if isPositive, transform == "NONE" { return (label, [float(.subtract, builder.constant(1), sum), sum]) }
        let negative = builder.apply(.subtract, zero, sum)
        switch transform {
        case "LOGISTIC" where !isPositive: return (label, [logistic(negative), logistic(sum)])
        default: throw node.needsRuntime(.transformOfOneClass(transform))
        }
    }

    /// Adds the forest and returns its sums.
    private mutating func add(_ ensemble: TreeEnsemble, _ node: Node, divisor: Double) throws(LoweringFailure) -> [Formula
        .Operand]
    {
        let source = try columns(node)
        guard source.type == .float || source.type.isInteger else { throw node.needsRuntime(.elementType) }
        var features: [Int] = []
        // Rounding is the forest's own: an input's cell is compared as it is.
        for operand in source.labels == nil ? source.operands : try numbers(node) { features.append(builder.slot(of: operand)) }
        for (feature, values) in ensemble.equalities {
            let slot = Formula.Operand.slot(features[feature])
            let rounded = builder.apply(.float32, slot)
            let codes = values.indices.map(Double.init)
            features.append(
                builder.slot(of: builder.look(up: rounded, in: .keys(keys: values, values: codes, other: -1, missing: .nan))))
        }
        for feature in ensemble.unbounded {
            let rounded = builder.apply(.float32, .slot(features[feature]))
            let table = Formula.Table.keys(keys: [-.infinity, .infinity], values: [0, 2], other: 1, missing: .nan)
            features.append(builder.slot(of: builder.look(up: rounded, in: table)))
        }
        var forest = Forest(
            comparison: .lessOrEqual, inputPrecision: .float32, sumPrecision: .float32, featureCount: features.count,
            outputCount: ensemble.outputs, base: [Double](repeating: 0, count: ensemble.outputs))
        forest.divisor = divisor
        forest.trees = ensemble.trees
        let first = builder.addSlots(ensemble.outputs)
        builder.add(.forest(forest, features: features, into: first))
        treeCount += ensemble.trees.count
        deepestTree = max(deepestTree, ensemble.depth)
        return (0..<ensemble.outputs).map { .slot(first + $0) }
    }
}
