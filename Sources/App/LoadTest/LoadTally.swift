internal import Histogram

/// What has happened in a load test so far. Its size does not depend on how long the test runs.
struct LoadTally {
    /// Longer latencies count as this.
    static let maxNanoseconds: UInt64 = 3_600_000_000_000

    /// Ways in which a request can end without a response.
    enum Loss: String, CaseIterable {
        case closed = "connection closed before the answer"
        case timeout = "no answer in time"
        case malformed = "answer that is not HTTP/1.1"
        case abandoned = "given up before it could be sent"
    }

    /// From the moment a request was due to its answer; answered requests of the measured part.
    private(set) var latency = Histogram<UInt64>(highestTrackableValue: maxNanoseconds)
    /// From the moment a request was sent to its answer; the same requests.
    private(set) var service = Histogram<UInt64>(highestTrackableValue: maxNanoseconds)
    /// What became of requests of the warm-up, which is counted apart.
    private(set) var warmUp = LoadReport.WarmUp()
    /// Responses by status.
    private(set) var statuses = [UInt64](repeating: 0, count: 600)
    private(set) var losses: [Loss: UInt64] = [:]
    /// 2xx responses.
    private(set) var answered: UInt64 = 0
    private(set) var failed: UInt64 = 0
    /// Connections opened beyond the first of each.
    private(set) var reconnections: UInt64 = 0
    /// When the last measured answer arrived, in nanoseconds since the load began.
    private(set) var lastAnswer: UInt64 = 0
    /// All requests, by stage and by interval of the timeline; both by the time they were due.
    private(set) var stages: [LoadSlice] = []
    private(set) var timeline: [LoadSlice] = []
    private let interval: UInt64?
    private let deadline: UInt64?
    /// The status and the beginning of the body of the first response that was not 2xx.
    private(set) var firstFailure: (status: Int, excerpt: [UInt8])?

    init(interval: UInt64? = nil, deadline: UInt64? = nil) {
        self.interval = interval
        self.deadline = deadline
    }

    /// A response whose request was due in this stage, sent and answered then, in nanoseconds since the load began.
    mutating func record(status: Int, due: UInt64, sent: UInt64, now: UInt64, stage: Int, isMeasured: Bool) {
        let isGood = (200..<300).contains(status)
        add(LoadSlice.Event(status: status, latency: now &- due, deadline: deadline), due: due, stage: stage)
        guard isMeasured else { return warmUp.count(isGood: isGood) }
        statuses[status] += 1
        guard isGood else {
            failed += 1
            return
        }
        answered += 1
        lastAnswer = now
        latency.record(min(now &- due, Self.maxNanoseconds))
        service.record(min(now &- sent, Self.maxNanoseconds))
    }

    mutating func recordFirstFailure(status: Int, excerpt: [UInt8]) {
        if firstFailure == nil { firstFailure = (status, excerpt) }
    }

    mutating func record(_ loss: Loss, due: UInt64, stage: Int, isMeasured: Bool) {
        add(.lost, due: due, stage: stage)
        guard isMeasured else { return warmUp.count(isGood: false) }
        losses[loss, default: 0] += 1
        failed += 1
    }

    private mutating func add(_ event: LoadSlice.Event, due: UInt64, stage: Int) {
        while stages.count <= stage { stages.append(LoadSlice()) }
        stages[stage].add(event)
        guard let interval else { return }
        let place = Int(due / interval)
        while timeline.count <= place { timeline.append(LoadSlice()) }
        timeline[place].add(event)
    }

    mutating func recordReconnection() { reconnections += 1 }
}
