package import Registry
package import Scoring
internal import Synchronization

/// What a server counts and times, and its text for Prometheus. Series of a version exist as long as the version
/// serves; the requests of a model are counted as long as the server runs.
package final class ServingMetrics: Sendable {
    /// The label of requests that name no model the server has. They share one series, so that a client cannot
    /// make new ones.
    static let unknownModel = "unknown"

    private struct State {
        var models: [String: ModelCounters] = [:]
        var versions: [VersionKey: VersionMeter] = [:]
        var published: Set<VersionKey> = []
        var loads: [LoadKey: Loads] = [:]

        mutating func counters(of name: String) -> ModelCounters {
            if let counters = models[name] { return counters }
            let counters = ModelCounters()
            models[name] = counters
            return counters
        }
    }

    struct VersionKey: Hashable, Comparable {
        var name: String
        var version: Int

        static func < (left: Self, right: Self) -> Bool { (left.name, left.version) < (right.name, right.version) }
    }

    struct LoadKey: Hashable, Comparable {
        var name: String
        var result: String

        static func < (left: Self, right: Self) -> Bool { (left.name, left.result) < (right.name, right.result) }
    }

    struct Loads {
        var count = 0
        var nanoseconds: UInt64 = 0
    }

    private let state = Mutex(State())
    private let unknown = ModelCounters()
    private let inFlight = Atomic<Int>(0)
    private let version: String

    /// - Parameter version: Verdict's own, for `verdict_build_info`.
    package init(version: String) { self.version = version }

    func requestBegins() { inFlight.wrappingAdd(1, ordering: .relaxed) }
    func requestEnds() { inFlight.wrappingSubtract(1, ordering: .relaxed) }

    /// Counts a request that failed before a version was found for it.
    /// - Parameter name: The model of the repository that it was for; nil if there is none.
    func recordRejection(_ error: ScoringError, model name: ModelName?) {
        guard let name else { return unknown.add(RequestStatus(error)) }
        state.withLock { $0.counters(of: name.text) }.add(RequestStatus(error))
    }

    /// The meter of a version. The same one for as long as the version is published, whatever is reloaded.
    package func meter(_ name: ModelName, _ version: ModelVersion) -> any PredictionMeter {
        state.withLock { state in
            let key = VersionKey(name: name.text, version: version.number)
            if let meter = state.versions[key] { return meter }
            let meter = VersionMeter(state.counters(of: name.text))
            state.versions[key] = meter
            return meter
        }
    }

    /// Everything in Prometheus' text format 0.0.4.
    package func exposition(_ stages: StageFactory? = nil, registry: ModelRegistry? = nil) -> String {
        var text = PrometheusText()
        let (models, versions, published, loads) = state.withLock { ($0.models, $0.versions, $0.published, $0.loads) }

        text.family("model_requests_total", .counter, "Prediction requests by model and outcome.")
        for (name, counters) in models.sorted(by: { $0.key < $1.key }) + [(Self.unknownModel, unknown)] {
            for status in RequestStatus.allCases where counters[status] > 0 || (status == .success && name != Self.unknownModel) {
                text.sample("model_requests_total", [("model_name", name), ("status", status.rawValue)], counters[status])
            }
        }
        let sorted = versions.sorted { $0.key < $1.key }
        text.family("model_rows_total", .counter, "Rows that a version was to answer, by model, version and result.")
        for (key, meter) in sorted {
            for result in RowResult.allCases {
                text.sample("model_rows_total", key.labels + [("result", result.rawValue)], meter.rows(result))
            }
        }
        text.family("model_stand_in_rows_total", .counter, "Rows that a version answered as the fallback of another.")
        for (key, meter) in sorted { text.sample("model_stand_in_rows_total", key.labels, meter.standInRows) }
        text.family(
            "model_prediction_latency_seconds", .histogram,
            "Time from a request's last byte to its result, by model and version that answered rows of it; errors are not in it.")
        for (key, meter) in sorted { text.histogram("model_prediction_latency_seconds", key.labels, meter.latency) }
        Self.writeResults(sorted, into: &text)
        text.family("model_version_info", .gauge, "1 for each version that serves.")
        for key in published.sorted() { text.sample("model_version_info", key.labels, 1) }
        text.family("model_requests_in_flight", .gauge, "Requests whose answer is not known yet.")
        text.sample("model_requests_in_flight", [], UInt64(max(0, inFlight.load(ordering: .relaxed))))
        text.family("model_loads_total", .counter, "Attempts to load a version, by model and result.")
        for (key, load) in loads.sorted(by: { $0.key < $1.key }) {
            text.sample("model_loads_total", [("model_name", key.name), ("result", key.result)], UInt64(load.count))
        }
        text.family("model_load_duration_seconds_total", .counter, "Time spent loading, by model and result.")
        for (key, load) in loads.sorted(by: { $0.key < $1.key }) {
            text.sample(
                "model_load_duration_seconds_total", [("model_name", key.name), ("result", key.result)],
                seconds: load.nanoseconds)
        }
        text.family("verdict_build_info", .gauge, "1, labelled with the server's version.")
        text.sample("verdict_build_info", [("version", version)], 1)
        if let stages { PathMetrics.write(stages, into: &text) }
        if let registry { ExperimentMetrics.write(registry.experiments(), into: &text) }
        ProcessMetrics.write(into: &text)
        return text.text
    }

    private static func writeResults(_ versions: [(key: VersionKey, value: VersionMeter)], into text: inout PrometheusText) {
        text.family("model_decisions_total", .counter, "Decisions given, by model, version and decision.")
        for (key, meter) in versions where Decision.allCases.contains(where: { meter.decisions($0) > 0 }) {
            for decision in Decision.allCases {
                text.sample(
                    "model_decisions_total", key.labels + [("decision", decision.rawValue)], meter.decisions(decision))
            }
        }
        text.family(
            "model_score", .histogram,
            "Scores given, by model and version; those of fallbacks and of several classes are not in it.")
        for (key, meter) in versions where meter.scores.snapshot().cumulative.last ?? 0 > 0 {
            text.histogram("model_score", key.labels, meter.scores)
        }
    }
}

extension ServingMetrics: RegistryObserver {
    package func loadEnded(_ report: LoadReport) {
        let result =
            switch report.outcome {
            case .loaded: "success"
            case .refused: "refused"
            }
        state.withLock { state in
            state.loads[LoadKey(name: report.name.text, result: result), default: Loads()].count += 1
            state.loads[LoadKey(name: report.name.text, result: result), default: Loads()].nanoseconds &+= report.nanoseconds
            // A version that was refused at its first attempt has no series.
            let key = VersionKey(name: report.name.text, version: report.version.number)
            if case .refused = report.outcome, !state.published.contains(key) { state.versions[key] = nil }
        }
    }

    package func published(_ name: ModelName, _ version: ModelVersion) {
        _ = state.withLock { $0.published.insert(VersionKey(name: name.text, version: version.number)) }
    }

    package func withdrawn(_ name: ModelName, _ version: ModelVersion) {
        state.withLock { state in
            let key = VersionKey(name: name.text, version: version.number)
            state.published.remove(key)
            state.versions[key] = nil
        }
    }

    package func drained(_ name: ModelName, _ version: ModelVersion) {}
}

extension ServingMetrics.VersionKey {
    fileprivate var labels: [(String, String)] { [("model_name", name), ("version", String(version))] }
}

/// The `status` label: how a request ended.
enum RequestStatus: String, CaseIterable, Sendable {
    case success
    case invalidRequest = "invalid_request"
    case invalidFeature = "invalid_feature"
    case unknownModel = "unknown_model"
    case unknownVersion = "unknown_version"
    case notReady = "not_ready"
    case tooLarge = "too_large"
    case overloaded
    case circuitOpen = "circuit_open"
    case deadlineExceeded = "deadline_exceeded"
    case cancelled
    case engineFailure = "engine_failure"

    init(_ error: ScoringError) {
        self =
            switch error {
            case .invalidRequest, .rowRefused: .invalidRequest
            case .invalidFeature: .invalidFeature
            case .unknownModel: .unknownModel
            case .unknownVersion: .unknownVersion
            case .notReady: .notReady
            case .tooLarge: .tooLarge
            case .overloaded: .overloaded
            case .circuitOpen: .circuitOpen
            case .deadlineExceeded: .deadlineExceeded
            case .cancelled: .cancelled
            case .invalidModel, .unsupportedModel, .refusedModel, .engineFailure: .engineFailure
            }
    }

    fileprivate var index: Int { Self.allCases.firstIndex(of: self)! }
}

/// The `result` label: what became of a row. Every row that a version was to answer is one of these.
enum RowResult: String, CaseIterable, Sendable {
    /// The version gave its result, or the cache had it.
    case scored
    /// A fallback answered it.
    case fallback
    /// It has an error, by itself or with the rest of its request.
    case failed
}

/// The requests of one model by outcome, over all its versions.
final class ModelCounters: Sendable {
    private let cells = CounterTable(count: RequestStatus.allCases.count)

    func add(_ status: RequestStatus) { cells.add(1, to: status.index) }
    func addSuccess() { cells.add(1, to: 0) }
    subscript(status: RequestStatus) -> UInt64 { cells[status.index] }
}

/// Counts and times one version. Shared by all threads.
final class VersionMeter: PredictionMeter {
    let latency = LatencyHistogram()
    let scores = ScoreHistogram()
    private let decisionCounts = CounterTable(count: Decision.allCases.count)
    private let counters: ModelCounters
    private let rowCounts = CounterTable(count: RowResult.allCases.count)
    private let standIns = Atomic<UInt64>(0)

    init(_ counters: ModelCounters) { self.counters = counters }

    func rows(_ result: RowResult) -> UInt64 { rowCounts[Self.index(result)] }
    var standInRows: UInt64 { standIns.load(ordering: .relaxed) }

    func recordRequest(_ error: ScoringError?) {
        if let error { counters.add(RequestStatus(error)) } else { counters.addSuccess() }
    }

    func recordRows(_ group: RowGroup) {
        let outcome = group.outcome
        guard outcome.error == nil else { return add(group.features.count, .failed) }
        let (rows, failed) = (group.scores.count, group.scores.failedCount)
        let degraded = outcome.degradations.isEmpty ? 0 : outcome.degradedRows(of: rows)
        add(rows - failed - degraded, .scored)
        add(degraded, .fallback)
        add(failed, .failed)
        guard failed < rows else { return }
        latency.record(outcome.nanoseconds)
        let score = group.served.score
        if score.count == 1 { scores.record(group, column: score.lowerBound) }
        for case let decision? in outcome.decisions { decisionCounts.increment(Self.index(decision)) }
    }

    func recordStandIn(rows: Int) { standIns.wrappingAdd(UInt64(rows), ordering: .relaxed) }

    private func add(_ rows: Int, _ result: RowResult) {
        if rows > 0 { rowCounts.add(UInt64(rows), to: Self.index(result)) }
    }

    private static func index(_ result: RowResult) -> Int {
        switch result {
        case .scored: 0
        case .fallback: 1
        case .failed: 2
        }
    }

    func decisions(_ decision: Decision) -> UInt64 { decisionCounts[Self.index(decision)] }

    private static func index(_ decision: Decision) -> Int {
        switch decision {
        case .allow: 0
        case .review: 1
        case .block: 2
        }
    }
}
