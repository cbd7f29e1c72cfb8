/// A Gemm or MatMul with constant weights, as `x * weights + bias`.
struct ProductLayer {
    typealias Refusal = ConstantWeights.Refusal

    /// What is added to the product.
    enum Addend {
        case none
        /// One number for each output.
        case constant([Float])
        /// A value of the graph that is added as it is.
        case value(String)
    }

    let input: String
    /// The name of the weights in the graph, and how they are read: products that agree in both share their bytes.
    let weightsKey: String
    let weights: ConstantWeights.Matrix
    let addend: Addend

    var inputs: Int { weights.rows }
    var outputs: Int { weights.columns }
    var hasOneOutput: Bool { weights.columns == 1 }
    var weightCount: Int { weights.elements.count }

    init(_ node: OperatorNode, _ constants: ConstantWeights, method: QuantizationMethod, inputRanks: [String: Int])
        throws(Refusal)
    {
        guard let input = node.input(0), let weightName = node.input(1), node.proto.output.count == 1 else {
            throw Refusal("it lacks an input")
        }
        guard !constants.isConstant(input) else { throw Refusal("its first factor is a constant") }
        guard constants.isConstant(weightName) else { throw Refusal("its weights are computed") }
        guard constants.elementType(weightName) == 1 else { throw Refusal("its weights are not float32") }
        guard inputRanks[input].map({ $0 >= 2 }) ?? true else { throw Refusal("its input has no dimension for the rows") }
        var weights = try constants.matrix(weightName)
        var key = weightName
        if node.operation == "Gemm" {
            guard node.integer("transA") ?? 0 == 0 else { throw Refusal("it turns its input") }
            if node.integer("transB") ?? 0 != 0 { (weights, key) = (weights.turned, "\(key), turned") }
            let alpha = node.float("alpha") ?? 1
            if alpha != 1 {
                for index in weights.elements.indices { weights.elements[index] *= alpha }
                guard weights.elements.allSatisfy(\.isFinite) else { throw Refusal("its weights are not all finite") }
                key += ", times \(alpha)"
            }
        }
        guard method == .matmulNBits || weights.rows <= QuantizationLimits.maxSum else {
            throw Refusal("its sums may leave 32 bits")
        }
        (self.input, self.weights, weightsKey) = (input, weights, key)
        addend = try Self.addend(of: node, constants, outputs: weights.columns)
    }

    private static func addend(of node: OperatorNode, _ constants: ConstantWeights, outputs: Int) throws(Refusal) -> Addend {
        guard node.operation == "Gemm", let name = node.input(2) else { return .none }
        let beta = node.float("beta") ?? 1
        if beta == 0 { return .none }
        guard constants.isConstant(name) else {
            guard beta == 1 else { throw Refusal("it adds a multiple of a computed value") }
            return .value(name)
        }
        let (dims, elements) = try constants.floats(name)
        let isRow = dims.allSatisfy { $0 == 1 } || dims.last == outputs && dims.dropLast().allSatisfy { $0 == 1 }
        guard isRow, dims.count <= 2 else {
            guard beta == 1 else { throw Refusal("it adds a multiple of a matrix") }
            return .value(name)
        }
        let scaled = elements.map { $0 * beta }
        return .constant(scaled.count == 1 ? Array(repeating: scaled[0], count: outputs) : scaled)
    }
}
