package import Scoring

/// How long requests may wait before anybody looks at them.
package struct QueueDelayLimits: Sendable, Equatable {
    /// A wait that never is shorter than this for a whole interval means that more comes than can be served. 10 us to
    /// 10 s, default 5 ms: a loop that keeps up is far below, and half of the tightest deadlines is still left.
    package var target: Duration = .milliseconds(5)
    /// 1 ms to 60 s, default 100 ms: longer than bursts that a loop works off by itself.
    package var interval: Duration = .milliseconds(100)

    package init() {}
}

/// Decides which requests to refuse because they, and all before them, have waited too long. Pure; O(1), no allocation.
///
/// CoDel's test with a server's reaction (K. Nichols, V. Jacobson, "Controlling Queue Delay", 2012; B. Maurer, "Fail at
/// Scale", 2015): the *least* wait of an interval tells a standing queue from a burst. While there is a standing queue,
/// requests older than twice the target are refused, which costs next to nothing, so that the others are answered in
/// time. CoDel's own slowly rising drop rate is made for senders that slow down; clients of a server do not.
package struct QueueDelayPlan: Sendable {
    private let target: UInt64
    private let interval: UInt64
    private var least = UInt64.max
    private var intervalEnd = Moment(nanoseconds: 0)
    /// Whether a queue was standing throughout the last interval.
    package private(set) var isOverloaded = false

    package init(_ limits: QueueDelayLimits = QueueDelayLimits()) {
        target = limits.target.nanoseconds
        interval = max(1, limits.interval.nanoseconds)
    }

    /// Whether to refuse a request that has waited `age` nanoseconds. To be asked about each request, in any order of
    /// moments.
    @inline(__always)
    package mutating func sheds(age: UInt64, now: Moment) -> Bool {
        if now >= intervalEnd {
            // After a pause of an interval or more there is no queue that could be standing.
            let isRecent = now.nanoseconds(since: intervalEnd) < interval
            // Half the target to get out of it: refusing keeps the queue around the target, which does not mean that less comes.
            isOverloaded = isRecent && least != .max && least > (isOverloaded ? target / 2 : target)
            least = age
            intervalEnd = now.advanced(byNanoseconds: interval)
        } else if age < least {
            least = age
        }
        return isOverloaded && age > target &* 2
    }

    /// When it is worth to try again, in nanoseconds: the state is judged anew after an interval.
    package var retryAfter: UInt64 { interval }
}

/// Estimates how long requests have waited before a loop came to read them, which no time of arrival tells: what is in
/// the sockets when a pass over the ready ones begins came during the pass before. Pure; owned by the loop's thread.
///
/// The loop's owner says when a pass begins (at its first request, say) and ends (in a task that the loop runs after it
/// has been through its ready sockets).
package struct LoopBacklog: Sendable {
    private var began: Moment?
    private var previous: UInt64 = 0
    private var ended = Moment(nanoseconds: 0)

    package init() {}

    package var isInPass: Bool { began != nil }

    package mutating func passBegins(_ now: Moment) {
        // A loop that slept in between had nothing waiting.
        if now.nanoseconds(since: ended) > max(50_000, previous / 2) { previous = 0 }
        began = now
    }

    package mutating func passEnds(_ now: Moment) {
        guard let began else { return }
        previous = now.nanoseconds(since: began)
        ended = now
        self.began = nil
    }

    /// The likely wait in nanoseconds of a request that was read at `arrival` and is looked at now: the time since then or
    /// since the pass began, and half of the pass before.
    package func age(arrival: Moment, now: Moment) -> UInt64 {
        let read = now.nanoseconds(since: arrival)
        guard let began else { return read }
        return max(read, now.nanoseconds(since: began)) + previous / 2
    }
}
