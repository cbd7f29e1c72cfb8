package import Scoring
internal import SwiftProtobuf

/// Whether what a graph gives for a row may depend on the other rows of its call. Rows of different requests may
/// share a call only where it does not.
package enum RowDependence: Equatable, Sendable {
    /// Proven from the graph: element i of each output comes from element i of each input.
    case independent
    /// It depends on them, or the opposite could not be proven. `because` names the node: "ReduceMean 'mean' joins the rows".
    case dependent(because: String)

    /// Judges the graph of an ONNX file. Throws `.invalidModel` where the bytes are none.
    package init(ofFile bytes: [UInt8]) throws(ScoringError) {
        try WireLimits.check(bytes)
        guard let model = try? ProtoModelProto(serializedBytes: bytes) else {
            throw .invalidModel(reason: "the file is truncated or no ONNX model", place: "ModelProto")
        }
        self.init(of: model)
    }

    /// Follows the axis that carries the rows from the inputs through each node. What is not known to keep the rows
    /// apart counts as mixing them. Linear in the size of the graph, but for the few passes of a Scan's body.
    init(of model: ProtoModelProto) {
        let graph = model.graph
        let constants = TextSet(graph.initializer.map(\.name))
        let inputs = graph.input.filter { !constants.contains($0.name) }
        if !inputs.isEmpty, inputs.allSatisfy({ Self.firstExtent($0) == .known(1) }) {
            self = .independent  // A call holds one row.
            return
        }
        var tracing = RowTracing(model)
        tracing.define(graph.initializer)
        let isDynamic = inputs.contains { Self.firstExtent($0) == .rows }
        for input in inputs { tracing.set(input.name, Self.trace(ofInput: input, amongDynamic: isDynamic)) }
        tracing.walk(graph.node)
        for output in graph.output {
            let trace = tracing.value(output.name)
            switch trace.origin {
            case .rows(0) where !trace.isBundled, .fixed: continue
            case .rows: self = .dependent(because: "the output '\(output.name)' does not have the rows as its first dimension")
            case .count: self = .dependent(because: "the output '\(output.name)' depends on the number of rows")
            case .mixed(let reason): self = .dependent(because: reason)
            }
            return
        }
        self = .independent
    }

    private static func trace(ofInput input: ProtoValueInfoProto, amongDynamic isDynamic: Bool) -> RowTrace {
        let type = input.type.tensorType
        guard input.type.hasTensorType, type.hasShape else { return .mixed("the input '\(input.name)' has no shape") }
        guard let first = firstExtent(input) else { return .mixed("the input '\(input.name)' is one value for all rows") }
        guard first == .rows || !isDynamic else { return .mixed("the input '\(input.name)' has no dimension for the rows") }
        let rest = type.shape.dim.dropFirst().map { dim -> Extent in
            if case .dimValue(let value)? = dim.value, value >= 0, let whole = Int(exactly: value) {
                .known(whole)
            } else {
                .unknown
            }
        }
        return RowTrace(.rows(axis: 0), [.rows] + rest)
    }

    /// `.rows` for a first dimension of any length; nil where there is no dimension.
    private static func firstExtent(_ input: ProtoValueInfoProto) -> Extent? {
        guard let first = input.type.tensorType.shape.dim.first else { return nil }
        if case .dimValue(let value)? = first.value, value > 0, let whole = Int(exactly: value) { return .known(whole) }
        return .rows
    }
}
