package import Batching
package import Resilience
internal import Scoring
internal import StrictYAML

/// What model.yaml says about how a model is served beyond its scores: under load, on failure, from caches. nil
/// where it says nothing.
package struct ServingRules: Sendable, Equatable {
    /// What answers in place of the model when it cannot.
    package var fallback: Fallback?
    /// How requests to a blocking engine are gathered. Native models are never batched.
    package var batching: BatchLimits?
    /// How long scores are kept; nil for no caching.
    package var cacheLife: Duration?
    package var limits: ResilienceLimits?

    package init() {}
}

extension ServingRules {
    static let keys = ["fallback", "batching", "cache", "limits"]
    static let cacheKeys = ["ttl"]
    static let limitKeys = ["deadline", "queuedRows", "concurrency", "leastConcurrency", "bulkShare", "breaker"]

    init(_ map: YAMLMapping) throws(YAMLError) {
        if let node = map["limits"] { limits = try Self.limits(node) }
        if let node = map["batching"] {
            var batching = try Self.batching(node)
            if let rows = limits?.queuedRows { batching.queuedRows = rows }
            self.batching = batching
        }
        if let node = map["cache"] {
            let life = try node.mapping(keys: Self.cacheKeys, foreign: ModelManifest.serverKeys)["ttl"]
            cacheLife = try life?.duration() ?? .seconds(300)
            if let life, let duration = cacheLife, duration < .milliseconds(1) { throw life.error("must be at least 1ms") }
        }
        if let node = map["fallback"] { fallback = try Self.fallback(node) }
    }

    private static func batching(_ node: YAMLNode) throws(YAMLError) -> BatchLimits {
        var limits = BatchLimits()
        let map = try node.mapping(keys: ["maxBatchRows", "maxDelay", "engines", "longestWait", "stuckAfter"])
        if let value = map["maxBatchRows"] { limits.maxBatchRows = try value.integer(in: 1...100_000) }
        if let value = map["maxDelay"] {
            limits.maxDelay = try value.duration()
            guard limits.maxDelay <= .seconds(10) else { throw value.error("must be at most 10s: every request waits so long") }
        }
        if let value = map["engines"] { limits.engines = try value.integer(in: 1...64) }
        if let value = map["longestWait"] {
            limits.longestWait = try value.duration()
            guard limits.longestWait >= .milliseconds(1) else { throw value.error("must be at least 1ms") }
        }
        if let value = map["stuckAfter"] { limits.stuckAfter = try value.duration() }
        return limits
    }

    private static func limits(_ node: YAMLNode) throws(YAMLError) -> ResilienceLimits {
        var limits = ResilienceLimits()
        let map = try node.mapping(keys: limitKeys, foreign: ModelManifest.serverKeys)
        if let value = map["deadline"] { limits.deadline = try value.duration() }
        if let value = map["queuedRows"] { limits.queuedRows = try value.integer(in: 1...1_000_000) }
        if let value = map["concurrency"] { limits.concurrency = try value.integer(in: 1...100_000) }
        if let value = map["leastConcurrency"] { limits.leastConcurrency = try value.integer(in: 1...100_000) }
        if limits.leastConcurrency > limits.concurrency {
            if let value = map["leastConcurrency"] {
                throw value.error("is beyond limits.concurrency (\(limits.concurrency)): what is let in lies between them")
            }
            limits.leastConcurrency = limits.concurrency
        }
        if let value = map["bulkShare"] { limits.bulkShare = try value.number() }
        if let value = map["breaker"] { limits.breaker = try breaker(value) }
        try Self.checked(node) { () throws(ScoringError) in try limits.check() }
        return limits
    }

    private static func breaker(_ node: YAMLNode) throws(YAMLError) -> BreakerLimits {
        var limits = BreakerLimits()
        let map = try node.mapping(keys: [
            "failureRatio", "slowCall", "slowRatio", "window", "minimumCalls", "openFor", "probes",
        ])
        if let value = map["failureRatio"] { limits.failureRatio = try value.number() }
        if let value = map["slowCall"] { limits.slowCall = try value.duration() }
        if let value = map["slowRatio"] { limits.slowRatio = try value.number() }
        if let value = map["window"] { limits.window = try value.duration() }
        if let value = map["minimumCalls"] { limits.minimumCalls = try value.integer(in: 1...1_000_000) }
        if let value = map["openFor"] { limits.openFor = try value.duration() }
        if let value = map["probes"] { limits.probes = try value.integer(in: 1...64) }
        return limits
    }

    private static func fallback(_ node: YAMLNode) throws(YAMLError) -> Fallback {
        let map = try node.mapping(keys: ["score", "decision", "version", "model", "on"])
        let rule: FallbackRule
        if let score = map["score"] {
            guard map["version"] == nil, map["model"] == nil else {
                throw node.error("names a score and a model or version: keep one")
            }
            let value = try score.number()
            guard value.isFinite else { throw score.error("must be a finite number") }
            let decision = try map["decision"]?.choice(of: Decision.allCases.map(\.rawValue))
            rule = .constant(score: value, decision: decision.flatMap(Decision.init(rawValue:)))
        } else {
            if let decision = map["decision"] { throw decision.error("goes with a score; models decide by their own policy") }
            var version: ModelVersion?
            if let value = map["version"] {
                guard let number = ModelVersion(try value.string()) else {
                    throw value.error("must be a version: a positive whole number without leading zeros")
                }
                version = number
            }
            if let value = map["model"] {
                guard let name = ModelName(try value.string()) else { throw value.error("must be a model's name") }
                rule = .model(name, version)
            } else if let version {
                rule = .version(version)
            } else {
                throw node.error("must have a score, a version or a model")
            }
        }
        return Fallback(rule, on: try map["on"].map { node throws(YAMLError) in try causes(node) } ?? .standard)
    }

    private static func causes(_ node: YAMLNode) throws(YAMLError) -> FallbackCauses {
        let known: [(String, FallbackCauses)] = [
            ("breakerOpen", .breakerOpen), ("deadlinePassed", .deadlinePassed), ("engineFailed", .engineFailed),
            ("overloaded", .overloaded), ("missingScore", .missingScore),
        ]
        var causes: FallbackCauses = []
        for item in try node.list() {
            let name = try item.choice(of: known.map(\.0))
            for (word, cause) in known where word == name { causes.insert(cause) }
        }
        guard !causes.isEmpty else { throw node.error("must name at least one cause") }
        return causes
    }

    private static func checked(_ node: YAMLNode, _ body: () throws(ScoringError) -> Void) throws(YAMLError) {
        do throws(ScoringError) { try body() } catch { throw YAMLError(line: node.line, error.description) }
    }
}
