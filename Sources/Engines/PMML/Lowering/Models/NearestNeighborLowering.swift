internal import Scoring
internal import Tabular

/// Nearest neighbours: the training instances most like a row, and what their targets say (PMML 4.4, k-Nearest
/// Neighbors).
struct NearestNeighborLowering: PartLowering {
    let context: LoweringContext

    /// More neighbours than this, in the model or in the rank of an output field, are refused.
    static let maxNeighbors = 1_000
    /// Of more instances than this no output field can show the distance of a named one.
    static let maxNamedInstances = 4_096

    func lower(_ model: NearestNeighborModel, in scope: Scope) throws(ScoringError) -> Outcome {
        let place = model.head.place
        guard !model.head.isFloat else { throw unsupported("x-mathContext=\"float\" of a NearestNeighborModel", place) }
        let count = model.table.rows.count
        guard model.neighborCount >= 1, model.neighborCount <= count else {
            throw invalid("the numberOfNeighbors is \(model.neighborCount), with \(count) training instances", place)
        }
        try refuseProbabilities(model.head)
        try spend(count, times: model.inputs.count, place)
        let instances = Instances(model)
        let places = max(model.neighborCount, self.places(asked: model.head, of: count))
        guard places <= Self.maxNeighbors else { throw unsupported("more than \(Self.maxNeighbors) neighbors", place) }
        let givesAll = asksForEntities(model.head)
        guard !givesAll || count <= Self.maxNamedInstances else {
            throw unsupported("the affinity of a named one of more than \(Self.maxNamedInstances) instances", place)
        }
        let points = ComparisonLowering.Points(
            texts: try inputTexts(of: instances, model), places: [Place](repeating: place, count: count))
        let found = try ComparisonLowering(context: context).search(
            points, by: model.measure, model.inputs, shares: nil, places: places, givesAll: givesAll, in: scope)
        let near = ComparisonLowering.SearchResult(
            positions: Array(found.positions.prefix(model.neighborCount)),
            values: Array(found.values.prefix(model.neighborCount)), all: [])

        var parts: [Outcome] = []
        for field in model.head.miningSchema where field.usage.isTarget {
            var part = try outcome(of: field, near, instances, model)
            (part.target, part.targetField) = (field.name, names.dataFields[field.name])
            part.prediction = try labelValue(part) ?? part.value
            try addEntities(to: &part, found, instances, model)
            parts.append(part)
        }
        guard !parts.isEmpty else {
            guard model.instanceIDVariable != nil else {
                throw invalid("<NearestNeighborModel> has neither a target nor an instanceIdVariable", place)
            }
            var outcome = Outcome()
            try addEntities(to: &outcome, found, instances, model)
            return outcome
        }
        var outcome = parts[0]
        if parts.count > 1 { (outcome.parts, outcome.isOfAllParts) = (parts, true) }
        return outcome
    }

    /// The inputs of every instance. Those that the file does not hold are derived from those that it holds.
    private func inputTexts(of instances: Instances, _ model: NearestNeighborModel) throws(ScoringError) -> [[String]] {
        let derived = model.inputs.filter { instances.column(of: $0.field) == nil }
        let columns = model.inputs.compactMap { instances.column(of: $0.field) }
        let given = try instances.texts(columns, context, model.head.place)
        guard !derived.isEmpty else { return given }
        for input in derived where names.dataFields[input.field] != nil {
            throw invalid("the KNNInput '\(input.field)' is no field of the training instances", input.place)
        }
        guard model.head.place == document.model.head.place else {
            throw unsupported("a KNNInput of a segment that is no field of the training instances", derived[0].place)
        }
        let computed = try InstanceTransformation(derived, of: model, in: context.typed).texts(of: instances)
        return given.indices.map { row in
            var (next, nextDerived) = (given[row].makeIterator(), computed[row].makeIterator())
            return model.inputs.map { (instances.column(of: $0.field) == nil ? nextDerived.next() : next.next()) ?? "" }
        }
    }

    /// The ids of the instances, where somebody asks for them.
    private func addEntities(
        to outcome: inout Outcome, _ found: ComparisonLowering.SearchResult, _ instances: Instances, _ model: NearestNeighborModel
    ) throws(ScoringError) {
        let isAsked = (model.head.output ?? []).contains(where: \.isAboutEntities)
        guard isAsked || outcome.label == nil && outcome.value == nil else { return }
        if let variable = model.instanceIDVariable {
            guard let column = instances.column(of: variable) else {
                throw invalid("the instanceIdVariable '\(variable)' is no field of the training instances", model.head.place)
            }
            outcome.entities = try instances.texts([column], context, model.head.place).map { $0[0] }
        } else {
            outcome.entities = model.table.rows.indices.map { String($0 + 1) }
        }
        outcome.entity = found.positions[0]
        outcome.ranking = found.positions
        outcome.rankedAffinities = found.values
        outcome.affinities = found.all
    }

    // MARK: Targets

    private func outcome(
        of target: MiningField, _ near: ComparisonLowering.SearchResult, _ instances: Instances, _ model: NearestNeighborModel
    ) throws(ScoringError) -> Outcome {
        guard let field = names.dataFields[target.name] else {
            throw invalid("the target '\(target.name)' is not in the data dictionary", target.place)
        }
        guard let column = instances.column(of: target.name) else {
            throw invalid("the target '\(target.name)' is no field of the training instances", target.place)
        }
        let texts = try instances.texts([column], context, model.head.place).map { $0[0] }
        switch target.opType ?? field.opType {
        case .continuous: return try continuous(texts, field, near, model)
        case .categorical: return try categorical(texts, field, near, model)
        case .ordinal: throw unsupported("the ordinal target '\(target.name)' of a NearestNeighborModel", target.place)
        }
    }

    /// Every neighbour's entry in a list with one an instance.
    private func entries(_ values: [Double], of near: ComparisonLowering.SearchResult) -> [Formula.Operand] {
        let table = builder.addTable(.codes(first: 0, values: values, other: .nan, missing: .nan))
        return near.positions.map { builder.look(up: $0, inTable: table) }
    }

    private func continuous(
        _ texts: [String], _ field: DataField, _ near: ComparisonLowering.SearchResult, _ model: NearestNeighborModel
    ) throws(ScoringError) -> Outcome {
        let values = try texts.map { (text) throws(ScoringError) in try literal(text, field.type, model.head.place) }
        guard !values.contains(where: \.isNaN) else {
            throw invalid("a training instance has no value of the target '\(field.name)'", model.head.place)
        }
        let targets = entries(values, of: near)
        switch model.continuousScoring {
        case .average: return regressionOutcome(builder.combine(.average, targets), model.head)
        case .median: return regressionOutcome(builder.combine(.median, targets), model.head)
        case .weightedAverage:
            let weights = try weights(near, model)
            let products = zip(targets, weights).map { builder.apply(.multiply, $1, $0) }
            return regressionOutcome(
                builder.apply(.divide, builder.combine(.sum, products), builder.combine(.sum, weights)), model.head)
        }
    }

    /// 1 / (distance + threshold) of each neighbour.
    private func weights(_ near: ComparisonLowering.SearchResult, _ model: NearestNeighborModel) throws(ScoringError) -> [Formula
        .Operand]
    {
        guard !model.measure.measure.isOfBinaries, model.measure.kind == .distance else {
            throw unsupported("weighting neighbors by their similarity", model.head.place)
        }
        return near.values.map { builder.apply(.divide, constant(1), builder.apply(.add, $0, constant(model.threshold))) }
    }

    private func categorical(
        _ texts: [String], _ field: DataField, _ near: ComparisonLowering.SearchResult, _ model: NearestNeighborModel
    ) throws(ScoringError) -> Outcome {
        var outcome = Outcome()
        outcome.classes = classes(of: field)
        var (positions, cases): ([Double], [Int]) = ([], [])
        for text in texts {
            _ = try literal(text, field.type, model.head.place)
            let position = outcome.classes.position(of: text)
            cases += repeatElement(0, count: max(0, outcome.classes.count - cases.count))
            cases[position] += 1
            positions.append(Double(position))
        }
        let labels = entries(positions, of: near)
        let weights = model.categoricalScoring == .weightedMajorityVote ? try weights(near, model) : []
        let vote = Vote(
            ballots: labels.map { builder.slot(of: $0) }, weights: weights.map { builder.slot(of: $0) },
            preference: preference(outcome.classes, cases))
        let into = builder.addSlots(1)
        builder.add(.vote(vote, into: into))
        outcome.label = .slot(into)
        return outcome
    }

    /// Who wins a tie: the category with the most training instances, then the one with the least value.
    private func preference(_ classes: Classes, _ cases: [Int]) -> [Int] {
        func isLess(_ a: Int, _ b: Int) -> Bool {
            let (left, right) = (classes.texts[a], classes.texts[b])
            if classes.type != .string, let x = number(left, classes.type), let y = number(right, classes.type) { return x < y }
            return left.utf16.lexicographicallyPrecedes(right.utf16)
        }
        return cases.indices.sorted { a, b in cases[a] != cases[b] ? cases[a] > cases[b] : isLess(a, b) }
    }
}
