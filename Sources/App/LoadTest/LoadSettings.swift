/// What a load test does: where it sends what, how fast, over how many connections, for how long.
package struct LoadSettings: Sendable {
    package static let maxConcurrency = 10_000
    /// Requests a second; far above what one core can send.
    package static let highestRate = 10_000_000.0

    package let target: LoadTarget
    package let requests: LoadRequests
    package var pace = LoadPlan.Pace.perSecond(1000)
    /// Connections, each with at most one request on its way.
    package var concurrency = 16
    /// Nanoseconds at the beginning that are not measured.
    package var warmup: UInt64 = 1_000_000_000
    /// Nanoseconds that are measured.
    package var duration: UInt64 = 10_000_000_000
    /// Nanoseconds after which a request without an answer is given up.
    package var timeout: UInt64 = 10_000_000_000
    /// Nanoseconds after it was due at which a request is given up, sent or not; nil for never.
    package var patience: UInt64?
    /// Nanoseconds from due time within which an answer is worth something; nil for ever.
    package var deadline: UInt64?
    /// Nanoseconds of each interval of the report's timeline; nil for no timeline.
    package var interval: UInt64?

    /// Most intervals of a timeline: they lie in memory while the test runs.
    package static let maxIntervals: UInt64 = 10_000

    package init(target: LoadTarget, requests: LoadRequests) {
        self.target = target
        self.requests = requests
    }

    /// Refuses what makes no sense.
    package func validate() throws(LoadError) {
        if case .perSecond(let rate) = pace {
            guard rate > 0, rate <= Self.highestRate else {
                throw .wrongArgument("the rate must be greater than 0 and at most 10,000,000 a second, or 'max'")
            }
        }
        if case .stages(let stages) = pace {
            guard stages.contains(where: { $0.rate > 0 }) else { throw .wrongArgument("no stage sends anything") }
        }
        if let interval {
            guard interval > 0, (warmup + duration) / interval <= Self.maxIntervals else {
                throw .wrongArgument("a timeline has at most \(Self.maxIntervals) intervals; ask for longer ones")
            }
        }
        guard (1...Self.maxConcurrency).contains(concurrency) else {
            throw .wrongArgument("the concurrency must be from 1 to \(Self.maxConcurrency)")
        }
        guard duration > 0 else { throw .wrongArgument("the duration must be longer than 0") }
        guard timeout > 0 else { throw .wrongArgument("the timeout must be longer than 0") }
    }
}

/// How a load test is watched and stopped while it runs. Both are called on the thread that sends the
/// requests, about ten times a second, and must not block.
package struct LoadWatch: Sendable {
    package var progress: (@Sendable (LoadProgress) -> Void)?
    package var shouldStop: (@Sendable () -> Bool)?

    package init() {}
}

/// How far a load test has come.
package struct LoadProgress: Sendable, Equatable {
    /// Nanoseconds since the load began, and how many there will be.
    package var elapsed: UInt64
    package var total: UInt64
    package var answered: UInt64
    package var failed: UInt64

    package init(elapsed: UInt64, total: UInt64, answered: UInt64, failed: UInt64) {
        self.elapsed = elapsed
        self.total = total
        self.answered = answered
        self.failed = failed
    }
}
