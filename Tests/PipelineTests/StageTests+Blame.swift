internal import Pipeline
internal import Registry
internal import Resilience
internal import Scoring
internal import Synchronization
internal import Testing

/// Whose fault a failure is, and who is let in.
extension StageTests {
    // MARK: Blame

    @Test func thatTheCallersDeadlinePassesIsNoFailureOfTheVersion() async throws {
        var limited = ServingRules()
        limited.limits = ResilienceLimits()
        limited.limits?.deadline = .seconds(60)
        for rules in [ServingRules(), caching(), limited] {
            let notes = Notes()
            let served = try serve(rules, Self.echo)
            let answer = await ask(served, [1, 2], deadline: Moment(nanoseconds: 1), experiment: notes)
            #expect(answer.error == .deadlineExceeded)
            #expect(notes.failures.withLock { $0 } == [])
        }
        let notes = Notes()
        let late = Moment(nanoseconds: Moment.now.nanoseconds - 61_000_000_000)
        #expect(await ask(try serve(limited, Self.echo), [1], arrival: late, experiment: notes).error == .deadlineExceeded)
        #expect(notes.failures.withLock { $0 } == [.deadlineExceeded], "the model's own deadline")
    }

    @Test(arguments: [false, true])
    func onlyTheModelsOwnDeadlineOpensTheBreaker(isModels: Bool) async throws {
        let gate = Gate()
        var rules = ServingRules()
        rules.limits = ResilienceLimits()
        rules.limits?.deadline = isModels ? .milliseconds(20) : .seconds(3600)
        rules.limits?.breaker = BreakerLimits()
        rules.limits?.breaker?.minimumCalls = 3
        rules.limits?.breaker?.slowCall = .milliseconds(1)
        let served = try serve(rules, calls: Self.blocking) { _, _ in gate.wait() }
        var answers: [Answer] = []
        for _ in 0..<6 {
            let deadline = isModels ? nil : Moment.now.advanced(byMilliseconds: 20)
            answers.append(await ask(served, [1], deadline: deadline))
        }
        #expect(answers.contains(where: \.isRefusedByBreaker) == isModels)
        gate.open()
    }

    @Test func rowsThatTheEngineRefusesAreNoFailuresOfTheVersion() async throws {
        let notes = Notes()
        let served = try serve(falling(to: .constant(score: 0.5, decision: nil)), calls: Self.blocking) {
            rows, scores throws(ScoringError) in
            for row in 0..<rows.count {
                if rows[row, 0] == 99 { throw .engineFailure("out of bounds") }
                scores[row, 0] = rows[row, 0]
            }
        }
        for _ in 0..<50 {
            let answer = await ask(served, [99], experiment: notes)
            #expect(answer.degradation == nil)
        }
        #expect(tally.events.withLock { $0.allSatisfy { $0.contains("out of bounds") } })
        #expect(notes.failures.withLock { $0 } == [])
        #expect(await ask(served, [0.25]).scores == [0.25], "no breaker is open")
    }

    /// Whether the row or the engine is at fault cannot be found out in the time that is left.
    @Test(arguments: [false, true])
    func aFailureThatACallersHasteLeavesUnjudgedOpensNoBreaker(isHasty: Bool) async throws {
        let served = try serve(ServingRules(), calls: Self.blocking) { _, _ throws(ScoringError) in
            let begin = Moment.now
            while Moment.now.nanoseconds(since: begin) < 4_000_000 {}
            throw .engineFailure("out of memory")
        }
        let notes = Notes()
        var answers: [Answer] = []
        for _ in 0..<40 {
            let deadline = isHasty ? Moment.now.advanced(byMilliseconds: 6) : nil
            answers.append(await ask(served, [1], deadline: deadline, experiment: notes))
        }
        #expect(answers.contains(where: \.isRefusedByBreaker) == !isHasty)
        // Nor does a canary take note.
        #expect(notes.failures.withLock { $0.isEmpty } == isHasty)
    }

    /// A row that is answered proves that the engine works, whatever came before it in its batch.
    @Test func aBatchWithOneGoodRowAmongManyThatAreRefusedIsAnswered() async throws {
        let notes = Notes()
        let served = try serve(ServingRules(), calls: Self.blocking) { rows, scores throws(ScoringError) in
            for row in 0..<rows.count {
                if rows[row, 0] != 1000 { throw .rowRefused("out of bounds") }
                scores[row, 0] = 7
            }
        }
        let bad = (0..<250).map { Double($0) + 2 }
        let answer = await ask(served, bad + [1000], experiment: notes)
        #expect(answer.error == nil && answer.scores.last == 7 && answer.failedRows == Array(0..<250))
        #expect(notes.failures.withLock { $0 } == [])
    }

    @Test func aRequestOfWhichAVersionThatAnswersNobodyRefusesEveryRowIsItsFailure() async throws {
        let notes = Notes()
        let served = try serve(ServingRules(), calls: Self.blocking) { _, _ throws(ScoringError) in
            throw .rowRefused("out of bounds")
        }
        let first = await ask(served, (0..<150).map { Double($0) + 2 }, experiment: notes)
        #expect(first.error == nil && first.failedRows.count == 150 && notes.failures.withLock { $0 } == [])
        guard case .engineFailure? = await ask(served, (150..<300).map { Double($0) + 2 }, experiment: notes).error else {
            Issue.record("the callers are blamed")
            return
        }
        #expect(notes.failures.withLock { $0.count } == 1)
    }

    // MARK: Admission

    @Test func beyondTheLimitsRequestsAreRefusedAtOnceAndPlacesComeBack() async throws {
        let gate = Gate()
        let running = Mutex(0)
        var limits = ResilienceLimits()
        (limits.concurrency, limits.leastConcurrency) = (4, 4)
        var rules = ServingRules()
        rules.limits = limits
        let served = try serve(rules, calls: Self.blocking) { rows, scores in
            running.withLock { $0 += 1 }
            gate.wait()
            for row in 0..<rows.count { scores[row, 0] = rows[row, 0] }
        }
        await withTaskGroup(of: Answer.self) { tasks in
            for number in 0..<40 { tasks.addTask { await ask(served, [Double(number)]) } }
            var refused = 0
            // Four wait for the gate; the others are refused meanwhile.
            for _ in 0..<36 {
                guard let answer = await tasks.next(), case .overloaded? = answer.error else { continue }
                refused += 1
            }
            #expect(refused == 36)
            gate.open()
            for await answer in tasks { #expect(answer.error == nil) }
        }
        #expect(await ask(served, [7]).scores == [7])
    }

    /// What a request is told before it is read, with a delay that is too long.
    private func screen(_ served: ServedModel) -> ScoringError? {
        let delay = QueueDelay(waited: 20_000_000, standing: 5_000_000)
        do throws(ScoringError) {
            try pipeline.admit(RequestInfo(arrival: .now, queueDelay: delay), to: served)
            return nil
        } catch {
            return error
        }
    }

    @Test func nativeModelsWithLimitsRefuseWhatWaitedTooLongBeforeItIsRead() throws {
        var rules = ServingRules()
        rules.limits = ResilienceLimits()
        let limited = try serve(rules, Self.echo)
        #expect(limited.stages?.isLimited == true)
        #expect(screen(limited) == .overloaded(.unread(model: "m"), retryAfter: .milliseconds(20)))
    }

    @Test func whatOnlyHasACacheIsNotScreened() throws {
        var rules = ServingRules()
        rules.cacheLife = .seconds(60)
        let cached = try serve(rules, Self.echo)
        #expect(cached.stages?.isLimited == false)
        #expect(screen(cached) == nil)
    }

    @Test func aFallbackForOverloadGetsToSeeTheRowsOfWhatWaitedTooLong() async throws {
        var rules = ServingRules()
        rules.limits = ResilienceLimits()
        rules.fallback = Fallback(.constant(score: 0.25, decision: .review), on: [.overloaded])
        let served = try serve(rules, Self.echo)
        #expect(screen(served) == nil)
        let delay = QueueDelay(waited: 20_000_000, standing: 5_000_000)
        #expect(
            await ask(served, [1], queueDelay: delay)
                == Answer(scores: [0.25], decisions: [.review], degradation: "overloaded"))
    }

    @Test func theModelsDeadlineHoldsForRequestsWithoutOne() async throws {
        let gate = Gate()
        var limits = ResilienceLimits()
        limits.deadline = .milliseconds(20)
        var rules = ServingRules()
        rules.limits = limits
        let served = try serve(rules, calls: Self.blocking) { _, _ in gate.wait() }
        #expect(await ask(served, [1]) == Answer(error: .deadlineExceeded))
        gate.open()
    }
}
