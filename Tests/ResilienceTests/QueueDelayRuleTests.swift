internal import Resilience
internal import Scoring
internal import Testing

@Suite struct QueueDelayRuleTests {
    private let millisecond: UInt64 = 1_000_000

    @Test func aLongWaitInABurstIsNotRefused() {
        let rule = QueueDelayRule(deadline: nil)
        #expect(!rule.refuses(QueueDelay(waited: 1000 * millisecond, standing: 0)))
        #expect(!rule.refuses(QueueDelay(waited: 1000 * millisecond, standing: 2 * millisecond)))
    }

    @Test func whatHasWaitedTooLongInAStandingQueueIsRefusedAndTheRestIsNot() {
        let rule = QueueDelayRule(deadline: nil)
        #expect(rule.refuses(QueueDelay(waited: 11 * millisecond, standing: 3 * millisecond)))
        #expect(!rule.refuses(QueueDelay(waited: 10 * millisecond, standing: 3 * millisecond)))
    }

    @Test(arguments: [(60_000, 100_000), (200, 40_000), (50, 10_000), (10, 2_000)])
    func theLongestWaitIsAPartOfTheDeadline(milliseconds: Int, microseconds: UInt64) {
        #expect(QueueDelayRule(deadline: .milliseconds(milliseconds)).maxDelay == microseconds * 1000)
    }

    @Test func aRequestThatWaitedTooLongIsRefusedThoughTheModelIsIdleAndIsCounted() {
        var plan = AdmissionPlan(ResilienceLimits())
        let delay = QueueDelay(waited: 20 * millisecond, standing: 5 * millisecond)
        guard case .refused(let refusal) = plan.enter(AdmissionRequest(rows: 1, queueDelay: delay), now: at(0)) else {
            Issue.record("it was let in")
            return
        }
        #expect(refusal == AdmissionRefusal(cause: .queueDelay, retryAfter: 20 * millisecond))
        #expect(plan.snapshot.refused[.queueDelay] == 1 && plan.snapshot.refused.total == 1)
    }
}
