/// When each request of a load test is due. Pure: no clock, socket or task; told the time, it says what a
/// free connection does next. All times are nanoseconds since the load began.
///
/// At a given rate a request is due at a moment that depends on its number alone, so a server that answers
/// late finds the requests it held up waiting, and their latency counts from the moment they were due. Load
/// generators that wait for an answer before they send the next request leave those out, and with them the
/// worst of the latency ("coordinated omission").
package struct LoadPlan: Sendable {
    package enum Pace: Sendable, Equatable {
        /// Open loop: so many requests a second, whether or not earlier ones were answered.
        case perSecond(Double)
        /// Open loop, one rate after the other.
        case stages([LoadStage])
        /// Closed loop: a connection sends its next request as soon as its last one was answered.
        case unlimited
    }

    package enum Step: Sendable, Equatable {
        /// Send the next request, which was due then.
        case send(due: UInt64)
        /// Give the next request up: whoever would have sent it has lost patience.
        case abandon(due: UInt64)
        /// Nothing is due before then.
        case wait(until: UInt64)
        /// No request is to be sent any more.
        case finished
    }

    package let pace: Pace
    /// Requests due before this are sent but not measured.
    package let warmup: UInt64
    /// No request is due at or after this.
    package let end: UInt64
    /// Requests that are still unsent then are given up.
    package let lastCall: UInt64
    /// How long after it was due a request is still worth sending; nil for ever.
    package let patience: UInt64?
    /// How many requests `step` has handed out to be sent.
    package private(set) var sent: UInt64 = 0
    /// Those among them that were due in the warm-up.
    package private(set) var sentInWarmUp: UInt64 = 0
    /// How many it has given up.
    package private(set) var abandoned: UInt64 = 0
    /// nil in a closed loop.
    private let schedule: LoadSchedule?

    /// - Parameter grace: how long after the end requests that are overdue are still sent.
    package init(pace: Pace, warmup: UInt64, duration: UInt64, grace: UInt64, patience: UInt64? = nil) {
        self.pace = pace
        self.warmup = warmup
        self.patience = patience
        switch pace {
        case .unlimited: schedule = nil
        case .perSecond(let rate): schedule = LoadSchedule([LoadStage(rate: rate, duration: warmup + duration)])
        case .stages(let stages): schedule = LoadSchedule(stages)
        }
        end = schedule?.end ?? warmup + duration
        lastCall = end + grace
    }

    /// How many requests are due in all; nil where that depends on the answers.
    package var scheduled: UInt64? { schedule?.count }

    /// The stage that a moment belongs to, counted from 0.
    package func stage(at moment: UInt64) -> Int { schedule?.stage(at: moment) ?? 0 }

    /// Requests that were due and never sent, nor given up.
    package var unsent: UInt64 {
        guard let scheduled, scheduled > taken else { return 0 }
        return scheduled - taken
    }

    private var taken: UInt64 { sent + abandoned }

    /// Whether no request is to be sent any more. O(stages).
    package func isFinished(at now: UInt64) -> Bool {
        guard let schedule else { return now >= end }
        return now >= lastCall || taken >= schedule.count
    }

    /// What a free connection does at `now`; `.send` and `.abandon` count as done. O(stages).
    package mutating func step(at now: UInt64) -> Step {
        guard !isFinished(at: now) else { return .finished }
        guard let schedule else {
            return send(due: now)
        }
        guard let due = schedule.due(taken) else { return .finished }
        guard due <= now else { return .wait(until: due) }
        if let patience, now - due >= patience {
            abandoned += 1
            return .abandon(due: due)
        }
        return send(due: due)
    }

    private mutating func send(due: UInt64) -> Step {
        sent += 1
        if !measures(due: due) { sentInWarmUp += 1 }
        return .send(due: due)
    }

    /// Whether a request that was due then belongs to the measurement.
    package func measures(due: UInt64) -> Bool { due >= warmup }
}
