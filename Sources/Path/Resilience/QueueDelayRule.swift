package import Scoring

/// Says which requests have waited too long to be worth serving, where more comes than an event loop can do. Pure; O(1).
///
/// CoDel's test with a server's reaction (K. Nichols, V. Jacobson, "Controlling Queue Delay", 2012; B. Maurer, "Fail at
/// Scale", 2015): the *least* wait of an interval tells a standing queue from a burst. While there is a standing queue,
/// requests that have waited too long are refused, which costs little, so that the others are answered in time. CoDel's
/// own slowly rising drop rate is made for senders that slow down; clients of a server do not.
///
/// Refusing keeps the queue at about a third of `maxDelay`, which has to count as standing too, or refusing would stop
/// while as much comes as before: hence a quarter.
package struct QueueDelayRule: Sendable, Equatable {
    /// Without a deadline: a loop that keeps up is far below, and hardly anybody minds.
    private static let harmless: UInt64 = 10_000_000
    /// Whatever the deadline: as long as a queue takes to show that it stands.
    private static let bearable: UInt64 = 100_000_000

    /// The longest wait while a queue is standing, in nanoseconds: a fifth of the model's deadline, at most 100 ms, so that
    /// most of the deadline is left for the rest; 10 ms without a deadline.
    package let maxDelay: UInt64

    /// - Parameter deadline: nil where only callers know when an answer is late.
    package init(deadline: Duration?) {
        maxDelay = deadline.map { min(Self.bearable, $0.nanoseconds / 5) } ?? Self.harmless
    }

    @inline(__always)
    package func refuses(_ delay: QueueDelay) -> Bool { delay.waited > maxDelay && delay.standing > maxDelay / 4 }
}
