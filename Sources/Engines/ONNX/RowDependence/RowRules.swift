/// What one node makes of the traces of its inputs. Each rule throws where it cannot show that rows stay apart; it is
/// asked about values that are the same for every call too, to learn their shapes.
///
/// The rules are not optimized: the optimizer of Swift 6.3.1 breaks off at them (CopyPropagation, "Found ownership error").
/// They run once a node, when a model is loaded.
struct RowRules {
    let node: OperatorNode
    let inputs: [RowTrace?]
    /// Of the standard operators.
    let version: Int
    let surroundings: RowTracing

    init(_ node: OperatorNode, _ inputs: [RowTrace?], version: Int, around surroundings: RowTracing) {
        (self.node, self.inputs, self.version, self.surroundings) = (node, inputs, version, surroundings)
    }

    var present: [RowTrace] { inputs.compactMap { $0 } }
    var hasRows: Bool { present.contains { $0.axis != nil } }

    func input(_ index: Int) -> RowTrace? { index < inputs.count ? inputs[index] : nil }

    @_optimize(none)
    func needed(_ index: Int) throws(RowMixing) -> RowTrace {
        guard let input = input(index) else { throw RowMixing("lacks an input") }
        return input
    }

    /// The traces of the node's outputs; the last is that of further ones.
    @_optimize(none)
    func traces() throws(RowMixing) -> [RowTrace] {
        guard hasRows else { return repeated(try withoutRows()) }
        if present.contains(where: { $0.origin == .count }), !["Reshape", "Expand"].contains(node.operation) {
            throw RowMixing("uses the number of rows")
        }
        if present.contains(where: \.isBundled), !Self.elementwise.contains(node.operation),
            !["Reshape", "LabelEncoder"].contains(node.operation)
        {
            throw RowMixing("takes several elements of each row in line")
        }
        switch node.proto.domain {
        case "", "ai.onnx": return try standard()
        case "ai.onnx.ml": return try machineLearning()
        case "com.microsoft": return try microsoft()
        default: throw RowMixing("is an operator that is not known to keep rows apart")
        }
    }

    /// Whether the inputs from this one on, as far as they are there, are the same for every call.
    func areFixed(from first: Int) -> Bool { inputs.dropFirst(first).allSatisfy { $0?.isFixed ?? true } }

    func repeated(_ trace: RowTrace) -> [RowTrace] { Array(repeating: trace, count: max(1, node.proto.output.count)) }

    // MARK: Operators

    static let elementwise: Set<String> = [
        "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot",
        "BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp",
        "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN",
        "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or",
        "PRelu", "Pow", "Reciprocal", "RegexFullMatch", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
        "Sinh", "Softplus", "Softsign", "Sqrt", "StringConcat", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu",
        "Where", "Xor",
    ]
    private static let reductions: Set<String> = [
        "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
        "ReduceSum", "ReduceSumSquare",
    ]
    /// Operators on images and sequences of channels, whose first dimension is the batch.
    private static let channelwise: Set<String> = [
        "AveragePool", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool",
        "GroupNormalization", "InstanceNormalization", "LRN", "LpPool", "MaxPool", "ConvInteger", "DepthToSpace",
        "SpaceToDepth",
    ]

    @_optimize(none)
    private func standard() throws(RowMixing) -> [RowTrace] {
        if Self.elementwise.contains(node.operation) {
            guard version >= 7 || node.integer("broadcast") ?? 0 == 0 else {
                throw RowMixing("uses the broadcasting of old versions")
            }
            return repeated(try broadcast(present))
        }
        if Self.reductions.contains(node.operation) { return [try reduced()] }
        if Self.channelwise.contains(node.operation) { return try channels() }
        return switch node.operation {
        case "CastLike": [try needed(0)]
        case "Dropout": try dropout()
        case "Softmax", "LogSoftmax", "Hardmax": [try softmax()]
        case "ArgMax", "ArgMin":
            [try reduced(along: [node.integer("axis") ?? 0], keeping: node.integer("keepdims") ?? 1 != 0)]
        case "LpNormalization": [try along(node.integer("axis") ?? -1)]
        case "CumSum", "CumProd": [try along(try axes(ofInput: 1)[0])]
        case "TopK": try topK()
        case "MeanVarianceNormalization":
            [try reduced(along: node.integers("axes") ?? [0, 2, 3], keeping: true, shapeStays: true)]
        case "LayerNormalization", "RMSNormalization": try layerNormalization()
        case "BatchNormalization": try batchNormalization()
        case "MatMul", "MatMulInteger": [try product()]
        case "QLinearMatMul": [try quantizedProduct()]
        case "Gemm": [try gemm()]
        case "Einsum": [try einsum()]
        case "QuantizeLinear", "DequantizeLinear": [try quantization()]
        case "DynamicQuantizeLinear": throw RowMixing("takes one scale for the whole batch")
        case "RNN", "LSTM", "GRU": try recurrent()
        case "Transpose": [try transposed()]
        case "Flatten": [try flattened()]
        case "Reshape": [try reshaped()]
        case "Squeeze": [try squeezed()]
        case "Unsqueeze": [try unsqueezed()]
        case "Expand": [try expanded()]
        case "Tile": [try tiled()]
        case "Concat": [try concatenated()]
        case "Split": try split()
        case "Slice": [try sliced()]
        case "Pad": [try padded()]
        case "Gather": [try gathered()]
        case "GatherElements": [try gatheredElements()]
        case "GatherND": [try gatheredSlices()]
        case "OneHot": [try oneHot()]
        case "Shape": [shapeOf()]
        case "Size": [RowTrace(.count, [])]
        case "TfIdfVectorizer": [try widened(to: .unknown)]
        case "Scan": try scan()
        case "If", "Loop", "SequenceMap": throw RowMixing("has a graph inside, which is not looked into")
        default: throw RowMixing("is not known to keep rows apart")
        }
    }

    @_optimize(none)
    private func machineLearning() throws(RowMixing) -> [RowTrace] {
        switch node.operation {
        case "Binarizer", "CategoryMapper", "LabelEncoder": return [try needed(0)]
        case "Imputer", "Normalizer", "Scaler":
            let x = try matrix(0)
            return [x]
        case "OneHotEncoder":
            let x = try needed(0)
            let categories = max(node.integers("cats_int64s")?.count ?? 0, node.strings("cats_strings"))
            return [x.reshaped((x.shape ?? []) + [.known(categories)], axis: x.axis)]
        case "FeatureVectorizer":
            guard present.allSatisfy({ $0.axis == 0 && $0.rank == 2 }) else {
                throw RowMixing("takes a value that is not one of rows and columns")
            }
            return [try matrix(0).reshaped([.rows, .unknown], axis: 0)]
        case "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier":
            let x = try matrix(0)
            return [x.reshaped([.rows], axis: 0), x.reshaped([.rows, .unknown], axis: 0)]
        case "LinearRegressor", "SVMRegressor", "TreeEnsembleRegressor", "TreeEnsemble":
            let targets = node.integer(node.operation == "LinearRegressor" ? "targets" : "n_targets") ?? 1
            return [try matrix(0).reshaped([.rows, .known(targets)], axis: 0)]
        case "ZipMap": return [try matrix(0).reshaped([.rows], axis: 0)]
        case "ArrayFeatureExtractor": return [try extractedFeatures()]
        default: throw RowMixing("is not known to keep rows apart")
        }
    }

    @_optimize(none)
    private func microsoft() throws(RowMixing) -> [RowTrace] {
        switch node.operation {
        case "Gelu", "FastGelu", "QuickGelu", "BiasGelu": return repeated(try broadcast(present))
        case "MatMulNBits":
            guard areFixed(from: 1) else { throw RowMixing("has computed weights") }
            let columns = Extent.known(node.integer("N") ?? 0)
            return [try product(try needed(0), RowTrace(.fixed, [.unknown, columns]))]
        case "FusedMatMul":
            guard ["transA", "transB", "transBatchA", "transBatchB"].allSatisfy({ node.integer($0) ?? 0 == 0 }) else {
                throw RowMixing("transposes its factors")
            }
            return [try product()]
        case "FusedGemm": return [try gemm()]
        case "CDist": return [try distances()]
        case "DynamicQuantizeMatMul", "DynamicQuantizeLSTM": throw RowMixing("takes one scale for the whole batch")
        default: throw RowMixing("is not known to keep rows apart")
        }
    }

    /// An input of rows and columns.
    @_optimize(none)
    private func matrix(_ index: Int) throws(RowMixing) -> RowTrace {
        let x = try needed(index)
        guard x.axis == 0, x.rank == 2 else { throw RowMixing("takes a value that is not one of rows and columns") }
        return x
    }

    @_optimize(none)
    private func widened(to extent: Extent) throws(RowMixing) -> RowTrace { try matrix(0).reshaped([.rows, extent], axis: 0) }

    /// Each output of a node without rows: the same for every call, or for every call of so many rows. Where they are
    /// needed as shapes, they are computed.
    @_optimize(none)
    private func withoutRows() throws(RowMixing) -> RowTrace {
        if ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"]
            .contains(node.operation)
        {
            throw RowMixing("draws random numbers")
        }
        guard node.graphs?.isEmpty == true else { throw RowMixing("has a graph inside, which is not looked into") }
        let origin: RowTrace.Origin = present.allSatisfy(\.isFixed) ? .fixed : .count
        guard node.isStandard else { return RowTrace(origin) }
        if node.operation == "ConstantOfShape", let shape = input(0)?.content { return filled(shape) }
        var result = try? evaluated(origin)
        if result?.axis == nil { result?.origin = origin }
        return result ?? RowTrace(origin)
    }
}
