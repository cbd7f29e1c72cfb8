internal import Scoring
internal import Tabular

/// Operators that bring the elements of a row together: reductions, the greatest element, softmax, products with
/// constant matrices.
extension GraphLowering {
    static let reductions: Set<String> = [
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp",
    ]

    /// The elements that are reduced together, for each element of the result.
    private func groups(_ dims: [Int], over places: Set<Int>) -> [[Int]] {
        let kept = dims.indices.filter { !places.contains($0) }
        var groups = [[Int]](repeating: [], count: kept.reduce(1) { $0 * dims[$1] })
        for index in 0..<dims.reduce(1, *) {
            var (rest, group, stride) = (index, 0, 1)
            for place in dims.indices.reversed() {
                if !places.contains(place) {
                    group += rest % dims[place] * stride
                    stride *= dims[place]
                }
                rest /= dims[place]
            }
            groups[group].append(index)
        }
        return groups
    }

    mutating func lowerReduction(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        guard source.type != .string, source.type != .bool else { throw node.needsRuntime(.elementType) }
        let axes = try integers(node, attribute: "axes", input: 1) ?? []
        guard !axes.isEmpty else {
            guard node.integer("noop_with_empty_axes", default: 0) == 1 else { throw node.needsRuntime(.mixedRows) }
            return try set(node, source)
        }
        var places: Set<Int> = []
        for own in axes { places.insert(try axis(node, own, rank: source.dims.count + 1) - 1) }
        let x = try numbers(node)
        var result: [Formula.Operand] = []
        for group in groups(source.dims, over: places) {
            guard !group.isEmpty else { throw node.needsRuntime(.emptyReduction) }
            result.append(try reduced(node, group.map { x[$0] }, source.type))
        }
        let keeps = node.integer("keepdims", default: 1) != 0
        let dims = source.dims.indices.compactMap { places.contains($0) ? (keeps ? 1 : nil) : source.dims[$0] }
        try set(node, Columns(type: source.type, dims: dims, operands: result))
    }

    /// Sums are rounded once; ONNX Runtime adds several parts in float32.
    private mutating func reduced(
        _ node: Node, _ x: [Formula.Operand], _ type: ElementType
    ) throws(LoweringFailure) -> Formula.Operand {
        let isReal = type == .float || type == .double
        func sum(_ x: [Formula.Operand]) -> Formula.Operand { builder.combine(.strictSum, x) }
        switch node.operation {
        case "ReduceSum": return settled(sum(x), type)
        case "ReduceL1": return settled(sum(x.map { builder.apply(.absolute, $0) }), type)
        case "ReduceSumSquare": return settled(sum(x.map { builder.apply(.multiply, $0, $0) }), type)
        case "ReduceMean" where isReal: return step(.divide, type, sum(x), builder.constant(Double(x.count)))
        case "ReduceProd": return try product(x, type)
        case "ReduceL2" where isReal: return step(.squareRoot, type, sum(x.map { builder.apply(.multiply, $0, $0) }))
        case "ReduceLogSum" where isReal: return step(.logarithm, type, sum(x))
        case "ReduceLogSumExp" where isReal:
            let highest = builder.combine(.maximum, x)
            let bound = builder.constant(.greatestFiniteMagnitude)
            let isFinite = isTrue(.lessOrEqual, builder.apply(.absolute, highest), bound)
            let shift = builder.apply(.choose, isFinite, highest, builder.constant(0))
            let powers = x.map { builder.apply(.exponential, step(.subtract, type, $0, shift)) }
            return step(.add, type, builder.apply(.logarithm, sum(powers)), shift)
        case "ReduceMax", "ReduceMin":
            // What ONNX Runtime makes of NaN depends on where it stands and how many there are.
            let reason = "it is missing, and \(node.place) has no result for that"
            if isReal {
                for x in x where builder.value(of: x) == nil {
                    builder.fail(whereMissing: x, Formula.Failure(field: node.proto.input[0], reason: reason))
                }
            }
            return builder.combine(node.operation == "ReduceMax" ? .maximum : .minimum, x)
        default: throw node.needsRuntime(.elementType)
        }
    }

    private mutating func product(_ x: [Formula.Operand], _ type: ElementType) throws(LoweringFailure) -> Formula.Operand {
        var result = x[0]
        for next in x.dropFirst() { result = step(.multiply, type, result, next) }
        return result
    }

    /// A NaN that comes first stays; any other is passed over.
    private mutating func extreme(_ x: [Formula.Operand], _ operation: Formula.Operation) -> Formula.Operand {
        builder.apply(.choose, builder.apply(.isMissing, x[0]), x[0], builder.combine(operation, x))
    }

    /// The position of the greatest element, the first of equals. As in ONNX Runtime, nothing is greater than a NaN
    /// that comes first; any other is passed over.
    private mutating func position(_ x: [Formula.Operand], greatest: Bool) -> Formula.Operand {
        let members = greatest ? x : x.map { builder.apply(.multiply, $0, builder.constant(-1)) }
        return builder.apply(
            .choose, builder.apply(.isMissing, x[0]), builder.constant(0), builder.combine(.highest, members))
    }

    /// ArgMax and ArgMin.
    mutating func lowerPosition(_ node: Node) throws(LoweringFailure) {
        let columns = try columns(node)
        guard node.integer("select_last_index", default: 0) == 0, columns.type != .string else {
            throw node.needsRuntime(.lastOfEquals)
        }
        let axis = try axis(node, node.integer("axis", default: 0), rank: columns.dims.count + 1)
        let x = try numbers(node)
        var result: [Formula.Operand] = []
        for group in groups(columns.dims, over: [axis - 1]) {
            let place = position(group.map { x[$0] }, greatest: node.operation == "ArgMax")
            positions[place] = group.count - 1
            result.append(place)
        }
        var dims = columns.dims
        if node.integer("keepdims", default: 1) != 0 { dims[axis - 1] = 1 } else { dims.remove(at: axis - 1) }
        try set(node, Columns(type: .int64, dims: dims, operands: result))
    }

    /// TopK of one.
    mutating func lowerTop(_ node: Node) throws(LoweringFailure) {
        let columns = try columns(node)
        let k = node.has("k") ? [node.integer("k", default: 0)] : try integers(node, attribute: "k", input: 1)
        guard k == [1], columns.type != .string else { throw node.needsRuntime(.moreThanFirst) }
        let axis = try axis(node, node.integer("axis", default: -1), rank: columns.dims.count + 1)
        let greatest = node.integer("largest", default: 1) != 0
        let x = try numbers(node)
        var (top, places): ([Formula.Operand], [Formula.Operand]) = ([], [])
        for group in groups(columns.dims, over: [axis - 1]) {
            let members = group.map { x[$0] }
            top.append(extreme(members, greatest ? .maximum : .minimum))
            places.append(position(members, greatest: greatest))
            positions[places[places.count - 1]] = members.count - 1
        }
        var dims = columns.dims
        dims[axis - 1] = 1
        try set(node, Columns(type: columns.type, dims: dims, operands: top))
        try set(node, Columns(type: .int64, dims: dims, operands: places), output: 1)
    }

    /// Softmax and LogSoftmax over one axis; before version 13 over all that stand behind it.
    mutating func lowerSoftmax(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        guard result.type == .float || result.type == .double else { throw node.needsRuntime(.elementType) }
        let type = result.type
        let axis = try axis(node, node.integer("axis", default: opset < 13 ? 1 : -1), rank: result.dims.count + 1)
        let places = opset < 13 ? Set(axis - 1..<result.dims.count) : [axis - 1]
        let x = try numbers(node)
        result.labels = nil
        for group in groups(result.dims, over: places) {
            let highest = builder.combine(.maximum, group.map { x[$0] })
            let shifted = group.map { step(.subtract, type, x[$0], highest) }
            let powers = shifted.map { builder.apply(.exponential, $0) }
            let sum = builder.combine(.strictSum, powers)
            let logarithm = node.operation == "LogSoftmax" ? builder.apply(.logarithm, sum) : nil
            for (index, place) in group.enumerated() {
                result.operands[place] =
                    logarithm.map { step(.subtract, type, shifted[index], $0) } ?? step(.divide, type, powers[index], sum)
            }
        }
        try set(node, result)
    }

    /// Each over the norm of its row; a norm of zero leaves zeros.
    mutating func lowerNorm(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        let power = node.integer("p", default: 2)
        guard result.type == .float || result.type == .double, power == 1 || power == 2 else {
            throw node.needsRuntime(.normOrType)
        }
        let axis = try axis(node, node.integer("axis", default: -1), rank: result.dims.count + 1)
        let x = try numbers(node)
        let zero = builder.constant(0)
        result.labels = nil
        for group in groups(result.dims, over: [axis - 1]) {
            let parts = group.map { place in
                power == 1 ? builder.apply(.absolute, x[place]) : builder.apply(.multiply, x[place], x[place])
            }
            let sum = builder.combine(.strictSum, parts)
            let norm = power == 1 ? settled(sum, result.type) : step(.squareRoot, result.type, sum)
            let isZero = isTrue(.equal, norm, zero)
            for place in group {
                result.operands[place] = builder.apply(.choose, isZero, zero, step(.divide, result.type, x[place], norm))
            }
        }
        try set(node, result)
    }

    /// The inference form, with constant statistics of each column.
    mutating func lowerBatchNormalization(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        guard result.type == .float, result.dims.count == 1, node.integer("training_mode", default: 0) == 0,
            node.proto.output.count == 1, node.integer("is_test", default: 1) == 1
        else { throw node.needsRuntime(.trainingOrShape) }
        var constants: [[Double]] = []
        for index in 1...4 { constants.append(try constant(node, index).numbers) }
        guard constants.allSatisfy({ $0.count == result.operands.count }) else {
            throw node.invalid("statistics of other columns")
        }
        let epsilon = node.float("epsilon", default: 1e-5)
        let x = try numbers(node)
        result.labels = nil
        for index in x.indices {
            let scale = Float(constants[0][index]) / (Float(constants[3][index]) + epsilon).squareRoot()
            let shift = Float(constants[1][index]) - Float(constants[2][index]) * scale
            let scaled = builder.apply(.multiply, x[index], builder.constant(Double(scale)))
            result.operands[index] = step(.add, .float, scaled, builder.constant(Double(shift)))
        }
        try set(node, result)
    }

    /// MatMul and Gemm of rows with a constant matrix. Products are added up in double and rounded once.
    mutating func lowerProduct(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        let matrix = try constant(node, 1)
        let isGemm = node.operation == "Gemm"
        guard result.type == .float || result.type == .double, matrix.type == result.type, result.dims.count >= 1,
            (1...2).contains(matrix.dims.count), !isGemm || matrix.dims.count == 2, node.integer("transA", default: 0) == 0
        else { throw node.needsRuntime(.otherThanConstantMatrix) }
        let transposed = isGemm && node.integer("transB", default: 0) != 0
        let inner = transposed ? matrix.dims[1] : matrix.dims[0]
        let outer = matrix.dims.count == 1 ? 1 : transposed ? matrix.dims[0] : matrix.dims[1]
        guard result.dims.last == inner, inner > 0, outer > 0, outer <= Self.maxColumns else {
            throw node.invalid("\(matrix.dims) as a matrix for \(result.dims) columns")
        }
        guard result.dims.count == 1 || result.operands.count * outer <= 100_000 else {
            throw node.needsRuntime(.manyColumns)
        }
        var scale = isGemm ? Double(node.float("alpha", default: 1)) : 1
        if !scale.isFinite { scale = .nan }
        func weight(_ row: Int, _ column: Int) -> Double {
            scale * matrix.numbers[transposed ? column * inner + row : row * outer + column]
        }
        var bias = [Double](repeating: 0, count: outer)
        var addend: Columns?
        if isGemm, node.proto.input.count > 2, case .columns(let columns) = try value(node, 2) {
            guard columns.type == result.type, columns.dims == [outer] || columns.dims == [1], !columns.rowsAreLast else {
                throw node.needsRuntime(.otherAddend)
            }
            addend = columns
        } else if isGemm, node.proto.input.count > 2, !node.proto.input[2].isEmpty {
            let constant = try constant(node, 2)
            let beta = Double(node.float("beta", default: 1))
            guard constant.type == result.type, constant.count == 1 || constant.dims.last == outer && constant.count == outer
            else {
                throw node.needsRuntime(.otherBias)
            }
            for column in 0..<outer { bias[column] = beta * constant.numbers[constant.count == 1 ? 0 : column] }
        }
        let x = try numbers(node)
        var products: [Formula.Operand] = []
        for start in stride(from: 0, to: x.count, by: inner) {
            let row = Array(x[start..<start + inner])
            for sum in product(row, outer: outer, weight, bias) {
                products.append(addend == nil ? settled(sum, result.type) : sum)
            }
        }
        if let addend {
            let beta = builder.constant(Double(node.float("beta", default: 1)))
            for index in products.indices {
                let own = number(addend, addend.operands.count == 1 ? 0 : index)
                products[index] = step(.add, result.type, products[index], builder.apply(.multiply, own, beta))
            }
        }
        result.dims.removeLast()
        if matrix.dims.count == 2 { result.dims.append(outer) }
        (result.operands, result.labels) = (products, nil)
        try set(node, result)
    }

    /// Small products are formulas, larger ones a layer of a network, whose sums are computed eight at a time.
    private mutating func product(
        _ row: [Formula.Operand], outer: Int, _ weight: (Int, Int) -> Double, _ bias: [Double]
    ) -> [Formula.Operand] {
        guard outer > 1, row.count * outer >= 32 else {
            return (0..<outer).map { column in
                let terms = row.indices.map { Formula.Term(row[$0], coefficient: weight($0, column)) }
                return builder.linear(terms, intercept: bias[column])
            }
        }
        let sources = row.indices.map(Int32.init)
        let neurons = (0..<outer).map { column in
            LayeredNetwork.Neuron(sources: sources, weights: row.indices.map { weight($0, column) }, bias: bias[column])
        }
        let network = LayeredNetwork(
            inputCount: row.count, layers: [LayeredNetwork.Layer(activation: .identity, neurons: neurons)],
            outputs: Array(row.count..<row.count + outer))
        let slots = row.map { builder.slot(of: $0) }
        let first = builder.addSlots(outer)
        builder.add(.network(network, inputs: slots, into: first))
        return (0..<outer).map { .slot(first + $0) }
    }
}
