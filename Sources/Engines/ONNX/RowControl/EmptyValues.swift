/// Values without elements, which some operators end the process with: they divide by an extent, or read what is not there.
/// Measured with ONNX Runtime 1.28.0 and no elements along each dimension of each operand. Rows are never none; but a
/// row decides, for example, how many of its values NonZero finds.
enum EmptyValues {
    /// The operands of a node that must have elements.
    static func fatal(to node: OperatorNode) -> [Int] {
        switch (node.isStandard, node.proto.domain, node.operation) {
        case (true, _, "DFT"), (true, _, "LpNormalization"), (true, _, "RoiAlign"), (true, _, "TopK"): [0]
        case (true, _, "GRU"), (true, _, "LSTM"), (true, _, "RNN"), (true, _, "InstanceNormalization"): [0, 1, 2]
        case (true, _, "ConvTranspose"), (true, _, "GridSample"), (true, _, "MaxRoiPool"): [0, 1]
        case (true, _, "DeformConv"): [0, 1, 2]
        // How often, and at which position.
        case (true, _, "Loop"): [0]
        case (true, _, "SequenceAt"), (true, _, "SequenceErase"): [1]
        case (true, _, "SequenceInsert"): [2]
        case (false, "ai.onnx.ml", "FeatureVectorizer"): Array(node.proto.input.indices)
        case (true, _, "Unique"): node.has("axis") ? [0] : []
        case (true, _, "STFT"): [0, 2]
        case (true, _, "Attention"): [0, 1, 2]
        // Without elements along the dimension that is summed over; the library compares the others.
        case (true, _, "Conv"): [1]
        case (false, "com.microsoft", let operation): microsoft[operation] ?? []
        default: []
        }
    }

    private static let microsoft: [String: [Int]] = [
        "Attention": [0], "BiasGelu": [1], "DynamicQuantizeLSTM": [0], "GroupQueryAttention": [0, 1, 2], "Inverse": [0],
        "MoE": [2],
        "MultiHeadAttention": [0, 1, 2], "QAttention": [0], "RotaryEmbedding": [0], "SkipLayerNormalization": [2],
        "SkipSimplifiedLayerNormalization": [2],
    ]

    /// Whether a node without graphs inside may give values without elements because of a row.
    static func mayResult(from node: OperatorNode, _ inputs: [OperandTrace?], version: Int) -> Bool {
        func has(_ index: Int) -> Bool { index < inputs.count && inputs[index]?.mayBeEmpty == true }
        func isFromRow(_ index: Int) -> Bool { index < inputs.count && inputs[index]?.isFromRow == true }
        let isListed = ControlOperand.all(of: node, version: version, rowsTogether: true).contains { isFromRow($0.position) }
        guard node.isStandard else { return isListed || inputs.contains { $0?.mayBeEmpty == true } }
        switch node.operation {
        // They have the extents of one operand.
        case "Scatter", "ScatterElements", "ScatterND", "TensorScatter": return has(0)
        case "GatherElements": return has(1)
        // A tensor with elements keeps them.
        case "Reshape": return has(0) || has(1)
        case "NonZero", "Unique": return isFromRow(0)
        case "Compress": return has(0) || isFromRow(1)
        case "NonMaxSuppression": return inputs.contains { $0?.isFromRow == true }
        case "SequenceAt", "SequenceErase", "SplitToSequence", "TopK":
            if isFromRow(1) { return true }
        case "Slice", "Split":
            if (1..<max(inputs.count, 1)).contains(where: isFromRow) { return true }
        default: break
        }
        return isListed || inputs.contains { $0?.mayBeEmpty == true }
    }
}
