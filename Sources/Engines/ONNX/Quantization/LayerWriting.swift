/// Writes the nodes that take the place of one product. The last of them has the product's output.
struct LayerWriting {
    private(set) var nodes: [ProtoNodeProto] = []
    private(set) var names: GraphNames
    private(set) var pieces: QuantizedPieces
    private let node: OperatorNode
    private let layer: ProductLayer
    private let method: QuantizationMethod
    private let opset: Int
    /// What the names of new values begin with.
    private let stem: String

    init(
        _ node: OperatorNode, _ layer: ProductLayer, method: QuantizationMethod, opset: Int, names: GraphNames,
        pieces: QuantizedPieces
    ) {
        (self.node, self.layer, self.method, self.opset) = (node, layer, method, opset)
        (self.names, self.pieces) = (names, pieces)
        stem = node.proto.output[0]
    }

    mutating func write() {
        switch method {
        case .matmulNBits: writeBlocks()
        case .perRow: writePerRow()
        case .dynamic: writeDynamic()
        }
        nodes[nodes.count - 1].output = [node.proto.output[0]]
        // The graph's own name goes to the node that the product became.
        if !node.proto.name.isEmpty { nodes[nodes.count - 1].name = node.proto.name }
    }

    // MARK: matmul-nbits

    private mutating func writeBlocks() {
        let size = QuantizedWeights.blockSize(forInputs: layer.inputs)
        let names = shared("blocks of \(layer.weightsKey)") { writing in
            let weights = QuantizedWeights(byBlocksOf: size, writing.layer.weights)
            return [
                writing.initializer("weights", type: 2, weights.dims, weights.bytes),
                writing.initializer("scales", weights.scaleDims, weights.scales),
            ]
        }
        var inputs = [layer.input] + names
        if case .constant(let bias) = layer.addend { inputs += ["", "", initializer("bias", [bias.count], bias)] }
        add("MatMulNBits", inputs, domain: "com.microsoft") {
            [
                .integer("K", $0.inputs), .integer("N", $0.outputs), .integer("bits", 8), .integer("block_size", size),
                .integer("accuracy_level", 4),
            ]
        }
        if case .value(let name) = layer.addend { add("Add", [last, name]) }
    }

    // MARK: per-row and dynamic

    /// x / r in bytes, r being the largest magnitude of its row; then the product of bytes, times both scales.
    private mutating func writePerRow() {
        let names = columnWeights(scaledBy: 1 / 127)
        let rows: [String]
        if let known = pieces.quantizedInputs[layer.input] {
            rows = known
        } else {
            let least = constant("least", 1e-20)
            let unit = constant("unit", 1 / 127)
            add("Abs", [layer.input])
            if opset >= 18 {
                let axis = shared("last axis") { [$0.initializer("axis", type: 7, [1], [UInt8](repeating: 0xff, count: 8))] }
                add("ReduceMax", [last] + axis) { _ in [.integer("keepdims", 1)] }
            } else {
                add("ReduceMax", [last]) { _ in [.integers("axes", [-1]), .integer("keepdims", 1)] }
            }
            // A row of zeros would be divided by zero.
            let range = add("Max", [last, least])
            add("Div", [layer.input, range])
            rows = [add("QuantizeLinear", [last, unit, zeroPoint]), range]
            pieces.quantizedInputs[layer.input] = rows
        }
        add("MatMulInteger", [rows[0], names[0], zeroPoint, zeroPoint])
        add("Cast", [last]) { _ in [.integer("to", 1)] }
        add("Mul", [last, names[1]])
        add("Mul", [last, rows[1]])
        writeAddend()
    }

    /// The shape that ONNX Runtime fuses to one node.
    private mutating func writeDynamic() {
        let names = columnWeights(scaledBy: 1)
        let batch: [String]
        if let known = pieces.quantizedInputs[layer.input] {
            batch = known
        } else {
            batch = ["bytes", "scale", "zero"].map { self.names.new("\(stem)_\($0)") }
            add("DynamicQuantizeLinear", [layer.input], outputs: batch)
            pieces.quantizedInputs[layer.input] = batch
        }
        let scale = add("Mul", [batch[1], names[1]])
        add("MatMulInteger", [batch[0], names[0], batch[2], zeroPoint])
        add("Cast", [last]) { _ in [.integer("to", 1)] }
        add("Mul", [last, scale])
        writeAddend()
    }

    private mutating func writeAddend() {
        switch layer.addend {
        case .none: break
        case .constant(let bias): add("Add", [last, initializer("bias", [bias.count], bias)])
        case .value(let name): add("Add", [last, name])
        }
    }

    /// The names of the weights and of their scales.
    private mutating func columnWeights(scaledBy factor: Float) -> [String] {
        shared("columns of \(layer.weightsKey)") { writing in
            let weights = QuantizedWeights(byColumn: writing.layer.weights)
            return [
                writing.initializer("weights", type: 2, weights.dims, weights.bytes),
                writing.initializer("scales", weights.scaleDims, weights.scales.map { $0 * factor }),
            ]
        }
    }

    private var zeroPoint: String {
        mutating get { shared("zero point") { [$0.initializer("zero_point", type: 2, [], [QuantizedWeights.zeroPoint])] }[0] }
    }

    private mutating func constant(_ name: String, _ value: Float) -> String {
        shared(name) { [$0.initializer(name, [], [value])] }[0]
    }

    // MARK: Writing

    private var last: String { nodes[nodes.count - 1].output[0] }

    /// The names of constants that are written once.
    private mutating func shared(_ key: String, _ make: (inout LayerWriting) -> [String]) -> [String] {
        if let names = pieces.shared[key] { return names }
        let names = make(&self)
        pieces.shared[key] = names
        return names
    }

    private mutating func initializer(_ name: String, _ dims: [Int], _ values: [Float]) -> String {
        initializer(
            name, type: 1, dims,
            values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } })
    }

    /// Adds a constant of raw, little-endian elements.
    private mutating func initializer(_ name: String, type: Int32, _ dims: [Int], _ raw: [UInt8]) -> String {
        var tensor = ProtoTensorProto()
        tensor.name = names.new("\(stem)_\(name)")
        tensor.dataType = type
        tensor.dims = dims.map(Int64.init)
        tensor.rawData = collected(raw)
        pieces.initializers.append(tensor)
        return tensor.name
    }

    private enum Attribute {
        case integer(String, Int)
        case integers(String, [Int])
    }

    @discardableResult
    private mutating func add(
        _ operation: String, _ inputs: [String], domain: String = "", outputs: [String]? = nil,
        attributes: (ProductLayer) -> [Attribute] = { _ in [] }
    ) -> String {
        var proto = ProtoNodeProto()
        (proto.opType, proto.domain, proto.input) = (operation, domain, inputs)
        proto.output = outputs ?? [names.new("\(stem)_\(operation)")]
        proto.name = names.new("\(stem)_\(operation)_node")
        proto.attribute = attributes(layer).map { attribute in
            var one = ProtoAttributeProto()
            switch attribute {
            case .integer(let name, let value): (one.name, one.type, one.i) = (name, 2, Int64(value))
            case .integers(let name, let values): (one.name, one.type, one.ints) = (name, 7, values.map(Int64.init))
            }
            return one
        }
        nodes.append(proto)
        return proto.output[0]
    }
}

/// Bytes as the collection that a message wants, whose type is Foundation's.
private func collected<Bytes: RangeReplaceableCollection>(_ bytes: [UInt8]) -> Bytes where Bytes.Element == UInt8 { Bytes(bytes) }
