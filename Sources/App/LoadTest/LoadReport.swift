internal import Histogram

/// What a load test found out. Latencies and counts are of the measured part; the warm-up is counted apart.
package struct LoadReport: Sendable {
    /// Why a test ended.
    package enum Ending: String, Sendable {
        /// All its time passed.
        case completed
        /// It was told to stop; the report covers the time until then.
        case stopped
        /// No connection could be opened any more.
        case serverGone
    }

    package struct Failure: Sendable, Equatable {
        /// "status 429", "no answer in time".
        package let reason: String
        package let count: UInt64
    }

    /// What became of the requests that were due before the measured part.
    package struct WarmUp: Sendable, Equatable {
        package internal(set) var sent: UInt64 = 0
        package private(set) var answered: UInt64 = 0
        package private(set) var failed: UInt64 = 0

        mutating func count(isGood: Bool) { if isGood { answered += 1 } else { failed += 1 } }
    }

    package let url: String
    package let method: String
    package let pace: LoadPlan.Pace
    package let concurrency: Int
    /// Nanoseconds, as are all times here.
    package let warmup: UInt64
    package let duration: UInt64
    /// Seconds since 1970.
    package let startedAt: Int64
    package let ending: Ending
    package let warmUp: WarmUp
    /// Requests sent, and 2xx answers.
    package let sent: UInt64
    package let answered: UInt64
    package let failed: UInt64
    /// Most frequent first.
    package let failures: [Failure]
    /// What the first answer that was not 2xx said: "status 400: ...".
    package let firstFailure: String?
    /// Requests that were due and never sent, because the server fell too far behind.
    package let unsent: UInt64
    package let reconnections: UInt64
    /// Measured 2xx answers a second.
    package let throughput: Double
    /// From the moment a request was due; nil in a closed loop, where requests are due when they are sent.
    package let latency: LatencySummary?
    /// From the moment a request was sent.
    package let service: LatencySummary
    /// Nanoseconds from due time within which an answer counts as good; nil for all.
    package let deadline: UInt64?
    /// What became of the requests of each stage, or of all, the warm-up included, where there are no stages.
    package let stages: [LoadSlice]
    /// The same for each interval, where that was asked for.
    package let timeline: [LoadSlice]
    /// Nanoseconds of an interval.
    package let interval: UInt64?

    /// Whether every request was answered with 2xx, in the warm-up as well.
    package var isClean: Bool {
        failed == 0 && warmUp.failed == 0 && unsent == 0 && ending != .serverGone && answered > 0
    }

    init(_ settings: LoadSettings, plan: LoadPlan, tally: LoadTally, startedAt: Int64, ended: UInt64, ending: Ending) {
        url = settings.target.url
        method = settings.requests.method
        pace = settings.pace
        concurrency = settings.concurrency
        warmup = settings.warmup
        self.startedAt = startedAt
        self.ending = ending
        var warmUp = tally.warmUp
        warmUp.sent = plan.sentInWarmUp
        self.warmUp = warmUp
        sent = plan.sent - plan.sentInWarmUp
        answered = tally.answered
        failed = tally.failed
        failures = Self.failures(of: tally)
        firstFailure = tally.firstFailure.map { "status \($0.status): " + Self.printable($0.excerpt) }
        unsent = ending == .stopped ? 0 : plan.unsent
        reconnections = tally.reconnections
        duration = ending == .completed ? settings.duration : min(settings.duration, ended - min(ended, settings.warmup))
        // A slow server's last answers come after the end; the rate is over all the time that it took.
        let span = max(duration, tally.lastAnswer - min(tally.lastAnswer, settings.warmup))
        throughput = span == 0 ? 0 : Double(tally.service.totalCount) / (Double(span) / 1e9)
        service = LatencySummary(tally.service)
        deadline = settings.deadline
        stages = tally.stages
        timeline = tally.timeline
        interval = settings.interval
        latency = settings.pace == .unlimited ? nil : LatencySummary(tally.latency)
    }

    private static func failures(of tally: LoadTally) -> [Failure] {
        var failures: [Failure] = []
        for (status, count) in tally.statuses.enumerated() where count > 0 && !(200..<300).contains(status) {
            failures.append(Failure(reason: "status \(status)", count: count))
        }
        for (loss, count) in tally.losses { failures.append(Failure(reason: loss.rawValue, count: count)) }
        return failures.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    }

    /// The server's words, without what could steer a terminal.
    private static func printable(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            scalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return String(scalars)
    }
}

/// A distribution of latencies, in nanoseconds. Empty if nothing was measured.
package struct LatencySummary: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        /// 0 to 100.
        package let percentile: Double
        package let nanoseconds: UInt64
    }

    /// The percentiles of the table: the last is the greatest value.
    package static let tablePercentiles = [50, 90, 99, 99.9, 99.99, 100]

    package let count: UInt64
    package let mean: Double
    package let least: UInt64
    package let table: [Point]
    /// Ten points for each further nine, as far as there are values to tell them apart.
    package let curve: [Point]

    init(_ histogram: Histogram<UInt64>) {
        count = histogram.totalCount
        mean = histogram.mean
        least = count == 0 ? 0 : histogram.min
        guard count > 0 else {
            (table, curve) = ([], [])
            return
        }
        table = Self.tablePercentiles.map { Point(percentile: $0, nanoseconds: histogram.valueAtPercentile($0)) }
        var curve = [Point(percentile: 0, nanoseconds: least)]
        var beyond = 1.0
        while beyond * Double(histogram.totalCount) > 1, curve.count < 100 {
            beyond *= 0.794_328_234_724_281_5  // a tenth of a nine: 10 to the power of -1/10
            let percentile = 100 * (1 - beyond)
            curve.append(Point(percentile: percentile, nanoseconds: histogram.valueAtPercentile(percentile)))
        }
        curve.append(Point(percentile: 100, nanoseconds: histogram.maxRecorded))
        self.curve = curve
    }
}
