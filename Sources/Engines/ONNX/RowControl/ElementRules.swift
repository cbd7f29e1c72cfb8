/// The types and bounds of what nodes give, from those of what they take. Unknown where no rule says.
struct ElementRules {
    private let node: OperatorNode
    private let inputs: [OperandTrace?]

    init(_ node: OperatorNode, _ inputs: [OperandTrace?]) { (self.node, self.inputs) = (node, inputs) }

    private func input(_ index: Int) -> Int32 { index < inputs.count ? inputs[index]?.element ?? 0 : 0 }
    private func range(_ index: Int) -> ClosedRange<Int>? { index < inputs.count ? inputs[index]?.range : nil }

    /// ONNX's number for the type of the elements of each output; 0 where it is unknown.
    var elements: [Int32] {
        let count = node.proto.output.count
        let listed: [Int32]
        if node.isStandard {
            if Self.ofAny.contains(node.operation) { return [inputs.lazy.compactMap { $0?.element }.first { $0 != 0 } ?? 0] }
            if Self.ofFirst.contains(node.operation) { return Array(repeating: input(0), count: count) }
            listed = standard
        } else {
            switch node.proto.domain {
            case "ai.onnx.ml": listed = machineLearning
            case "com.microsoft":
                listed = Self.floatsOfFirst.contains(node.operation) ? Array(repeating: input(0), count: count) : microsoft
            default: listed = []
            }
        }
        return (0..<count).map { $0 < listed.count ? listed[$0] : 0 }
    }

    /// Operators of one output whose inputs are all of its type.
    private static let ofAny: Set<String> = [
        "Add", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Concat", "Div", "Einsum", "Gemm", "MatMul", "Max", "Mean", "Min", "Mod",
        "Mul", "PRelu", "Range", "Sub", "Sum",
    ]

    /// Operators that give what their first input is.
    private static let ofFirst: Set<String> = [
        "Abs", "Acos", "Acosh", "AffineGrid", "Asin", "Asinh", "Atan", "Atanh", "Attention", "AveragePool",
        "BatchNormalization", "BitShift", "BitwiseNot", "Ceil", "Celu", "CenterCropPad",
        "Clip", "Col2Im", "Compress", "ConcatFromSequence", "Conv", "ConvTranspose", "Cos", "Cosh", "CumProd",
        "CumSum", "DFT", "DeformConv", "DepthToSpace", "Det", "Elu", "Erf", "Exp", "Expand", "Flatten",
        "Floor", "GRU", "Gather", "GatherElements", "GatherND", "Gelu", "GlobalAveragePool", "GlobalLpPool",
        "GlobalMaxPool", "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity",
        "InstanceNormalization", "LRN", "LSTM", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "LpPool",
        "MaxRoiPool", "MaxUnpool", "MeanVarianceNormalization", "Mish", "Neg",
        "NegativeLogLikelihoodLoss", "Optional", "OptionalGetElement", "Pad", "Pow", "RMSNormalization", "RNN",
        "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "ReverseSequence", "RoiAlign",
        "RotaryEmbedding", "Round", "STFT", "Scatter", "ScatterElements", "ScatterND", "Selu", "SequenceAt",
        "SequenceConstruct", "SequenceErase", "Shrink", "Sigmoid", "Sign", "SimplifiedLayerNormalization", "Sin", "Sinh",
        "Slice", "Softmax", "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "SpaceToDepth", "Split", "SplitToSequence",
        "Sqrt", "Squeeze", "Swish", "Tan", "Tanh", "TensorScatter", "ThresholdedRelu", "Tile", "Transpose",
        "Trilu", "Unsqueeze", "Upsample",
    ]

    private var standard: [Int32] {
        switch node.operation {
        case "BitCast", "Cast": [type("to") ?? 0]
        case "CastLike": [input(1)]
        case "Constant": [OperandTrace(constant: node).element]
        case "ConstantOfShape": [node.tensor("value")?.dataType ?? 1]
        case "ArgMax", "ArgMin", "NonMaxSuppression", "NonZero", "SequenceLength", "Shape", "Size": [7]
        case "And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "OptionalHasElement",
            "Or", "RegexFullMatch", "Xor":
            [9]
        case "Bernoulli", "EyeLike", "RandomNormalLike", "RandomUniformLike": [type("dtype") ?? input(0)]
        case "RandomNormal", "RandomUniform", "SequenceEmpty": [type("dtype") ?? 1]
        case "Multinomial": [type("dtype") ?? 6]
        case "BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix": [type("output_datatype") ?? 1]
        case "OneHot": [input(2)]
        case "Where": [input(1) == 0 ? input(2) : input(1)]
        case "QuantizeLinear": [type("output_dtype") ?? (inputs.count > 2 && inputs[2] != nil ? input(2) : 2)]
        case "DequantizeLinear": [type("output_dtype") ?? input(1)]
        case "DynamicQuantizeLinear": [2, 1, 2]
        case "QLinearConv", "QLinearMatMul": [input(7)]
        case "ConvInteger", "MatMulInteger": [6]
        case "MaxPool", "TopK": [input(0), 7]
        case "Unique": [input(0), 7, 7, 7]
        case "Dropout": [input(0), 9]
        case "LayerNormalization": [input(0), 1, 1]
        case "StringConcat", "StringNormalizer": [8]
        case "StringSplit": [8, 7]
        case "TfIdfVectorizer": [1]
        case "ImageDecoder": [2]
        case "SequenceInsert": [input(0) == 0 ? input(1) : input(0)]
        default: []
        }
    }

    private var machineLearning: [Int32] {
        switch node.operation {
        case "ArrayFeatureExtractor", "Binarizer", "Imputer", "TreeEnsemble": [input(0)]
        case "CategoryMapper": [input(0) == 8 ? 7 : input(0) == 7 ? 8 : 0]
        case "FeatureVectorizer", "LinearRegressor", "Normalizer", "OneHotEncoder", "SVMRegressor", "Scaler",
            "TreeEnsembleRegressor":
            [1]
        case "LabelEncoder":
            [
                node.has("values_floats")
                    ? 1
                    : node.has("values_int64s")
                        ? 7 : node.has("values_strings") ? 8 : node.tensor("values_tensor")?.dataType ?? 0
            ]
        case "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier":
            [node.strings("classlabels_strings") > 0 ? 8 : 7, 1]
        default: []
        }
    }

    private static let floatsOfFirst: Set<String> = [
        "Attention", "BiasGelu", "BiasSplitGelu", "CDist", "ComplexMul", "ComplexMulConj", "ConvTransposeWithDynamicPads",
        "FastGelu", "FusedConv", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "Gelu", "GridSample",
        "GroupQueryAttention", "Inverse", "MatMulNBits", "MultiHeadAttention", "NhwcFusedConv", "Pad", "QuickGelu", "Range",
        "Rfft", "RotaryEmbedding", "TransposeMatMul", "Trilu",
    ]

    private var microsoft: [Int32] {
        switch node.operation {
        case "DequantizeLinear": [input(1)]
        case "DynamicQuantizeMatMul", "MatMulIntegerToFloat": [1]
        case "MatMulInteger16": [6]
        case "GatherND", "ExpandDims", "Unique": [input(0), 7, 7]
        case "QuantizeLinear": [inputs.count > 2 && inputs[2] != nil ? input(2) : 2]
        case "EmbedLayerNormalization": [input(2), 6, input(2)]
        case "SkipLayerNormalization", "SkipSimplifiedLayerNormalization": [input(0), 1, 1, input(0)]
        default: []
        }
    }

    private func type(_ attribute: String) -> Int32? {
        node.integer(attribute).flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Bounds of the first output, given the type of its elements.
    func bounds(_ element: Int32) -> ClosedRange<Int>? {
        guard node.isStandard, element == 6 || element == 7 else { return nil }
        switch node.operation {
        case "Constant": return OperandTrace(constant: node).range
        case "ConstantOfShape": return node.tensor("value").flatMap { OperandTrace($0).range }
        case "Shape", "Size", "ArgMax", "ArgMin", "NonZero", "SequenceLength": return 0...Int.max
        case "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape", "Slice", "Split", "Squeeze",
            "Tile", "Transpose", "Unsqueeze":
            return range(0)
        case "Concat":
            return inputs.dropFirst().reduce(range(0)) { OperandTrace.union($0, $1?.range) }
        case "Where": return OperandTrace.union(range(1), range(2))
        case "Cast":
            guard input(0) == 6 || input(0) == 7, let range = range(0) else { return nil }
            return element == 7 || Int32(exactly: range.lowerBound) != nil && Int32(exactly: range.upperBound) != nil
                ? range : nil
        case "Max":
            let known = inputs.map { $0?.range ?? Int.min...Int.max }
            guard let least = known.map(\.lowerBound).max(), let most = known.map(\.upperBound).max() else { return nil }
            return least...most
        case "Min":
            let known = inputs.map { $0?.range ?? Int.min...Int.max }
            guard let least = known.map(\.lowerBound).min(), let most = known.map(\.upperBound).min() else { return nil }
            return least...most
        case "Clip":
            let value = range(0) ?? Int.min...Int.max
            let (hasLeast, hasMost) = (inputs.count > 1 && inputs[1] != nil, inputs.count > 2 && inputs[2] != nil)
            let least = range(1) ?? Int.min...(hasLeast ? Int.max : Int.min)
            let most = range(2) ?? (hasMost ? Int.min : Int.max)...Int.max
            // As the library does it: the greater of value and least, then the smaller of that and the most.
            let low = min(max(value.lowerBound, least.lowerBound), most.lowerBound)
            return low...max(low, min(max(value.upperBound, least.upperBound), most.upperBound))
        default: return nil
        }
    }
}
