internal import Scoring
internal import Tabular

/// Operators that arrange a row's elements anew, and those that know the shape of rows.
extension GraphLowering {
    /// A list of small integers: an attribute of older versions, or a constant input.
    func integers(_ node: Node, attribute: String, input: Int) throws(LoweringFailure) -> [Int]? {
        if node.has(attribute) { return node.integers(attribute) }
        guard input < node.proto.input.count, !node.proto.input[input].isEmpty else { return nil }
        let tensor = try constant(node, input)
        guard tensor.type.isInteger, tensor.dims.count <= 1, tensor.count <= 64 else { throw node.invalid("no list of integers") }
        return tensor.numbers.map { Int($0) }
    }

    /// An axis counted from the front; axis 0 is the rows.
    func axis(_ node: Node, _ axis: Int, rank: Int) throws(LoweringFailure) -> Int {
        let place = axis < 0 ? axis + rank : axis
        guard (0..<rank).contains(place) else { throw node.invalid("axis \(axis) of \(rank)") }
        guard place > 0 else { throw node.needsRuntime(.mixedRows) }
        return place
    }

    mutating func define(_ node: Node, shape: [Int]) throws(LoweringFailure) {
        guard let name = node.proto.output.first else { throw node.invalid("there is no output") }
        try define(name, .shape(shape), node.place)
    }

    mutating func lowerShape(_ node: Node) throws(LoweringFailure) {
        guard !node.has("start"), !node.has("end") else { throw node.needsRuntime(.partOfShape) }
        switch try value(node, 0) {
        case .columns(let columns) where !columns.rowsAreLast: try define(node, shape: [-1] + columns.dims)
        default: throw node.needsRuntime(.otherInput)
        }
    }

    /// Operators over a shape: Gather, Slice, Concat, Cast, Unsqueeze, Squeeze. Whether the node is one.
    mutating func lowerShapeArithmetic(_ node: Node) throws(LoweringFailure) -> Bool {
        guard ["Gather", "Slice", "Concat", "Cast", "Unsqueeze", "Squeeze", "Identity"].contains(node.operation) else {
            return false
        }
        guard node.proto.input.contains(where: { if case .shape? = values[$0] { true } else { false } }) else { return false }
        var parts: [Int] = []
        if node.operation == "Concat" {
            for index in node.proto.input.indices {
                switch try value(node, index) {
                case .shape(let shape): parts += shape
                case .constant(let tensor) where tensor.type == .int64 && tensor.count <= 16:
                    for number in tensor.numbers {
                        guard number >= -1, number <= Double(Self.maxColumns) else { throw node.needsRuntime(.otherShape) }
                        parts.append(number == -1 ? Self.openDimension : Int(number))
                    }
                default: throw node.needsRuntime(.computedShape)
                }
            }
        } else {
            guard case .shape(let shape) = try value(node, 0) else { throw node.needsRuntime(.computedShape) }
            parts = shape
            switch node.operation {
            case "Gather":
                let indices = try constant(node, 1)
                parts = []
                for number in indices.numbers {
                    let place = number < 0 ? number + Double(shape.count) : number
                    guard place >= 0, place < Double(shape.count) else { throw node.invalid("a dimension that is not there") }
                    parts.append(shape[Int(place)])
                }
            case "Slice":
                guard let bounds = try sliceBounds(node), bounds.count == 1 else { throw node.needsRuntime(.otherSlice) }
                parts = bounds[0].indices(shape.count).map { shape[$0] }
            case "Cast":
                guard node.integer("to", default: 0) == 7 else { throw node.needsRuntime(.shapeType) }
            default: break
            }
        }
        guard parts.count <= 16 else { throw node.needsRuntime(.otherShape) }
        try define(node, shape: parts)
        return true
    }

    /// In a computed shape: the dimension that takes what the others leave. -1 is the rows.
    static let openDimension = -2

    /// The dimensions that a computed or constant shape announces, the rows of a computed one as 0.
    func rowShape(_ node: Node, input: Int) throws(LoweringFailure) -> [Int] {
        let shape: [Int]
        switch try value(node, input) {
        case .shape(let computed):
            guard computed.first == -1, !computed.dropFirst().contains(-1) else { throw node.needsRuntime(.mixedRows) }
            shape = [0] + computed.dropFirst().map { $0 == Self.openDimension ? -1 : $0 }
        case .constant(let tensor) where tensor.type.isInteger && tensor.count <= 16: shape = tensor.numbers.map { Int($0) }
        default: throw node.needsRuntime(.computedShape)
        }
        return shape
    }

    mutating func lowerConstantOfShape(_ node: Node) throws(LoweringFailure) {
        guard case .shape(let shape) = try value(node, 0), shape.first == -1, !shape.dropFirst().contains(where: { $0 < 1 })
        else {
            throw node.needsRuntime(.shapeWithoutRows)
        }
        var count = 1
        for dim in shape.dropFirst() {
            guard dim <= Self.maxColumns, count * dim <= Self.maxColumns else { throw node.needsRuntime(.manyColumns) }
            count *= dim
        }
        let tensor = try node.tensor("value") ?? Tensor(type: .float, dims: [1], numbers: [0])
        guard tensor.count == 1, tensor.type != .string else { throw node.invalid("no single number") }
        let operands = [Formula.Operand](repeating: builder.constant(tensor.numbers[0]), count: count)
        try set(node, Columns(type: tensor.type, dims: Array(shape.dropFirst()), operands: operands))
    }

    mutating func lowerExpand(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        let shape = try rowShape(node, input: 1)
        guard shape.count == columns.dims.count + 1, shape[0] == 0 || shape[0] == 1 else {
            throw node.needsRuntime(.mixedRows)
        }
        var like = columns
        like.dims = shape.dropFirst().map { max($0, 1) }
        guard like.dims.reduce(1, { min($0 * min($1, Self.maxColumns + 1), Self.maxColumns + 1) }) <= Self.maxColumns else {
            throw node.needsRuntime(.manyColumns)
        }
        like.operands = [Formula.Operand](repeating: builder.constant(0), count: like.dims.reduce(1, *))
        like.labels = nil
        let isText = columns.type == .string
        if isText { throw node.needsRuntime(.strings) }
        let cast = try broadcast(node, [.columns(columns), .columns(like)])
        (columns.dims, columns.operands, columns.labels) = (cast.dims, cast.operands[0], nil)
        try set(node, columns)
    }

    /// The elements whose indices along one axis are these.
    func picked(_ columns: Columns, axis: Int, _ indices: [Int]) -> Columns {
        let place = axis - 1
        let length = columns.dims[place]
        let inner = columns.dims[(place + 1)...].reduce(1, *)
        var result = columns
        result.dims[place] = indices.count
        result.operands = []
        for outer in 0..<(length * inner == 0 ? 0 : columns.operands.count / (length * inner)) {
            for index in indices {
                let start = (outer * length + index) * inner
                result.operands += columns.operands[start..<start + inner]
            }
        }
        return result
    }

    struct SliceBound {
        var start: Int
        var end: Int
        var axis: Int
        var step: Int

        /// The indices along an axis of this length.
        func indices(_ length: Int) -> [Int] {
            func place(_ value: Int) -> Int { value < 0 ? max(value, -length - 1) + length : value }
            if step > 0 { return Array(stride(from: min(max(place(start), 0), length), to: min(place(end), length), by: step)) }
            return Array(stride(from: min(place(start), length - 1), to: max(place(end), -1), by: step))
        }
    }

    private func sliceBounds(_ node: Node) throws(LoweringFailure) -> [SliceBound]? {
        guard let starts = try integers(node, attribute: "starts", input: 1),
            let ends = try integers(node, attribute: "ends", input: 2), starts.count == ends.count
        else { return nil }
        let axes = try integers(node, attribute: "axes", input: 3) ?? Array(starts.indices)
        let steps = try integers(node, attribute: "steps", input: 4) ?? starts.map { _ in 1 }
        guard axes.count == starts.count, steps.count == starts.count else { return nil }
        var bounds: [SliceBound] = []
        for index in starts.indices {
            guard steps[index] != 0, abs(steps[index]) < 1 << 32 else { return nil }
            let limit = 1 << 40
            let (start, end) = (min(max(starts[index], -limit), limit), min(max(ends[index], -limit), limit))
            bounds.append(SliceBound(start: start, end: end, axis: axes[index], step: steps[index]))
        }
        return bounds
    }

    mutating func lowerSlice(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        guard let bounds = try sliceBounds(node) else { throw node.invalid("bounds that do not belong together") }
        for bound in bounds {
            // All rows are no slice.
            if bound.axis == 0, bound.start == 0, bound.step == 1, bound.end >= 1 << 31 - 1 { continue }
            let axis = try axis(node, bound.axis, rank: columns.dims.count + 1)
            let indices = bound.indices(columns.dims[axis - 1])
            guard !indices.isEmpty else { throw node.needsRuntime(.emptySlice) }
            columns = picked(columns, axis: axis, indices)
        }
        try set(node, columns)
    }

    mutating func lowerSplit(_ node: Node) throws(LoweringFailure) {
        let columns = try columns(node)
        let axis = try axis(node, node.integer("axis", default: 0), rank: columns.dims.count + 1)
        let length = columns.dims[axis - 1]
        let parts = node.proto.output.count
        guard parts > 0, parts <= length else { throw node.invalid("\(parts) parts of \(length) columns") }
        let size = (length + parts - 1) / parts
        let even = (0..<parts).map { min(size, length - $0 * size) }
        let sizes = try integers(node, attribute: "split", input: 1) ?? even
        guard sizes.count == parts, sizes.allSatisfy({ $0 > 0 && $0 <= length }), sizes.reduce(0, +) == length else {
            throw node.needsRuntime(.otherParts)
        }
        var start = 0
        for (index, size) in sizes.enumerated() {
            try set(node, picked(columns, axis: axis, Array(start..<start + size)), output: index)
            start += size
        }
    }

    mutating func lowerSqueeze(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        guard let axes = try integers(node, attribute: "axes", input: 1) else { throw node.needsRuntime(.unnamedAxes) }
        var places: Set<Int> = []
        for own in axes { places.insert(try axis(node, own, rank: columns.dims.count + 1) - 1) }
        guard places.allSatisfy({ columns.dims[$0] == 1 }) else { throw node.invalid("a dimension that is not 1") }
        columns.dims = columns.dims.indices.filter { !places.contains($0) }.map { columns.dims[$0] }
        try set(node, columns)
    }

    mutating func lowerUnsqueeze(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        guard let axes = try integers(node, attribute: "axes", input: 1), axes.count + columns.dims.count <= 16 else {
            throw node.invalid("unnamed axes")
        }
        let rank = columns.dims.count + 1 + axes.count
        var places: Set<Int> = []
        for own in axes { places.insert(try axis(node, own, rank: rank)) }
        guard places.count == axes.count else { throw node.invalid("an axis that is there twice") }
        var rest = columns.dims[...]
        columns.dims = (1..<rank).map { places.contains($0) ? 1 : rest.removeFirst() }
        try set(node, columns)
    }

    mutating func lowerTranspose(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        let rank = columns.dims.count + 1
        let order = node.has("perm") ? node.integers("perm") : Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else { throw node.invalid("no order of the dimensions") }
        guard order[0] == 0 else { throw node.needsRuntime(.mixedRows) }
        let source = columns
        var strides = [Int](repeating: 1, count: rank)
        for place in stride(from: rank - 2, to: 0, by: -1) { strides[place] = strides[place + 1] * source.dims[place] }
        columns.dims = order.dropFirst().map { source.dims[$0 - 1] }
        columns.operands = source.operands.indices.map { index in
            var (rest, from) = (index, 0)
            for place in columns.dims.indices.reversed() {
                from += rest % columns.dims[place] * strides[order[place + 1]]
                rest /= columns.dims[place]
            }
            return source.operands[from]
        }
        try set(node, columns)
    }

    mutating func lowerConcat(_ node: Node) throws(LoweringFailure) {
        var parts: [Columns] = []
        for index in node.proto.input.indices { parts.append(try columns(node, index)) }
        guard var result = parts.first else { throw node.invalid("there are no inputs") }
        let axis = try axis(node, node.integer("axis", default: 1), rank: result.dims.count + 1)
        let isText = result.type == .string
        let inner = result.dims[axis...].reduce(1, *)
        let outer = result.dims[..<(axis - 1)].reduce(1, *)
        var (operands, lengths): ([[Formula.Operand]], Int) = ([], 0)
        for part in parts {
            var shape = part.dims
            guard part.type == result.type, shape.count == result.dims.count else {
                throw node.needsRuntime(.shapesAndTypes)
            }
            lengths += shape[axis - 1]
            shape[axis - 1] = result.dims[axis - 1]
            guard shape == result.dims, lengths * inner * outer <= Self.maxColumns else {
                throw node.needsRuntime(.shapesAndTypes)
            }
            operands.append(isText ? codes(part) : part.operands.indices.map { number(part, $0) })
        }
        result.operands = []
        for block in 0..<outer {
            for part in operands {
                let size = part.count / max(outer, 1)
                result.operands += part[block * size..<(block + 1) * size]
            }
        }
        (result.dims[axis - 1], result.labels) = (lengths, nil)
        try set(node, result)
    }

    /// Columns of rows, or the elements of a constant list that each row asks for.
    mutating func lowerGather(_ node: Node) throws(LoweringFailure) {
        if case .constant(let list) = try value(node, 0) {
            guard list.dims.count == 1, node.integer("axis", default: 0) == 0 else { throw node.needsRuntime(.otherList) }
            let index = try columns(node, 1)
            return try set(node, try look(up: index, in: list, node))
        }
        var columns = try columns(node)
        let indices = try constant(node, 1)
        let axis = try axis(node, node.integer("axis", default: 0), rank: columns.dims.count + 1)
        guard indices.type.isInteger, indices.dims.count <= 1, indices.count * columns.operands.count <= 4_000_000 else {
            throw node.needsRuntime(.otherThanColumns)
        }
        let count = columns.dims[axis - 1]
        var places: [Int] = []
        for number in indices.numbers {
            let index = number < 0 ? Int(number) + count : Int(number)
            guard (0..<count).contains(index) else { throw node.invalid("index \(index) of \(count) columns") }
            places.append(index)
        }
        columns = picked(columns, axis: axis, places)
        if indices.dims.isEmpty { columns.dims.remove(at: axis - 1) }
        try set(node, columns)
    }

    /// The elements of a list by their position; strings and integers become labels where none is there twice.
    mutating func look(up index: Columns, in list: Tensor, _ node: Node) throws(LoweringFailure) -> Columns {
        guard index.type.isInteger, index.labels == nil, list.count > 0, list.count <= Self.maxColumns else {
            throw node.needsRuntime(.otherInputs)
        }
        // The library counts negative indices from the end, and refuses others that are none of the list's.
        guard index.operands.allSatisfy({ positions[$0].map { $0 < list.count } ?? false }) else {
            throw node.needsRuntime(.freeIndex)
        }
        var result = Columns(type: list.type, dims: index.dims, operands: index.operands)
        let labels = list.type == .string ? list.strings : list.type.isInteger ? list.numbers.map { String(Int($0)) } : []
        if !labels.isEmpty, TextSet(labels).count == labels.count {
            result.labels = labels
            return result
        }
        guard list.type != .string else { throw node.needsRuntime(.repeatedLabel) }
        let table = Formula.Table.codes(first: 0, values: list.numbers, other: .nan, missing: .nan)
        result.operands = index.operands.map { builder.look(up: $0, in: table) }
        return result
    }
}
