internal import Resilience
internal import Scoring
internal import Testing

/// The adaptive limit against a simulated engine: open-loop load, so clients do not slow down when the server does.
@Suite struct OverloadSimulationTests {
    static let engines: [EngineSimulation.Engine] = [
        // A tree model of a millisecond; a network that gains sevenfold from batches; an engine that takes 10 ms.
        .init(threads: 2, batch: 1, secondsPerCall: 0, secondsPerRow: 0.001),
        .init(threads: 1, batch: 32, secondsPerCall: 0.0009, secondsPerRow: 0.0001),
        .init(threads: 4, batch: 1, secondsPerCall: 0, secondsPerRow: 0.010),
    ]

    private func limits(deadline: Double?) -> ResilienceLimits {
        var limits = ResilienceLimits()
        limits.deadline = deadline.map { .seconds($0) }
        return limits
    }

    /// The numbers of the issue, for a minute.
    @Test(arguments: engines.indices, [true, false])
    func threeTimesTheCapacityForAMinuteLeavesGoodputAndDeadlinesWhole(engine: Int, requestsCarryDeadlines: Bool) {
        let engine = Self.engines[engine]
        var simulation = EngineSimulation(
            engine: engine, phases: [(1, engine.capacity * 0.5), (61, engine.capacity * 3), (64, engine.capacity * 0.5)],
            limits: limits(deadline: 0.05))
        simulation.requestsCarryDeadlines = requestsCarryDeadlines
        var most = 0
        let outcomes = simulation.run { _, state in most = max(most, state.requests) }
        let goodput = outcomes.goodput(2..<61) / engine.capacity
        let p99 = quantile(outcomes.latencies(1..<61), 0.99)
        #expect(goodput >= 0.9, "goodput \(goodput)")
        #expect(p99 <= 0.05, "p99 \(p99)")
        #expect(most <= 256)
        // Half a second after the load's end nothing is refused any more and the latencies are those from before.
        #expect(outcomes.share(.inTime, 61.5..<64) == 1)
        #expect(
            quantile(outcomes.latencies(61.5..<64), 0.99) <= 1.5 * quantile(outcomes.latencies(0..<1), 0.99) + 0.001)
    }

    /// What the tests above prevent: with the same load and no admission hardly an answer is in time.
    @Test(arguments: engines.indices)
    func withoutAdmissionTheSameLoadLeavesNextToNothing(engine: Int) {
        let engine = Self.engines[engine]
        let simulation = EngineSimulation(
            engine: engine, phases: [(1, engine.capacity * 0.5), (21, engine.capacity * 3)], limits: nil)
        let goodput = simulation.run().goodput(5..<21) / engine.capacity
        #expect(goodput < 0.6, "goodput \(goodput)")
    }

    /// Without a deadline there is nothing to meet, but the queue still stays short.
    @Test(arguments: engines.indices)
    func withoutADeadlineLatencyStaysWithinAMultipleOfTheNoLoadLatency(engine: Int) {
        let engine = Self.engines[engine]
        var simulation = EngineSimulation(
            engine: engine, phases: [(2, engine.capacity * 0.2), (32, engine.capacity * 3)], limits: limits(deadline: nil))
        simulation.deadline = 1000
        simulation.requestsCarryDeadlines = false
        let outcomes = simulation.run()
        let noLoad = quantile(outcomes.latencies(0..<2), 0.5)
        #expect(outcomes.goodput(3..<32) >= 0.9 * engine.capacity)
        #expect(quantile(outcomes.latencies(4..<32), 0.5) <= 1.5 * max(0.005, 8 * noLoad))
    }

    /// A load below the capacity loses next to nothing, bursts of a Poisson process included, that would have been in time.
    @Test(arguments: engines.indices)
    func aLoadThatFitsIsLeftAlone(engine: Int) {
        let engine = Self.engines[engine]
        var simulation = EngineSimulation(
            engine: engine, phases: [(20, engine.capacity * 0.7)], limits: limits(deadline: 0.05))
        let admitted = simulation.run().share(.inTime, 0..<20)
        simulation.limits = nil
        let all = simulation.run().share(.inTime, 0..<20)
        #expect(admitted >= all - 0.002, "\(admitted) instead of \(all)")
    }

    /// An engine that gets five times slower for a while: the limit follows it down and comes back.
    @Test func anEngineThatSlowsDownAndRecoversIsFollowedBothWays() {
        let engine = Self.engines[0]
        var simulation = EngineSimulation(
            engine: engine, phases: [(30, engine.capacity * 0.8)], limits: limits(deadline: 0.05))
        simulation.slowdown = (10, 20, 5)
        let outcomes = simulation.run()
        let slowed = outcomes.goodput(11..<20) / (engine.capacity / 5)
        #expect(slowed >= 0.9, "goodput \(slowed)")
        #expect(quantile(outcomes.latencies(10.2..<20), 0.99) <= 0.055)
        #expect(outcomes.share(.inTime, 21..<30) > 0.9999)
    }

    /// Whatever the estimates were when an engine hung for two seconds, they do not outlast it.
    @Test func aHangLeavesNothingBehind() {
        let engine = EngineSimulation.Engine(threads: 1, batch: 1, secondsPerCall: 0, secondsPerRow: 0.001)
        var simulation = EngineSimulation(
            engine: engine, phases: [(10, engine.capacity * 0.6)], limits: limits(deadline: 0.05))
        simulation.slowdown = (3, 3.001, 2000)
        let outcomes = simulation.run()
        #expect(outcomes.share(.inTime, 3.1..<4.5) < 0.2)
        #expect(outcomes.share(.inTime, 6.5..<10) > 0.999)
    }

    /// The limit settles: it neither creeps up over a long overload nor collapses to the floor.
    @Test func theLimitStaysWhereTheDeadlineWantsIt() {
        let engine = Self.engines[0]
        var simulation = EngineSimulation(
            engine: engine, phases: [(120, engine.capacity * 3)], limits: limits(deadline: 0.05))
        simulation.requestsCarryDeadlines = false
        var early: [Double] = []
        var late: [Double] = []
        _ = simulation.run { now, state in
            if (5..<15).contains(now) { early.append(Double(state.limit)) }
            if now > 110 { late.append(Double(state.limit)) }
        }
        // Half the deadline times the capacity.
        let ideal = 0.025 * engine.capacity
        for limits in [early, late] {
            #expect(quantile(limits, 0.05) > 0.7 * ideal, "\(quantile(limits, 0.05)) of \(ideal)")
            #expect(quantile(limits, 0.95) < 1.4 * ideal, "\(quantile(limits, 0.95)) of \(ideal)")
        }
    }
}
