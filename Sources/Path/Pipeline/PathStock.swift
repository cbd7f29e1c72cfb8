package import Caching
package import Registry
internal import Resilience
package import Scoring
internal import Synchronization

/// Makes the paths of versions when they are loaded, and keeps what they share: the caches, the server's places, and
/// what belongs to a model rather than to one of its versions.
package final class PathStock: Sendable {
    private struct State {
        var models: [ModelName: ModelPath] = [:]
        var fallbacks: [ModelName: FallbackRule] = [:]
        var chains: [ModelName: FallbackChain] = [:]
        var paths: [PathKey: WeakPath] = [:]
    }

    struct PathKey: Hashable, Comparable {
        var model: String
        var version: Int

        static func < (left: Self, right: Self) -> Bool { (left.model, left.version) < (right.model, right.version) }
    }

    private struct WeakPath: Sendable {
        weak var path: VersionPath?
    }

    let memory: ScoreCache
    let shared: RedisTier?
    let server: ServerAdmission
    private let flights = SingleFlight()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - memory: The first level, which all models share.
    ///   - redis: The second level; nil for none.
    package init(memory: ScoreCache = ScoreCache(limits: CacheLimits()), redis: RedisTier? = nil) {
        self.memory = memory
        shared = redis
        server = ServerAdmission()
    }

    /// The path of a version that is about to serve; nil where its requests need no stage. Throws `.refusedModel` where
    /// the rules contradict those of other models, and `.notReady` where no thread can be started.
    ///
    /// - Parameter rowNanoseconds: What a call for one row takes, if that is known.
    package func path(
        of name: ModelName, _ version: ModelVersion, _ model: any ScoringModel, content: [UInt8], rules: ServingRules,
        rowNanoseconds: UInt64? = nil
    ) throws(ScoringError) -> (any VersionStages)? {
        let shared = try modelPath(name, rules)
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
        let path = try VersionPath(shared, rules: rules, of: model, cache: cache, rowNanoseconds: rowNanoseconds)
        guard !path.isPlain else { return nil }
        state.withLock { $0.paths[PathKey(model: name.text, version: version.number)] = WeakPath(path: path) }
        return path
    }

    private func modelPath(_ name: ModelName, _ rules: ServingRules) throws(ScoringError) -> ModelPath {
        try state.withLock { state -> Result<ModelPath, ScoringError> in
            var fallbacks = state.fallbacks
            fallbacks[name] = rules.fallback?.rule
            if rules.fallback != nil, case .failure(let error)? = FallbackChain.resolve(fallbacks)[name] {
                return .failure(error)
            }
            state.fallbacks = fallbacks
            state.chains = FallbackChain.resolve(fallbacks).compactMapValues { try? $0.get() }
            let limits = rules.limits ?? ResilienceLimits()
            if let known = state.models[name], known.limits == limits { return .success(known) }
            let path = ModelPath(name, limits, server: server)
            state.models[name] = path
            return .success(path)
        }.get()
    }

    func chain(of name: ModelName) -> FallbackChain? { state.withLock { $0.chains[name] } }

    /// What is alive, sorted.
    func survey() -> (models: [ModelPath], paths: [(key: PathKey, path: VersionPath)]) {
        state.withLock { state in
            state.paths = state.paths.filter { $0.value.path != nil }
            return (
                state.models.values.sorted { $0.name.text < $1.name.text },
                state.paths.compactMap { key, weak in weak.path.map { (key, $0) } }.sorted { $0.key < $1.key }
            )
        }
    }

    func model(_ name: ModelName) -> ModelPath? { state.withLock { $0.models[name] } }
}
