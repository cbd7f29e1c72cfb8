internal import Batching
internal import Registry
internal import Resilience
internal import Scoring
internal import Testing

/// What model.yaml says about serving: fallback, batching, cache, limits.
@Suite struct ServingRulesTests {
    private func rules(_ text: String) throws -> ServingRules { try ModelManifest(parsing: Array(text.utf8)).serving }

    @Test func nothingIsAskedForByDefault() throws {
        #expect(try rules("score: a") == ServingRules())
    }

    @Test func limitsAndBatchesAreTakenAsWritten() throws {
        let rules = try rules(
            """
            batching: { maxBatchRows: 64, maxDelay: 2ms, engines: 2 }
            cache: { ttl: 90s }
            limits: { deadline: 50ms, queuedRows: 500, concurrency: 4, breaker: { failureRatio: 0.2, openFor: 1s, probes: 1 } }
            """)
        #expect(rules.batching?.maxBatchRows == 64)
        #expect(rules.batching?.maxDelay == .milliseconds(2))
        #expect(rules.batching?.engines == 2)
        #expect(rules.batching?.queuedRows == 500)
        #expect(rules.cacheLife == .seconds(90))
        #expect(rules.limits?.deadline == .milliseconds(50))
        #expect(rules.limits?.concurrency == 4)
        #expect(rules.limits?.leastConcurrency == 4)
        #expect(rules.limits?.breaker?.failureRatio == 0.2)
        #expect(rules.limits?.breaker?.openFor == .seconds(1))
        #expect(rules.limits?.breaker?.probes == 1)
        #expect(rules.fallback == nil)
    }

    @Test func aFallbackIsAConstantAVersionOrAModel() throws {
        let other = try #require(ModelName("other"))
        #expect(
            try rules("fallback: { score: 0.5, decision: REVIEW }").fallback
                == Fallback(.constant(score: 0.5, decision: .review)))
        #expect(try rules("fallback: { version: 2 }").fallback == Fallback(.version(try #require(ModelVersion(2)))))
        #expect(
            try rules("fallback: { model: other, on: [overloaded, breakerOpen] }").fallback
                == Fallback(.model(other, nil), on: [.overloaded, .breakerOpen]))
    }

    @Test(arguments: [
        ("fallback: {}", "fallback must have a score, a version or a model"),
        ("fallback: { score: 1, version: 2 }", "names a score and a model or version"),
        ("fallback: { version: 2, decision: BLOCK }", "goes with a score"),
        ("fallback: { score: 1, decision: MAYBE }", "fallback.decision must be one of ALLOW, REVIEW, BLOCK"),
        ("fallback: { score: 1, on: [] }", "must name at least one cause"),
        ("fallback: { score: 1, on: [rain] }", "fallback.on[0] must be one of"),
        ("batching: { maxBatchRows: 0 }", "batching.maxBatchRows must be"),
        ("batching: { rows: 3 }", "unknown key 'batching.rows'"),
        ("batching: { maxDelay: 11s }", "must be at most 10s"),
        ("cache: { ttl: 0 }", "must be at least 1ms"),
        ("limits: { deadline: 1us }", "limits.deadline must be"),
        ("limits: { concurrency: 0 }", "limits.concurrency must be"),
        ("limits: { breaker: { failureRatio: 2 } }", "limits.breaker.failureRatio must be"),
        ("limits: { bulkShare: 0 }", "limits.bulkShare must be"),
    ])
    func whatMakesNoSenseIsRefusedWithItsPlace(text: String, reason: String) throws {
        let error = try #require(throws: ScoringError.self) { try rules(text) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(error.description.hasPrefix("model.yaml: line "))
    }
}
