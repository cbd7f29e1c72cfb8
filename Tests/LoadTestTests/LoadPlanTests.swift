import LoadTest
import Testing

/// The schedule: which request is due when, whatever the answers do.
@Suite struct LoadPlanTests {
    private let second: UInt64 = 1_000_000_000

    private func plan(rate: Double, warmup: UInt64 = 0, duration: UInt64 = 1_000_000_000, grace: UInt64 = 0) -> LoadPlan {
        LoadPlan(pace: .perSecond(rate), warmup: warmup, duration: duration, grace: grace)
    }

    @Test func theFirstRequestIsDueAtOnceAndTheNextOneAfterAnInterval() {
        var plan = plan(rate: 1000)
        #expect(plan.step(at: 0) == .send(due: 0))
        #expect(plan.step(at: 10) == .wait(until: 1_000_000))
        #expect(plan.step(at: 999_999) == .wait(until: 1_000_000))
        #expect(plan.step(at: 1_000_000) == .send(due: 1_000_000))
        #expect(plan.sent == 2)
    }

    @Test func aLateConnectionFindsEachOverdueRequestWithItsOwnDueTime() {
        var plan = plan(rate: 100)
        #expect(plan.step(at: 0) == .send(due: 0))
        for index in 1...30 as ClosedRange<UInt64> {
            #expect(plan.step(at: 305_000_000) == .send(due: index * 10_000_000))
        }
        #expect(plan.step(at: 305_000_000) == .wait(until: 310_000_000))
    }

    @Test func dueTimesDoNotDriftWithARateThatIsNoWholeNumberOfNanoseconds() {
        var plan = plan(rate: 3000, duration: 1000 * second)
        var last = LoadPlan.Step.finished
        for _ in 0...2_700_000 { last = plan.step(at: 1000 * second - 1) }
        #expect(last == .send(due: 900 * second))
    }

    @Test(arguments: [0.5, 1, 3, 7.7, 333.3, 1000, 99_999, 123_456.789])
    func asManyRequestsAreHandedOutAsAreScheduled(rate: Double) throws {
        var plan = plan(rate: rate, warmup: second / 3, duration: 2 * second)
        let scheduled = try #require(plan.scheduled)
        var handedOut: UInt64 = 0
        while case .send(let due) = plan.step(at: plan.end), due < plan.end, handedOut < 1_000_000 { handedOut += 1 }
        // With no grace nothing is sent at the end; just before it, everything.
        #expect(handedOut == 0)
        var early = self.plan(rate: rate, warmup: second / 3, duration: 2 * second)
        while case .send = early.step(at: plan.end - 1) { handedOut += 1 }
        #expect(handedOut == scheduled)
        #expect(early.unsent == 0)
        #expect(abs(Double(scheduled) - rate * 7 / 3) <= 1)
    }

    @Test func requestsOfTheWarmUpAreNotMeasured() {
        let plan = plan(rate: 10, warmup: second, duration: second)
        #expect(!plan.measures(due: second - 1))
        #expect(plan.measures(due: second))
        #expect(plan.scheduled == 20)
    }

    @Test func overdueRequestsAreStillSentWithinTheGraceAndThenGivenUp() {
        var plan = plan(rate: 10, duration: second, grace: second)
        #expect(plan.step(at: 2 * second - 1) == .send(due: 0))
        #expect(plan.step(at: 2 * second) == .finished)
        #expect(plan.isFinished(at: 2 * second))
        #expect(plan.unsent == 9)
    }

    @Test func aPlanIsFinishedOnceItsLastRequestWasSent() {
        var plan = plan(rate: 2)
        #expect(plan.step(at: 0) == .send(due: 0))
        #expect(!plan.isFinished(at: 0))
        #expect(plan.step(at: 500_000_000) == .send(due: 500_000_000))
        #expect(plan.isFinished(at: 500_000_000))
        #expect(plan.step(at: 500_000_000) == .finished)
    }

    @Test func withoutARateARequestIsDueWheneverAConnectionIsFree() {
        var plan = LoadPlan(pace: .unlimited, warmup: 0, duration: second, grace: second)
        #expect(plan.scheduled == nil)
        #expect(plan.step(at: 17) == .send(due: 17))
        #expect(plan.step(at: 17) == .send(due: 17))
        #expect(plan.step(at: second) == .finished)
        #expect(plan.unsent == 0)
    }
}

/// Rates in turn, and clients that lose patience.
@Suite struct LoadStageTests {
    private let second: UInt64 = 1_000_000_000

    private func plan(_ stages: [LoadStage], patience: UInt64? = nil) -> LoadPlan {
        let end = stages.reduce(0) { $0 + $1.duration }
        return LoadPlan(pace: .stages(stages), warmup: 0, duration: end, grace: second, patience: patience)
    }

    /// When the requests are due.
    private func dues(_ plan: LoadPlan) -> [UInt64] {
        var plan = plan
        var dues: [UInt64] = []
        while case .send(let due) = plan.step(at: plan.end) { dues.append(due) }
        return dues
    }

    @Test func eachStageHasItsOwnRateFromItsOwnBeginning() {
        let stages = [
            LoadStage(rate: 2, duration: second), LoadStage(rate: 0, duration: second), LoadStage(rate: 4, duration: second),
        ]
        let plan = plan(stages)
        #expect(plan.scheduled == 6)
        #expect(dues(plan) == [0, 500, 2000, 2250, 2500, 2750].map { $0 * 1_000_000 })
        #expect([0, 1500, 2750, 9000].map { plan.stage(at: $0 * 1_000_000) } == [0, 1, 2, 2])
        #expect(plan.end == 3 * second)
    }

    @Test func stagesAreReadAsTheyAreWritten() throws {
        let stages = try LoadStage.list("400:5s,0:500ms,1200.5:1m")
        #expect(
            stages == [
                LoadStage(rate: 400, duration: 5 * second), LoadStage(rate: 0, duration: second / 2),
                LoadStage(rate: 1200.5, duration: 60 * second),
            ])
    }

    @Test(arguments: ["", "400", "400:", ":5s", "400:5s,", "-1:5s", "400:0s", "x:5s", "1:2:3"])
    func otherTextIsRefused(text: String) {
        #expect(throws: LoadError.self) { try LoadStage.list(text) }
    }

    @Test func aRequestThatIsOverdueForLongerThanAnybodyWaitsIsGivenUpAndTheNextOneIsLookedAt() {
        var plan = plan([LoadStage(rate: 10, duration: second)], patience: 250_000_000)
        #expect(plan.step(at: 0) == .send(due: 0))
        let late: UInt64 = 500_000_000
        let steps = (0..<6).map { _ in plan.step(at: late) }
        #expect(
            steps == [
                .abandon(due: 100_000_000), .abandon(due: 200_000_000), .send(due: 300_000_000), .send(due: 400_000_000),
                .send(due: 500_000_000), .wait(until: 600_000_000),
            ])
        #expect(plan.sent == 4 && plan.abandoned == 2)
    }
}

/// The order in which free connections are used.
@Suite struct SlotQueueTests {
    @Test func slotsComeOutInTheOrderTheyWentIn() {
        var queue = SlotQueue(slots: 3)
        #expect(queue.first == nil)
        for round in 0..<5 {
            queue.append(2)
            queue.append(round % 2)
            #expect(queue.first == 2)
            queue.removeFirst()
            #expect(queue.first == round % 2)
            queue.removeFirst()
            #expect(queue.count == 0)
        }
    }

    @Test func aSlotThatIsListedKeepsItsPlace() {
        var queue = SlotQueue(slots: 2)
        queue.append(0)
        queue.append(1)
        queue.append(0)
        #expect(queue.count == 2)
        queue.removeFirst()
        queue.append(0)
        #expect(queue.first == 1)
    }
}
