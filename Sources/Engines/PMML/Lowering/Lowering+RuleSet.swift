internal import Scoring
internal import Tabular

/// Rule sets: the first rule that fires, the heaviest one, or the class with most weight (PMML 4.4, RuleSet).
extension Lowering {
    /// A simple rule with the predicates of the compound rules around it, the outermost first.
    private struct FlatRule {
        var rule: RuleSetModel.SimpleRule
        var guards: [Predicate]
        /// Position of the rule's class, and of its id among the entities.
        var label: Int
        var entity: Int
    }

    func lower(_ model: RuleSetModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard model.head.function == .classification else {
            throw unsupported("a RuleSetModel for \(model.head.function.rawValue)", model.head.place)
        }
        var outcome = Outcome()
        var rules: [FlatRule] = []
        try flatten(model.rules, within: [], into: &rules, model.head.place)
        outcome.classes = classes(of: target(of: .ruleSet(model)).field)
        var ids: [String: Int] = [:]
        for index in rules.indices {
            rules[index].label = outcome.classes.position(of: rules[index].rule.score)
            for entry in rules[index].rule.distribution { _ = outcome.classes.position(of: entry.value) }
            // Rules without an id are numbered from 1 in the order of the file.
            let id = rules[index].rule.id ?? String(index + 1)
            rules[index].entity = ids[id] ?? outcome.entities.count
            if ids[id] == nil {
                ids[id] = outcome.entities.count
                outcome.entities.append(id)
            }
        }
        if let score = model.defaultScore { _ = outcome.classes.position(of: score) }
        guard outcome.classes.count <= 4_096, outcome.classes.count * max(rules.count, 1) <= Self.mostTests else {
            throw unsupported("a rule set of so many categories", model.head.place)
        }
        switch model.criterion {
        case .firstHit: try lowerFirstHit(model, rules, into: &outcome, in: scope)
        case .weightedSum: try lowerWeightedSum(model, rules, into: &outcome, in: scope)
        case .weightedMax: try lowerWeightedMax(model, rules, into: &outcome, in: scope)
        }
        return outcome
    }

    private func flatten(
        _ rules: [RuleSetModel.Rule], within guards: [Predicate], into flat: inout [FlatRule], _ place: Place
    ) throws(ScoringError) {
        for rule in rules {
            switch rule {
            case .simple(let rule): flat.append(FlatRule(rule: rule, guards: guards, label: 0, entity: 0))
            case .compound(let compound):
                try nested(compound.place) { () throws(ScoringError) in
                    try flatten(compound.rules, within: guards + [compound.predicate], into: &flat, compound.place)
                }
            }
            guard flat.count <= 20_000 else { throw unsupported("a rule set of more than 20,000 rules", place) }
        }
    }

    /// Leads to `hit` where the rule and the compound rules around it are true; unknown fires nothing.
    private func lower(
        _ rule: FlatRule, hit: DecisionGraph.Target, otherwise: DecisionGraph.Target, in scope: Scope,
        into graph: inout GraphBuilder
    ) throws(ScoringError) -> DecisionGraph.Target {
        var entry = hit
        for predicate in rule.guards + [rule.rule.predicate] {
            entry = try lower(
                predicate, in: scope, into: &graph, Ways(whenTrue: entry, whenFalse: otherwise, whenUnknown: otherwise))
        }
        guard graph.testCount <= Self.mostTests else { throw invalid("the rules are too large", rule.rule.place) }
        return entry
    }

    /// What a rule says of every class: its distribution, or else its confidence in its own class.
    private func shares(_ rule: FlatRule, _ classes: Classes) -> [Double] {
        var shares = [Double](repeating: 0, count: classes.count)
        guard !rule.rule.distribution.isEmpty else {
            shares[rule.label] = rule.rule.confidence
            return shares
        }
        for (entry, share) in zip(rule.rule.distribution, TreeModel.ScoreDistribution.shares(rule.rule.distribution)) {
            shares[classes.find(entry.value)!] = share
        }
        return shares
    }

    /// What is said where no rule fires: the label, every class's confidence and probability.
    private func whereNothingFires(_ model: RuleSetModel, _ classes: Classes) -> (
        label: Double, confidences: [Double], probabilities: [Double]
    ) {
        let nothing = [Double](repeating: .nan, count: classes.count)
        guard let label = model.defaultScore.flatMap({ classes.find($0) }) else { return (.nan, nothing, nothing) }
        var values = [Double](repeating: 0, count: classes.count)
        values[label] = model.defaultConfidence ?? 1
        var confidences = values
        confidences[label] = model.defaultConfidence ?? .nan
        return (Double(label), confidences, values)
    }

    /// The first rule that fires decides; of every other class the first of its rules says how sure it is.
    private func lowerFirstHit(
        _ model: RuleSetModel, _ rules: [FlatRule], into outcome: inout Outcome, in scope: Scope
    ) throws(ScoringError) {
        let count = outcome.classes.count
        var graph = GraphBuilder(width: 2 + count)
        let otherwise = whereNothingFires(model, outcome.classes)
        var next = graph.result([otherwise.label, .nan] + otherwise.probabilities)
        for rule in rules.reversed() {
            let hit = graph.result([Double(rule.label), Double(rule.entity)] + shares(rule, outcome.classes))
            next = try lower(rule, hit: hit, otherwise: next, in: scope, into: &graph)
        }
        let slot = builder.decide(graph.graph(entry: next))
        (outcome.label, outcome.entity) = (.slot(slot), .slot(slot + 1))
        outcome.probabilities = (0..<count).map { .slot(slot + 2 + $0) }
        guard asksForConfidence(model) else { return }
        var confidences: [Formula.Operand] = []
        for position in 0..<count {
            var graph = GraphBuilder()
            var next = graph.result([.nan])
            for rule in rules.reversed() where rule.label == position {
                next = try lower(rule, hit: graph.result([rule.rule.confidence]), otherwise: next, in: scope, into: &graph)
            }
            confidences.append(.slot(builder.decide(graph.graph(entry: next))))
        }
        let hasFired = builder.apply(.isPresent, .slot(slot + 1))
        outcome.confidences = choose(hasFired, zeroWhereMissing(confidences), otherwise.confidences)
    }

    private func asksForConfidence(_ model: RuleSetModel) -> Bool {
        model.head.output?.contains { $0.feature == .confidence } ?? false
    }

    private func zeroWhereMissing(_ values: [Formula.Operand]) -> [Formula.Operand] {
        values.map { builder.apply(.coalesce, $0, constant(0)) }
    }

    private func choose(_ condition: Formula.Operand, _ values: [Formula.Operand], _ others: [Double]) -> [Formula.Operand] {
        zip(values, others).map { choose(condition, $0, constant($1)) }
    }

    /// 1 where a rule fires, else 0.
    private func firing(_ rules: [FlatRule], in scope: Scope) throws(ScoringError) -> [Formula.Operand] {
        try rules.map { (rule) throws(ScoringError) in
            var graph = GraphBuilder()
            let (hit, otherwise) = (graph.result([1]), graph.result([0]))
            let entry = try lower(rule, hit: hit, otherwise: otherwise, in: scope, into: &graph)
            return .slot(builder.decide(graph.graph(entry: entry)))
        }
    }

    /// The rule of most weight among those that fire, as a position among the rules; the first of equals.
    private func heaviest(_ rules: [FlatRule], _ firing: [Formula.Operand], of label: Int? = nil) -> Formula.Operand {
        let weights = zip(rules, firing).map { rule, fires in
            label == nil || rule.label == label ? builder.apply(.only, constant(rule.rule.weight), fires) : constant(.nan)
        }
        return weights.isEmpty ? constant(.nan) : builder.combine(.highest, weights)
    }

    private func look(up rule: Formula.Operand, _ rules: [FlatRule], _ value: (FlatRule) -> Double) -> Formula.Operand {
        let entries = rules.enumerated().map { (key: Double($0.offset), value: value($0.element)) }
        return builder.look(up: rule, in: table(entries, other: .nan, missing: .nan))
    }

    /// The heaviest rule that fires decides; of every class the heaviest of its rules says how sure it is.
    private func lowerWeightedMax(
        _ model: RuleSetModel, _ rules: [FlatRule], into outcome: inout Outcome, in scope: Scope
    ) throws(ScoringError) {
        let firing = try firing(rules, in: scope)
        let winner = heaviest(rules, firing)
        let hasFired = builder.apply(.isPresent, winner)
        let otherwise = whereNothingFires(model, outcome.classes)
        outcome.label = choose(hasFired, look(up: winner, rules) { Double($0.label) }, constant(otherwise.label))
        outcome.entity = look(up: winner, rules) { Double($0.entity) }
        let distributions = rules.map { shares($0, outcome.classes) }
        let probabilities = (0..<outcome.classes.count).map { position in
            let entries = distributions.enumerated().map { (key: Double($0.offset), value: $0.element[position]) }
            return builder.look(up: winner, in: table(entries, other: .nan, missing: .nan))
        }
        outcome.probabilities = choose(hasFired, probabilities, otherwise.probabilities)
        guard asksForConfidence(model) else { return }
        let confidences = (0..<outcome.classes.count).map { position in
            look(up: heaviest(rules, firing, of: position), rules) { $0.rule.confidence }
        }
        outcome.confidences = choose(hasFired, zeroWhereMissing(confidences), otherwise.confidences)
    }

    /// The class with most weight, the first in the data dictionary of equals; how sure it is, is its weight
    /// over the number of rules that fire, and its probability the share that it has of all weight.
    private func lowerWeightedSum(
        _ model: RuleSetModel, _ rules: [FlatRule], into outcome: inout Outcome, in scope: Scope
    ) throws(ScoringError) {
        let firing = try firing(rules, in: scope)
        let fired = rules.isEmpty ? constant(0) : builder.combine(.sum, firing)
        let hasFired = builder.apply(.greater, fired, constant(0))
        let otherwise = whereNothingFires(model, outcome.classes)
        let weights = (0..<outcome.classes.count).map { position in
            let own = zip(rules, firing).filter { $0.0.label == position }
            return own.isEmpty
                ? constant(.nan) : builder.combine(.sum, own.map { builder.apply(.only, constant($0.0.rule.weight), $0.1) })
        }
        let winner = mostProbable(weights)
        outcome.label = choose(hasFired, winner, constant(otherwise.label))
        let total = builder.combine(.sum, weights)
        let totals = zeroWhereMissing(weights)
        outcome.probabilities = choose(
            hasFired, totals.map { builder.apply(.divide, $0, total) }, otherwise.probabilities)
        outcome.confidences = choose(hasFired, totals.map { builder.apply(.divide, $0, fired) }, otherwise.confidences)
        var entity = constant(.nan)
        for position in 0..<outcome.classes.count {
            let rule = heaviest(rules, firing, of: position)
            entity = choose(
                builder.apply(.equal, winner, constant(Double(position))), look(up: rule, rules) { Double($0.entity) }, entity)
        }
        outcome.entity = entity
    }
}
