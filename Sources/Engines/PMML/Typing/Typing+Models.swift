internal import Scoring

/// What models use: their fields, expressions and predicates, each kind in its way.
extension Typing {
    /// What a model leaves to whatever comes after it.
    struct Results {
        /// What it predicts; nil for clusters, which have no value.
        var prediction: ValueType?
        var target: (name: String?, field: DataField?)
        /// The output fields of the model and, of chains and selections, of its segments.
        var outputs = LatestByName<(name: String, type: ValueType)>()
        /// The results of its segments, by their ids, for outputs that name a segment.
        var segments: TextMap<Results> = [:]
        /// One a target, of models that have several.
        var parts: [Results] = []

        mutating func add(_ name: String, _ type: ValueType) {
            outputs.append((name, type), named: name)
        }
    }

    @discardableResult
    func use(_ model: Model, own scope: Scope) throws(ScoringError) -> Results {
        try nested(model.head.place) { () throws(ScoringError) in
            var results = Results(prediction: prediction(of: model), target: target(of: model))
            switch model {
            case .tree(let tree): for node in tree.nodes { try use(node.predicate, in: scope) }
            case .regression(let regression): try use(regression, in: scope)
            case .mining(let mining): try use(mining, in: scope, &results)
            case .scorecard(let scorecard): try use(scorecard, in: scope)
            case .neuralNetwork(let network): for input in network.inputs { _ = try meaning(of: input, in: scope) }
            case .generalRegression(let regression): try use(regression, in: scope)
            case .naiveBayes(let bayes): for input in bayes.inputs { try use(input, in: scope) }
            case .supportVectorMachine(let machine): try use(machine, in: scope)
            case .clustering(let clustering): try use(clustering.fields, in: scope)
            case .nearestNeighbor(let neighbors): try use(neighbors, in: scope, &results)
            case .anomalyDetection(let detection):
                for (name, type) in try use(detection.model, in: scope).outputs.all { scope[name] = .known(type) }
            case .ruleSet(let rules): for rule in rules.rules { try use(rule, in: scope) }
            }
            for field in model.head.output ?? [] {
                let type = try type(of: field, results, in: scope)
                scope[field.name] = .known(type)
                results.add(field.name, type)
            }
            return results
        }
    }

    private func use(_ model: Model, in surroundings: Scope) throws(ScoringError) -> Results {
        try use(model, own: scope(of: model.head, in: surroundings))
    }

    private func use(_ name: String, _ place: Place, in scope: Scope) throws(ScoringError) {
        _ = try meaning(of: name, in: scope, place)
    }

    private func use(_ predicate: Predicate, in scope: Scope) throws(ScoringError) {
        switch predicate {
        case .always, .never: break
        case .simple(let predicate): try use(predicate.field, predicate.place, in: scope)
        case .set(let predicate): try use(predicate.field, predicate.place, in: scope)
        case .compound(let predicate):
            try nested(predicate.place) { () throws(ScoringError) in
                for part in predicate.parts { try use(part, in: scope) }
            }
        }
    }

    private func use(_ model: RegressionModel, in scope: Scope) throws(ScoringError) {
        for table in model.tables {
            for predictor in table.numeric { try number(predictor.field, predictor.place, in: scope) }
            for predictor in table.categorical { try use(predictor.field, predictor.place, in: scope) }
            for term in table.terms {
                for reference in term.fields { try number(reference.field, reference.place, in: scope) }
            }
        }
    }

    /// The segments of a chain see the results of those before them; a chain and a selection leave the outputs of
    /// all their segments to what follows.
    private func use(_ model: MiningModel, in scope: Scope, _ results: inout Results) throws(ScoringError) {
        let isChain = model.method == .modelChain || model.method == .multiModelChain
        var predictions: [ValueType?] = []
        for (index, segment) in model.segments.enumerated() {
            if case .never = segment.predicate { continue }
            try use(segment.predicate, in: scope)
            let part = try use(segment.model, in: scope)
            let id = segment.id ?? String(index + 1)
            if results.segments[id] == nil { results.segments[id] = part }
            predictions.append(part.prediction)
            if let name = part.target.name, model.showsTarget(name) { results.parts.append(part) }
            guard isChain || model.method == .selectFirst else { continue }
            for (name, type) in part.outputs.all {
                results.add(name, type)
                if isChain { scope[name] = .known(type) }
            }
            if isChain, let name = part.target.name, let type = part.prediction, scope[name] == nil {
                scope[name] = .known(type)
            }
        }
        // What is predicted is what the model in use predicts.
        guard let decisive = isChain ? predictions.last : predictions.first, isChain || model.method == .selectFirst else {
            return
        }
        results.prediction = decisive.map { targetElement(of: model.head)?.castInteger == nil ? $0 : ValueType(.integer) }
    }

    private func use(_ model: Scorecard, in scope: Scope) throws(ScoringError) {
        for attribute in model.characteristics.flatMap(\.attributes) {
            try use(attribute.predicate, in: scope)
            if let expression = attribute.complexPartialScore { _ = try type(of: expression, as: .double, in: scope) }
        }
    }

    private func use(_ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError) {
        for cell in model.predictorCells { try use(cell.field, cell.place, in: scope) }
        for field in [model.offsetField, model.trialsField, model.endTimeField, model.strataField] {
            if let field { try use(field, model.head.place, in: scope) }
        }
    }

    private func use(_ input: NaiveBayesModel.Input, in scope: Scope) throws(ScoringError) {
        guard let derived = input.derived else { return try use(input.field, input.place, in: scope) }
        _ = try meaning(of: derived, in: scope)
    }

    private func use(_ model: SupportVectorMachineModel, in scope: Scope) throws(ScoringError) {
        for field in model.fields {
            switch field {
            case .field(let reference): try use(reference.field, reference.place, in: scope)
            case .category(let predictor): try use(predictor.field, predictor.place, in: scope)
            }
        }
    }

    private func use(_ model: NearestNeighborModel, in scope: Scope, _ results: inout Results) throws(ScoringError) {
        try use(model.inputs, in: scope)
        for target in model.head.miningSchema where target.usage.isTarget {
            let field = names.dataFields[target.name]
            let isNumber = (target.opType ?? field?.opType) == .continuous
            results.parts.append(
                Results(prediction: isNumber ? number(model.head) : category(field), target: (target.name, field)))
        }
        if let first = results.parts.first { results.prediction = first.prediction }
    }

    private func use(_ fields: [ComparisonField], in scope: Scope) throws(ScoringError) {
        for field in fields { try use(field.field, field.place, in: scope) }
    }

    private func use(_ rule: RuleSetModel.Rule, in scope: Scope) throws(ScoringError) {
        switch rule {
        case .simple(let rule): try use(rule.predicate, in: scope)
        case .compound(let rule):
            try use(rule.predicate, in: scope)
            for inner in rule.rules { try use(inner, in: scope) }
        }
    }

    // MARK: Results

    /// The type of what a model predicts.
    private func prediction(of model: Model) -> ValueType? {
        if case .clustering = model { return nil }
        if case .anomalyDetection = model { return number(model.head) }
        return model.head.function == .regression ? number(model.head) : category(target(of: model).field)
    }

    private func number(_ head: ModelHeader) -> ValueType {
        if targetElement(of: head)?.castInteger != nil { return ValueType(.integer) }
        return ValueType(head.isFloat ? .float : .double)
    }

    private func category(_ target: DataField?) -> ValueType {
        ValueType(target?.type ?? .string, .categorical, isListed: true)
    }

    private func type(of field: OutputField, _ whole: Results, in scope: Scope) throws(ScoringError) -> ValueType {
        let number = ValueType(field.type == .float ? .float : .double)
        let label = ValueType(field.type ?? .string, field.opType ?? .categorical, isListed: true)
        var results = whole
        if let segment = field.segment {
            guard let part = whole.segments[segment] else { return number }
            results = part
        } else if let name = field.targetField, let part = whole.parts.last(where: { $0.target.name.isExactly(name) }) {
            results = part
        }
        switch field.feature {
        case .transformedValue, .decision:
            guard field.segment == nil else {
                return field.value.flatMap { results.outputs[$0] }?.type ?? label
            }
            return try transformed(field, in: scope)
        case .predictedValue:
            guard var prediction = results.prediction else { return label }
            guard prediction.isListed else {
                if field.type == .float { prediction.type = .float }
                return prediction
            }
            if let type = field.type, results.target.field == nil { prediction.type = type }
            return prediction
        case .predictedDisplayValue: return results.prediction?.isListed ?? true ? label : number
        case .clusterId, .entityId, .reasonCode: return label
        case .residual:
            // The truth comes with the row, under the target's name.
            if let truth = whole.target.field, scope.isOutermost { _ = try meaning(of: truth, usedAt: field.place) }
            return number
        default: return number
        }
    }

    private func transformed(_ field: OutputField, in scope: Scope) throws(ScoringError) -> ValueType {
        guard let expression = field.expression else {
            throw invalid("the output field '\(field.name)' has no expression", field.place)
        }
        var type = try type(of: expression, as: field.type, in: scope)
        if let wanted = field.type { type = try cast(type, to: wanted, field.place) }
        // Whoever asked for it sees the text.
        if type.type == .string { readText(of: type) }
        return type
    }
}
