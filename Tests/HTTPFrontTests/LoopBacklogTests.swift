internal import Glibc
internal import HTTPFront
internal import Resilience
internal import Scoring
internal import ScoringTestKit
internal import Testing

/// How long requests lie in front of an event loop, and what comes of refusing by it.
@Suite struct LoopBacklogTests {
    private let millisecond: UInt64 = 1_000_000

    private func at(_ seconds: Double) -> Moment { Moment(nanoseconds: 1_000_000_000_000 + UInt64((seconds * 1e9).rounded())) }

    @Test func aRequestInALaterPartOfAPassHasWaitedLonger() {
        var backlog = LoopBacklog()
        backlog.passBegins(at(2))
        var waits = [backlog.delay(at: at(2)).waited, backlog.delay(at: at(2.004)).waited]
        #expect(waits == [0, 4 * millisecond])
        backlog.passEnds(at(2.008))
        // The next pass begins at once: what is in it came while the last one went on.
        backlog.passBegins(at(2.008))
        waits = [backlog.delay(at: at(2.008)).waited, backlog.delay(at: at(2.009)).waited]
        #expect(waits == [4 * millisecond, 5 * millisecond])
        backlog.passEnds(at(2.009))
        // After a rest there is no such thing.
        backlog.passBegins(at(3))
        #expect(backlog.delay(at: at(3)).waited == 0)
    }

    /// Passes of the given length from `start` on, a request at the beginning and at the end of each; what the last one's
    /// first request was told.
    private func run(_ backlog: inout LoopBacklog, from start: Double, passes: Int, length: Double, gap: Double) -> QueueDelay {
        var last = QueueDelay.none
        for pass in 0..<passes {
            let began = start + Double(pass) * (length + gap)
            backlog.passBegins(at(began))
            last = backlog.delay(at: at(began))
            _ = backlog.delay(at: at(began + length))
            backlog.passEnds(at(began + length))
        }
        return last
    }

    @Test func burstsThatAreWorkedOffAreNoStandingQueue() {
        var backlog = LoopBacklog()
        // 30 ms of work, then 20 ms of rest.
        #expect(run(&backlog, from: 0, passes: 40, length: 0.03, gap: 0.02).standing == 0)
    }

    @Test func aQueueStandsAfterAnIntervalInWhichEverybodyWaitedAndIsGoneOneIntervalAfterIt() {
        var backlog = LoopBacklog()
        #expect(run(&backlog, from: 0, passes: 4, length: 0.03, gap: 0).standing == 0)
        #expect(run(&backlog, from: 0.12, passes: 10, length: 0.03, gap: 0).standing == 15 * millisecond)
        #expect(run(&backlog, from: 0.43, passes: 60, length: 0.001, gap: 0.004).standing == 0)
    }

    @Test func whatWasBeforeAPauseSaysNothing() {
        var backlog = LoopBacklog()
        _ = run(&backlog, from: 0, passes: 10, length: 0.03, gap: 0)
        #expect(run(&backlog, from: 60, passes: 1, length: 0.03, gap: 0) == QueueDelay(waited: 0, standing: 0))
    }

    /// A loop that reads what has come, pass by pass; a refusal costs two hundredths of an answer.
    private func serve(
        seconds: Double, load: Double, until: Double, cost: Double, rule: QueueDelayRule?
    ) -> [(arrival: Double, end: Double, isRefused: Bool)] {
        var random = SeededRandom(seed: 7)
        var arrivals: [Double] = []
        var time = 0.0
        while time < seconds {
            time += -log(1 - Double.random(in: 0..<1, using: &random)) * cost / (time < until ? load : 0.5)
            arrivals.append(time)
        }
        var backlog = LoopBacklog()
        var answers: [(arrival: Double, end: Double, isRefused: Bool)] = []
        var now = 0.0
        var next = 0
        while next < arrivals.count {
            now = max(now, arrivals[next])
            let began = now
            backlog.passBegins(at(now))
            while next < arrivals.count, arrivals[next] <= began {
                let isRefused = rule?.refuses(backlog.delay(at: at(now))) ?? false
                now += isRefused ? cost * 0.02 : cost * Double.random(in: 0.8..<1.2, using: &random)
                answers.append((arrivals[next], now, isRefused))
                next += 1
            }
            backlog.passEnds(at(now))
        }
        return answers
    }

    @Test(arguments: [0.0002, 0.001])
    func threeTimesTheCapacityOfALoopLeavesGoodputWhole(cost: Double) throws {
        let rule = QueueDelayRule(deadline: .milliseconds(50))
        let answers = serve(seconds: 35, load: 3, until: 30, cost: cost, rule: rule)
        let loaded = answers.filter { (1..<30).contains($0.arrival) }
        let accepted = loaded.filter { !$0.isRefused }.map { $0.end - $0.arrival }.sorted()
        let goodput = Double(accepted.count { $0 <= 0.05 }) / 29 * cost
        #expect(goodput >= 0.9, "goodput \(goodput)")
        #expect(try #require(accepted.dropLast(accepted.count / 100).last) <= 0.05)
        let recovered = answers.filter { $0.arrival > 30.5 }
        #expect(!recovered.isEmpty)
        #expect(recovered.allSatisfy { !$0.isRefused && $0.end - $0.arrival < 0.02 })
    }

    @Test func withoutRefusalsTheSameLoadLeavesNothing() {
        let answers = serve(seconds: 35, load: 3, until: 30, cost: 0.0002, rule: nil)
        let loaded = answers.filter { (1..<30).contains($0.arrival) }
        #expect(loaded.count { $0.end - $0.arrival <= 0.05 } < loaded.count / 100)
    }
}
