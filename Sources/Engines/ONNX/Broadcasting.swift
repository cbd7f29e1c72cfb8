internal import Scoring
internal import Tabular

/// Operands of several values, brought to one shape as ONNX's broadcasting does.
struct Broadcast {
    /// The dimensions behind the rows.
    var dims: [Int]
    /// For each value one operand an element.
    var operands: [[Formula.Operand]]
}

extension GraphLowering {
    /// The shape of constants and columns that are combined element by element. Columns must have equal ranks: what
    /// is repeated along the rows would otherwise be a row's own value.
    func broadcastDims(_ node: Node, _ values: [Value]) throws(LoweringFailure) -> [Int] {
        var rank: Int?
        for case .columns(let columns) in values {
            guard rank == nil || rank == columns.dims.count else { throw node.needsRuntime(.ranks) }
            rank = columns.dims.count
        }
        guard let rank else { throw node.needsRuntime(.onlyConstants) }
        var dims = [Int](repeating: 1, count: rank)
        for value in values {
            for (place, own) in zip(0..<rank, try padded(node, value, rank)) where own != 1 {
                guard dims[place] == 1 || dims[place] == own else { throw node.invalid("inputs whose shapes differ") }
                dims[place] = own
            }
        }
        var count = 1
        for dim in dims {
            count *= dim
            guard count <= Self.maxColumns else { throw node.needsRuntime(.manyColumns) }
        }
        return dims
    }

    /// The dimensions of a value behind the rows, filled up to `rank`.
    private func padded(_ node: Node, _ value: Value, _ rank: Int) throws(LoweringFailure) -> [Int] {
        switch value {
        case .columns(let columns): return columns.dims
        case .constant(let tensor):
            var dims = tensor.dims
            if dims.count == rank + 1 {
                guard dims.removeFirst() == 1 else { throw node.needsRuntime(.constantForEachRow) }
            }
            guard dims.count <= rank else { throw node.needsRuntime(.constantRank) }
            return [Int](repeating: 1, count: rank - dims.count) + dims
        case .shape, .probabilities: throw node.needsRuntime(.otherInput)
        }
    }

    /// Numbers of all inputs in one shape.
    mutating func broadcast(_ node: Node, _ values: [Value]) throws(LoweringFailure) -> Broadcast {
        let dims = try broadcastDims(node, values)
        let count = dims.reduce(1, *)
        var result = Broadcast(dims: dims, operands: [])
        for value in values {
            let own = try padded(node, value, dims.count)
            let elements: [Formula.Operand]
            switch value {
            case .columns(let columns):
                guard columns.type != .string else { throw node.needsRuntime(.strings) }
                elements = columns.operands.indices.map { number(columns, $0) }
            case .constant(let tensor):
                guard tensor.type != .string else { throw node.needsRuntime(.strings) }
                elements = tensor.numbers.map { builder.constant($0) }
            case .shape, .probabilities: throw node.needsRuntime(.otherInput)
            }
            guard elements.count == own.reduce(1, *) else { throw node.invalid("elements that do not fill their shape") }
            result.operands.append(own == dims ? elements : (0..<count).map { elements[Self.source(of: $0, own, dims)] })
        }
        return result
    }

    /// The element of a smaller shape that stands at a place of the larger one.
    private static func source(of index: Int, _ own: [Int], _ dims: [Int]) -> Int {
        var (rest, stride, source) = (index, 1, 0)
        for place in dims.indices.reversed() {
            let position = rest % dims[place]
            rest /= dims[place]
            if own[place] != 1 { source += position * stride }
            stride *= own[place]
        }
        return source
    }

    /// The element type of the first columns, or of the first constant; all must have it.
    func commonType(_ node: Node, _ values: [Value]) throws(LoweringFailure) -> ElementType {
        var common: ElementType?
        for value in values {
            let type: ElementType
            switch value {
            case .columns(let columns): type = columns.type
            case .constant(let tensor): type = tensor.type
            case .shape, .probabilities: throw node.needsRuntime(.otherInput)
            }
            guard type != .uint8 else { throw node.needsRuntime(.elementType) }
            guard common == nil || common == type else { throw node.invalid("inputs of different types") }
            common = type
        }
        guard let common else { throw node.invalid("there are no inputs") }
        return common
    }

    /// All inputs of a node, those that are left out excepted.
    func inputs(_ node: Node) throws(LoweringFailure) -> [Value] {
        var values: [Value] = []
        for index in node.proto.input.indices where !node.proto.input[index].isEmpty { values.append(try value(node, index)) }
        guard !values.isEmpty else { throw node.invalid("there are no inputs") }
        for case .columns(let columns) in values where columns.rowsAreLast { throw node.needsRuntime(.mixedRows) }
        return values
    }

    /// Evaluates a node all of whose inputs are constants, element by element, once and for all.
    mutating func foldConstants(_ node: Node, _ lower: (inout GraphLowering) throws(LoweringFailure) -> Void)
        throws(LoweringFailure)
        -> Bool
    {
        var constants: TextMap<Tensor> = [:]
        for name in node.proto.input where !name.isEmpty {
            guard case .constant(let tensor)? = values[name], tensor.type != .string, tensor.type != .uint8,
                tensor.count <= Self.maxColumns
            else {
                return false
            }
            constants[name] = tensor
        }
        guard let rank = constants.pairs.map(\.value.dims.count).max(), let output = node.proto.output.first else { return false }
        for (name, tensor) in constants.pairs {
            let dims = [Int](repeating: 1, count: rank - tensor.dims.count) + tensor.dims
            let operands = tensor.numbers.map { builder.constant($0) }
            values[name] = .columns(Columns(type: tensor.type, dims: dims, operands: operands))
        }
        try lower(&self)
        for (name, tensor) in constants.pairs { values[name] = .constant(tensor) }
        guard case .columns(let result)? = values[output] else { throw node.needsRuntime(.constants) }
        var numbers: [Double] = []
        for operand in result.operands {
            guard let number = builder.value(of: operand) else { throw node.needsRuntime(.constants) }
            numbers.append(number)
        }
        values[output] = .constant(Tensor(type: result.type, dims: result.dims, numbers: numbers))
        return true
    }
}
