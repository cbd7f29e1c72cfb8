internal import Scoring
internal import Tabular

/// Support vector machines. Kernels and sums are computed in double and rounded to float32 at the end.
extension GraphLowering {
    private func kernel(_ node: Node) throws(LoweringFailure) -> KernelMachines.Kernel {
        let parameters = node.floats("kernel_params").map(Double.init)
        guard parameters.isEmpty || parameters.count == 3, parameters.allSatisfy(\.isFinite) else {
            throw node.invalid("\(parameters.count) kernel parameters")
        }
        let (gamma, offset, degree) = parameters.isEmpty ? (0, 0, 0) : (parameters[0], parameters[1], parameters[2])
        switch try node.string("kernel_type", default: "LINEAR") {
        case "LINEAR": return .linear
        case "POLY": return .polynomial(gamma: gamma, offset: offset, degree: degree)
        case "RBF": return .radialBasis(gamma: gamma)
        case "SIGMOID": return .sigmoid(gamma: gamma, offset: offset)
        case let other: throw node.needsRuntime(.kernel(other))
        }
    }

    /// Adds the machines and returns their sums.
    private mutating func add(
        _ node: Node, _ kernel: KernelMachines.Kernel, _ vectors: [Float], _ machines: [KernelMachines.Machine]
    ) throws(LoweringFailure) -> [Formula.Operand] {
        let x = try floats(node)
        let slots = x.map { builder.slot(of: $0) }
        let first = builder.addSlots(machines.count)
        let step = KernelMachines(kernel: kernel, width: x.count, vectors: vectors.map(Double.init), machines: machines)
        builder.add(.kernelMachines(step, features: slots, into: first))
        return (0..<machines.count).map { builder.apply(.float32, .slot(first + $0)) }
    }

    mutating func lowerMachineRegressor(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        guard source.type == .float, source.dims.count == 1, try node.string("post_transform", default: "NONE") == "NONE" else {
            throw node.needsRuntime(.typeOrTransform)
        }
        let width = source.operands.count
        let (coefficients, rho) = (node.floats("coefficients"), node.floats("rho"))
        let count = node.integer("n_supports", default: 0)
        guard rho.count == 1, !coefficients.isEmpty else { throw node.invalid("no coefficients, or no single rho") }
        var sum: Formula.Operand
        if count > 0 {
            let vectors = node.floats("support_vectors")
            guard coefficients.count == count, vectors.count % count == 0, vectors.count / count == width else {
                throw node.invalid("\(vectors.count) numbers of \(count) vectors for \(width) features")
            }
            let terms = coefficients.indices.map { KernelMachines.Term(vector: $0, coefficient: Double(coefficients[$0])) }
            sum = try add(node, try kernel(node), vectors, [KernelMachines.Machine(terms: terms, intercept: Double(rho[0]))])[0]
        } else {
            guard coefficients.count == width else { throw node.invalid("\(coefficients.count) weights for \(width) features") }
            let x = try floats(node)
            let terms = x.indices.map { Formula.Term(x[$0], coefficient: Double(coefficients[$0])) }
            sum = builder.apply(.float32, builder.linear(terms, intercept: Double(rho[0])))
        }
        if node.integer("one_class", default: 0) != 0 {
            sum = builder.apply(.choose, isTrue(.greater, sum, builder.constant(0)), builder.constant(1), builder.constant(-1))
        }
        try set(node, Columns(type: .float, dims: [1], operands: [sum]))
    }

    mutating func lowerMachineClassifier(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        let (labels, type) = try labels(node, integers: "classlabels_ints")
        let sizes = node.integers("vectors_per_class")
        let classes = labels.count
        guard source.type != .string, source.dims.count == 1, classes >= 2, classes <= 1000, !sizes.isEmpty else {
            throw node.needsRuntime(.vectorsOrType)
        }
        let width = source.operands.count
        guard sizes.count == classes, sizes.allSatisfy({ $0 >= 0 && $0 <= 1_000_000 }) else {
            throw node.invalid("no vectors per class")
        }
        let count = sizes.reduce(0, +)
        let (vectors, coefficients) = (node.floats("support_vectors"), node.floats("coefficients"))
        let (rho, a, b) = (node.floats("rho"), node.floats("prob_a"), node.floats("prob_b"))
        let pairCount = classes * (classes - 1) / 2
        guard count > 0, vectors.count % count == 0, vectors.count / count == width, coefficients.count == (classes - 1) * count,
            rho.count == pairCount, a.count == b.count, a.isEmpty || a.count == pairCount
        else { throw node.invalid("lists whose lengths do not belong together") }
        guard try node.string("post_transform", default: "NONE") == "NONE" else { throw node.needsRuntime(.anyTransform) }

        var starts = [0]
        for size in sizes { starts.append(starts[starts.count - 1] + size) }
        var machines: [KernelMachines.Machine] = []
        var (pairs, work): ([(Int, Int)], Int) = ([], 0)
        for i in 0..<classes {
            for j in i + 1..<max(classes, i + 1) {
                work += sizes[i] + sizes[j]
                guard work <= 4_000_000 else { throw node.needsRuntime(.manyVectors) }
                let terms =
                    (starts[i]..<starts[i + 1]).map { (j - 1) * count + $0 } + (starts[j]..<starts[j + 1]).map { i * count + $0 }
                machines.append(
                    KernelMachines.Machine(
                        terms: terms.map { KernelMachines.Term(vector: $0 % count, coefficient: Double(coefficients[$0])) },
                        intercept: Double(rho[pairs.count])))
                pairs.append((i, j))
            }
        }
        let sums = try add(node, try kernel(node), vectors, machines)

        // Each pair votes; what is not above zero, NaN too, is a vote for the second.
        let zero = builder.constant(0)
        var votes = [Formula.Operand](repeating: zero, count: classes)
        for ((i, j), sum) in zip(pairs, sums) {
            let isFirst = isTrue(.greater, sum, zero)
            votes[i] = builder.apply(.add, votes[i], isFirst)
            votes[j] = builder.apply(.add, votes[j], builder.apply(.not, isFirst))
        }
        let label = builder.combine(.highest, votes)
        var scores = sums
        if !a.isEmpty {
            scores = couple(sums, classes, zip(a, b).map { (Double($0), Double($1)) })
        } else if classes == 2 {
            scores = [builder.apply(.multiply, sums[0], builder.constant(-1)), sums[0]]
        }
        try set(node, Columns(type: type, dims: [], operands: [label], labels: labels))
        try set(node, Columns(type: .float, dims: [scores.count], operands: scores), output: 1)
    }

    /// Probabilities of the classes from those of the pairs.
    private mutating func couple(
        _ sums: [Formula.Operand], _ classes: Int, _ curves: [(a: Double, b: Double)]
    ) -> [Formula.Operand] {
        let one = builder.constant(1)
        let (low, high) = (builder.constant(Double(Float(1e-7))), builder.constant(Double(1 - Float(1e-7))))
        let pairs = zip(sums, curves).map { sum, curve in
            let line = float(.add, float(.multiply, sum, builder.constant(curve.a)), builder.constant(curve.b))
            return builder.slot(of: builder.apply(.clamp, float(.subtract, one, logistic(line)), low, high))
        }
        let first = builder.addSlots(classes)
        builder.add(.couple(PairwiseCoupling(classCount: classes, pairs: pairs), into: first))
        return (0..<classes).map { .slot(first + $0) }
    }
}
