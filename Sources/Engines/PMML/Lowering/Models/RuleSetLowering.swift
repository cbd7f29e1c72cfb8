internal import Scoring
internal import Tabular

/// Rule sets: the first rule that fires, the heaviest one, or the class with most weight (PMML 4.4, RuleSet).
struct RuleSetLowering: PartLowering {
    let context: LoweringContext

    /// A simple rule, in the order of the file.
    private struct FlatRule {
        var rule: RuleSetModel.SimpleRule
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
        try flatten(model.rules, into: &rules, model.head.place)
        outcome.classes = classes(of: target(of: .ruleSet(model)).field)
        var ids: TextMap<Int> = [:]
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
        guard outcome.classes.count <= 4_096, outcome.classes.count * max(rules.count, 1) <= LoweringContext.maxTests else {
            throw unsupported("a rule set of so many categories", model.head.place)
        }
        switch model.criterion {
        case .firstHit: try lowerFirstHit(model, rules, into: &outcome, in: scope)
        case .weightedSum: try lowerWeightedSum(model, rules, into: &outcome, in: scope)
        case .weightedMax: try lowerWeightedMax(model, rules, into: &outcome, in: scope)
        }
        return outcome
    }

    private func flatten(_ rules: [RuleSetModel.Rule], into flat: inout [FlatRule], _ place: Place) throws(ScoringError) {
        for rule in rules {
            switch rule {
            case .simple(let rule): flat.append(FlatRule(rule: rule, label: 0, entity: 0))
            case .compound(let compound):
                try nested(compound.place) { () throws(ScoringError) in try flatten(compound.rules, into: &flat, place) }
            }
            guard flat.count <= 20_000 else { throw unsupported("a rule set of more than 20,000 rules", place) }
        }
    }

    /// Where a walk goes that comes to the first of these rules: to the result of the first that fires. Unknown
    /// fires nothing.
    /// - Parameter hits: the results of the rules that are not yet in the graph; the last ones are taken off.
    private func chain(
        _ rules: [RuleSetModel.Rule], _ hits: inout [DecisionGraph.Target], otherwise: DecisionGraph.Target, in scope: Scope,
        into graph: inout GraphBuilder
    ) throws(ScoringError) -> DecisionGraph.Target {
        var next = otherwise
        for rule in rules.reversed() {
            switch rule {
            case .simple(let rule):
                let ways = Ways(whenTrue: hits.removeLast(), whenFalse: next, whenUnknown: next)
                next = try lower(rule.predicate, in: scope, into: &graph, ways)
                guard graph.testCount <= LoweringContext.maxTests else { throw invalid("the rules are too large", rule.place) }
            case .compound(let rule):
                let inner = try chain(rule.rules, &hits, otherwise: next, in: scope, into: &graph)
                next = try lower(
                    rule.predicate, in: scope, into: &graph, Ways(whenTrue: inner, whenFalse: next, whenUnknown: next))
            }
        }
        return next
    }

    /// 1 where a rule fires, else 0: one operand a simple rule.
    private func firing(_ rules: [RuleSetModel.Rule], within outer: Formula.Operand, in scope: Scope) throws(ScoringError)
        -> [Formula.Operand]
    {
        var firing: [Formula.Operand] = []
        for rule in rules {
            switch rule {
            case .simple(let rule):
                let isTrue = builder.apply(.coalesce, try truth(of: rule.predicate, in: scope), constant(0))
                firing.append(builder.apply(.and, isTrue, outer))
            case .compound(let rule):
                let isTrue = builder.apply(.coalesce, try truth(of: rule.predicate, in: scope), constant(0))
                firing += try self.firing(rule.rules, within: builder.apply(.and, isTrue, outer), in: scope)
            }
        }
        return firing
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
        let nothing = graph.result([otherwise.label, .nan] + otherwise.probabilities)
        var hits = rules.map { graph.result([Double($0.label), Double($0.entity)] + shares($0, outcome.classes)) }
        let entry = try chain(model.rules, &hits, otherwise: nothing, in: scope, into: &graph)
        let slot = builder.decide(graph.graph(entry: entry))
        (outcome.label, outcome.entity) = (.slot(slot), .slot(slot + 1))
        outcome.probabilities = (0..<count).map { .slot(slot + 2 + $0) }
        guard asksForConfidence(model) else { return }
        let firing = try firing(model.rules, within: constant(1), in: scope)
        let confidences = ofEachClass(rules, count).map { own in
            own.isEmpty
                ? constant(.nan)
                : builder.combine(.first, own.map { builder.apply(.only, constant(rules[$0].rule.confidence), firing[$0]) })
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

    /// The positions of each class's rules.
    private func ofEachClass(_ rules: [FlatRule], _ count: Int) -> [[Int]] {
        var positions = [[Int]](repeating: [], count: count)
        for (index, rule) in rules.enumerated() { positions[rule.label].append(index) }
        return positions
    }

    /// The rule of most weight among those of `own` that fire, as a position in `own`; the first of equals.
    private func heaviest(_ own: [Int], _ rules: [FlatRule], _ firing: [Formula.Operand]) -> Formula.Operand {
        guard !own.isEmpty else { return constant(.nan) }
        return builder.combine(.highest, own.map { builder.apply(.only, constant(rules[$0].rule.weight), firing[$0]) })
    }

    private func look<Entries: Sequence>(up rule: Formula.Operand, _ rules: Entries, _ value: (Entries.Element) -> Double)
        -> Formula.Operand
    {
        let entries = rules.enumerated().map { (key: Double($0.offset), value: value($0.element)) }
        return builder.look(up: rule, in: table(entries, other: .nan, missing: .nan))
    }

    /// The heaviest rule that fires decides; of every class the heaviest of its rules says how sure it is.
    private func lowerWeightedMax(
        _ model: RuleSetModel, _ rules: [FlatRule], into outcome: inout Outcome, in scope: Scope
    ) throws(ScoringError) {
        let firing = try firing(model.rules, within: constant(1), in: scope)
        let winner = heaviest(Array(rules.indices), rules, firing)
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
        let confidences = ofEachClass(rules, outcome.classes.count).map { own in
            look(up: heaviest(own, rules, firing), own) { rules[$0].rule.confidence }
        }
        outcome.confidences = choose(hasFired, zeroWhereMissing(confidences), otherwise.confidences)
    }

    /// The class with most weight, the first in the data dictionary of equals; how sure it is, is its weight
    /// over the number of rules that fire, and its probability the share that it has of all weight.
    private func lowerWeightedSum(
        _ model: RuleSetModel, _ rules: [FlatRule], into outcome: inout Outcome, in scope: Scope
    ) throws(ScoringError) {
        let firing = try firing(model.rules, within: constant(1), in: scope)
        let fired = rules.isEmpty ? constant(0) : builder.combine(.sum, firing)
        let hasFired = builder.apply(.greater, fired, constant(0))
        let otherwise = whereNothingFires(model, outcome.classes)
        let positions = ofEachClass(rules, outcome.classes.count)
        let weights = positions.map { own in
            own.isEmpty
                ? constant(.nan)
                : builder.combine(.sum, own.map { builder.apply(.only, constant(rules[$0].rule.weight), firing[$0]) })
        }
        let winner = mostProbable(weights)
        outcome.label = choose(hasFired, winner, constant(otherwise.label))
        let total = builder.combine(.sum, weights)
        let totals = zeroWhereMissing(weights)
        outcome.probabilities = choose(
            hasFired, totals.map { builder.apply(.divide, $0, total) }, otherwise.probabilities)
        outcome.confidences = choose(hasFired, totals.map { builder.apply(.divide, $0, fired) }, otherwise.confidences)
        var entity = constant(.nan)
        for (position, own) in positions.enumerated() {
            let rule = heaviest(own, rules, firing)
            let id = look(up: rule, own) { Double(rules[$0].entity) }
            entity = choose(builder.apply(.equal, winner, constant(Double(position))), id, entity)
        }
        outcome.entity = entity
    }
}
