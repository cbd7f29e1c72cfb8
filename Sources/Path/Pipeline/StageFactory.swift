package import Caching
package import Registry
internal import Resilience
package import Scoring
internal import Synchronization

/// Makes the stages of versions when they are loaded, and keeps what they share: the caches, the server's places, and
/// what belongs to a model rather than to one of its versions.
package final class StageFactory: Sendable {
    private struct State {
        var models: [ModelName: ModelStages] = [:]
        var versions: [VersionKey: WeakStages] = [:]
    }

    struct VersionKey: Hashable, Comparable {
        var model: String
        var version: Int

        static func < (left: Self, right: Self) -> Bool { (left.model, left.version) < (right.model, right.version) }
    }

    private struct WeakStages: Sendable {
        weak var stages: VersionStages?
    }

    let memory: ScoreCache
    let shared: RedisTier?
    let server: ServerAdmission
    private let flights = SingleFlight()
    private let fallbacks = FallbackTable()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - memory: The first level, which all models share.
    ///   - redis: The second level; nil for none.
    package init(memory: ScoreCache = ScoreCache(limits: CacheLimits()), redis: RedisTier? = nil) {
        self.memory = memory
        shared = redis
        server = ServerAdmission()
    }

    /// The stages of a version that is about to serve; nil where its requests need none. Throws `.refusedModel` where
    /// the rules contradict those of other models, and `.notReady` where no thread can be started.
    ///
    /// - Parameters:
    ///   - rowNanoseconds: What a call for one row takes, if that is known.
    ///   - answeredRow: A row that the model has answered, if there is one.
    package func stages(
        of name: ModelName, _ version: ModelVersion, _ model: any ScoringModel, content: [UInt8], rules: ServingRules,
        rowNanoseconds: UInt64? = nil, answeredRow: AnsweredRow? = nil
    ) throws(ScoringError) -> (any RequestStages)? {
        let shared = try modelStages(name, rules)
        var cache: VersionCache?
        if let life = rules.cacheLife {
            guard model.calls.keepsRowsApart else {
                throw .refusedModel("scores that depend on the other rows of a request cannot be cached; leave 'cache' out")
            }
            let scope = CacheScope(
                model: name, version: version, signature: model.signature, content: content, timeToLive: life)
            cache = VersionCache(
                scope: scope, memory: memory, shared: self.shared,
                flights: model.calls.isBlocking || self.shared != nil ? flights : nil)
        }
        let stages = try VersionStages(
            shared, rules: rules, of: model, cache: cache, rowNanoseconds: rowNanoseconds, answeredRow: answeredRow)
        guard !stages.isPlain else { return nil }
        state.withLock { $0.versions[VersionKey(model: name.text, version: version.number)] = WeakStages(stages: stages) }
        return stages
    }

    private func modelStages(_ name: ModelName, _ rules: ServingRules) throws(ScoringError) -> ModelStages {
        try fallbacks.set(rules.fallback?.rule, of: name)
        let limits = rules.limits ?? ResilienceLimits()
        return state.withLock { state in
            if let known = state.models[name], known.limits == limits { return known }
            let stages = ModelStages(name, limits, server: server, fallbacks: fallbacks)
            state.models[name] = stages
            return stages
        }
    }

    /// What is alive, sorted.
    func survey() -> (models: [ModelStages], versions: [(key: VersionKey, stages: VersionStages)]) {
        state.withLock { state in
            state.versions = state.versions.filter { $0.value.stages != nil }
            return (
                state.models.values.sorted { $0.name.text < $1.name.text },
                state.versions.compactMap { key, weak in weak.stages.map { (key, $0) } }.sorted { $0.key < $1.key }
            )
        }
    }

    func model(_ name: ModelName) -> ModelStages? { state.withLock { $0.models[name] } }
}
