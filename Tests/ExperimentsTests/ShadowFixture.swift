internal import Experiments
internal import Glibc
internal import Scoring
internal import Synchronization

/// A model whose score is its first input times a factor, and that misbehaves on order.
final class FactorModel: ScoringModel {
    enum Conduct: Sendable { case good, failing, missing, hanging }

    let signature: Signature
    let description = ModelDescription(format: "test")
    private let factor: Double
    private let conduct: Conduct
    /// A hanging model returns once this is set.
    let isReleased = Atomic(false)

    init(_ factor: Double, _ conduct: Conduct = .good, inputs: [Field] = [Field("a"), Field("b")]) {
        self.factor = factor
        self.conduct = conduct
        signature = Signature(inputs: inputs, outputs: [OutputColumn("score")], roles: Roles(score: 0..<1))
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        if conduct == .failing { throw .engineFailure("the engine says no") }
        while conduct == .hanging, !isReleased.load(ordering: .relaxed) { usleep(1000) }
        scores.reset(rows: rows.count, width: 1)
        for row in 0..<rows.count where conduct != .missing { scores[row, 0] = rows[row, 0] * factor }
    }
}

private final class NoMeter: PredictionMeter {
    func recordRequest(_ error: ScoringError?) {}
    func recordRows(_ group: RowGroup) {}
    func recordStandIn(rows: Int) {}
}

struct HalfRule: DecisionRule {
    func decision(for score: Double) -> Decision? { score.isNaN ? nil : score > 0.5 ? .block : .allow }
}

func served(_ version: Int, _ model: FactorModel) -> ServedModel {
    var answers = AnswerRules()
    answers.rule = HalfRule()
    return ServedModel(
        name: ModelName("fraud")!, version: ModelVersion(version)!, model: model, answers: answers, meter: NoMeter())
}

/// Scores rows whose first input is given, as a request does.
func request(_ values: [Double], by served: ServedModel, in group: RowGroup = RowGroup()) throws -> RowGroup {
    group.begin(RequestInfo(arrival: .now), RowGroup.Target(served))
    for value in values {
        let row = group.features.addRow()
        group.features.set(value, row: row, column: 0)
    }
    try served.model.score(group.features, into: group.scores, ScoreCall(deadline: nil, workspace: group.workspace))
    for row in 0..<group.scores.count { group.outcome.decisions.append(served.rule?.decision(for: group.scores[row, 0])) }
    return group
}

/// Looks again until a comparison is as expected; nil after ten seconds.
func comparison(of queue: ShadowQueue, once isExpected: (ShadowComparison) -> Bool) -> ShadowComparison? {
    let end = Moment.now.advanced(byMilliseconds: 10_000)
    while Moment.now < end {
        let comparison = queue.comparison()
        if isExpected(comparison) { return comparison }
        sched_yield()
    }
    return nil
}
