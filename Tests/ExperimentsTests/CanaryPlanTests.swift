internal import Experiments
internal import Scoring
internal import Testing

struct CanaryPlanTests {
    @Test func aGoodCanaryClimbsItsStepsAndIsPromoted() throws {
        var simulation = CanarySimulation(try rules(shares: [5, 25, 50, 100]), seed: 1)
        simulation.run(looks: 100, rows: 2000, canary: Behaviour())
        #expect(simulation.transitions.map(\.to) == [.running(step: 1), .running(step: 2), .promoted])
        #expect(simulation.plan.share == 100)
        #expect(simulation.transitions[0].sentence.contains("from 5 % to 25 %: failed rows: "))
        // Two soaks of 120 s: the second step cannot begin before the first is over.
        #expect(simulation.transitions[1].at.nanoseconds(since: simulation.transitions[0].at) >= 120_000_000_000)
    }

    @Test(arguments: [
        (Behaviour(errors: 0.05), "failed rows: "), (Behaviour(slowdown: 4), "p99 latency: "),
        (Behaviour(shift: 0.1), "population stability index of the scores: "),
    ])
    func whatIsWorseIsRolledBackWithItsNumbers(behaviour: Behaviour, reason: String) throws {
        var simulation = CanarySimulation(try rules(shares: [10]), seed: 2)
        simulation.run(looks: 60, rows: 5000, canary: behaviour)
        let transition = try #require(simulation.transitions.first)
        guard case .rolledBack(let text) = transition.to else {
            Issue.record("\(transition)")
            return
        }
        #expect(text.hasPrefix(reason))
        #expect(transition.sentence.contains("limit"))
        #expect(simulation.plan.share == 0)
    }

    @Test func decisionsThatShiftAreRolledBackWhereScoresAreNotJudged() throws {
        let limits = try CanaryLimits(psi: nil)
        var simulation = CanarySimulation(try rules(shares: [20], limits: limits), seed: 3)
        simulation.run(looks: 60, rows: 5000, canary: Behaviour(shift: 0.3))
        guard case .rolledBack(let reason) = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
        #expect(reason.hasPrefix("decisions: "))
    }

    @Test func aCanaryThatAlwaysFailsIsRolledBackWithinFewRows() throws {
        var simulation = CanarySimulation(try rules(shares: [5]), seed: 4)
        simulation.run(looks: 1, rows: 2000, canary: Behaviour(errors: 1))
        guard case .rolledBack = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
    }

    @Test func troubleAfterHoursOfGoodWindowsIsSeenInItsOwnWindow() throws {
        let pace = try CanaryPace(window: .seconds(60), soak: .seconds(36_000), patience: .seconds(72_000), minimumRows: 1000)
        var simulation = CanarySimulation(try CanaryRules(version: version(3), shares: [20], pace: pace), seed: 5)
        simulation.run(looks: 500, rows: 1500, canary: Behaviour())
        #expect(simulation.transitions.isEmpty)
        simulation.run(looks: 12, rows: 1500, canary: Behaviour(errors: 0.08))
        guard case .rolledBack = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
    }

    @Test func tooFewRowsAreHeldForAPersonWhoMayPromote() throws {
        var simulation = CanarySimulation(try rules(shares: [5]), seed: 6)
        simulation.run(looks: 100, rows: 40, canary: Behaviour())
        guard case .held(0, let reason) = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
        #expect(reason.contains("needs 500"))
        #expect(simulation.plan.share == 5)
        let transition = simulation.plan.order(.promote, by: "ann", at: simulation.now)
        #expect(transition?.to == .promoted)
        #expect(transition?.sentence == "version 3 promoted from 5 % by order of ann")
        #expect(simulation.plan.order(.promote, by: "ann", at: simulation.now) == nil)
    }

    @Test func whatIsHeldIsStillRolledBackWhenItFails() throws {
        var simulation = CanarySimulation(try rules(shares: [50]), seed: 7)
        simulation.run(looks: 100, rows: 4, canary: Behaviour(errors: 0))
        guard case .held = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
        simulation.run(looks: 10, rows: 4000, canary: Behaviour(errors: 0.3))
        guard case .rolledBack = simulation.plan.state else {
            Issue.record("\(simulation.plan.state)")
            return
        }
    }

    @Test func aMistakeOfTheCallerIsNotCountedAgainstTheVersion() {
        let recorder = VariantRecorder()
        recorder.recordFailure(.invalidFeature(name: "a", reason: "b"))
        recorder.recordFailure(.overloaded(retryAfter: .seconds(1)))
        #expect(recorder.counts().rows == 0)
        recorder.recordFailure(.deadlineExceeded)
        #expect(recorder.counts().failed == 1)
    }

    /// 200 canaries that are like their stable version, each looked at 60 times: none may be rolled back.
    @Test func canariesLikeTheStableVersionAreNotRolledBack() throws {
        var alarms = 0
        for seed in 0..<200 {
            var simulation = CanarySimulation(try rules(shares: [20]), seed: UInt64(1000 + seed))
            simulation.run(looks: 60, rows: 300, canary: Behaviour())
            if case .rolledBack = simulation.plan.state { alarms += 1 }
        }
        #expect(alarms == 0)
    }

    /// 50 canaries of each kind of trouble: all are found.
    @Test(arguments: [Behaviour(errors: 0.06), Behaviour(slowdown: 5), Behaviour(shift: 0.15)])
    func troubleIsFoundEveryTime(behaviour: Behaviour) throws {
        var found = 0
        for seed in 0..<50 {
            var simulation = CanarySimulation(try rules(shares: [20]), seed: UInt64(9000 + seed))
            simulation.run(looks: 60, rows: 500, canary: behaviour)
            if case .rolledBack = simulation.plan.state { found += 1 }
        }
        #expect(found == 50)
    }

    private func rules(shares: [Int], limits: CanaryLimits = .standard) throws -> CanaryRules {
        let pace = try CanaryPace(window: .seconds(60), soak: .seconds(120), patience: .seconds(900), minimumRows: 500)
        return try CanaryRules(version: version(3), shares: shares, pace: pace, limits: limits)
    }

    private func version(_ number: Int) throws -> ModelVersion { try #require(ModelVersion(number)) }
}
