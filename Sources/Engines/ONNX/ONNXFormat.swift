package import Scoring
internal import SwiftProtobuf
internal import Tabular

/// Reads ONNX graphs. Those made of what the native engine computes are lowered to it; all others are evaluated by
/// ONNX Runtime, which is opened when the first of them is loaded.
package struct ONNXFormat: ModelFormat {
    package let name = "ONNX"
    package let keys: Set<LoadOptions.Key> = [.inputs, .engine, .onnxruntime, .rows]
    private let runtime: RuntimeLocation

    /// - Parameter runtime: Where ONNX Runtime is. Default: beside the program, or in the project's `.runtime`.
    package init(runtime: RuntimeLocation = RuntimeLocation()) {
        self.runtime = runtime
        RuntimeLibrary.disableTelemetry()
    }

    /// A ModelProto begins with its version, then come its producer, graph and operator sets. The fields before the graph
    /// may be longer than the bytes that are looked at (CatBoost writes its build's source tree state there).
    package func recognises(_ artifact: ModelArtifact) -> Bool {
        var walk = WireWalk(artifact.head)
        var hasVersion = false
        while let field = walk.next() {
            switch (field.number, field.wireType) {
            case (1, 0):
                guard (1...1000).contains(field.value) else { return false }
                hasVersion = true
            case (2, 2), (3, 2), (4, 2):
                // A string of which only the beginning is at hand.
                guard field.content.count == field.value else { return hasVersion && isCut(artifact, after: field) }
            case (6, 2), (8, 2), (14, 2):
                guard field.content.count == field.value else { return hasVersion && isCut(artifact, after: field) }
            case (5, 0): break
            case (7, 2): return hasVersion && field.value > 0
            default: return false
            }
        }
        return false
    }

    /// Whether the field ends within the file, though not within its first bytes.
    private func isCut(_ artifact: ModelArtifact, after field: WireWalk.Field) -> Bool {
        field.value <= artifact.size - field.content.lowerBound
    }

    package func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        switch try prepare(artifact, options: options) {
        case .loaded(let model): model
        case .uncompiled(let compile): try compile()
        }
    }

    package func prepare(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> PreparedModel {
        let bytes = try artifact.bytes()
        try WireLimits.check(bytes)
        let model: ProtoModelProto
        do {
            model = try ProtoModelProto(serializedBytes: bytes)
        } catch {
            throw .invalidModel(reason: "the file is truncated or no ONNX model", place: "ModelProto")
        }
        let reason: RuntimeReason
        switch Self.lowered(model, options) {
        case .success(let lowered): return .loaded(lowered)
        case .failure(.invalid(let error)): throw error
        case .failure(.needsRuntime(let found)):
            guard options.engine != .native else { throw .unsupportedModel(found.refusal) }
            reason = found
        }
        try GraphAudit.check(bytes)
        let controlled = try RowControl(
            bytes, model, sizesFromRows: options.runtime.sizesFromRows, rowsTogether: options.rowsTogether)
        let library: RuntimeLibrary
        do throws(ScoringError) {
            library = try RuntimeLibrary.open(runtime)
        } catch {
            guard !options.describesWithoutLibrary else {
                return .loaded(try DescribedModel(model, bytes.count, options, because: reason, missing: "\(error)"))
            }
            throw .unsupportedModel("the model needs ONNX Runtime, because \(reason); \(error)")
        }
        try controlled.check(library)
        return .uncompiled { () throws(ScoringError) in
            try RuntimeModel.load(controlled, model, library, options, because: reason)
        }
    }

    /// What is said of a tree classifier with one class, which neither engine evaluates.
    static func singleClass(_ place: String) -> String {
        "\(place) has one class label, so that there is nothing to classify; ONNX Runtime ends the process with such a model"
    }

    /// The graph in the native engine, where `model.yaml` does not ask for the other one.
    private static func lowered(_ model: ProtoModelProto, _ options: LoadOptions) -> Result<TabularModel, LoweringFailure> {
        guard options.engine != .onnxruntime else { return .failure(.needsRuntime(.requested)) }
        return Result { () throws(LoweringFailure) in try GraphLowering.model(of: model, options: options) }
    }
}
