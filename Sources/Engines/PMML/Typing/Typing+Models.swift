internal import Scoring

/// What models use: their fields, expressions and predicates, each kind in its way.
extension Typing {
    func use(_ model: Model, own scope: Scope) throws(ScoringError) {
        try nested(model.head.place) { () throws(ScoringError) in
            switch model {
            case .tree(let tree): for node in tree.nodes { try use(node.predicate, in: scope) }
            case .regression(let regression): try use(regression, in: scope)
            case .mining(let mining): try use(mining, in: scope)
            case .scorecard(let scorecard): try use(scorecard, in: scope)
            case .neuralNetwork(let network): for input in network.inputs { _ = try meaning(of: input, in: scope) }
            case .generalRegression(let regression): try use(regression, in: scope)
            case .naiveBayes(let bayes): for input in bayes.inputs { try use(input, in: scope) }
            case .supportVectorMachine(let machine): try use(machine, in: scope)
            case .clustering(let clustering): try use(clustering.fields, in: scope)
            case .nearestNeighbor(let neighbors): try use(neighbors.inputs, in: scope)
            case .anomalyDetection(let detection): try useFirst(detection.model, in: scope)
            case .ruleSet(let rules): for rule in rules.rules { try use(rule, in: scope) }
            }
            for field in model.head.output ?? [] { scope[field.name] = .known(try type(of: field, of: model, in: scope)) }
        }
    }

    private func use(_ model: Model, in surroundings: Scope) throws(ScoringError) {
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
            for predictor in table.numeric {
                // A number that comes as a text is read.
                readText(of: try meaning(of: predictor.field, in: scope, predictor.place))
            }
            for predictor in table.categorical { try use(predictor.field, predictor.place, in: scope) }
            for term in table.terms {
                for reference in term.fields { readText(of: try meaning(of: reference.field, in: scope, reference.place)) }
            }
        }
    }

    private func use(_ model: MiningModel, in scope: Scope) throws(ScoringError) {
        let isChain = model.method == .modelChain || model.method == .multiModelChain
        for segment in model.segments {
            if case .never = segment.predicate { continue }
            try use(segment.predicate, in: scope)
            if isChain || model.method == .selectFirst {
                try useFirst(segment.model, in: scope)
            } else {
                try use(segment.model, in: scope)
            }
        }
    }

    /// A model whose results are seen by what comes after it.
    private func useFirst(_ model: Model, in scope: Scope) throws(ScoringError) {
        let own = try self.scope(of: model.head, in: scope)
        try use(model, own: own)
        for (name, type) in results(of: model, own) { scope[name] = .known(type) }
        let (name, field) = target(of: model)
        if let name, scope[name] == nil { scope[name] = .known(prediction(field, model.head)) }
    }

    /// The output fields of a model and, of chains and selections, of its segments.
    private func results(of model: Model, _ scope: Scope) -> [(String, ValueType)] {
        var names = (model.head.output ?? []).map(\.name)
        if case .mining(let mining) = model { names += mining.segments.flatMap { ($0.model.head.output ?? []).map(\.name) } }
        return names.compactMap { name in
            guard case .known(let type)? = scope[name] else { return nil }
            return (name, type)
        }
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
    private func prediction(_ target: DataField?, _ head: ModelHead) -> ValueType {
        switch head.function {
        case .regression: ValueType(head.isFloat ? .float : .double)
        default: ValueType(target?.type ?? .string, .categorical, isListed: true)
        }
    }

    private func type(of field: OutputField, of model: Model, in scope: Scope) throws(ScoringError) -> ValueType {
        switch field.feature {
        case .transformedValue, .decision:
            guard let expression = field.expression else { return ValueType(field.type ?? .string, field.opType, isListed: true) }
            let type = try type(of: expression, as: field.type, in: scope)
            let result = try field.type.map { (wanted) throws(ScoringError) in try cast(type, to: wanted, field.place) } ?? type
            // Whoever asked for it sees the text.
            if result.type == .string { readText(of: result) }
            return result
        case .predictedValue:
            var result = prediction(target(of: model).field, model.head)
            if model.head.function != .regression, let type = field.type, target(of: model).field == nil { result.type = type }
            return result
        case .residual:
            // The truth comes with the row, under the target's name.
            if let truth = target(of: model).field, scope.isOutermost { _ = try meaning(of: truth, usedAt: field.place) }
            return ValueType(.double)
        case .predictedDisplayValue, .clusterId, .entityId, .reasonCode: return ValueType(field.type ?? .string, isListed: true)
        default: return ValueType(field.type == .float ? .float : .double)
        }
    }
}
