package import Scoring
internal import Synchronization

/// Refuses requests that waited too long in front of the server, for one event loop or for several that share their
/// work. Any thread; one short lock, no allocation. What it decides is in `QueueDelayPlan`.
package final class QueueDelayShedder: Sendable {
    private struct State {
        var plan: QueueDelayPlan
        var refused: UInt64 = 0
    }

    private let state: Mutex<State>

    package init(_ limits: QueueDelayLimits = QueueDelayLimits()) { state = Mutex(State(plan: QueueDelayPlan(limits))) }

    /// Throws `.overloaded` if a request that has waited `age` nanoseconds is not to be served.
    package func check(age: UInt64, now: Moment) throws(ScoringError) {
        let retryAfter: UInt64? = state.withLock { state in
            guard state.plan.sheds(age: age, now: now) else { return nil }
            state.refused &+= 1
            return state.plan.retryAfter
        }
        if let retryAfter { throw .overloaded(retryAfter: .nanoseconds(Int64(clamping: retryAfter))) }
    }

    package var isOverloaded: Bool { state.withLock(\.plan.isOverloaded) }
    package var refused: UInt64 { state.withLock(\.refused) }
}
