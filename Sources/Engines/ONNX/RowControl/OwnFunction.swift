internal import SwiftProtobuf

/// A function that a model defines itself.
struct OwnFunction {
    struct Name: Hashable {
        var domain: String
        var name: String
        /// Tells functions of one name apart.
        var overload: String

        init(domain: String, name: String, overload: String) {
            self.domain = OperatorNode.isStandard(domain) ? "" : domain
            (self.name, self.overload) = (name, overload)
        }

        /// The function that a node may call.
        init(calledBy proto: ProtoNodeProto) {
            let overload = proto.unknownFields.data.isEmpty ? "" : ProtoFields.text(8, in: [UInt8](proto.unknownFields.data))
            self.init(domain: proto.domain, name: proto.opType, overload: overload)
        }
    }

    var inputs: [String] = []
    var outputs: [String] = []
    var nodes: [ProtoNodeProto] = []
    /// The version of the standard operators in it; nil where it does not say.
    var version: Int?
    /// Attributes that its nodes refer to, where a call leaves them out.
    var defaults: [ProtoAttributeProto] = []
    var declared: [String: Int32] = [:]

    /// Reads a FunctionProto; nil where it cannot be read.
    static func read(_ bytes: [UInt8]) -> (name: Name, function: OwnFunction)? {
        var function = OwnFunction()
        var (name, domain, overload) = ("", "", "")
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            guard field.wireType == 2 else { continue }
            let content = Array(bytes[field.content])
            switch field.number {
            case 1: name = String(decoding: content, as: UTF8.self)
            case 4: function.inputs.append(String(decoding: content, as: UTF8.self))
            case 5: function.outputs.append(String(decoding: content, as: UTF8.self))
            case 7:
                guard let node = try? ProtoNodeProto(serializedBytes: content) else { return nil }
                function.nodes.append(node)
            case 9:
                guard let set = try? ProtoOperatorSetIdProto(serializedBytes: content) else { return nil }
                if OperatorNode.isStandard(set.domain) { function.version = Int(clamping: set.version) }
            case 10: domain = String(decoding: content, as: UTF8.self)
            case 11:
                guard let attribute = try? ProtoAttributeProto(serializedBytes: content) else { return nil }
                function.defaults.append(attribute)
            case 12: ProtoFields.declare(content, in: &function.declared)
            case 13: overload = String(decoding: content, as: UTF8.self)
            default: break
            }
        }
        return (Name(domain: domain, name: name, overload: overload), function)
    }

    /// A node of it with what a call gives for the attributes that the node refers to.
    func node(_ proto: ProtoNodeProto, with given: [ProtoAttributeProto]) -> ProtoNodeProto {
        guard proto.attribute.contains(where: { !$0.refAttrName.isEmpty }) else { return proto }
        var proto = proto
        proto.attribute = proto.attribute.compactMap { attribute in
            guard !attribute.refAttrName.isEmpty else { return attribute }
            var found = (given + defaults).first { $0.name == attribute.refAttrName }
            found?.name = attribute.name
            return found
        }
        return proto
    }
}

/// Parts of messages that the readers leave alone.
enum ProtoFields {
    /// The text of a field; empty where there is none.
    static func text(_ number: Int, in bytes: [UInt8]) -> String {
        var text = ""
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            guard field.wireType == 2 else { continue }
            if field.number == number { text = String(decoding: bytes[field.content], as: UTF8.self) }
        }
        return text
    }

    /// Notes the type that a ValueInfoProto gives a value.
    static func declare(_ bytes: [UInt8], in declared: inout [String: Int32]) {
        guard let info = try? ProtoValueInfoProto(serializedBytes: bytes), info.type.hasTensorType else { return }
        declared[info.name] = info.type.tensorType.elemType
    }

    /// The types that a graph declares for its values. The library refuses graphs where one is wrong.
    static func declared(by graph: ProtoGraphProto) -> [String: Int32] {
        var declared: [String: Int32] = [:]
        let bytes = [UInt8](graph.unknownFields.data)
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            if field.number == 13, field.wireType == 2 { declare(Array(bytes[field.content]), in: &declared) }
        }
        for info in graph.input + graph.output where info.type.hasTensorType {
            declared[info.name] = info.type.tensorType.elemType
        }
        return declared
    }
}
