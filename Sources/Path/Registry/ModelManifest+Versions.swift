internal import Experiments
internal import Scoring
internal import StrictYAML

/// `versions:` of model.yaml.
extension ExperimentRules {
    init(_ node: YAMLNode) throws(YAMLError) {
        let map = try node.mapping(keys: ["serve", "shadow", "split", "sticky", "labels", "canary"])
        let serve = try map["serve"].map(Self.versions)
        let shadow = try map["shadow"].map(Self.versions) ?? []
        let split = try map["split"].map(Self.split)
        let sticky = try map["sticky"]?.string()
        let labels = try map["labels"].map(Self.labels) ?? .none
        let canary = try map["canary"].map(Self.canary)
        self = try node.checked {
            () throws(ScoringError) in
            try ExperimentRules(serve: serve, split: split, sticky: sticky, shadow: shadow, labels: labels, canary: canary)
        }
    }

    private static func versions(_ node: YAMLNode) throws(YAMLError) -> Set<ModelVersion> {
        var versions: Set<ModelVersion> = []
        for item in try node.list() { versions.insert(try item.version()) }
        guard !versions.isEmpty else { throw node.error("must name at least one version") }
        return versions
    }

    private static func split(_ node: YAMLNode) throws(YAMLError) -> VersionSplit {
        var weights: [ModelVersion: Int] = [:]
        for (key, value) in try node.pairs() {
            guard let version = ModelVersion(key) else {
                throw value.error("must be named by a version: a positive whole number without leading zeros")
            }
            weights[version] = try value.integer(in: 1...1_000_000_000)
        }
        return try node.checked { () throws(ScoringError) in try VersionSplit(weights) }
    }

    private static func labels(_ node: YAMLNode) throws(YAMLError) -> VersionLabels {
        var versions: [String: ModelVersion] = [:]
        for (key, value) in try node.pairs() { versions[key] = try value.version() }
        return try node.checked { () throws(ScoringError) in try VersionLabels(versions) }
    }

    private static func canary(_ node: YAMLNode) throws(YAMLError) -> CanaryRules {
        let map = try node.mapping(keys: [
            "version", "share", "steps", "window", "soak", "patience", "minimumRows", "errors", "latency", "psi", "ks",
            "decisions",
        ])
        guard let version = try map["version"]?.version() else { throw node.error("needs the key version: what is tried") }
        var shares = [5]
        if let share = map["share"] {
            do throws(YAMLError) {
                shares = [try share.integer(in: 1...99)]
            } catch {
                throw share.error("must be between 1 and 99: a whole number of percent")
            }
        }
        for item in try map["steps"]?.list() ?? [] { shares.append(try item.integer(in: 1...100)) }
        let standard = CanaryPace.standard
        let window = try map["window"]?.duration() ?? standard.window
        let soak = try map["soak"]?.duration() ?? standard.soak
        let patience = try map["patience"]?.duration() ?? standard.patience
        let rows = try map["minimumRows"]?.integer(in: 100...1_000_000_000) ?? standard.minimumRows
        let usual = CanaryLimits.standard
        let errors = try map["errors"].limit(else: usual.errors)
        let latency = try map["latency"].limit(else: usual.latency)
        let psi = try map["psi"].limit(else: usual.psi)
        let ks = try map["ks"].limit(else: usual.ks)
        let decisions = try map["decisions"].limit(else: usual.decisions)
        return try node.checked { () throws(ScoringError) in
            try CanaryRules(
                version: version, shares: shares,
                pace: CanaryPace(window: window, soak: soak, patience: patience, minimumRows: rows),
                limits: CanaryLimits(errors: errors, latency: latency, psi: psi, ks: ks, decisions: decisions))
        }
    }
}

extension YAMLNode {
    fileprivate func version() throws(YAMLError) -> ModelVersion {
        guard let version = ModelVersion(try string()) else {
            throw error("must be a version: a positive whole number without leading zeros")
        }
        return version
    }

    /// A contradiction, with the line of what contradicts itself.
    fileprivate func checked<Value>(_ make: () throws(ScoringError) -> Value) throws(YAMLError) -> Value {
        do throws(ScoringError) {
            return try make()
        } catch {
            throw YAMLError(line: line, error.description)
        }
    }
}

extension YAMLNode? {
    /// A number, or `off` for a rule that is not applied.
    fileprivate func limit(else standard: Double?) throws(YAMLError) -> Double? {
        guard let self else { return standard }
        if (try? self.string()) == "off" { return nil }
        return try self.number()
    }
}
