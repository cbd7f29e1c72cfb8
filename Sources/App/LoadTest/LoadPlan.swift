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
        /// Closed loop: a connection sends its next request as soon as its last one was answered.
        case unlimited
    }

    package enum Step: Sendable, Equatable {
        /// Send the next request, which was due then.
        case send(due: UInt64)
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
    /// How many requests `step` has handed out.
    package private(set) var sent: UInt64 = 0

    /// - Parameter grace: how long after the end requests that are overdue are still sent.
    package init(pace: Pace, warmup: UInt64, duration: UInt64, grace: UInt64) {
        self.pace = pace
        self.warmup = warmup
        end = warmup + duration
        lastCall = end + grace
    }

    /// How many requests are due in all; nil where that depends on the answers.
    package var scheduled: UInt64? {
        guard case .perSecond(let rate) = pace else { return nil }
        var count = UInt64(Double(end) * rate / 1e9)
        while count > 0, Self.due(count - 1, rate: rate) >= end { count -= 1 }
        while Self.due(count, rate: rate) < end { count += 1 }
        return count
    }

    /// Requests that were due and were never sent.
    package var unsent: UInt64 {
        guard let scheduled, scheduled > sent else { return 0 }
        return scheduled - sent
    }

    /// Whether no request is to be sent any more. O(1).
    package func isFinished(at now: UInt64) -> Bool {
        switch pace {
        case .unlimited: now >= end
        case .perSecond(let rate): now >= lastCall || Self.due(sent, rate: rate) >= end
        }
    }

    /// What a free connection does at `now`; `.send` counts as done. O(1).
    package mutating func step(at now: UInt64) -> Step {
        guard !isFinished(at: now) else { return .finished }
        var due = now
        if case .perSecond(let rate) = pace {
            due = Self.due(sent, rate: rate)
            guard due <= now else { return .wait(until: due) }
        }
        sent += 1
        return .send(due: due)
    }

    /// Whether a request that was due then belongs to the measurement.
    package func measures(due: UInt64) -> Bool { due >= warmup }

    /// The moment a request is due: from its number, not from its predecessor, so that nothing adds up.
    private static func due(_ index: UInt64, rate: Double) -> UInt64 {
        UInt64(Double(index) / rate * 1e9)
    }
}
