package import Scoring
internal import Synchronization

/// Keeps callers from a model version that fails or hangs, and tries it again now and then. One a version, made with it
/// and gone with it. Any thread; allocates nothing. While it is closed a permit costs one atomic load; a record takes one
/// short lock. What it decides is in `BreakerPlan`.
package final class CircuitBreaker: Sendable {
    private let plan: Mutex<BreakerPlan>
    /// The plan's generation while it is closed, else 0. A permit from a generation that ends in between is harmless.
    private let closedGeneration: Atomic<UInt64>

    /// - Parameter slowCall: from which duration a call is slow; see `ResilienceLimits.slowCall`.
    package init(_ limits: BreakerLimits, slowCall: Duration, now: Moment = .now) {
        let plan = BreakerPlan(limits, slowCall: slowCall, now: now)
        closedGeneration = Atomic(plan.generation)
        self.plan = Mutex(plan)
    }

    /// nil if the limits ask for no breaker.
    package convenience init?(_ limits: ResilienceLimits, now: Moment = .now) {
        guard let breaker = limits.breaker else { return nil }
        self.init(breaker, slowCall: limits.slowCall, now: now)
    }

    package func permit(now: Moment) -> BreakerPlan.Step {
        let generation = closedGeneration.load(ordering: .relaxed)
        if generation != 0 { return .call(BreakerPermit(generation: generation, slot: -1, number: 0)) }
        return plan.withLock { $0.permit(now: now) }
    }

    /// Reports a permitted call. A call that is never reported costs nothing but, for a probe, time.
    package func record(_ permit: BreakerPermit, _ result: CallResult, took: UInt64, now: Moment) {
        plan.withLock { plan in
            let before = plan.generation
            plan.record(permit, result, took: took, now: now)
            // Within the lock, so that the two never disagree for longer than a permit takes.
            if plan.generation != before {
                closedGeneration.store(plan.isClosed ? plan.generation : 0, ordering: .relaxed)
            }
        }
    }

    package func snapshot(now: Moment) -> BreakerSnapshot { plan.withLock { $0.snapshot(now: now) } }
}
