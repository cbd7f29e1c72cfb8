internal import Scoring
internal import Tabular

/// A model within its surroundings: its scope, its targets, its outputs.
extension Lowering {
    /// Lowers a model, its own fields and targets included.
    /// - Parameter surroundings: the scope of the model that it is a part of.
    func lower(_ model: Model, in surroundings: Scope) throws(ScoringError) -> Outcome {
        try lower(model, own: scope(of: model.head, in: surroundings))
    }

    /// Lowers a model whose scope is there already.
    func lower(_ model: Model, own scope: Scope) throws(ScoringError) -> Outcome {
        try nested(model.head.place) { () throws(ScoringError) in
            var outcome = try lowerBody(model, in: scope)
            (outcome.target, outcome.targetField) = target(of: model)
            outcome.targetElement = targetElement(of: model.head) ?? outcome.targetElement
            if let target = targetElement(of: model.head) { applyPriors(target, &outcome) }
            outcome.prediction = try labelValue(outcome) ?? outcome.value
            var outputs = LatestByName<OutputResult>()
            for result in outcome.outputs { outputs.append(result, named: result.name) }
            for field in model.head.output ?? [] {
                let result = try lower(field, outcome, in: scope)
                scope[field.name] = .known(result.value)
                outputs.append(result, named: field.name)
            }
            outcome.outputs = outputs.all
            return outcome
        }
    }

    private func lowerBody(_ model: Model, in scope: Scope) throws(ScoringError) -> Outcome {
        switch model {
        case .tree(let tree): try lower(tree, in: scope)
        case .regression(let regression): try lower(regression, in: scope)
        case .mining(let mining): try lower(mining, in: scope)
        case .scorecard(let scorecard): try lower(scorecard, in: scope)
        case .neuralNetwork(let network): try lower(network, in: scope)
        case .generalRegression(let regression): try lower(regression, in: scope)
        case .naiveBayes(let bayes): try lower(bayes, in: scope)
        case .supportVectorMachine(let machine): try lower(machine, in: scope)
        case .clustering(let clustering): try lower(clustering, in: scope)
        case .nearestNeighbor(let neighbors): try lower(neighbors, in: scope)
        case .anomalyDetection(let detection): try lower(detection, in: scope)
        case .ruleSet(let rules): try lower(rules, in: scope)
        }
    }

    /// A regression's result after the model's targets: limits, then scale, then rounding
    /// (PMML 4.4, Targets; the order is that of the specification). A default takes the place of a missing result before.
    func applyTargets(_ result: Value, _ head: ModelHead) -> Value {
        guard let target = targetElement(of: head) else { return result }
        var value = result
        func set(_ operand: Formula.Operand) { value.operand = head.isFloat ? builder.apply(.float32, operand) : operand }
        if let replacement = target.values.first?.defaultValue {
            value.operand = builder.apply(.coalesce, value.operand, constant(replacement))
        }
        if target.min != nil || target.max != nil {
            set(builder.apply(.clamp, value.operand, constant(target.min ?? -.infinity), constant(target.max ?? .infinity)))
        }
        if target.rescaleFactor != 1 { set(builder.apply(.multiply, value.operand, constant(target.rescaleFactor))) }
        if target.rescaleConstant != 0 { set(builder.apply(.add, value.operand, constant(target.rescaleConstant))) }
        switch target.castInteger {
        case .round: value.operand = builder.apply(.roundHalfUp, value.operand)
        case .ceiling: value.operand = builder.apply(.ceiling, value.operand)
        case .floor: value.operand = builder.apply(.floor, value.operand)
        case nil: break
        }
        if target.castInteger != nil { value.type = .integer }
        return value
    }

    /// Where a classification has no result, its target's prior probabilities take its place (PMML 4.4, Targets).
    private func applyPriors(_ target: Target, _ outcome: inout Outcome) {
        let priors = target.values.compactMap { value in
            value.value.flatMap { text in value.priorProbability.map { (text: text, probability: $0) } }
        }
        let sum = priors.reduce(0) { $0 + $1.probability }
        guard let label = outcome.label, sum > 0, sum.isFinite, priors.allSatisfy({ $0.probability >= 0 }) else { return }
        for prior in priors where outcome.classes.find(prior.text) == nil {
            _ = outcome.classes.position(of: prior.text)
            if !outcome.probabilities.isEmpty { outcome.probabilities.append(constant(0)) }
            if !outcome.confidences.isEmpty { outcome.confidences.append(constant(0)) }
        }
        let isMissing = builder.apply(.isMissing, label)
        var shares = [Double](repeating: 0, count: outcome.classes.count)
        var best = priors[0]
        for prior in priors {
            shares[outcome.classes.find(prior.text)!] += sum == 1 ? prior.probability : prior.probability / sum
            if prior.probability > best.probability { best = prior }
        }
        outcome.label = builder.apply(.coalesce, label, constant(Double(outcome.classes.find(best.text)!)))
        func replaced(_ values: [Formula.Operand]) -> [Formula.Operand] {
            values.enumerated().map { builder.apply(.choose, isMissing, constant(shares[$0.offset]), $0.element) }
        }
        outcome.probabilities = replaced(outcome.probabilities)
        outcome.confidences = replaced(outcome.confidences)
    }

    /// A regression's outcome from its sum.
    func regressionOutcome(_ operand: Formula.Operand, _ head: ModelHead) -> Outcome {
        var outcome = Outcome()
        outcome.value = applyTargets(Value(operand, head.isFloat ? .float : .double), head)
        return outcome
    }
}
