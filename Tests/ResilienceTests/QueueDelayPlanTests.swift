internal import Resilience
internal import Scoring
internal import Testing

@Suite struct QueueDelayPlanTests {
    /// The plan, to be asked within an expectation.
    private final class Watched {
        private var plan = QueueDelayPlan()

        var isOverloaded: Bool { plan.isOverloaded }
        func sheds(age: UInt64, now: Moment) -> Bool { plan.sheds(age: age, now: now) }
    }

    private let millisecond: UInt64 = 1_000_000

    @Test func aBurstThatIsWorkedOffIsNotShed() {
        let plan = Watched()
        for index in 0..<2000 {
            // Every 50 ms a burst waits up to 40 ms, and in between somebody does not wait at all.
            let age = UInt64(index % 50) * 800_000
            #expect(!plan.sheds(age: age, now: at(Double(index) / 1000)))
        }
        #expect(!plan.isOverloaded)
    }

    @Test func aQueueThatStandsForAnIntervalIsCutToTwiceTheTarget() {
        let plan = Watched()
        for index in 0...100 { #expect(!plan.sheds(age: 30 * millisecond, now: at(Double(index) / 1010))) }
        #expect(plan.sheds(age: 30 * millisecond, now: at(0.101)))
        #expect(plan.isOverloaded)
        #expect(!plan.sheds(age: 10 * millisecond, now: at(0.102)))
        #expect(plan.sheds(age: 10 * millisecond + 1, now: at(0.103)))
    }

    @Test func sheddingEndsOneIntervalAfterTheQueueIsGone() {
        let plan = Watched()
        for index in 0...110 { _ = plan.sheds(age: 30 * millisecond, now: at(Double(index) / 1000)) }
        #expect(plan.isOverloaded)
        _ = plan.sheds(age: 0, now: at(0.15))
        #expect(!plan.sheds(age: 30 * millisecond, now: at(0.205)))
    }

    @Test func whatWasBeforeAPauseSaysNothing() {
        let plan = Watched()
        for index in 0...90 { _ = plan.sheds(age: 30 * millisecond, now: at(Double(index) / 1000)) }
        #expect(!plan.sheds(age: 30 * millisecond, now: at(60)))
    }

    @Test func aClockThatStepsBackIsHarmless() {
        let plan = Watched()
        for index in 0...110 { _ = plan.sheds(age: 30 * millisecond, now: at(Double(index) / 1000)) }
        #expect(plan.sheds(age: 30 * millisecond, now: at(0.01)))
        #expect(!plan.sheds(age: millisecond, now: at(0.01)))
    }

    /// One thread, first come first served; a refusal costs two hundredths of an answer. Sees the true age, or what
    /// `LoopBacklog` makes of the passes of a loop that serves up to `connections` at a time.
    private func serve(
        seconds: Double, load: Double, until: Double, cost: Double, sheds: Bool, passes: Bool
    ) -> [(arrival: Double, end: Double, isRefused: Bool)] {
        var random = SeededGenerator(7)
        var arrivals: [Double] = []
        var time = 0.0
        while time < seconds {
            time += random.gap(rate: (time < until ? load : 0.5) / cost)
            arrivals.append(time)
        }
        var plan = QueueDelayPlan()
        var backlog = LoopBacklog()
        var answers: [(arrival: Double, end: Double, isRefused: Bool)] = []
        var now = 0.0
        var next = 0
        while next < arrivals.count {
            now = max(now, arrivals[next])
            let began = now
            backlog.passBegins(at(now))
            while next < arrivals.count, arrivals[next] <= began {
                let age =
                    passes
                    ? backlog.age(arrival: at(now), now: at(now)) : at(now).nanoseconds(since: at(arrivals[next]))
                let isRefused = sheds && plan.sheds(age: age, now: at(now))
                now += isRefused ? cost * 0.02 : cost * Double.random(in: 0.8..<1.2, using: &random)
                answers.append((arrivals[next], now, isRefused))
                next += 1
            }
            backlog.passEnds(at(now))
        }
        return answers
    }

    @Test(arguments: [true, false])
    func threeTimesTheCapacityOfALoopLeavesGoodputWhole(passes: Bool) {
        let cost = 0.0002
        let answers = serve(seconds: 35, load: 3, until: 30, cost: cost, sheds: true, passes: passes)
        let loaded = answers.filter { (1..<30).contains($0.arrival) }
        let accepted = loaded.filter { !$0.isRefused }.map { $0.end - $0.arrival }
        let goodput = Double(accepted.count { $0 <= 0.05 }) / 29 * cost
        #expect(goodput >= 0.9, "goodput \(goodput)")
        #expect(quantile(accepted, 0.99) <= 0.05, "p99 \(quantile(accepted, 0.99))")
        let recovered = answers.filter { $0.arrival > 30.5 }
        #expect(recovered.allSatisfy { !$0.isRefused && $0.end - $0.arrival < 0.01 })
    }

    @Test func withoutSheddingTheSameLoadLeavesNothing() {
        let answers = serve(seconds: 35, load: 3, until: 30, cost: 0.0002, sheds: false, passes: false)
        let loaded = answers.filter { (1..<30).contains($0.arrival) }
        #expect(loaded.count { $0.end - $0.arrival <= 0.05 } < loaded.count / 100)
    }

    @Test func aRequestInALaterPartOfAPassIsOlder() {
        var backlog = LoopBacklog()
        #expect(backlog.age(arrival: at(1), now: at(1.001)) == millisecond)
        backlog.passBegins(at(2))
        #expect(backlog.age(arrival: at(2.003), now: at(2.004)) == 4 * millisecond)
        backlog.passEnds(at(2.008))
        // The next pass begins at once: what is in it came while the last one went on.
        backlog.passBegins(at(2.008))
        #expect(backlog.age(arrival: at(2.009), now: at(2.009)) == 5 * millisecond)
        backlog.passEnds(at(2.009))
        // After a rest there is no such thing.
        backlog.passBegins(at(3))
        #expect(backlog.age(arrival: at(3), now: at(3)) == 0)
    }

    @Test func aShedderSaysWhenToComeAgainAndCounts() throws {
        let shedder = QueueDelayShedder()
        for index in 0...100 { try shedder.check(age: 30 * millisecond, now: at(Double(index) / 1010)) }
        #expect(throws: ScoringError.overloaded(retryAfter: .milliseconds(100))) {
            try shedder.check(age: 30 * millisecond, now: at(0.11))
        }
        #expect(shedder.refused == 1 && shedder.isOverloaded)
    }
}
