internal import Scoring
internal import TensorRuntime

/// A graph for ONNX Runtime as its file declares it, for `verdict inspect` where the library is not there.
final class DescribedModel: ScoringModel {
    let signature: Signature
    let description: ModelDescription
    private let missing: String

    /// - Parameter reason: Why the native engine does not evaluate the graph.
    /// - Parameter missing: Why there is no library.
    init(
        _ model: ProtoModelProto, _ byteCount: Int, _ options: LoadOptions, because reason: RuntimeReason, missing: String
    ) throws(ScoringError) {
        let constants = TextSet(model.graph.initializer.map(\.name))
        let ports = model.graph.input.filter { !constants.contains($0.name) }
        let widths = ports.map { Self.width($0) }
        var inputs: [Field] = []
        if let widths = Self.all(widths) {
            let names = try InputNames.names(of: zip(ports, widths).map { ($0.name, $1) }, options)
            for (port, width) in zip(ports, widths) {
                for _ in 0..<width { inputs.append(Self.field(names[inputs.count], port)) }
            }
        } else {
            // How many features there are is open, or settled by the names of model.yaml.
            inputs = options.inputs.isEmpty ? ports.map { Self.field($0.name, $0) } : options.inputs.map { Field($0) }
        }
        signature = Signature(inputs: inputs, outputs: [], roles: Roles(score: 0..<0))
        var description = ModelDescription(
            format: "ONNX, IR version \(model.irVersion)", engine: "onnxruntime (not found)", memoryBytes: byteCount)
        description.notes = [
            "ONNX Runtime is needed to score, because \(reason), and is not there: \(missing).",
            "Inputs are those that the file declares; the columns of the outputs are known once the library has loaded the graph.",
        ]
        description.notes += GraphFacts.notes(model)
        (self.description, self.missing) = (description, missing)
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        throw .unsupportedModel("the model needs ONNX Runtime; \(missing)")
    }

    private static func all(_ widths: [Int?]) -> [Int]? {
        let known = widths.compactMap { $0 }
        return known.count == widths.count && known.reduce(0, +) <= TensorInput.maxColumns ? known : nil
    }

    /// Features a row; nil where the file leaves it open.
    private static func width(_ info: ProtoValueInfoProto) -> Int? {
        guard info.hasType, info.type.hasTensorType, info.type.tensorType.hasShape else { return nil }
        var width = 1
        for dim in info.type.tensorType.shape.dim.dropFirst() {
            guard case .dimValue(let value)? = dim.value, (1...TensorInput.maxColumns).contains(Int(value)) else { return nil }
            width *= Int(value)
            guard width <= TensorInput.maxColumns else { return nil }
        }
        return info.type.tensorType.shape.dim.isEmpty ? nil : width
    }

    private static func field(_ name: String, _ info: ProtoValueInfoProto) -> Field {
        TensorElement(onnx: info.type.tensorType.elemType).map { $0.field(name) } ?? Field(name)
    }
}
