internal import Batching
internal import Caching
internal import Dispatch
internal import Glibc
internal import Logging
internal import Pipeline
internal import Registry
internal import Resilience
internal import Scoring
internal import Synchronization
internal import Testing

/// What becomes of a request on its way through the stages of a version, with models whose behaviour is a closure.
@Suite struct StageTests {
    typealias Body = @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void

    final class ClosureModel: ScoringModel {
        let signature = Signature(inputs: [Field("x")], outputs: [OutputColumn("prediction")], roles: Roles(score: 0..<1))
        let description = ModelDescription(format: "closure")
        let calls: CallProfile
        private let body: Body

        init(calls: CallProfile, _ body: @escaping Body) {
            self.calls = calls
            self.body = body
        }

        func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
            scores.reset(rows: rows.count, width: 1)
            try body(rows, scores)
        }
    }

    struct HalfRule: DecisionRule {
        func decision(for score: Double) -> Decision? { score.isNaN ? nil : score > 0.5 ? .block : .allow }
    }

    final class Tally: PredictionMeter {
        let events = Mutex<[String]>([])

        func recordRequest(_ error: ScoringError?) {}
        func recordStandIn(rows: Int) {}

        func recordRows(_ group: RowGroup) {
            let event =
                group.hasAnswers ? "success of \(group.scores.count)" : group.error(row: 0).map { "failure: \($0)" } ?? "no rows"
            events.withLock { $0.append(event) }
        }
    }

    /// Holds threads until it is opened.
    final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)

        func wait() {
            semaphore.wait()
            semaphore.signal()
        }

        func open() { semaphore.signal() }
    }

    /// What a request got.
    struct Answer: Equatable {
        var scores: [Double] = []
        var decisions: [Decision?] = []
        var isCached = false
        var degradation: String?
        /// nil for all.
        var degradedRows: [Int]?
        var failedRows: [Int] = []
        var error: ScoringError?

        var isRefusedByBreaker: Bool { if case .circuitOpen? = error { true } else { false } }
    }

    let tally = Tally()
    let factory = StageFactory()
    let pipeline: PredictionPipeline
    let name: ModelName

    init() throws {
        let metrics = ServingMetrics(version: "test")
        let registry = ModelRegistry(
            RegistrySettings(root: "/nowhere"), formats: [], meter: { metrics.meter($0, $1) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        pipeline = PredictionPipeline(registry: registry, metrics: metrics)
        name = try #require(ModelName("m"))
    }

    func serve(
        _ rules: ServingRules, calls: CallProfile = .inline, version: Int = 1, rowNanoseconds: UInt64? = nil,
        name other: String? = nil, meter: (any PredictionMeter)? = nil, _ body: @escaping Body
    ) throws -> ServedModel {
        let name = try other.map { try #require(ModelName($0)) } ?? name
        let model = ClosureModel(calls: calls, body)
        let number = try #require(ModelVersion(version))
        var answers = AnswerRules()
        answers.rule = HalfRule()
        let stages = try factory.stages(of: name, number, model, content: [1], rules: rules, rowNanoseconds: rowNanoseconds)
        return ServedModel(name: name, version: number, model: model, answers: answers, meter: meter ?? tally, stages: stages)
    }

    /// Asks and waits for the answer.
    func ask(
        _ served: ServedModel, _ values: [Double], arrival: Moment = .now, deadline: Moment? = nil,
        queueDelay: QueueDelay = .none, experiment: (any OutcomeObserver)? = nil
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            begin(served, values, arrival, deadline, queueDelay, experiment) { continuation.resume(returning: $0) }
        }
    }

    /// Asks, and has `answered` called once, now or later.
    @discardableResult
    func begin(
        _ served: ServedModel, _ values: [Double], _ arrival: Moment, _ deadline: Moment? = nil,
        _ queueDelay: QueueDelay = .none, _ experiment: (any OutcomeObserver)? = nil, on path: FixedPath? = nil,
        answered: @escaping @Sendable (Answer) -> Void
    ) -> RowGroup {
        let group = RowGroup { group in answered(Self.answer(group)) }
        let info = RequestInfo(arrival: arrival, deadline: deadline, queueDelay: queueDelay)
        group.begin(info, RowGroup.Target(served, observer: experiment))
        for value in values { group.features.set(value, row: group.features.addRow(), column: 0) }
        if case .answered = path?.run(group) ?? pipeline.run(group) { answered(Self.answer(group)) }
        return group
    }

    static func answer(_ group: RowGroup) -> Answer {
        let (scores, outcome) = (group.scores, group.outcome)
        if let error = outcome.error { return Answer(error: error) }
        return Answer(
            scores: (0..<scores.count).map { scores[$0, 0] }, decisions: outcome.decisions, isCached: outcome.isCached,
            degradation: outcome.degradations.first?.reason.rawValue, degradedRows: outcome.degradations.first?.rows,
            failedRows: scores.failures.map(\.row).sorted())
    }

    static let echo: Body = { rows, scores in for row in 0..<rows.count { scores[row, 0] = rows[row, 0] } }
    static let blocking = CallProfile(isBlocking: true)

    var events: [String] { tally.events.withLock { $0 } }

    // MARK: Batching

    @Test func aVersionWithoutRulesHasNoStages() throws {
        #expect(try serve(ServingRules(), Self.echo).stages == nil)
    }

    @Test func blockingModelsAreScoredOnThreadsOfTheirOwnAndDecidedUpon() async throws {
        let served = try serve(ServingRules(), calls: Self.blocking, Self.echo)
        #expect(await ask(served, [0.9, 0.2]) == Answer(scores: [0.9, 0.2], decisions: [.block, .allow]))
        #expect(events == ["success of 2"])
    }

    @Test func manyRequestsAtOnceGetEachItsOwn() async throws {
        let served = try serve(ServingRules(), calls: Self.blocking, Self.echo)
        await withTaskGroup(of: Bool.self) { tasks in
            for number in 0..<300 {
                tasks.addTask { await ask(served, [Double(number), -1]).scores == [Double(number), -1] }
            }
            for await isRight in tasks { #expect(isRight) }
        }
    }

    @Test func aRequestWhoseEngineHangsIsAnsweredAtItsDeadline() async throws {
        let gate = Gate()
        let served = try serve(ServingRules(), calls: Self.blocking) { _, _ in gate.wait() }
        let answer = await ask(served, [1], deadline: Moment.now.advanced(byMilliseconds: 20))
        #expect(answer == Answer(error: .deadlineExceeded))
        gate.open()
    }

    @Test func aFrontThatCannotWaitGetsItsAnswerAtOnce() throws {
        let served = try serve(ServingRules(), calls: Self.blocking, Self.echo)
        let group = RowGroup()
        group.begin(RequestInfo(arrival: .now), RowGroup.Target(served))
        group.features.set(0.7, row: group.features.addRow(), column: 0)
        guard case .answered = pipeline.run(group) else {
            Issue.record("it was to be answered later")
            return
        }
        #expect(group.scores[0, 0] == 0.7)
    }

    @Test func quickCallsOfOneRowAreMadeOnTheCallersThreadAndOthersAreNot() async throws {
        let threads = Mutex<[UInt]>([])
        for (nanoseconds, isHere) in [(UInt64(5_000), true), (50_000, false)] {
            let served = try serve(ServingRules(), calls: Self.blocking, rowNanoseconds: nanoseconds) { rows, scores in
                threads.withLock { $0.append(pthread_self()) }
                for row in 0..<rows.count { scores[row, 0] = rows[row, 0] }
            }
            let group = RowGroup { _ in }
            group.begin(RequestInfo(arrival: .now), RowGroup.Target(served))
            group.features.set(0.75, row: group.features.addRow(), column: 0)
            let progress = pipeline.run(group)
            #expect(progress == (isHere ? .answered : .pending))
            if isHere {
                #expect(group.scores[0, 0] == 0.75)
                #expect(threads.withLock { $0 } == [pthread_self()])
                // Several rows share a call on an engine thread.
                #expect(await ask(served, [0.1, 0.2]).scores == [0.1, 0.2])
                #expect(threads.withLock { $0[1] != $0[0] })
            }
        }
    }

    @Test func aQuickCallThatTakesLongIsGivenUpAndMadeOnAnEngineThread() async throws {
        let calls = Mutex(0)
        let served = try serve(ServingRules(), calls: Self.blocking, rowNanoseconds: 5_000) {
            rows, scores throws(ScoringError) in
            // The first one is ended at its patience, as ONNX Runtime's runs are.
            let isFirst = calls.withLock { calls in
                calls += 1
                return calls == 1
            }
            if isFirst {
                let start = Moment.now
                while Moment.now.nanoseconds(since: start) < 25_000_000 {}
                throw .deadlineExceeded
            }
            scores[0, 0] = rows[0, 0]
        }
        #expect(await ask(served, [0.3]) == Answer(scores: [0.3], decisions: [.allow]))
        #expect(calls.withLock { $0 } == 2)
    }

    // MARK: Caching

    func caching() -> ServingRules {
        var rules = ServingRules()
        rules.cacheLife = .seconds(60)
        return rules
    }

    @Test func equalRowsAreScoredOnceAndDecidedUponEachTime() async throws {
        let calls = Mutex(0)
        let served = try serve(caching()) { rows, scores in
            calls.withLock { $0 += 1 }
            scores[0, 0] = rows[0, 0]
        }
        #expect(await ask(served, [0.9]) == Answer(scores: [0.9], decisions: [.block]))
        #expect(await ask(served, [0.9]) == Answer(scores: [0.9], decisions: [.block], isCached: true))
        #expect(await ask(served, [0.4]) == Answer(scores: [0.4], decisions: [.allow]))
        #expect(calls.withLock { $0 } == 2)
    }

    @Test func aVersionLoadedAgainNeverAnswersWithTheScoresOfTheOneBefore() async throws {
        let old = try serve(caching()) { _, scores in scores[0, 0] = 0.1 }
        #expect(await ask(old, [1]).scores == [0.1])
        #expect(await ask(old, [1]).isCached)
        let new = try serve(caching()) { _, scores in scores[0, 0] = 0.2 }
        #expect(await ask(new, [1]) == Answer(scores: [0.2], decisions: [.allow]))
    }

    @Test func equalRowsOfABlockingModelAreComputedOnceAtATime() async throws {
        let calls = Mutex(0)
        let gate = Gate()
        let served = try serve(caching(), calls: Self.blocking) { rows, scores in
            calls.withLock { $0 += 1 }
            gate.wait()
            for row in 0..<rows.count { scores[row, 0] = rows[row, 0] }
        }
        await withTaskGroup(of: Answer.self) { tasks in
            for _ in 0..<50 { tasks.addTask { await ask(served, [0.9]) } }
            while calls.withLock({ $0 }) == 0 { await Task.yield() }
            gate.open()
            for await answer in tasks { #expect(answer.scores == [0.9]) }
        }
        // Whoever came after the first was done found its score in memory.
        #expect(calls.withLock { $0 } == 1)
    }

    /// Asks for the same row `count` times: the first is to be computed, the others wait for it.
    func askTogether(
        _ count: Int, _ served: ServedModel, arrival: Moment = .now
    ) -> (crowd: Crowd<Answer>, leader: RowGroup) {
        let crowd = Crowd<Answer>(count)
        let groups = (0..<count).map { _ in begin(served, [7], arrival) { crowd.add($0) } }
        return (crowd, groups[0])
    }

    @Test func thoseWhoWaitAreRefusedTogetherWhereTheirLeaderGoesAndTheBreakerIsOpen() async throws {
        let gate = Gate()
        var rules = caching()
        var batching = BatchLimits()
        (batching.engines, batching.maxBatchRows, batching.longestWait) = (2, 1, .seconds(3600))
        rules.batching = batching
        let served = try serve(rules, calls: Self.blocking) { rows, _ throws(ScoringError) in
            if rows[0, 0] == 7 { gate.wait() }
            throw .engineFailure("broken")
        }
        let (crowd, leader) = askTogether(3000, served)
        while !(await ask(served, [2]).isRefusedByBreaker) {}
        leader.cancellation?.cancel()
        #expect(await crowd.answers().count { $0.isRefusedByBreaker } == 2999)
        gate.open()
    }

    @Test(.timeLimit(.minutes(5))) func whoWaitsForAHangingEngineIsAnsweredByItsOwnLongestWait() async throws {
        let gate = Gate()
        var rules = caching()
        var batching = BatchLimits()
        batching.longestWait = .seconds(3600)
        rules.batching = batching
        let served = try serve(rules, calls: Self.blocking) { _, _ in gate.wait() }
        // Nearly all of the time is over.
        let arrival = Moment(nanoseconds: Moment.now.nanoseconds - 3_600_000_000_000 + 100_000_000)
        let answers = await askTogether(20, served, arrival: arrival).crowd.answers()
        #expect(answers == Array(repeating: Answer(error: .deadlineExceeded), count: 20))
        gate.open()
    }

    @Test func aMissingScoreIsFoundOnceForAllWhoWait() async throws {
        let calls = Mutex(0)
        let gate = Gate()
        var rules = falling(to: .constant(score: 0.5, decision: nil), on: [.missingScore])
        rules.cacheLife = .seconds(60)
        let served = try serve(rules, calls: Self.blocking) { _, scores in
            calls.withLock { $0 += 1 }
            gate.wait()
            scores[0, 0] = .nan
        }
        let crowd = askTogether(50, served).crowd
        gate.open()
        let expected = Answer(scores: [0.5], decisions: [.allow], degradation: "score missing")
        #expect(await crowd.answers().allSatisfy { $0 == expected })
        #expect(calls.withLock { $0 } == 1)
    }

    @Test func failuresAreNotKept() async throws {
        let calls = Mutex(0)
        let served = try serve(caching()) { _, scores throws(ScoringError) in
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call == 1 { throw .engineFailure("first") }
            scores[0, 0] = 1
        }
        #expect(await ask(served, [1]).error == .engineFailure("first"))
        #expect(await ask(served, [1]) == Answer(scores: [1], decisions: [.block]))
    }

    // MARK: Failure

    func falling(
        to rule: FallbackRule, on causes: FallbackCauses = .standard, breaker: BreakerLimits? = nil
    ) -> ServingRules {
        var rules = ServingRules()
        rules.fallback = Fallback(rule, on: causes)
        if let breaker {
            var limits = ResilienceLimits()
            limits.breaker = breaker
            rules.limits = limits
        }
        return rules
    }

    @Test(arguments: [CallProfile.inline, CallProfile(isBlocking: true)])
    func aFailedEngineIsStoodInForByTheConstant(calls: CallProfile) async throws {
        let served = try serve(falling(to: .constant(score: 0.25, decision: .review)), calls: calls) {
            _, _ throws(ScoringError) in throw .engineFailure("broken")
        }
        let answer = await ask(served, [1, 2])
        #expect(
            answer == Answer(scores: [0.25, 0.25], decisions: [.review, .review], degradation: "engine failed"))
    }

    @Test func aHangingEngineIsStoodInForAtTheDeadline() async throws {
        let gate = Gate()
        let served = try serve(falling(to: .constant(score: 0.75, decision: nil)), calls: Self.blocking) { _, _ in
            gate.wait()
        }
        let answer = await ask(served, [1], deadline: Moment.now.advanced(byMilliseconds: 20))
        #expect(answer == Answer(scores: [0.75], decisions: [.block], degradation: "deadline passed"))
        gate.open()
    }

    @Test func aCallersErrorIsNeverStoodInFor() async throws {
        let bad = ScoringError.invalidFeature(name: "x", reason: "out of range")
        let served = try serve(falling(to: .constant(score: 0.5, decision: nil))) { _, _ throws(ScoringError) in throw bad }
        #expect(await ask(served, [1]) == Answer(error: bad))
        #expect(events == ["failure: \(bad)"])
    }

    @Test func anOpenBreakerAnswersWithoutCallingTheEngine() async throws {
        let calls = Mutex(0)
        var breaker = BreakerLimits()
        breaker.minimumCalls = 5
        let served = try serve(falling(to: .constant(score: 0.5, decision: .review), breaker: breaker)) {
            _, _ throws(ScoringError) in
            calls.withLock { $0 += 1 }
            throw .engineFailure("broken")
        }
        var reasons: Set<String> = []
        for _ in 0..<50 { reasons.insert(await ask(served, [1]).degradation ?? "none") }
        #expect(reasons == ["engine failed", "breaker open"])
        #expect(calls.withLock { $0 } == 5)
    }

    @Test func anOpenBreakerWithoutAFallbackIsNotReady() async throws {
        var limits = ResilienceLimits()
        limits.breaker = BreakerLimits()
        limits.breaker?.minimumCalls = 3
        var rules = ServingRules()
        rules.limits = limits
        let served = try serve(rules) { _, _ throws(ScoringError) in throw .engineFailure("broken") }
        for _ in 0..<3 { #expect(await ask(served, [1]).error == .engineFailure("broken")) }
        #expect(await ask(served, [1]).isRefusedByBreaker)
    }

    @Test func aMissingScoreIsStoodInForOnlyWhereTheModelSaysSo() async throws {
        let plain = try serve(falling(to: .constant(score: 0.5, decision: nil))) { _, scores in scores[0, 0] = .nan }
        #expect(await ask(plain, [1]).degradation == nil)
        let rules = falling(to: .constant(score: 0.5, decision: nil), on: [.missingScore])
        let asked = try serve(rules) { _, scores in scores[0, 0] = .nan }
        #expect(await ask(asked, [1]) == Answer(scores: [0.5], decisions: [.allow], degradation: "score missing"))
    }

    /// Each row of a batch gets what it gets alone, from the engine and from the cache.
    @Test(arguments: [false, true]) func aMissingScoreIsStoodInForInItsRowOnly(isCaching: Bool) async throws {
        var rules = falling(to: .constant(score: 0.25, decision: .review), on: [.missingScore])
        if isCaching { rules.cacheLife = .seconds(60) }
        let served = try serve(rules) { rows, scores in
            for row in 0..<rows.count { scores[row, 0] = rows[row, 0] < 0 ? .nan : rows[row, 0] }
        }
        for round in 0..<3 {
            let answer = await ask(served, [0.75, -1, 0.1, -2])
            #expect(answer.scores == [0.75, 0.25, 0.1, 0.25])
            #expect(answer.decisions == [.block, .review, .allow, .review])
            #expect(answer.degradation == "score missing")
            #expect(answer.degradedRows == [1, 3])
            let good = await ask(served, [0.75, 0.1])
            #expect(good == Answer(scores: [0.75, 0.1], decisions: [.block, .allow], isCached: isCaching))
            let alone = await ask(served, [-1])
            #expect(alone == Answer(scores: [0.25], decisions: [.review], degradation: "score missing"), "round \(round)")
        }
    }

    @Test func aRowThatFailedKeepsItsErrorBesideOneWithoutAScore() async throws {
        let bad = ScoringError.invalidRequest("beyond the table")
        let served = try serve(falling(to: .constant(score: 0.25, decision: nil), on: [.missingScore])) { rows, scores in
            for row in 0..<rows.count {
                if rows[row, 0] == 9 { scores.fail(row: row, bad) } else if rows[row, 0] > 0 { scores[row, 0] = rows[row, 0] }
            }
        }
        let answer = await ask(served, [9, -1, 0.75])
        #expect(answer.degradedRows == [1])
        #expect(answer.failedRows == [0])
        #expect(Array(answer.scores[1...]) == [0.25, 0.75])
        #expect(Array(answer.decisions[1...]) == [.allow, .block])
    }

    @Test func rowsThatNothingStandsInForStayWithoutAScore() async throws {
        // The version that is to stand in is not there.
        let served = try serve(falling(to: .version(try #require(ModelVersion(9))), on: [.missingScore])) { rows, scores in
            for row in 0..<rows.count where rows[row, 0] > 0 { scores[row, 0] = rows[row, 0] }
        }
        for rows in [[0.75, -1], [-1]] {
            let answer = await ask(served, rows)
            #expect(answer.error == nil && answer.failedRows == [] && answer.degradation == nil)
            #expect(answer.scores.map(\.isNaN) == rows.map { $0 < 0 })
            #expect(answer.decisions == rows.map { $0 < 0 ? nil : .block })
        }
    }

    @Test func waitingForTheCallsOfOthersDoesNotOpenTheBreaker() async throws {
        var breaker = BreakerLimits()
        breaker.minimumCalls = 3
        breaker.slowCall = .milliseconds(100)
        breaker.slowRatio = 0.1
        breaker.failureRatio = 0.1
        let rules = falling(to: .constant(score: 0.5, decision: .review), on: [.breakerOpen], breaker: breaker)
        let calls = CallProfile(isBlocking: true, mayShareCalls: false)
        let served = try serve(rules, calls: calls) { rows, scores in
            let start = Moment.now
            while Moment.now.nanoseconds(since: start) < 5_000_000 {}
            scores[0, 0] = rows[0, 0]
        }
        let deadline = Moment.now.advanced(byMilliseconds: 200)
        await withTaskGroup(of: Answer.self) { tasks in
            for number in 0..<100 { tasks.addTask { await ask(served, [Double(number)], deadline: deadline) } }
            var late = 0
            for await answer in tasks {
                #expect(answer.degradation == nil)
                if answer.error == .deadlineExceeded { late += 1 }
            }
            #expect(late > 50)
        }
        #expect(await ask(served, [0.25]).scores == [0.25])
    }
}
