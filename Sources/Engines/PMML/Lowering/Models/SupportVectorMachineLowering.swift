internal import Scoring
internal import Tabular

/// Support vector machines: sums of kernels, compared with thresholds or with each other (PMML 4.4, Support
/// Vector Machine).
struct SupportVectorMachineLowering: PartLowering {
    let context: LoweringContext

    /// More numbers in all vectors together than this are refused.
    static let maxVectorNumbers = 1 << 25

    func lower(_ model: SupportVectorMachineModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard !model.head.isFloat else {
            throw unsupported("x-mathContext=\"float\" of a SupportVectorMachineModel", model.head.place)
        }
        guard !model.machines.isEmpty else {
            throw invalid("<SupportVectorMachineModel>: a SupportVectorMachine is missing", model.head.place)
        }
        let sums = try sums(of: model, in: scope)
        guard model.head.function == .classification else {
            guard sums.count == 1 else {
                throw invalid("<SupportVectorMachineModel>: a regression has one SupportVectorMachine", model.head.place)
            }
            var outcome = regressionOutcome(sums[0], model.head)
            outcome.margins = sums
            return outcome
        }
        return try classification(sums, model)
    }

    // MARK: Sums

    private func sums(of model: SupportVectorMachineModel, in scope: Scope) throws(ScoringError) -> [Formula.Operand] {
        guard !model.fields.isEmpty else {
            throw invalid("<SupportVectorMachineModel>: the VectorFields are missing", model.head.place)
        }
        let inputs = try model.fields.map { (field) throws(ScoringError) in try coordinate(field, in: scope) }
        if model.representation == .coefficients { return try linearSums(of: model, inputs) }
        let (vectors, index) = try vectors(of: model)
        var machines: [KernelMachines.Machine] = []
        for machine in model.machines {
            guard machine.coefficients.count == machine.vectorIDs.count else {
                throw invalid(
                    "the machine has \(machine.coefficients.count) coefficients for \(machine.vectorIDs.count) vectors",
                    machine.place)
            }
            var terms: [KernelMachines.Term] = []
            for (id, coefficient) in zip(machine.vectorIDs, machine.coefficients) {
                guard let vector = index[id] else {
                    throw invalid("<SupportVector>: there is no VectorInstance '\(id.prefix(40))'", machine.place)
                }
                terms.append(.init(vector: vector, coefficient: coefficient))
            }
            LoadThrottle.step()
            machines.append(.init(terms: terms, intercept: machine.absoluteValue))
        }
        let into = builder.addSlots(machines.count)
        let function = KernelMachines(
            kernel: try kernel(of: model), width: inputs.count, vectors: vectors, machines: machines)
        let features = inputs.map { builder.slot(of: $0) }
        builder.add(.kernelMachines(function, features: features, into: into))
        return machines.indices.map { .slot(into + $0) }
    }

    /// Machines that are given by one coefficient a field.
    private func linearSums(of model: SupportVectorMachineModel, _ inputs: [Formula.Operand]) throws(ScoringError)
        -> [Formula.Operand]
    {
        guard case .linear? = model.kernel else {
            throw invalid("coefficients without support vectors need a linear kernel", model.head.place)
        }
        return try model.machines.map { (machine) throws(ScoringError) in
            guard machine.coefficients.count == inputs.count else {
                throw invalid(
                    "<SupportVectorMachine>: there are \(machine.coefficients.count) coefficients for \(inputs.count) fields",
                    machine.place)
            }
            let terms = zip(inputs, machine.coefficients).map { Formula.Term($0, coefficient: $1) }
            return builder.linear(terms, intercept: machine.absoluteValue)
        }
    }

    private func coordinate(_ field: SupportVectorMachineModel.VectorField, in scope: Scope) throws(ScoringError)
        -> Formula.Operand
    {
        switch field {
        case .field(let reference):
            var value = try value(of: reference.field, in: scope, reference.place)
            if let text = reference.mapMissingTo { value = try replacingMissing(value, with: text, reference.place) }
            guard value.type != .string else { throw invalid("the field '\(reference.field)' is no number", reference.place) }
            return value.operand
        case .category(let predictor):
            guard predictor.coefficient == 1 else {
                throw unsupported("a <CategoricalPredictor> of VectorFields with a coefficient that is not 1", predictor.place)
            }
            let value = try value(of: predictor.field, in: scope, predictor.place)
            let category = try literal(predictor.value, comparedWith: value, predictor.place)
            return builder.apply(.equal, value.operand, constant(category))
        }
    }

    private func kernel(of model: SupportVectorMachineModel) throws(ScoringError) -> KernelMachines.Kernel {
        switch model.kernel {
        case .linear: return .linear
        case .polynomial(let gamma, let coef0, let degree): return .polynomial(gamma: gamma, offset: coef0, degree: degree)
        case .radialBasis(let gamma): return .radialBasis(gamma: gamma)
        case .sigmoid(let gamma, let coef0): return .sigmoid(gamma: gamma, offset: coef0)
        case nil: throw invalid("<SupportVectorMachineModel>: the kernel is missing", model.head.place)
        }
    }

    /// All vectors of the dictionary, row-major, and which is which.
    private func vectors(of model: SupportVectorMachineModel) throws(ScoringError) -> ([Double], TextMap<Int>) {
        let width = model.fields.count
        guard model.vectors.count <= Self.maxVectorNumbers / width else {
            throw unsupported("a <VectorDictionary> of more than \(Self.maxVectorNumbers) numbers", model.head.place)
        }
        var (numbers, index): ([Double], TextMap<Int>) = ([], [:])
        numbers.reserveCapacity(width * model.vectors.count)
        for vector in model.vectors {
            guard index.updateValue(index.count, forKey: vector.id) == nil else {
                throw invalid("the vector '\(vector.id.prefix(40))' is defined twice", vector.place)
            }
            let start = numbers.count
            switch vector.values {
            case .dense(let values): numbers += values
            case .sparse(let array):
                guard array.count ?? width == width, array.indices.allSatisfy({ 1...width ~= $0 }) else {
                    throw invalid("the vector '\(vector.id.prefix(40))' does not have \(width) numbers", vector.place)
                }
                numbers += repeatElement(array.other, count: width)
                for (index, value) in zip(array.indices, array.entries) { numbers[start + index - 1] = value }
            }
            guard numbers.count == start + width else {
                throw invalid("the vector '\(vector.id.prefix(40))' does not have \(width) numbers", vector.place)
            }
            LoadThrottle.step()
        }
        return (numbers, index)
    }

    // MARK: Classes

    /// Which of its two categories a machine decides for, or which category its value is the value of.
    private struct Machine {
        var target: Int
        var alternate: Int?
    }

    private func classification(_ sums: [Formula.Operand], _ model: SupportVectorMachineModel) throws(ScoringError) -> Outcome {
        var outcome = Outcome()
        outcome.classes = classes(of: target(of: .supportVectorMachine(model)).field)
        let listed = outcome.classes.count
        var machines: [Machine] = []
        for machine in model.machines {
            guard let category = machine.targetCategory else {
                throw invalid("<SupportVectorMachine>: the attribute 'targetCategory' is missing", machine.place)
            }
            let alternate = machine.alternateTargetCategory ?? model.alternateBinaryTargetCategory
            machines.append(
                Machine(
                    target: outcome.classes.position(of: category),
                    alternate: alternate.map { outcome.classes.position(of: $0) }))
        }
        // A single machine decides between two categories; of two listed ones the other is the alternative.
        if machines.count == 1, machines[0].alternate == nil, listed == 2, machines[0].target < 2 {
            machines[0].alternate = 1 - machines[0].target
        }
        // Files that do not say the method mean OneAgainstAll, unless a category has several machines.
        let isOfPairs = machines[0].alternate != nil && Set(machines.map(\.target)).count < machines.count
        let method = model.classificationMethod ?? (isOfPairs ? .oneAgainstOne : .oneAgainstAll)
        if machines.count == 1 || method == .oneAgainstOne {
            try decideByVotes(machines, sums, model, &outcome)
        } else {
            try decideByValues(machines, sums, model, &outcome)
        }
        return outcome
    }

    /// Every machine votes for one of its two categories. Probabilities are the shares of the votes, and of equals
    /// the category wins that the machines name first, as it does in the programs that train such models.
    private func decideByVotes(
        _ machines: [Machine], _ sums: [Formula.Operand], _ model: SupportVectorMachineModel, _ outcome: inout Outcome
    ) throws(ScoringError) {
        var (order, votes): ([Int], [Int: [Formula.Operand]]) = ([], [:])
        func add(_ vote: Formula.Operand, for category: Int) {
            if votes[category] == nil { order.append(category) }
            votes[category, default: []].append(vote)
        }
        for (index, machine) in machines.enumerated() {
            guard let alternate = machine.alternate else {
                throw invalid(
                    "<SupportVectorMachine>: the attribute 'alternateTargetCategory' is missing", model.machines[index].place)
            }
            let isTarget = isTarget(sums[index], model.machines[index], model)
            add(isTarget, for: machine.target)
            add(builder.apply(.not, isTarget), for: alternate)
        }
        outcome.probabilities = [Formula.Operand](repeating: constant(0), count: outcome.classes.count)
        let total = constant(Double(machines.count))
        var shares: [Formula.Operand] = []
        for category in order {
            let share = builder.apply(.divide, builder.combine(.strictSum, votes[category]!), total)
            shares.append(share)
            outcome.probabilities[category] = share
        }
        let winner = builder.combine(.highest, shares)
        outcome.label = builder.look(
            up: winner, in: table(order.enumerated().map { (Double($0.offset), Double($0.element)) }, other: .nan, missing: .nan))
        if machines.count == 1 { outcome.margins = sums }
    }

    /// 1 where the machine's value stands for its target category, 0 where for the alternative.
    private func isTarget(
        _ sum: Formula.Operand, _ machine: SupportVectorMachineModel.Machine, _ model: SupportVectorMachineModel
    ) -> Formula.Operand {
        guard model.alternateBinaryTargetCategory == nil || machine.alternateTargetCategory != nil else {
            // Versions before 4.0: the rounded value is 1 or 0; nothing else stands for a category.
            return builder.look(
                up: builder.apply(.roundHalfUp, sum), in: table([(0, 0), (1, 1)], other: .nan, missing: .nan))
        }
        let threshold = constant(machine.threshold ?? model.threshold)
        return builder.apply(model.maxWins ? .greater : .less, sum, threshold)
    }

    /// The category of the machine with the least value, or the greatest if the model says so; the first of equals.
    private func decideByValues(
        _ machines: [Machine], _ sums: [Formula.Operand], _ model: SupportVectorMachineModel, _ outcome: inout Outcome
    ) throws(ScoringError) {
        try refuseProbabilities(model.head)
        guard Set(machines.map(\.target)).count == machines.count else {
            throw invalid("two machines have the same targetCategory", model.head.place)
        }
        let values = model.maxWins ? sums : sums.map { builder.apply(.subtract, constant(0), $0) }
        let entries = machines.enumerated().map { (Double($0.offset), Double($0.element.target)) }
        outcome.label = builder.look(
            up: builder.combine(.highest, values), in: table(entries, other: .nan, missing: .nan))
        guard machines.count == outcome.classes.count else { return }
        outcome.margins = sums
        for (machine, sum) in zip(machines, sums) { outcome.margins[machine.target] = sum }
    }
}
