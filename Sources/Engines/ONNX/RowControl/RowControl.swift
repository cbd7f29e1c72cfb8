package import Scoring
internal import SwiftProtobuf

/// A graph of which no row can end the process or take what it wants of memory and time, as far as it can be told from the
/// graph: sizes and counts do not come from rows, and divisions of integers are guarded.
package struct RowControl {
    /// Earlier releases end the process where an integer is divided by zero.
    static let firstCheckingZero = (1, 26)

    /// The graph as it is given to ONNX Runtime.
    private(set) var model: ProtoModelProto
    /// The bytes of the same.
    package private(set) var bytes: [UInt8]
    /// The first node that divides integers by what may be zero in a row.
    package private(set) var zeroDivision: String?

    /// Judges the graph of an ONNX file. Throws `.unsupportedModel` naming the node, the operand and what to do.
    ///
    /// - Parameter sizesFromRows: Whether rows may decide sizes and counts.
    /// - Parameter rowsTogether: Whether many rows share a run although they may depend on one another.
    package init(ofFile bytes: [UInt8], sizesFromRows: Bool, rowsTogether: Bool = false) throws(ScoringError) {
        try WireLimits.check(bytes)
        guard let model = try? ProtoModelProto(serializedBytes: bytes) else {
            throw .invalidModel(reason: "the file is truncated or no ONNX model", place: "ModelProto")
        }
        try self.init(bytes, model, sizesFromRows: sizesFromRows, rowsTogether: rowsTogether)
    }

    /// - Parameter bytes: What `GraphAudit` has checked.
    init(_ bytes: [UInt8], _ model: ProtoModelProto, sizesFromRows: Bool, rowsTogether: Bool) throws(ScoringError) {
        var tracing = OperandTracing(model, file: bytes, sizesFromRows: sizesFromRows, rowsTogether: rowsTogether)
        var graph = model.graph
        let constants = Set(graph.initializer.map(\.name))
        for input in graph.input where !constants.contains(input.name) {
            tracing.set(input.name, OperandTrace(isFromRow: true, element: input.type.tensorType.elemType))
        }
        _ = try tracing.outputs(of: &graph)
        (self.model, self.bytes, zeroDivision) = (model, bytes, tracing.zeroDivision)
        guard tracing.guards > 0 else { return }
        self.model.graph = graph
        do {
            self.bytes = try self.model.serializedBytes()
        } catch {
            throw .invalidModel(reason: "the graph cannot be written again", place: "ModelProto")
        }
    }

    /// Throws where this release of the library would end the process.
    func check(_ library: RuntimeLibrary) throws(ScoringError) {
        guard let zeroDivision, !library.isAtLeast(Self.firstCheckingZero.0, Self.firstCheckingZero.1) else { return }
        throw .unsupportedModel(
            "\(zeroDivision) divides integers, and ONNX Runtime \(library.version) ends the process where a row's divisor is zero; "
                + "\(Self.firstCheckingZero.0).\(Self.firstCheckingZero.1) and later refuse the row")
    }
}
