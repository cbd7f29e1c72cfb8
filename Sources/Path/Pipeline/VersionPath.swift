internal import Batching
internal import Caching
package import Registry
internal import Resilience
package import Scoring

/// The stages that requests to one loaded version pass, as far as its model.yaml or its engine asks for them; the others
/// are nil and cost nothing. Made with the version and gone with it.
final class VersionPath: VersionStages {
    /// What belongs to the version's model and outlives it.
    let model: ModelPath
    /// Added to a request's arrival, in nanoseconds; nil where only the request's own deadline counts.
    let deadline: UInt64?
    /// `deadline`, or what an earlier end `longestWait` puts to requests to an engine that blocks. Added to the arrival too.
    private let limit: UInt64?
    let breaker: CircuitBreaker?
    /// The model as the stages call it: where its engine blocks, behind a `JudgingModel`.
    let engine: any ScoringModel
    /// For engines that block.
    let batcher: Batcher?
    /// For engines that block for less than it takes to go to another thread.
    let quickCalls: QuickCalls?
    let cache: VersionCache?
    let fallback: Fallback?
    /// Whether requests go through `ModelPath.admission`.
    let admits: Bool

    init(
        _ model: ModelPath, rules: ServingRules, of loaded: any ScoringModel, cache: VersionCache?,
        rowNanoseconds: UInt64? = nil
    ) throws(ScoringError) {
        self.model = model
        self.cache = cache
        let calls = loaded.calls
        let limits = rules.limits
        deadline = limits?.deadline.map(\.nanoseconds)
        fallback = rules.fallback
        let isBlocking = CallPath.of(calls) == .engineThread
        admits = limits != nil
        var breaker = limits?.breaker
        if breaker == nil, isBlocking { breaker = ResilienceLimits.standard(for: calls).breaker }
        self.breaker = breaker.map { CircuitBreaker($0, slowCall: (limits ?? ResilienceLimits()).slowCall) }
        if isBlocking {
            var batching = rules.batching ?? BatchLimits()
            if let limits { batching.queuedRows = limits.queuedRows }
            limit = min(deadline ?? .max, batching.longestWait.nanoseconds)
            quickCalls = rowNanoseconds.flatMap { QuickCalls($0) }
            engine = JudgingModel(loaded)
            batcher = try Batcher(engine, limits: batching, name: model.name.text)
        } else {
            limit = deadline
            engine = loaded
            quickCalls = nil
            batcher = nil
        }
    }

    var isLimited: Bool { admits }

    /// When a request is late by the model's own limits or its own.
    func deadline(of exchange: PredictionExchange) -> Moment? {
        guard let limit = deadline(ofArrival: exchange.arrival) else { return exchange.deadline }
        return exchange.deadline.map { min($0, limit) } ?? limit
    }

    /// When a request is late by the model's limits, whatever its own is.
    func deadline(ofArrival arrival: Moment) -> Moment? {
        limit.map { arrival.advanced(byNanoseconds: $0) }
    }

    /// Whether a request's deadline is the caller's: earlier than the model's limits ask for. That it passes says nothing
    /// about the version.
    func isCallersDeadline(_ exchange: PredictionExchange) -> Bool {
        guard let deadline = exchange.deadline else { return false }
        return self.deadline(ofArrival: exchange.arrival).map { deadline < $0 } ?? true
    }

    /// Refuses a request that nobody has read yet, where it would be refused afterwards and no fallback needs its rows.
    func screen(_ exchange: PredictionExchange) throws(ScoringError) {
        if let fallback, fallback.applies(to: .overloaded) { return }
        let request = AdmissionRequest(rows: 1, deadline: deadline(of: exchange), queueDelay: exchange.queueDelay)
        try model.admission.screen(request, now: .now)
    }

    /// Whether any stage is there at all.
    var isPlain: Bool {
        deadline == nil && breaker == nil && batcher == nil && cache == nil && fallback == nil && !admits
    }
}

/// What the versions of one model share: the door, the counts.
final class ModelPath: Sendable {
    let name: ModelName
    let limits: ResilienceLimits
    let admission: AdmissionControl
    let cacheMeter = CacheMeter()
    let degraded = DegradationCounts()

    init(_ name: ModelName, _ limits: ResilienceLimits, server: ServerAdmission) {
        self.name = name
        self.limits = limits
        admission = AdmissionControl(limits, server: server, model: name.text)
    }
}

/// Answers that a fallback gave, by reason.
final class DegradationCounts: Sendable {
    private let cells = CounterTable(count: DegradationReason.allCases.count)

    func add(_ reason: DegradationReason) { cells.add(1, to: Self.index(reason)) }
    subscript(reason: DegradationReason) -> UInt64 { cells[Self.index(reason)] }

    private static func index(_ reason: DegradationReason) -> Int { DegradationReason.allCases.firstIndex(of: reason) ?? 0 }
}

/// The caches as one version uses them.
struct VersionCache {
    let scope: CacheScope
    let memory: ScoreCache
    let shared: RedisTier?
    /// Where computing takes long enough to wait for another's result.
    let flights: SingleFlight?
}
