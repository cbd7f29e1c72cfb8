/// Decides whether look-ups are worth sending. Pure.
///
/// Closed, it counts the outcomes of the last 16 look-ups and opens when five of them failed or came too late. Open,
/// nothing is asked; a probe that no request waits for goes out after 100 ms, then after twice as long each time, up to
/// 1 s. The first probe answered in time closes it.
package struct RedisBreaker {
    package private(set) var isOpen = false
    /// One bit an outcome, the newest lowest; 1 for a failure.
    private var outcomes: UInt16 = 0
    private var pause: UInt64 = firstPause

    package init() {}

    package static let firstPause: UInt64 = 100_000_000
    package static let maxPause: UInt64 = 1_000_000_000
    package static let failuresToOpen = 5

    /// A look-up's outcome. Returns after how many nanoseconds to probe if it opens the breaker.
    package mutating func record(success: Bool) -> UInt64? {
        guard !isOpen else { return nil }
        outcomes = outcomes << 1 | (success ? 0 : 1)
        guard outcomes.nonzeroBitCount >= Self.failuresToOpen else { return nil }
        isOpen = true
        pause = Self.firstPause
        return pause
    }

    /// A probe's outcome. Returns after how many nanoseconds to probe again, nil if it closes the breaker.
    package mutating func recordProbe(success: Bool) -> UInt64? {
        guard isOpen else { return nil }
        guard success else {
            pause = min(pause * 2, Self.maxPause)
            return pause
        }
        reset()
        return nil
    }

    /// A new connection has answered.
    package mutating func reset() {
        isOpen = false
        outcomes = 0
    }
}

/// How long to wait before connecting again: 50 ms, twice as long after each failure, up to 2 s, each time by chance
/// between half of it and all, so that servers that lost the same Redis do not come back at the same time. Pure.
package struct ReconnectBackoff {
    private var failures: UInt64 = 0

    package init() {}

    package static let first: UInt64 = 50_000_000
    package static let maxWait: UInt64 = 2_000_000_000

    /// The nanoseconds to wait now. `chance` is from 0 to 1.
    package mutating func next(chance: Double) -> UInt64 {
        let whole = min(Self.first << min(failures, 16), Self.maxWait)
        failures += 1
        return whole / 2 + UInt64(Double(whole / 2) * chance)
    }

    package mutating func reset() { failures = 0 }
}
