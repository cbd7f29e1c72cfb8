package import Scoring
internal import StrictYAML

/// What model.yaml's `limits` say about a model under load and under failure.
///
/// A native model, which computes for microseconds on the thread that asks, needs none of it: its overload shows before
/// it is called (see `QueueDelayRule`). A model with a blocking engine (`CallProfile.isBlocking`) has a breaker in any case; its
/// queue is bounded by its batcher, and the limits hold where model.yaml asks for them.
package struct ResilienceLimits: Sendable, Equatable {
    /// Longest time from a request's last byte to its score. A request's own deadline counts where it is earlier.
    /// Default nil: what is too late is the caller's business, and only the caller knows.
    package var deadline: Duration?
    /// Most rows admitted and not yet answered; a larger request is admitted alone. 1 to 1,000,000, default 2,000: some
    /// 60 full batches of 32, which a network of a millisecond a batch works off within 60 ms.
    package var queuedRows = 2_000
    /// Most requests admitted and not yet answered: the ceiling of the adaptive limit. 1 to 100,000, default 256: more
    /// than eight full batches of single rows, so that it never costs throughput, and less than a thousandth of what
    /// would be felt in memory.
    package var concurrency = 256
    /// Fewest requests that the adaptive limit lets in. 1 to `concurrency`, default 8: enough to keep a few engine
    /// threads busy whatever the latencies are, so that the limit always finds its way back up.
    package var leastConcurrency = 8
    /// Share of both limits that bulk requests may take. Above 0, up to 1; default 0.5: a batch job cannot shut out
    /// interactive requests, and is still quick while there are none.
    package var bulkShare = 0.5
    /// nil for no circuit breaker, the default. `standard` gives one to blocking engines.
    package var breaker: BreakerLimits?

    package init() {}

    /// The defaults for a model that is called so.
    package static func standard(for calls: CallProfile) -> ResilienceLimits {
        var limits = ResilienceLimits()
        if calls.isBlocking { limits.breaker = BreakerLimits() }
        return limits
    }

    /// The duration from which a call is slow: as set, else nine tenths of the deadline, else one second.
    ///
    /// The time is the engine's own, without its queue. A call that leaves time for an answer is no reason to give up.
    package var slowCall: Duration { breaker?.slowCall ?? deadline.map { $0 * 9 / 10 } ?? .seconds(1) }

    /// Throws `.refusedModel` with the first key that is out of its range.
    package func check() throws(ScoringError) {
        if let deadline { try Self.check(deadline, "deadline", .microseconds(100), .seconds(3600)) }
        try Self.check(queuedRows, "queuedRows", 1...1_000_000)
        try Self.check(concurrency, "concurrency", 1...100_000)
        try Self.check(leastConcurrency, "leastConcurrency", 1...100_000)
        guard bulkShare > 0, bulkShare <= 1 else { throw .refusedModel("limits.bulkShare must be above 0 and at most 1") }
        try breaker?.check()
    }

    static func check(_ value: Int, _ key: String, _ range: ClosedRange<Int>) throws(ScoringError) {
        guard range.contains(value) else {
            throw .refusedModel("limits.\(key) must be \(range.lowerBound) to \(range.upperBound)")
        }
    }

    static func check(_ value: Duration, _ key: String, _ least: Duration, _ most: Duration) throws(ScoringError) {
        guard value >= least, value <= most else {
            throw .refusedModel("limits.\(key) must be \(DurationText.text(least)) to \(DurationText.text(most))")
        }
    }
}

/// When a circuit breaker opens, and how it finds out that it may close again.
package struct BreakerLimits: Sendable, Equatable {
    /// Share of failed calls from which the breaker opens. Above 0, up to 1; default 0.5: below that, half of the
    /// answers are still the model's own, which is better than none.
    package var failureRatio = 0.5
    /// A call that takes at least so long is slow. 10 us to 1 h; nil, the default, for nine tenths of the model's
    /// deadline, or one second without a deadline.
    package var slowCall: Duration?
    /// Share of slow calls from which the breaker opens. Above 0, up to 1; default 0.8: waiting is cheaper than giving
    /// up, so nearly all calls have to be slow.
    package var slowRatio = 0.8
    /// How far back calls count. 100 ms to 1 h, default 10 s: long enough for models with a few calls a second.
    package var window: Duration = .seconds(10)
    /// Fewest calls within the window for a ratio to mean anything. 1 to 1,000,000, default 20.
    package var minimumCalls = 20
    /// How long the breaker stays open before it probes. Doubled each time the probes fail, up to eightfold.
    /// 10 ms to 1 h, default 5 s.
    package var openFor: Duration = .seconds(5)
    /// Calls that have to succeed before the breaker closes, and the most that are tried at a time. 1 to 64, default 3.
    package var probes = 3

    package init() {}

    /// Throws `.refusedModel` with the first key that is out of its range.
    package func check() throws(ScoringError) {
        for (key, ratio) in [("failureRatio", failureRatio), ("slowRatio", slowRatio)] {
            guard ratio > 0, ratio <= 1 else {
                throw .refusedModel("limits.breaker.\(key) must be above 0 and at most 1")
            }
        }
        if let slowCall {
            try ResilienceLimits.check(slowCall, "breaker.slowCall", .microseconds(10), .seconds(3600))
        }
        try ResilienceLimits.check(window, "breaker.window", .milliseconds(100), .seconds(3600))
        try ResilienceLimits.check(minimumCalls, "breaker.minimumCalls", 1...1_000_000)
        try ResilienceLimits.check(openFor, "breaker.openFor", .milliseconds(10), .seconds(3600))
        try ResilienceLimits.check(probes, "breaker.probes", 1...64)
    }
}
