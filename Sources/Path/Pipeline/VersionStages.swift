internal import Batching
internal import Caching
internal import Registry
internal import Resilience
internal import Scoring
internal import Synchronization

/// The stages that requests to one loaded version pass, as far as its model.yaml or its engine asks for them; the others
/// are nil and cost nothing. Made with the version and gone with it.
final class VersionStages: RequestStages {
    /// What belongs to the version's model and outlives it.
    let model: ModelStages
    /// Added to a request's arrival, in nanoseconds; nil where only the request's own deadline counts.
    let deadline: UInt64?
    /// `deadline`, or what an earlier end `longestWait` puts to requests to an engine that blocks. Added to the arrival too.
    private let limit: UInt64?
    let breaker: CircuitBreaker?
    /// The model as the stages call it: where its engine blocks, behind a `JudgingModel`.
    let engine: any ScoringModel
    /// The same, where it is one.
    let judge: JudgingModel?
    /// For engines that block.
    let batcher: Batcher?
    /// For engines that block for less than it takes to go to another thread.
    let inlineExecution: InlineExecution?
    let cache: VersionCache?
    let fallback: Fallback?
    /// Whether requests go through `ModelStages.admission`.
    let admits: Bool

    init(
        _ model: ModelStages, rules: ServingRules, of loaded: any ScoringModel, cache: VersionCache?,
        rowNanoseconds: UInt64? = nil, answeredRow: AnsweredRow? = nil
    ) throws(ScoringError) {
        self.model = model
        self.cache = cache
        let calls = loaded.calls
        let limits = rules.limits
        deadline = limits?.deadline.map(\.nanoseconds)
        fallback = rules.fallback
        let isBlocking = calls.isBlocking
        admits = limits != nil
        var breaker = limits?.breaker
        if breaker == nil, isBlocking { breaker = ResilienceLimits.standard(for: calls).breaker }
        self.breaker = breaker.map { CircuitBreaker($0, slowCall: (limits ?? ResilienceLimits()).slowCall) }
        if isBlocking {
            var batching = rules.batching ?? BatchLimits()
            if let limits { batching.queuedRows = limits.queuedRows }
            limit = min(deadline ?? .max, batching.longestWait.nanoseconds)
            inlineExecution = rowNanoseconds.flatMap { InlineExecution($0) }
            let judge = JudgingModel(loaded, answeredRow: answeredRow)
            (self.judge, engine) = (judge, judge)
            batcher = try Batcher(engine, limits: batching, name: model.name.text)
        } else {
            limit = deadline
            engine = loaded
            judge = nil
            inlineExecution = nil
            batcher = nil
        }
    }

    var isLimited: Bool { admits }

    /// When a request is late by the model's own limits or its own.
    func deadline(of info: RequestInfo) -> Moment? {
        guard let limit = deadline(ofArrival: info.arrival) else { return info.deadline }
        return info.deadline.map { min($0, limit) } ?? limit
    }

    /// When a request is late by the model's limits, whatever its own is.
    func deadline(ofArrival arrival: Moment) -> Moment? {
        limit.map { arrival.advanced(byNanoseconds: $0) }
    }

    /// Whether a request's deadline is the caller's: earlier than the model's limits ask for. That it passes says nothing
    /// about the version.
    func isCallersDeadline(_ info: RequestInfo) -> Bool {
        guard let deadline = info.deadline else { return false }
        return self.deadline(ofArrival: info.arrival).map { deadline < $0 } ?? true
    }

    /// Refuses a request that nobody has read yet, where it would be refused afterwards and no fallback needs its rows.
    func admit(_ info: RequestInfo) throws(ScoringError) {
        guard admits else { return }
        if let fallback, fallback.applies(to: .overloaded) { return }
        let request = AdmissionRequest(rows: 1, deadline: deadline(of: info), queueDelay: info.queueDelay)
        try model.admission.screen(request, now: .now)
    }

    func run(_ group: RowGroup, on path: any PredictionPath) -> PredictionProgress {
        PredictionRun(group, self, on: path).begin()
    }

    var timeLimit: UInt64? { deadline }

    func callEngine(
        _ group: RowGroup, _ completion: @escaping @Sendable (ScoringError?) -> Void
    ) throws(ScoringError) -> PredictionProgress {
        try EngineCall(group, engine, self, until: group.info.deadline).begin(completion)
    }

    /// Whether any stage is there at all.
    var isPlain: Bool {
        deadline == nil && breaker == nil && batcher == nil && cache == nil && fallback == nil && !admits
    }
}

/// What the versions of one model share: the door, the counts.
final class ModelStages: Sendable {
    let name: ModelName
    let limits: ResilienceLimits
    let fallbacks: FallbackTable
    let admission: AdmissionControl
    let cacheMeter = CacheMeter()
    let degraded = DegradationCounts()

    init(_ name: ModelName, _ limits: ResilienceLimits, server: ServerAdmission, fallbacks: FallbackTable) {
        self.fallbacks = fallbacks
        self.name = name
        self.limits = limits
        admission = AdmissionControl(limits, server: server, model: name.text)
    }
}

/// Rows that a fallback answered, by reason.
final class DegradationCounts: Sendable {
    private let cells = CounterTable(count: DegradationReason.allCases.count)

    func add(_ reason: DegradationReason, rows: Int) { cells.add(UInt64(rows), to: Self.index(reason)) }
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

/// The fallback rules of all models, and where they lead. Any thread.
final class FallbackTable: Sendable {
    private struct State {
        var rules: [ModelName: FallbackRule] = [:]
        var chains: [ModelName: FallbackChain] = [:]
    }

    private let state = Mutex(State())

    /// Sets the rule of a model, or none. Throws `.refusedModel`, and changes nothing, where it contradicts those of other models.
    func set(_ rule: FallbackRule?, of name: ModelName) throws(ScoringError) {
        try state.withLock { state -> Result<Void, ScoringError> in
            var rules = state.rules
            rules[name] = rule
            let chains = FallbackChain.resolve(rules)
            if case .failure(let error)? = chains[name] { return .failure(error) }
            state.rules = rules
            state.chains = chains.compactMapValues { try? $0.get() }
            return .success(())
        }.get()
    }

    func chain(of name: ModelName) -> FallbackChain? { state.withLock { $0.chains[name] } }
}
