package import Scoring
internal import SwiftProtobuf

/// Reads ONNX graphs and lowers those to the native engine that treat every row by itself.
package struct ONNXFormat: ModelFormat {
    package let name = "ONNX"

    package init() {}

    /// A ModelProto begins with its version, then come its producer, graph and operator sets.
    package func recognises(_ artifact: ModelArtifact) -> Bool {
        var walk = WireWalk(artifact.head)
        var hasVersion = false
        while let field = walk.next() {
            switch (field.number, field.wireType) {
            case (1, 0):
                guard (1...1000).contains(field.value) else { return false }
                hasVersion = true
            case (2, 2), (3, 2), (4, 2):
                guard field.value <= 256 else { return false }
            case (5, 0), (6, 2), (8, 2), (14, 2): break
            case (7, 2): return hasVersion && field.value > 0
            default: return false
            }
        }
        return false
    }

    package func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        guard case .file(_, let bytes) = artifact else { throw .invalidModel(reason: "not an ONNX model", place: "byte 0") }
        try WireLimits.check(bytes)
        let model: ProtoModelProto
        do {
            model = try ProtoModelProto(serializedBytes: bytes)
        } catch {
            throw .invalidModel(reason: "the file is truncated or no ONNX model", place: "ModelProto")
        }
        return try GraphLowering.model(of: model, options: options)
    }
}
