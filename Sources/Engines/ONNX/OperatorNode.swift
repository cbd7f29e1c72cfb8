internal import SwiftProtobuf

/// A node of any operator with its attributes by name, graphs among them.
struct OperatorNode {
    /// Inner graphs may lie this deep in one another.
    static let deepestGraph = 6
    private static let maxInnerNodes = 20_000

    let proto: ProtoNodeProto
    /// For messages: "Reshape 'Re_Reshape2'", "com.bank.Magic (node 3)".
    let place: String
    private let attributes: [String: ProtoAttributeProto]

    init(_ proto: ProtoNodeProto, index: Int) {
        self.proto = proto
        let domain = Self.isStandard(proto.domain) || proto.domain == "ai.onnx.ml" ? "" : "\(proto.domain)."
        place = "\(domain)\(proto.opType) " + (proto.name.isEmpty ? "(node \(index))" : "'\(proto.name)'")
        attributes = Dictionary(proto.attribute.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    static func isStandard(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

    var operation: String { proto.opType }
    var isStandard: Bool { Self.isStandard(proto.domain) }

    /// The name of an input; nil where it is left out.
    func input(_ index: Int) -> String? {
        index < proto.input.count && !proto.input[index].isEmpty ? proto.input[index] : nil
    }

    func has(_ name: String) -> Bool { attributes[name] != nil }
    func integer(_ name: String) -> Int? { attributes[name].map { Int($0.i) } }
    func float(_ name: String) -> Float? { attributes[name].map(\.f) }
    func integers(_ name: String) -> [Int]? { attributes[name].map { $0.ints.map { Int($0) } } }
    func string(_ name: String) -> String? { attributes[name].map { String(decoding: $0.s, as: UTF8.self) } }
    /// How many strings an attribute has.
    func strings(_ name: String) -> Int { attributes[name]?.strings.count ?? 0 }
    func tensor(_ name: String) -> ProtoTensorProto? { attributes[name].flatMap { $0.hasT ? $0.t : nil } }

    /// An inner graph; nil where it is absent, damaged or too large.
    func graph(_ name: String) -> ProtoGraphProto? { attributes[name].flatMap { $0.hasG ? Self.graph($0.g) : nil } }

    /// Every inner graph; nil if one cannot be read.
    var graphs: [ProtoGraphProto]? {
        var graphs: [ProtoGraphProto] = []
        for attribute in proto.attribute {
            for message in (attribute.hasG ? [attribute.g] : []) + attribute.graphs {
                guard let graph = Self.graph(message) else { return nil }
                graphs.append(graph)
            }
        }
        return graphs
    }

    /// The messages hold inner graphs as fields that they do not know: few readers need them.
    private static func graph(_ message: ProtoEmptyProto) -> ProtoGraphProto? {
        let bytes = [UInt8](message.unknownFields.data)
        var walk = WireWalk(bytes[...])
        var parts = 0
        while walk.next() != nil { parts += 1 }
        guard parts <= maxInnerNodes else { return nil }
        return try? ProtoGraphProto(serializedBytes: bytes)
    }
}
