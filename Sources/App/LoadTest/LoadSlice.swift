internal import Histogram

/// What became of the requests of one stage or interval.
package struct LoadSlice: Sendable {
    /// How a request ended, with nanoseconds since it was due.
    enum Event {
        /// 2xx, within the deadline.
        case good(UInt64)
        /// 2xx, too late.
        case late(UInt64)
        /// 429 or 503: the server said that it does not want to.
        case refused(UInt64)
        /// Another status.
        case failed
        /// No answer.
        case lost

        init(status: Int, latency: UInt64, deadline: UInt64?) {
            switch status {
            case 200..<300: self = latency <= deadline ?? .max ? .good(latency) : .late(latency)
            case 429, 503: self = .refused(latency)
            default: self = .failed
            }
        }
    }

    /// Microseconds, to one part in a hundred; made with the first value.
    private typealias Latencies = Histogram<UInt32>

    package private(set) var good: UInt64 = 0
    package private(set) var late: UInt64 = 0
    package private(set) var refused: UInt64 = 0
    package private(set) var failed: UInt64 = 0
    package private(set) var lost: UInt64 = 0
    private var accepted: Latencies?
    private var refusals: Latencies?

    mutating func add(_ event: Event) {
        switch event {
        case .good(let latency):
            good += 1
            Self.record(latency, in: &accepted)
        case .late(let latency):
            late += 1
            Self.record(latency, in: &accepted)
        case .refused(let latency):
            refused += 1
            Self.record(latency, in: &refusals)
        case .failed: failed += 1
        case .lost: lost += 1
        }
    }

    /// The latency in microseconds that so many percent of the 2xx answers do not exceed; nil without any.
    package func accepted(_ percentile: Double) -> UInt64? { accepted?.valueAtPercentile(percentile) }

    /// The same of refusals.
    package func refusals(_ percentile: Double) -> UInt64? { refusals?.valueAtPercentile(percentile) }

    private static func record(_ nanoseconds: UInt64, in latencies: inout Latencies?) {
        if latencies == nil {
            latencies = Latencies(
                highestTrackableValue: LoadTally.maxNanoseconds / 1000, numberOfSignificantValueDigits: .two)
        }
        latencies?.record(min(nanoseconds, LoadTally.maxNanoseconds) / 1000)
    }
}
