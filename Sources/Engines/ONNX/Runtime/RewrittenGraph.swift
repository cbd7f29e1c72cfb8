internal import Scoring
internal import SwiftProtobuf

/// A graph as it is given to ONNX Runtime, and what is known of its outputs beyond their types.
///
/// A ZipMap makes a dictionary for each row, which costs more than the model in front of it. It is taken out, the tensor of
/// probabilities becomes the output, and its classes are kept.
struct RewrittenGraph {
    private(set) var bytes: [UInt8]
    /// The classes of outputs that were maps, by position.
    private(set) var classes: [Int: [String]] = [:]
    /// The labels that integers or strings of an output are among, by position, as far as the graph shows them.
    private(set) var labels: [Int: [String]] = [:]
    private(set) var droppedMaps = 0

    init(_ bytes: [UInt8], _ model: ProtoModelProto) throws(ScoringError) {
        self.bytes = bytes
        var model = model
        var producers: TextMap<Int> = [:]
        for (index, node) in model.graph.node.enumerated() {
            for output in node.output where !output.isEmpty { producers[output] = index }
        }
        var dropped: Set<Int> = []
        let names = TextSet(model.graph.output.map(\.name))
        for (position, output) in model.graph.output.enumerated() {
            guard let index = producers[output.name] else { continue }
            let proto = model.graph.node[index]
            guard proto.opType == "ZipMap", proto.domain == "ai.onnx.ml", let source = proto.input.first,
                producers[source] != nil, !names.contains(source), !dropped.contains(index),
                let classes = try Self.classes(proto, index)
            else { continue }
            dropped.insert(index)
            self.classes[position] = classes
            var info = ProtoValueInfoProto()
            info.name = source
            info.type.tensorType.elemType = 1
            model.graph.output[position] = info
        }
        for (position, output) in model.graph.output.enumerated() where self.classes[position] == nil {
            labels[position] = try LabelSearch(model.graph, producers).labels(of: output.name)
        }
        droppedMaps = dropped.count
        guard !dropped.isEmpty else { return }
        model.graph.node = model.graph.node.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
        do {
            self.bytes = try model.serializedBytes()
        } catch {
            throw .invalidModel(reason: "the graph cannot be written again", place: "ModelProto")
        }
    }

    private static func classes(_ proto: ProtoNodeProto, _ index: Int) throws(ScoringError) -> [String]? {
        let classes = try LoweringFailure.known { () throws(LoweringFailure) -> [String]? in
            let node = try Node(proto, index: index)
            let strings = try node.strings("classlabels_strings")
            return strings.isEmpty ? node.integers("classlabels_int64s").map(String.init) : strings
        }
        guard let classes, !classes.isEmpty, TextSet(classes).count == classes.count else { return nil }
        return classes
    }
}

/// Finds out where an output's labels come from: a classifier, a list that a position is looked up in, an encoder.
private struct LabelSearch {
    private static let maxLabels = 10_000
    private let graph: ProtoGraphProto
    private let producers: TextMap<Int>

    init(_ graph: ProtoGraphProto, _ producers: TextMap<Int>) {
        (self.graph, self.producers) = (graph, producers)
    }

    func labels(of output: String) throws(ScoringError) -> [String]? {
        var name = output
        // Nodes that hand labels on; more of them than nodes would be a cycle.
        for _ in 0...graph.node.count {
            guard let index = producers[name] else { return nil }
            let proto = graph.node[index]
            switch proto.opType {
            case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast":
                guard let input = proto.input.first else { return nil }
                if proto.opType == "Cast", let to = proto.attribute.first(where: { $0.name == "to" })?.i, ![6, 7, 8].contains(to)
                {
                    return nil
                }
                name = input
            case "TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier":
                guard proto.output.first.isExactly(name) else { return nil }
                return try distinct(
                    strings(proto, "classlabels_strings") + integers(proto, "classlabels_int64s")
                        + integers(proto, "classlabels_ints"))
            case "ArrayFeatureExtractor", "Gather":
                guard let list = proto.input.first, let constant = graph.initializer.first(where: { $0.name == list }),
                    constant.dims.filter({ $0 != 1 }).count <= 1
                else { return nil }
                let read = try LoweringFailure.known { () throws(LoweringFailure) in
                    try Tensor(constant, place: "initializer '\(list)'")
                }
                guard let tensor = read, tensor.type == .string || tensor.type.isInteger else { return nil }
                return distinct(tensor.type == .string ? tensor.strings : tensor.numbers.map { String(Int($0)) })
            case "LabelEncoder":
                let strings = try strings(proto, "values_strings")
                guard strings.isEmpty else {
                    let fallback = try proto.attribute.first { $0.name == "default_string" }.map {
                        attribute throws(ScoringError) in
                        try text([UInt8](attribute.s), "LabelEncoder")
                    }
                    return unique(strings + [fallback ?? "_Unused"])
                }
                let integers = integers(proto, "values_int64s")
                guard !integers.isEmpty else { return nil }
                return unique(integers + [String(proto.attribute.first { $0.name == "default_int64" }?.i ?? -1)])
            default: return nil
            }
        }
        return nil
    }

    private func strings(_ proto: ProtoNodeProto, _ name: String) throws(ScoringError) -> [String] {
        var strings: [String] = []
        for bytes in proto.attribute.first(where: { $0.name == name })?.strings ?? [] {
            strings.append(try text([UInt8](bytes), name))
        }
        return strings
    }

    private func integers(_ proto: ProtoNodeProto, _ name: String) -> [String] {
        (proto.attribute.first { $0.name == name }?.ints ?? []).map { String($0) }
    }

    private func distinct(_ labels: [String]) -> [String]? {
        let isUsable = !labels.isEmpty && labels.count <= Self.maxLabels && TextSet(labels).count == labels.count
        return isUsable ? labels : nil
    }

    private func unique(_ labels: [String]) -> [String]? {
        var seen: TextSet = []
        return distinct(labels.filter { seen.insert($0) })
    }
}
