internal import Batching
internal import Caching
package import Registry
internal import Resilience
package import Scoring

/// Shows operators what runs on models and carries out their orders about caches.
package struct PathAdmin: ServingAdmin {
    private let registry: ModelRegistry
    private let stages: StageFactory

    package init(registry: ModelRegistry, stages: StageFactory) {
        self.registry = registry
        self.stages = stages
    }

    package func status(of model: ModelName) throws(ScoringError) -> StatusValue {
        let entries = registry.index().filter { $0.name == model.text }
        guard !entries.isEmpty else { throw registry.unknown(model) }
        let versionStages = stages.survey().versions.filter { $0.key.model == model.text }
        let versions = entries.map { entry -> StatusValue in
            let one = versionStages.first { String($0.key.version) == entry.version }?.stages
            return .members([
                ("version", .text(entry.version)), ("state", .text(entry.state.rawValue)),
                ("reason", entry.reason.isEmpty ? nil : .text(entry.reason)),
                ("breaker", one?.breaker.map(Self.status)), ("batching", one?.batcher.map { Self.status($0.statistics) }),
            ])
        }
        let shared = stages.model(model)
        let isAdmitting = versionStages.contains { $0.stages.admits }
        let isCaching = versionStages.contains { $0.stages.cache != nil }
        return .members([
            ("name", .text(model.text)),
            ("default_version", registry.find(model).map { .text($0.versionText) }),
            ("versions", .list(versions)),
            ("experiment", registry.experiment(of: model).map { ExperimentStatus.value($0, at: .now) }),
            ("admission", isAdmitting ? shared.map { Self.status($0.admission.snapshot) } : nil),
            ("cache", isCaching ? shared.map { Self.status($0.cacheMeter.statistics) } : nil),
            ("degraded", shared.flatMap { Self.status($0.degraded) }),
        ])
    }

    package func carryOut(
        _ order: CanaryOrder, on model: ModelName, by person: String
    ) throws(ScoringError) -> StatusValue {
        let isChanged = try registry.carryOut(order, on: model, by: person)
        return .members([
            ("changed", .flag(isChanged)),
            ("experiment", registry.experiment(of: model).map { ExperimentStatus.value($0, at: .now) }),
        ])
    }

    package var cacheStatus: StatusValue {
        let models = stages.survey().models
        let total = models.reduce(CacheStatistics()) { $0 + $1.cacheMeter.statistics }
        let tally = stages.memory.tally
        guard case .members(let sums) = Self.status(total) else { return .members([]) }
        let redis = stages.shared.map { tier -> StatusValue in
            let counts = tier.statistics
            return .members([
                ("available", .flag(tier.isAvailable)), ("timeouts", .count(counts.timeouts)), ("errors", .count(counts.errors)),
                ("wrong_values", .count(counts.wrongValues)), ("violations", .count(counts.violations)),
                ("connections", .count(counts.connections)), ("breaker_openings", .count(counts.breakerOpenings)),
            ])
        }
        return .members(
            sums + [
                ("entries", .count(UInt64(tally.entries))), ("bytes", .count(UInt64(tally.bytes))),
                ("max_bytes", .count(UInt64(stages.memory.limits.bytes))), ("evictions", .count(tally.evictions)),
                ("expirations", .count(tally.expirations)), ("redis", redis),
                ("models", .members(models.map { ($0.name.text, Self.status($0.cacheMeter.statistics)) })),
            ])
    }

    package func purgeCache(of model: ModelName) async throws(ScoringError) -> Int {
        guard registry.index().contains(where: { $0.name == model.text }) else { throw registry.unknown(model) }
        let removed = stages.memory.purge(model)
        guard let shared = stages.shared else { return removed }
        let isConfirmed = await withCheckedContinuation { continuation in
            shared.purge(model) { continuation.resume(returning: $0) }
        }
        guard isConfirmed else {
            throw .notReady("\(removed) scores were removed from memory, but Redis did not confirm; try again")
        }
        return removed
    }

    private static func status(_ breaker: CircuitBreaker) -> StatusValue {
        let now = Moment.now
        let snapshot = breaker.snapshot(now: now)
        return .members([
            ("state", .text(snapshot.state.rawValue)),
            ("since_seconds", .number(Double(now.nanoseconds(since: snapshot.since)) / 1e9)),
            ("calls", .count(snapshot.calls)), ("failure_ratio", .number(snapshot.failureRatio)),
            ("slow_ratio", .number(snapshot.slowRatio)),
            ("next_probe_seconds", snapshot.nextProbe.map { .number(Double($0.nanoseconds(since: now)) / 1e9) }),
            ("opened", .count(snapshot.counts.opened)), ("refused", .count(snapshot.counts.refused)),
        ])
    }

    private static func status(_ batching: BatchStatistics) -> StatusValue {
        .members([
            ("calls", .count(UInt64(batching.calls))), ("rows", .count(UInt64(batching.scoredRows))),
            ("shared_calls", .count(UInt64(batching.sharedCalls))), ("waiting_rows", .count(UInt64(batching.waitingRows))),
            ("expired", .count(UInt64(batching.expiredRequests))), ("cancelled", .count(UInt64(batching.cancelledRequests))),
            ("refused", .count(UInt64(batching.refusedRequests))), ("hung_calls", .count(UInt64(batching.hungCalls))),
            ("lost_engines", .count(UInt64(batching.lostEngines))),
        ])
    }

    private static func status(_ admission: AdmissionState) -> StatusValue {
        .members([
            ("requests", .count(UInt64(admission.requests))), ("rows", .count(UInt64(admission.rows))),
            ("limit", .count(UInt64(admission.limit))), ("admitted", .count(admission.admitted)),
            ("refused", .count(admission.refused.total)), ("latency_ms", .number(Double(admission.latency) / 1e6)),
            ("no_load_latency_ms", .number(Double(admission.noLoadLatency) / 1e6)),
        ])
    }

    private static func status(_ cache: CacheStatistics) -> StatusValue {
        .members([
            ("l1_hits", .count(cache.l1Hits)), ("l2_hits", .count(cache.l2Hits)), ("misses", .count(cache.misses)),
            ("total", .count(cache.total)), ("hit_rate", .number(cache.hitRate)),
        ])
    }

    private static func status(_ degraded: DegradationCounts) -> StatusValue? {
        let counts = DegradationReason.allCases.filter { degraded[$0] > 0 }
        return counts.isEmpty ? nil : .members(counts.map { ($0.rawValue, .count(degraded[$0])) })
    }
}
