internal import Scoring

/// How requests to one version of a model are gathered into calls, and how long they may wait.
package struct BatchLimits: Sendable, Equatable {
    /// Most rows of one call, 1 or more. Default 32. More raise the throughput of engines with a cost per call
    /// and the time that a request waits for the call before its own. A model's `maxRows` limits it further.
    package var maxBatchRows = 32
    /// How long a request may be kept back, with the engine idle, for others to join it. Default 0: never. Costs
    /// every request of a quiet model this much latency, but at most half of the time the request has.
    package var maxDelay = Duration.zero
    /// Most rows that wait; requests beyond are refused with `.overloaded`. Default 2000. A request finding an
    /// empty queue is taken whatever its size.
    package var queuedRows = 2000
    /// Calls of the model that run at the same time, 1 or more. Default 1: native libraries spread one call over
    /// the processors themselves.
    package var engines = 1
    /// The deadline of requests that bring none, counted from submission here and from arrival where the path sets it, so that
    /// nothing waits forever. Default 30 s.
    package var longestWait = Duration.seconds(30)
    /// How long after the last deadline of its requests a call may still return before it counts as hung. Default 1 s.
    package var stuckAfter = Duration.seconds(1)

    /// Threads started, at most, in place of those whose calls hang. Every hung call keeps its thread and memory.
    static let spareEngines = 2

    package init() {}
}

extension Moment {
    static let never = Moment(nanoseconds: .max)
}
