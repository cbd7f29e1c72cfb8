/// Replaces the products of a graph by quantized ones, then drops what nothing uses any more.
struct GraphRewriting {
    private(set) var graph: ProtoGraphProto
    private(set) var layers: [ModelQuantization.Layer] = []
    private let method: QuantizationMethod
    private let opset: Int
    private let constants: ConstantWeights
    private var names: GraphNames
    private var pieces = QuantizedPieces()

    init(_ graph: ProtoGraphProto, method: QuantizationMethod, opset: Int) {
        (self.graph, self.method, self.opset) = (graph, method, opset)
        constants = ConstantWeights(graph)
        names = GraphNames(graph)
    }

    /// A product as it stands in the graph.
    private struct Product {
        var position: Int
        var node: OperatorNode
        var layer: ProductLayer
    }

    mutating func run() {
        var products: [Product] = []
        var skipped: [Int: ModelQuantization.Layer] = [:]
        for (index, proto) in graph.node.enumerated() {
            let node = OperatorNode(proto, index: index)
            guard node.isStandard, node.operation == "MatMul" || node.operation == "Gemm" else { continue }
            do throws(ConstantWeights.Refusal) {
                let layer = try ProductLayer(node, constants, method: method, inputRanks: inputRanks)
                products.append(Product(position: index, node: node, layer: layer))
            } catch {
                skipped[index] = .init(node: node.place, inputs: 0, outputs: 0, reason: error.reason)
            }
        }
        let kept = lastLayers(products)
        var replacements: [Int: [ProtoNodeProto]] = [:]
        for product in products {
            let isKept = product.layer.hasOneOutput || kept.contains(product.position)
            if !isKept { replacements[product.position] = nodes(for: product) }
            skipped[product.position] = .init(
                node: product.node.place, inputs: product.layer.inputs, outputs: product.layer.outputs,
                reason: product.layer.hasOneOutput
                    ? "it has one output: bytes would cost accuracy and save little"
                    : isKept ? "it is the last layer: bytes would cost accuracy and save little" : nil)
        }
        layers = skipped.sorted { $0.key < $1.key }.map(\.value)
        guard !replacements.isEmpty else { return }
        let dropped = Set(replacements.keys.flatMap { graph.node[$0].input })
        graph.node = graph.node.enumerated().flatMap { replacements[$0.offset] ?? [$0.element] }
        graph.initializer += pieces.initializers
        drop(dropped)
    }

    /// The ranks of the graph's inputs, where it says.
    private var inputRanks: [String: Int] {
        let ranks = graph.input.compactMap { input in
            input.type.hasTensorType && input.type.tensorType.hasShape ? (input.name, input.type.tensorType.shape.dim.count) : nil
        }
        return Dictionary(ranks, uniquingKeysWith: { first, _ in first })
    }

    /// The products that no other follows, where they hold few of the weights.
    private func lastLayers(_ products: [Product]) -> Set<Int> {
        let positions = Dictionary(uniqueKeysWithValues: products.enumerated().map { ($0.element.position, $0.offset) })
        var before: [String: Set<Int>] = [:]  // Products that a value depends on.
        var followed: Set<Int> = []
        for (index, proto) in graph.node.enumerated() {
            var origins: Set<Int> = []
            for name in GraphNames.used(by: proto) { origins.formUnion(before[name] ?? []) }
            if positions[index] != nil {
                followed.formUnion(origins)
                // What led to it has a follower for good; only it can be the last.
                origins = [index]
            }
            for name in proto.output where !origins.isEmpty { before[name] = origins }
        }
        let all = products.reduce(0) { $0 + $1.layer.weightCount }
        let last = products.filter { !followed.contains($0.position) }
        let theirs = last.reduce(0) { $0 + $1.layer.weightCount }
        return theirs * QuantizationLimits.shareOfLastLayer <= all ? Set(last.map(\.position)) : []
    }

    private mutating func nodes(for product: Product) -> [ProtoNodeProto] {
        var writing = LayerWriting(product.node, product.layer, method: method, opset: opset, names: names, pieces: pieces)
        writing.write()
        (names, pieces) = (writing.names, writing.pieces)
        return writing.nodes
    }

    /// Drops the constants of these names, and the nodes that made them, as far as nothing uses them.
    private mutating func drop(_ candidates: Set<String>) {
        var candidates = candidates
        while !candidates.isEmpty {
            var used = Set(graph.output.map(\.name))
            for proto in graph.node { used.formUnion(GraphNames.used(by: proto)) }
            let unused = candidates.filter { !used.contains($0) && constants.isConstant($0) }
            guard !unused.isEmpty else { return }
            graph.initializer.removeAll { unused.contains($0.name) }
            graph.input.removeAll { unused.contains($0.name) }
            candidates = []
            graph.node.removeAll { proto in
                guard !proto.output.isEmpty, proto.output.allSatisfy({ $0.isEmpty || unused.contains($0) }) else { return false }
                candidates.formUnion(proto.input)
                return true
            }
        }
    }
}

/// Constants that several layers share.
struct QuantizedPieces {
    var initializers: [ProtoTensorProto] = []
    /// Names by what they are: "zero point", "weights of W".
    var shared: [String: [String]] = [:]
    /// Rows that were turned to bytes, by the value that they come from.
    var quantizedInputs: [String: [String]] = [:]
}

/// The names of a graph, and new ones that differ from all of them.
struct GraphNames {
    private var taken: Set<String>

    init(_ graph: ProtoGraphProto) {
        taken = Set(graph.initializer.map(\.name) + graph.input.map(\.name) + graph.output.map(\.name))
        for proto in graph.node {
            taken.formUnion(proto.output)
            taken.formUnion(Self.used(by: proto))
            taken.insert(proto.name)
        }
    }

    mutating func new(_ wish: String) -> String {
        var (name, count) = (wish, 2)
        while !taken.insert(name).inserted {
            name = "\(wish)_\(count)"
            count += 1
        }
        return name
    }

    /// The values that a node uses, those in its inner graphs among them.
    static func used(by proto: ProtoNodeProto, depth: Int = 0) -> Set<String> {
        var used = Set(proto.input)
        guard depth < OperatorNode.deepestGraph else { return used }
        for graph in OperatorNode(proto, index: 0).graphs ?? [] {
            for inner in graph.node { used.formUnion(Self.used(by: inner, depth: depth + 1)) }
            used.formUnion(graph.output.map(\.name))
        }
        return used
    }
}
