internal import Scoring

/// Rules with a predicate and a prediction each, and how the one that counts is found among those that fire.
package struct RuleSetModel {
    package enum Criterion: String { case weightedSum, weightedMax, firstHit }

    /// A rule of the file's order. A compound rule is its predicate and the rules that it guards.
    package indirect enum Rule {
        case simple(SimpleRule)
        case compound(CompoundRule)
    }

    package struct SimpleRule {
        package var id: String?
        package var score: String
        package var confidence: Double
        package var weight: Double
        package var recordCount: Double?
        package var distribution: [TreeModel.ScoreDistribution] = []
        package var predicate: Predicate
        package var place: Place
    }

    package struct CompoundRule {
        package var predicate: Predicate
        package var rules: [Rule]
        package var place: Place
    }

    package var head: ModelHeader
    /// The first method that the file lists: the others are alternatives for whoever asks for them.
    package var criterion: Criterion
    package var defaultScore: String?
    package var defaultConfidence: Double?
    package var rules: [Rule] = []
}

extension ElementReader {
    mutating func ruleSetModel() throws(ScoringError) -> RuleSetModel {
        var model = RuleSetModel(head: try modelHead(), criterion: .firstHit)
        var hasSet = false
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            guard tag == .RuleSet, !hasSet else { throw reader.unsupported() }
            hasSet = true
            try reader.readRuleSet(into: &model)
        }
        guard hasSet else {
            throw .invalidModel(reason: "<RuleSetModel>: the RuleSet is missing", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    private mutating func readRuleSet(into model: inout RuleSetModel) throws(ScoringError) {
        let start = place
        model.defaultScore = try string("defaultScore")
        model.defaultConfidence = try double("defaultConfidence")
        var criterion: RuleSetModel.Criterion?
        var rules: [RuleSetModel.Rule] = []
        try children { (reader, tag) throws(ScoringError) in
            if tag == .RuleSelectionMethod {
                let listed: RuleSetModel.Criterion = try reader.requiredChoice("criterion")
                criterion = criterion ?? listed
            } else if let rule = try reader.rule(tag) {
                rules.append(rule)
            } else {
                throw reader.unsupported()
            }
        }
        guard let criterion else {
            throw .invalidModel(reason: "<RuleSet>: the RuleSelectionMethod is missing", place: xml.place(of: Int(start)))
        }
        (model.criterion, model.rules) = (criterion, rules)
    }

    /// The rule that begins at the current element, or nil if it is none.
    private mutating func rule(_ tag: Tag) throws(ScoringError) -> RuleSetModel.Rule? {
        switch tag {
        case .SimpleRule: return .simple(try simpleRule())
        case .CompoundRule: return .compound(try compoundRule())
        default: return nil
        }
    }

    private mutating func simpleRule() throws(ScoringError) -> RuleSetModel.SimpleRule {
        var rule = RuleSetModel.SimpleRule(
            id: try string("id"), score: try required("score"), confidence: try double("confidence", or: 1),
            weight: try double("weight", or: 1), recordCount: try double("recordCount"), predicate: .never, place: place)
        var predicate: Predicate?
        try children { (reader, tag) throws(ScoringError) in
            if tag == .ScoreDistribution {
                rule.distribution.append(try reader.scoreDistribution())
            } else if predicate == nil, let found = try reader.predicate(tag) {
                predicate = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let predicate else {
            throw .invalidModel(reason: "<SimpleRule>: the predicate is missing", place: xml.place(of: Int(rule.place)))
        }
        rule.predicate = predicate
        return rule
    }

    private mutating func compoundRule() throws(ScoringError) -> RuleSetModel.CompoundRule {
        let place = place
        var predicate: Predicate?
        var rules: [RuleSetModel.Rule] = []
        try children { (reader, tag) throws(ScoringError) in
            if let rule = try reader.rule(tag) {
                rules.append(rule)
            } else if predicate == nil, let found = try reader.predicate(tag) {
                predicate = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let predicate, !rules.isEmpty else {
            throw .invalidModel(
                reason: "<CompoundRule>: the predicate or a rule is missing", place: xml.place(of: Int(place)))
        }
        return RuleSetModel.CompoundRule(predicate: predicate, rules: rules, place: place)
    }
}
