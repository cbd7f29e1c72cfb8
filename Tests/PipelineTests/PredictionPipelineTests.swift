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

        func score(_ rows: FeatureBatch, into scores: ScoreBatch, using workspace: Workspace) throws(ScoringError) {
            scores.reset(rows: rows.count, width: 1)
            try body(rows, scores)
        }
    }

    private struct HalfRule: DecisionRule {
        func decision(for score: Double) -> Decision? { score.isNaN ? nil : score > 0.5 ? .block : .allow }
    }

    private final class Tally: PredictionMeter {
        let events = Mutex<[String]>([])

        func recordSuccess(rows: Int, nanoseconds: UInt64) { events.withLock { $0.append("success of \(rows)") } }
        func recordFailure(_ error: ScoringError) { events.withLock { $0.append("failure: \(error)") } }
        func recordResults(_ exchange: PredictionExchange, column: Int?) {}
    }

    private let tally = Tally()
    private let exchange = PredictionExchange()
    private let pipeline: PredictionPipeline

    init() {
        let metrics = ServingMetrics(version: "test")
        let registry = ModelRegistry(
            RegistrySettings(root: "/nowhere"), formats: [], meter: { metrics.meter($0, $1) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        pipeline = PredictionPipeline(registry: registry, metrics: metrics, stock: PathStock())
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

    private func begin(_ values: [Double], deadline: Moment? = nil) {
        exchange.begin(arrival: .now, deadline: deadline, width: 1)
        for value in values { exchange.features.set(value, row: exchange.features.addRow(), column: 0) }
    }

    private var events: [String] { tally.events.withLock { $0 } }

    @Test func eachRowGetsItsDecision() throws {
        begin([0.9, 0.1, .nan])
        _ = try pipeline.predict(
            exchange, with: serve { rows, scores in for row in 0..<rows.count { scores[row, 0] = rows[row, 0] } })
        #expect(exchange.decisions == [.block, .allow, nil])
        #expect(events == ["success of 3"])
    }

    @Test func aDeadlineThatHasPassedCostsNoScoring() throws {
        begin([1], deadline: Moment(nanoseconds: 1))
        let served = try serve { _, _ in Issue.record("it was scored") }
        #expect(throws: ScoringError.deadlineExceeded) { _ = try pipeline.predict(exchange, with: served) }
        #expect(exchange.decisions.isEmpty)
        #expect(events == ["failure: \(ScoringError.deadlineExceeded)"])
    }

    @Test func aScoreThatComesTooLateIsNoAnswer() throws {
        let deadline = Moment.now.advanced(byMilliseconds: 2)
        begin([0.9], deadline: deadline)
        let served = try serve { _, scores in
            scores[0, 0] = 0.9
            while Moment.now <= deadline {}
        }
        #expect(throws: ScoringError.deadlineExceeded) { _ = try pipeline.predict(exchange, with: served) }
        #expect(exchange.decisions.isEmpty, "no decision is made on it either")
    }

    @Test func anEnginesFailureIsCountedAndPassedOn() throws {
        begin([1])
        let served = try serve { _, _ throws(ScoringError) in throw .engineFailure("out of order") }
        #expect(throws: ScoringError.engineFailure("out of order")) { _ = try pipeline.predict(exchange, with: served) }
        #expect(events == ["failure: out of order"])
    }

    @Test func aRequestOfWhichNoRowCouldBeScoredIsAFailure() throws {
        begin([1, 2])
        let bad = ScoringError.invalidFeature(name: "x", reason: "out of range")
        _ = try pipeline.predict(exchange, with: serve { _, scores in for row in 0..<2 { scores.fail(row: row, bad) } })
        begin([1, 2])
        _ = try pipeline.predict(
            exchange,
            with: serve { _, scores in
                scores.fail(row: 0, bad)
                scores[1, 0] = 0.9
            })
        #expect(exchange.decisions == [nil, .block])
        #expect(events == ["failure: \(bad)", "success of 2"])
    }
}
