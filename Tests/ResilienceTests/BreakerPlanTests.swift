internal import Resilience
internal import Scoring
internal import ScoringTestKit
internal import Testing

@Suite struct BreakerPlanTests {
    private var limits: BreakerLimits {
        var limits = BreakerLimits()
        limits.minimumCalls = 10
        limits.openFor = .seconds(1)
        return limits
    }

    private func plan(_ change: (inout BreakerLimits) -> Void = { _ in }) -> BreakerPlan {
        var limits = limits
        change(&limits)
        return BreakerPlan(limits, slowCall: .milliseconds(100), now: at(0))
    }

    private func permit(_ step: BreakerPlan.Step) -> BreakerPermit? {
        switch step {
        case .call(let permit), .probe(let permit): permit
        case .refused: nil
        }
    }

    /// One call that is permitted, if it is, and its result.
    @discardableResult
    private func call(_ plan: inout BreakerPlan, _ result: CallResult, took: UInt64 = 1_000_000, _ now: Double) -> Bool {
        guard let permit = permit(plan.permit(now: at(now))) else { return false }
        plan.record(permit, result, took: took, now: at(now))
        return true
    }

    private func opened(at now: Double) -> BreakerPlan {
        var plan = plan()
        for _ in 0..<10 { call(&plan, .failure, now) }
        return plan
    }

    @Test func itOpensAtTheFailureRatioButNotBeforeTheMinimumOfCalls() {
        var plan = plan()
        for _ in 0..<9 { call(&plan, .failure, 0) }
        #expect(plan.isClosed)
        call(&plan, .failure, 0)
        #expect(plan.snapshot(now: at(0)).state == .open)
        #expect(plan.permit(now: at(0.5)) == .refused(until: at(1)))
        #expect(plan.snapshot(now: at(0)).counts.refused == 1)
    }

    @Test func itStaysClosedBelowTheRatio() {
        var plan = plan()
        for index in 0..<1000 { call(&plan, index % 5 < 3 ? .success : .failure, Double(index) / 100) }
        #expect(plan.isClosed)
        #expect(abs(plan.snapshot(now: at(10)).failureRatio - 0.4) < 0.01)
    }

    @Test func slowCallsOpenItToo() {
        var plan = plan()
        for _ in 0..<2 { call(&plan, .success, 0) }
        for _ in 0..<7 { call(&plan, .success, took: 100_000_000, 0) }
        #expect(plan.isClosed)
        call(&plan, .success, took: 100_000_000, 0)
        #expect(!plan.isClosed, "8 of 10 were slow")
        #expect(plan.snapshot(now: at(0)).slowRatio == 0.8)
        #expect(plan.snapshot(now: at(0)).failureRatio == 0)
    }

    @Test func whatIsOlderThanTheWindowIsForgotten() {
        var plan = plan()
        for _ in 0..<9 { call(&plan, .failure, 0) }
        for _ in 0..<5 { call(&plan, .failure, 11) }
        #expect(plan.isClosed)
        #expect(plan.snapshot(now: at(11)).calls == 5)
        #expect(plan.snapshot(now: at(30)).calls == 0)
    }

    @Test func probesThatSucceedCloseIt() {
        var plan = opened(at: 0)
        let passed = call(&plan, .success, 0.999)
        #expect(!passed)
        for index in 0..<3 {
            #expect(!plan.isClosed)
            let passed = call(&plan, .success, 1 + Double(index) / 10)
            #expect(passed)
        }
        #expect(plan.isClosed)
        let snapshot = plan.snapshot(now: at(1.3))
        #expect(snapshot.calls == 0, "an old failure must not open it again")
        #expect(snapshot.counts.opened == 1 && snapshot.counts.halfOpened == 1 && snapshot.counts.closed == 1)
    }

    @Test(arguments: [(CallResult.failure, UInt64(1)), (.success, 100_000_000), (.deadlinePassed, 100_000_000)])
    func aProbeThatFailsOrIsSlowOpensItForTwiceAsLongUpToEightTimes(result: CallResult, took: UInt64) {
        var plan = opened(at: 0)
        var now = 1.0
        for wait in [2.0, 4, 8, 8, 8] {
            let passed = call(&plan, result, took: took, now)
            #expect(passed)
            #expect(plan.snapshot(now: at(now)).nextProbe == at(now + wait))
            now += wait
        }
        for _ in 0..<3 { call(&plan, .success, now) }
        #expect(plan.isClosed)
        for _ in 0..<10 { call(&plan, .failure, now) }
        #expect(plan.snapshot(now: at(now)).nextProbe == at(now + 1), "closing ends the backoff")
    }

    @Test func onlySoManyProbesPassAtATime() {
        var plan = opened(at: 0)
        let probes = (0..<3).compactMap { _ in permit(plan.permit(now: at(1))) }
        #expect(probes.count == 3 && probes.allSatisfy(\.isProbe))
        let refused = permit(plan.permit(now: at(1)))
        #expect(refused == nil)
        plan.record(probes[0], .success, took: 1, now: at(1.1))
        #expect(permit(plan.permit(now: at(1.1))) == nil, "two are still out, and two are missing")
        plan.record(probes[1], .unknown, took: 1, now: at(1.1))
        #expect(permit(plan.permit(now: at(1.1))) != nil, "one was cancelled")
    }

    @Test func aProbeThatIsNeverReportedLosesItsPlace() throws {
        var plan = opened(at: 0)
        let lost = (0..<3).compactMap { _ in permit(plan.permit(now: at(1))) }
        #expect(plan.permit(now: at(1.9)) == .refused(until: at(2)))
        for _ in 0..<3 {
            let passed = call(&plan, .success, 2)
            #expect(passed)
        }
        #expect(plan.isClosed)
        for permit in lost { plan.record(permit, .failure, took: 1, now: at(2.1)) }
        #expect(plan.snapshot(now: at(2.1)).calls == 0)
        #expect(plan.snapshot(now: at(2.1)).counts.late == 3)
    }

    @Test func aLateProbeDoesNotSpeakForTheOneThatTookItsPlace() throws {
        var plan = plan { $0.probes = 1 }
        for _ in 0..<10 { call(&plan, .failure, 0) }
        let lost = try #require(permit(plan.permit(now: at(1))))
        let next = try #require(permit(plan.permit(now: at(2.5))))
        plan.record(lost, .failure, took: 1, now: at(2.6))
        #expect(plan.snapshot(now: at(2.6)).state == .halfOpen)
        plan.record(next, .success, took: 1, now: at(2.7))
        #expect(plan.isClosed)
    }

    @Test func lateResultsOfCallsFromAnEarlierStateDoNotCount() throws {
        var plan = plan()
        let early = (0..<20).compactMap { _ in permit(plan.permit(now: at(0))) }
        for _ in 0..<10 { call(&plan, .failure, 0) }
        for permit in early[..<10] { plan.record(permit, .success, took: 1, now: at(0.5)) }
        #expect(plan.snapshot(now: at(0.5)).state == .open)
        #expect(plan.snapshot(now: at(0.5)).failureRatio == 1)
        for _ in 0..<3 { call(&plan, .success, 1) }
        for permit in early[10...] { plan.record(permit, .failure, took: 1, now: at(1.5)) }
        #expect(plan.isClosed)
        #expect(plan.snapshot(now: at(1.5)).calls == 0)
    }

    @Test func theCallersErrorsAndHurryDoNotCount() {
        var plan = plan()
        for _ in 0..<100 {
            call(&plan, CallResult(.invalidFeature(name: "a", reason: "b")), 0)
            call(&plan, CallResult(.deadlineExceeded), took: 5_000_000, 0)
        }
        #expect(plan.isClosed)
        #expect(plan.snapshot(now: at(0)).calls == 0)
        for _ in 0..<10 { call(&plan, CallResult(.deadlineExceeded), took: 100_000_000, 0) }
        #expect(!plan.isClosed, "the engine had its time")
    }

    @Test func errorsCountByWhoseTheyAre() {
        #expect(CallResult(.engineFailure("")) == .failure)
        #expect(CallResult(.unsupportedModel("")) == .failure)
        #expect(CallResult(.deadlineExceeded) == .deadlinePassed)
        for error: ScoringError in [
            .invalidRequest(""), .unknownModel(""), .unknownVersion(model: "", version: ""), .tooLarge(limit: ""),
            .overloaded(retryAfter: .zero), .notReady(""),
        ] {
            #expect(CallResult(error) == .unknown, "\(error)")
        }
    }

    @Test func clocksThatJumpDoNotHarm() {
        var plan = plan()
        for index in 0..<40 { call(&plan, index % 4 == 0 ? .failure : .success, [100, 0, 1e6, 3][index % 4]) }
        #expect(plan.isClosed)
        call(&plan, .success, 1e9)
        for _ in 0..<10 { call(&plan, .failure, 5) }
        #expect(!plan.isClosed, "a step back counts as now")
    }

    /// Random calls, lost, late and cancelled ones, and a clock that jumps: never more probes than allowed, no permit while it
    /// is open, and once the engine is well it always closes again.
    @Test(arguments: 0..<100)
    func whateverHappensItRecovers(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let probes = Int.random(in: 1...5, using: &random)
        var plan = plan { $0.probes = probes }
        var out: [BreakerPermit] = []
        var now = 0.0
        for _ in 0..<5000 {
            now = max(0, now + Double.random(in: -0.01...0.05, using: &random))
            if Bool.random(using: &random) {
                let before = plan.snapshot(now: at(now))
                switch plan.permit(now: at(now)) {
                case .call(let permit):
                    #expect(before.state == .closed)
                    out.append(permit)
                case .probe(let permit):
                    #expect(before.state == .halfOpen || before.nextProbe.map { $0 <= at(now) } == true)
                    #expect(plan.probesInFlight(now: at(now)) <= probes)
                    out.append(permit)
                case .refused:
                    #expect(before.state != .closed)
                }
            } else if !out.isEmpty {
                let permit = out.remove(at: Int.random(in: 0..<out.count, using: &random))
                // Some are lost.
                guard Int.random(in: 0..<5, using: &random) > 0 else { continue }
                let result = [CallResult.success, .failure, .deadlinePassed, .unknown].randomElement(using: &random)!
                plan.record(permit, result, took: UInt64.random(in: 0..<200_000_000, using: &random), now: at(now))
            }
            let snapshot = plan.snapshot(now: at(now))
            #expect((0...1).contains(snapshot.failureRatio) && (0...1).contains(snapshot.slowRatio))
        }
        for _ in 0..<400 {
            now += 0.1
            call(&plan, .success, now)
        }
        #expect(plan.isClosed)
    }
}
