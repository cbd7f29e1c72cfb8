internal import Scoring
internal import Tabular

/// A model within its surroundings: its scope, its targets, its outputs.
struct ModelLowering: PartLowering {
    let context: LoweringContext

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
                let result = try OutputLowering(context: context).lower(field, outcome, in: scope)
                scope[field.name] = .known(result.value)
                outputs.append(result, named: field.name)
            }
            outcome.outputs = outputs.all
            return outcome
        }
    }

    private func lowerBody(_ model: Model, in scope: Scope) throws(ScoringError) -> Outcome {
        switch model {
        case .tree(let tree): try TreeLowering(context: context).lower(tree, in: scope)
        case .regression(let regression): try RegressionLowering(context: context).lower(regression, in: scope)
        case .mining(let mining): try MiningLowering(context: context).lower(mining, in: scope)
        case .scorecard(let scorecard): try ScorecardLowering(context: context).lower(scorecard, in: scope)
        case .neuralNetwork(let network): try NetworkLowering(context: context).lower(network, in: scope)
        case .generalRegression(let regression): try GeneralRegressionLowering(context: context).lower(regression, in: scope)
        case .naiveBayes(let bayes): try NaiveBayesLowering(context: context).lower(bayes, in: scope)
        case .supportVectorMachine(let machine): try SupportVectorMachineLowering(context: context).lower(machine, in: scope)
        case .clustering(let clustering): try ClusteringLowering(context: context).lower(clustering, in: scope)
        case .nearestNeighbor(let neighbors): try NearestNeighborLowering(context: context).lower(neighbors, in: scope)
        case .anomalyDetection(let detection): try AnomalyDetectionLowering(context: context).lower(detection, in: scope)
        case .ruleSet(let rules): try RuleSetLowering(context: context).lower(rules, in: scope)
        }
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
}
