internal import Logging
internal import Pipeline
internal import Registry
internal import Scoring
internal import Synchronization
internal import Testing

/// The stages in order, with a model whose behaviour is a closure.
@Suite struct PredictionPipelineTests {
    private final class ClosureModel: ScoringModel {
        let signature = Signature(inputs: [Field("x")], outputs: [OutputColumn("prediction")], roles: Roles(score: 0..<1))
        let description = ModelDescription(format: "closure")
        private let body: @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void

        init(_ body: @escaping @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void) { self.body = body }

        func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
            scores.reset(rows: rows.count, width: 1)
            try body(rows, scores)
        }
    }

    private struct HalfRule: DecisionRule {
        func decision(for score: Double) -> Decision? { score.isNaN ? nil : score > 0.5 ? .block : .allow }
    }

    private final class Tally: PredictionMeter {
        let events = Mutex<[String]>([])

        func recordRequest(_ error: ScoringError?) {}
        func recordStandIn(rows: Int) {}

        func recordRows(_ group: RowGroup) {
            let event =
                group.hasAnswers ? "success of \(group.scores.count)" : group.error(row: 0).map { "failure: \($0)" } ?? "no rows"
            events.withLock { $0.append(event) }
        }
    }

    private let tally = Tally()
    private let group = RowGroup()
    private let pipeline: PredictionPipeline

    init() {
        let metrics = ServingMetrics(version: "test")
        let registry = ModelRegistry(
            RegistrySettings(root: "/nowhere"), formats: [], meter: { metrics.meter($0, $1) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        pipeline = PredictionPipeline(registry: registry, metrics: metrics)
    }

    private func serve(_ body: @escaping @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void) throws -> ServedModel
    {
        var answers = AnswerRules()
        answers.rule = HalfRule()
        return ServedModel(
            name: try #require(ModelName("m")), version: try #require(ModelVersion(1)), model: ClosureModel(body),
            answers: answers,
            meter: tally)
    }

    /// Asks, and returns why no row has a score.
    private func ask(_ values: [Double], deadline: Moment? = nil, _ served: ServedModel) -> ScoringError? {
        group.begin(RequestInfo(arrival: .now, deadline: deadline), RowGroup.Target(served))
        for value in values { group.features.set(value, row: group.features.addRow(), column: 0) }
        #expect(pipeline.run(group) == .answered)
        return group.outcome.error
    }

    private var events: [String] { tally.events.withLock { $0 } }

    @Test func eachRowGetsItsDecision() throws {
        let served = try serve { rows, scores in for row in 0..<rows.count { scores[row, 0] = rows[row, 0] } }
        #expect(ask([0.9, 0.1, .nan], served) == nil)
        #expect(group.outcome.decisions == [.block, .allow, nil])
        #expect(events == ["success of 3"])
    }

    @Test func aDeadlineThatHasPassedCostsNoScoring() throws {
        let served = try serve { _, _ in Issue.record("it was scored") }
        #expect(ask([1], deadline: Moment(nanoseconds: 1), served) == .deadlineExceeded)
        #expect(group.outcome.decisions.isEmpty)
        #expect(events == ["failure: \(ScoringError.deadlineExceeded)"])
    }

    @Test func aScoreThatComesTooLateIsNoAnswer() throws {
        let deadline = Moment.now.advanced(byMilliseconds: 2)
        let served = try serve { _, scores in
            scores[0, 0] = 0.9
            while Moment.now <= deadline {}
        }
        #expect(ask([0.9], deadline: deadline, served) == .deadlineExceeded)
        #expect(group.outcome.decisions.isEmpty, "no decision is made on it either")
    }

    @Test func anEnginesFailureIsCountedAndPassedOn() throws {
        let served = try serve { _, _ throws(ScoringError) in throw .engineFailure("out of order") }
        #expect(ask([1], served) == .engineFailure("out of order"))
        #expect(group.outcome.failure?.blame == .engine)
        #expect(events == ["failure: out of order"])
    }

    @Test func aRequestOfWhichNoRowCouldBeScoredIsAFailure() throws {
        let bad = ScoringError.invalidFeature(name: "x", reason: "out of range")
        #expect(ask([1, 2], try serve { _, scores in for row in 0..<2 { scores.fail(row: row, bad) } }) == nil)
        let half = try serve { _, scores in
            scores.fail(row: 0, bad)
            scores[1, 0] = 0.9
        }
        #expect(ask([1, 2], half) == nil)
        #expect(group.outcome.decisions == [nil, .block])
        #expect(events == ["failure: \(bad)", "success of 2"])
    }
}
