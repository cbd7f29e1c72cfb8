internal import Scoring
internal import SwiftProtobuf
internal import TensorRuntime

/// What a file says about itself, as sentences for `verdict inspect`.
enum GraphFacts {
    private static let maxListed = 50

    static func notes(_ model: ProtoModelProto) -> [String] {
        let sets = model.opsetImport.map { "\($0.domain.isEmpty ? "ai.onnx" : $0.domain) \($0.version)" }
        let producer = model.producerName.isEmpty ? "an unnamed producer" : model.producerName
        let constants = TextSet(model.graph.initializer.map(\.name))
        let inputs = model.graph.input.filter { !constants.contains($0.name) }
        return [
            "Written by \(producer)\(model.producerVersion.isEmpty ? "" : " " + model.producerVersion).",
            "Operators: \(sets.joined(separator: ", ")).",
            "Inputs in the file: \(list(inputs)).",
            "Outputs in the file: \(list(model.graph.output)).",
        ]
    }

    private static func list(_ infos: [ProtoValueInfoProto]) -> String {
        var parts = infos.prefix(maxListed).map { "\($0.name) \(type($0.type))" }
        if infos.count > maxListed { parts.append("and \(infos.count - maxListed) more") }
        return parts.isEmpty ? "none" : parts.joined(separator: "; ")
    }

    private static func type(_ type: ProtoTypeProto) -> String {
        if type.hasTensorType {
            let name = TensorElement.onnxName(type.tensorType.elemType)
            guard type.tensorType.hasShape else { return name }
            let dims = type.tensorType.shape.dim.map { dim in
                switch dim.value {
                case .dimValue(let value)?: String(value)
                case .dimParam(let name)?: name.isEmpty ? "?" : name
                case nil: "?"
                }
            }
            return "\(name)[\(dims.joined(separator: ", "))]"
        }
        if type.hasSequenceType { return "sequence(\(nested(type.sequenceType, number: 1)))" }
        guard type.hasMapType else { return "of an unknown type" }
        var walk = WireWalk([UInt8](type.mapType.unknownFields.data)[...])
        var key = "?"
        while let field = walk.next() {
            if field.number == 1, field.wireType == 0 { key = TensorElement.onnxName(Int32(truncatingIfNeeded: field.value)) }
        }
        return "map(\(key), \(nested(type.mapType, number: 2)))"
    }

    /// The type that a sequence's or map's message holds in this field.
    private static func nested(_ message: ProtoEmptyProto, number: Int) -> String {
        let bytes = [UInt8](message.unknownFields.data)
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            guard field.number == number, field.wireType == 2 else { continue }
            guard let inner = try? ProtoTypeProto(serializedBytes: Array(bytes[field.content])) else { break }
            return type(inner)
        }
        return "?"
    }
}
