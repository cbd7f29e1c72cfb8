/// Values without elements, which some operators end the process with: they divide by an extent, or read what is not there.
/// Rows are never none; but a row decides, for example, how many of its values NonZero finds. Operators are taken as fatal
/// unless ONNX Runtime 1.28.0 was seen to survive no elements along each dimension of each operand; a contract test repeats that.
enum EmptyValues {
    /// The operands of a node that must have elements.
    static func fatal(to node: OperatorNode) -> [Int] {
        switch (node.isStandard, node.operation) {
        // How often, and at which position.
        case (true, "Loop"): [0]
        case (true, "SequenceAt"), (true, "SequenceErase"): [1]
        case (true, "SequenceInsert"): [2]
        case (true, "Unique") where !node.has("axis"): []
        default: isSafe(node) ? [] : Array(node.proto.input.indices)
        }
    }

    private static func isSafe(_ node: OperatorNode) -> Bool {
        guard !node.isStandard else { return standard.contains(node.operation) }
        return switch node.proto.domain {
        case "ai.onnx.ml": machineLearning.contains(node.operation)
        case "com.microsoft": microsoft.contains(node.operation)
        default: false
        }
    }

    private static let standard: Set<String> = [
        "Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "BitCast",
        "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "CastLike", "Ceil", "Celu", "Clip",
        "Compress", "Concat", "Constant", "ConstantOfShape", "Cos", "Cosh", "CumProd", "CumSum",
        "Div", "Dropout", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather",
        "GatherElements", "GatherND", "Gelu", "Gemm", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
        "Hardmax", "Identity", "If", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax",
        "MatMul", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "PRelu", "Pad",
        "Pow", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
        "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "RegexFullMatch", "Relu", "Reshape",
        "Round", "Scan", "Scatter", "ScatterElements", "ScatterND", "Selu", "SequenceConstruct", "SequenceLength",
        "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice", "Softmax", "Softplus", "Softsign",
        "Split", "SplitToSequence", "Sqrt", "Squeeze", "StringConcat", "StringNormalizer", "StringSplit", "Sub", "Sum",
        "Swish", "Tan", "Tanh", "TfIdfVectorizer", "ThresholdedRelu", "Tile", "Transpose", "Trilu", "Unsqueeze",
        "Where", "Xor",
    ]

    private static let machineLearning: Set<String> = [
        "ArrayFeatureExtractor", "Binarizer", "CategoryMapper", "Imputer", "LabelEncoder", "LinearClassifier",
        "LinearRegressor", "Normalizer", "OneHotEncoder", "SVMClassifier", "SVMRegressor", "Scaler", "TreeEnsemble",
        "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap",
    ]

    private static let microsoft: Set<String> = [
        "CDist", "FastGelu", "FusedGemm", "FusedMatMul", "Gelu", "QuickGelu",
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
        // A text may have no parts.
        case "NonZero", "StringSplit", "Unique": return isFromRow(0) || has(0)
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
