/// An operand that decides how much an operator makes or computes, or that some values of it end the process with. What is
/// not listed is bounded by the operator's other operands, or checked by the library: measured with ONNX Runtime 1.28.0 and
/// zeros, least and greatest integers, large ones, infinities and NaN in every operand of each operator.
package struct ControlOperand: Sendable {
    package enum Consequence: Sendable {
        /// One value can ask for any amount of memory or time.
        case unbounded
        /// Some values make the library leave its memory or divide by zero.
        case endsProcess
    }

    /// Where it is among the inputs.
    package var position: Int
    /// For messages: "limit".
    package var name: String
    package var consequence = Consequence.unbounded
    /// The greatest magnitude that is harmless, of what is one number; nil for shapes and the like.
    package var most: Int?

    private static let maxOfScalar = 65_536
    /// A loop that a row decides about does not go on for more turns than this.
    static let maxTurns = 10_000

    /// How a graph can be written that is not refused.
    var remedy: String {
        guard let most else { return "take it from constants and shapes" }
        return name == "condition"
            ? "give it a constant number of turns, at most \(most)" : "clip it, as integers, to at most \(most) in the graph"
    }

    /// The operands of a node that must not come from a row.
    static func all(of node: OperatorNode, version: Int, rowsTogether: Bool) -> [ControlOperand] {
        guard let listed = (node.isStandard ? standard : node.proto.domain == "com.microsoft" ? microsoft : [:])[node.operation]
        else { return [] }
        return switch (node.isStandard, node.operation) {
        // The scales became the third operand.
        case (true, "Resize"): version < 11 ? [ControlOperand(position: 1, name: "scales")] : listed
        // Without a ratio the library takes as many samples as a region is large.
        case (true, "RoiAlign"): node.integer("sampling_ratio") ?? 0 > 0 ? [] : listed
        // Every row is filled up to the longest one, where there are others.
        case (true, "StringSplit"): !rowsTogether || node.integer("maxsplit") ?? 0 > 0 ? [] : listed
        case (false, "Tokenizer"): rowsTogether ? listed : []
        default: listed
        }
    }

    private static func sizes(_ operands: [(Int, String)]) -> [ControlOperand] {
        operands.map { ControlOperand(position: $0.0, name: $0.1) }
    }

    private static func scalars(_ operands: [(Int, String)]) -> [ControlOperand] {
        operands.map { ControlOperand(position: $0.0, name: $0.1, most: maxOfScalar) }
    }

    private static let span = scalars([(0, "start"), (1, "limit"), (2, "step")])
    private static let window = scalars([(0, "size")])
    private static let offset = [ControlOperand(position: 1, name: "offset", consequence: .endsProcess, most: maxOfScalar)]

    /// By operator, those of the standard set. Loops are looked at by `OperandTracing`.
    package static let standard: [String: [ControlOperand]] = [
        "AffineGrid": sizes([(1, "size")]),
        "BlackmanWindow": window,
        "CenterCropPad": sizes([(1, "shape")]),
        "Col2Im": sizes([(1, "image's shape"), (2, "block's shape")]),
        "ConstantOfShape": sizes([(0, "shape")]),
        "DFT": scalars([(1, "length")]),
        "Expand": sizes([(1, "shape")]),
        "GivenTensorFill": sizes([(0, "shape")]),
        "HammingWindow": window,
        "HannWindow": window,
        "MaxUnpool": sizes([(2, "output's shape")]),
        "MelWeightMatrix": scalars([(0, "number of bins"), (1, "length"), (2, "sample rate")]),
        "OneHot": scalars([(1, "depth")]),
        "Pad": sizes([(1, "pads")]),
        "Range": span,
        // An empty tensor may get any extent beside a zero.
        "Reshape": sizes([(1, "shape")]),
        "Resize": sizes([(2, "scales"), (3, "sizes")]),
        "RoiAlign": sizes([(1, "regions")]),
        "STFT": [
            ControlOperand(position: 1, name: "step", consequence: .endsProcess),
            ControlOperand(position: 3, name: "length", consequence: .endsProcess),
        ],
        "StringSplit": sizes([(0, "texts")]),
        "Tile": sizes([(1, "repeats")]),
        "Trilu": offset,
        "Upsample": sizes([(1, "scales")]),
    ]

    /// By operator, those of the library's makers.
    package static let microsoft: [String: [ControlOperand]] = [
        "Attention": sizes([(6, "length of the past")]),
        "BeamSearch": sizes([
            (1, "greatest length"), (2, "least length"), (3, "number of beams"), (4, "number of sequences"),
        ]),
        "ConvTransposeWithDynamicPads": sizes([(2, "pads")]),
        "CropAndResize": [
            ControlOperand(position: 1, name: "regions", consequence: .endsProcess),
            ControlOperand(position: 3, name: "size"),
        ],
        "DecoderMaskedMultiHeadAttention": sizes([(7, "length of the past"), (8, "number of beams")]),
        "DecoderMaskedSelfAttention": sizes([(6, "length of the past"), (7, "number of beams")]),
        "DequantizeBFP": sizes([(1, "shape"), (2, "strides")]),
        "GreedySearch": sizes([(1, "greatest length"), (2, "least length")]),
        "GroupQueryAttention": sizes([(5, "lengths"), (6, "total length")]),
        "MatMulFpQ4": sizes([(2, "shape")]),
        "MultiHeadAttention": sizes([(8, "length of the past")]),
        "Pad": sizes([(1, "pads")]),
        "PagedAttention": sizes([(5, "lengths"), (6, "lengths of the past"), (7, "table of blocks")]),
        "Range": span,
        "RelativePositionBias": sizes([(1, "length of the query"), (2, "length of the key")]),
        "Sampling": sizes([(1, "greatest length"), (2, "least length")]),
        "SparseAttention": sizes([
            (5, "rows of the blocks"), (6, "columns of the blocks"), (7, "total length"), (8, "lengths"),
        ]),
        "Tokenizer": sizes([(0, "texts")]),
        "Trilu": offset,
        "WhisperBeamSearch": sizes([
            (1, "greatest length"), (2, "least length"), (3, "number of beams"), (4, "number of sequences"),
        ]),
    ]
}
