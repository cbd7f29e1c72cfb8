package import Scoring

/// Estimates how long requests have waited before an event loop came to read them, which no time of arrival tells: what is
/// in the sockets when a pass over the ready ones begins came during the pass before. Pure; owned by the loop's thread.
///
/// The loop's owner says when a pass begins (at its first request) and ends (in a task that the loop runs after it has
/// been through its ready sockets).
///
/// The *least* wait of an interval tells a standing queue from a burst that passes (CoDel: K. Nichols, V. Jacobson,
/// "Controlling Queue Delay", 2012).
package struct LoopBacklog: Sendable {
    /// Longer than bursts that a loop works off by itself; in nanoseconds.
    package static let interval: UInt64 = 100_000_000
    /// A loop that comes back within this has not slept in between.
    private static let turn: UInt64 = 50_000

    private var began: Moment?
    private var previous: UInt64 = 0
    private var ended = Moment(nanoseconds: 0)
    private var least = UInt64.max
    private var intervalEnd = Moment(nanoseconds: 0)
    private var standing: UInt64 = 0

    package init() {}

    package var isInPass: Bool { began != nil }

    package mutating func passBegins(_ now: Moment) {
        // A loop that slept in between had nothing waiting.
        if now.nanoseconds(since: ended) > max(Self.turn, previous / 2) { previous = 0 }
        began = now
    }

    package mutating func passEnds(_ now: Moment) {
        guard let began else { return }
        previous = now.nanoseconds(since: began)
        ended = now
        self.began = nil
    }

    /// The likely wait of a request that is looked at now: the time since the pass began, and half of the pass before. To
    /// be asked once about each request. O(1).
    package mutating func delay(at now: Moment) -> QueueDelay {
        let waited = (began.map { now.nanoseconds(since: $0) } ?? 0) + previous / 2
        if now >= intervalEnd {
            // After a pause of an interval or more there is no queue that could be standing.
            let isRecent = now.nanoseconds(since: intervalEnd) < Self.interval
            standing = isRecent && least != .max ? least : 0
            least = waited
            intervalEnd = Moment(nanoseconds: now.nanoseconds &+ Self.interval)
        } else if waited < least {
            least = waited
        }
        return QueueDelay(waited: waited, standing: standing)
    }
}
