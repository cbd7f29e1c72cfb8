internal import Batching
internal import Caching
internal import Resilience
internal import Scoring

/// What the stages of versions count, under the names that operators know from other servers.
enum PathMetrics {
    static func write(_ stages: StageFactory, into text: inout PrometheusText) {
        let (models, versions) = stages.survey()
        writeCaches(stages, models, into: &text)
        writeAdmission(models, into: &text)
        writeBreakers(versions, into: &text)
        writeBatches(versions, into: &text)
    }

    private static func writeCaches(_ stages: StageFactory, _ models: [ModelStages], into text: inout PrometheusText) {
        let used = models.filter { $0.cacheMeter.statistics.total > 0 }
        text.family("model_cache_hits_total", .counter, "Rows answered from caches, by model and level.")
        for model in used {
            let statistics = model.cacheMeter.statistics
            let name = ("model_name", model.name.text)
            text.sample("model_cache_hits_total", [name, ("cache_level", "l1")], statistics.l1Hits)
            text.sample("model_cache_hits_total", [name, ("cache_level", "l2")], statistics.l2Hits)
        }
        text.family("model_cache_misses_total", .counter, "Rows that were not in any cache, by model.")
        for model in used {
            text.sample("model_cache_misses_total", [("model_name", model.name.text)], model.cacheMeter.statistics.misses)
        }
        let tally = stages.memory.tally
        text.family("verdict_cache_entries", .gauge, "Rows in the memory cache.")
        text.sample("verdict_cache_entries", [], UInt64(tally.entries))
        text.family("verdict_cache_bytes", .gauge, "Memory of the rows in the memory cache.")
        text.sample("verdict_cache_bytes", [], UInt64(tally.bytes))
        text.family("verdict_cache_evictions_total", .counter, "Rows that made room for others.")
        text.sample("verdict_cache_evictions_total", [], tally.evictions)
        guard let redis = stages.shared else { return }
        text.family("verdict_redis_available", .gauge, "1 while look-ups in Redis are answered.")
        text.sample("verdict_redis_available", [], redis.isAvailable ? 1 : 0)
        let counts = redis.statistics
        text.family("verdict_redis_failures_total", .counter, "Look-ups and connections that failed, by kind.")
        for (kind, count) in [
            ("timeout", counts.timeouts), ("error", counts.errors), ("wrong_value", counts.wrongValues),
            ("violation", counts.violations),
        ] {
            text.sample("verdict_redis_failures_total", [("kind", kind)], count)
        }
    }

    private static func writeAdmission(_ models: [ModelStages], into text: inout PrometheusText) {
        let states = models.map { ($0, $0.admission.snapshot) }.filter { $0.1.admitted > 0 || $0.1.refused.total > 0 }
        text.family(
            "model_admitted_total", .counter, "Requests let in, by model; a batch once for each version that answers some of it.")
        for (model, state) in states { text.sample("model_admitted_total", [("model_name", model.name.text)], state.admitted) }
        text.family("model_refused_total", .counter, "Requests refused to keep others in time, by model and cause.")
        for (model, state) in states {
            for cause in AdmissionRefusal.Cause.allCases where state.refused[cause] > 0 {
                text.sample(
                    "model_refused_total", [("model_name", model.name.text), ("cause", cause.rawValue)], state.refused[cause])
            }
        }
        text.family("model_concurrency_limit", .gauge, "Requests that a model takes on at a time, as adapted to its latency.")
        for (model, state) in states {
            text.sample("model_concurrency_limit", [("model_name", model.name.text)], UInt64(max(0, state.limit)))
        }
        text.family("model_degraded_total", .counter, "Rows that a fallback answered, by model and reason.")
        for model in models {
            for reason in DegradationReason.allCases where model.degraded[reason] > 0 {
                text.sample(
                    "model_degraded_total", [("model_name", model.name.text), ("reason", reason.rawValue)],
                    model.degraded[reason])
            }
        }
    }

    private static func writeBreakers(
        _ versions: [(key: StageFactory.VersionKey, stages: VersionStages)], into text: inout PrometheusText
    ) {
        let snapshots = versions.compactMap { key, stages in stages.breaker.map { (key, $0.snapshot(now: .now)) } }
        text.family("model_breaker_state", .gauge, "1 for the state that a version's circuit breaker is in.")
        for (key, snapshot) in snapshots {
            for state in BreakerState.allCases {
                text.sample(
                    "model_breaker_state", key.labels + [("state", state.rawValue)], snapshot.state == state ? 1 : 0)
            }
        }
        text.family("model_breaker_transitions_total", .counter, "Changes of a circuit breaker, by the state they lead to.")
        for (key, snapshot) in snapshots {
            for state in BreakerState.allCases {
                text.sample(
                    "model_breaker_transitions_total", key.labels + [("state", state.rawValue)],
                    snapshot.counts.transitions(to: state))
            }
        }
        text.family("model_breaker_refused_total", .counter, "Calls that an open circuit breaker refused.")
        for (key, snapshot) in snapshots {
            text.sample("model_breaker_refused_total", key.labels, snapshot.counts.refused)
        }
    }

    private static func writeBatches(
        _ versions: [(key: StageFactory.VersionKey, stages: VersionStages)], into text: inout PrometheusText
    ) {
        let counts = versions.compactMap { key, stages in stages.batcher.map { (key, $0.statistics) } }
        text.family("model_batch_calls_total", .counter, "Calls of blocking engines.")
        for (key, one) in counts { text.sample("model_batch_calls_total", key.labels, UInt64(one.calls)) }
        text.family("model_batch_rows_total", .counter, "Rows in these calls.")
        for (key, one) in counts { text.sample("model_batch_rows_total", key.labels, UInt64(one.scoredRows)) }
        text.family("model_batch_waiting_rows", .gauge, "Rows that wait for a call.")
        for (key, one) in counts { text.sample("model_batch_waiting_rows", key.labels, UInt64(one.waitingRows)) }
        text.family("model_batch_hung_calls_total", .counter, "Calls that did not return in time and were given up.")
        for (key, one) in counts { text.sample("model_batch_hung_calls_total", key.labels, UInt64(one.hungCalls)) }
    }
}

extension StageFactory.VersionKey {
    fileprivate var labels: [(String, String)] { [("model_name", model), ("version", String(version))] }
}
