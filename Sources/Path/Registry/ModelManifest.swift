package import Decisions
package import Experiments
package import Scoring
package import StrictYAML

/// What model.yaml says about a model. Every key has a default; a key that this version does not act on is
/// refused, so that nobody relies on it.
package struct ModelManifest: Sendable, Equatable {
    /// Names for the inputs of files that carry none; empty for the file's own.
    package var inputs: [String] = []
    /// Names for the classes of files that number them; empty for the numbers.
    package var classes: [String] = []
    /// The output column that is the score; nil for the model's own choice.
    package var score: String?
    package var policy: ThresholdPolicy?
    package var ignoresUnknownFeatures = false
    /// Which version answers whom, and which are tried beside it.
    package var versions = ExperimentRules.none
    package var iterations = LoadOptions.Iterations.asTrained
    package var engine = LoadOptions.Engine.automatic
    /// How ONNX Runtime evaluates the model.
    package var runtime = LoadOptions.Runtime()
    /// Largest relative difference between an expected number of golden.csv and the model's.
    package var goldenTolerance = GoldenTolerance()
    /// Whether the rows of a request are computed in one call although they may depend on one another.
    package var rowsTogether = false
    package var serving = ServingRules()

    package init() {}

    /// Reads a model.yaml. Throws `.refusedModel` with the key, the line and what to do.
    package init(parsing bytes: [UInt8]) throws(ScoringError) {
        do throws(YAMLError) {
            try self.init(YAMLNode.parse(bytes))
        } catch {
            throw .refusedModel("model.yaml: \(error)")
        }
    }

    /// The versions that are loaded: those served and those that an experiment names; nil for all that are found.
    package var servedVersions: Set<ModelVersion>? { versions.loaded }

    /// The version that answers requests that name none, experiments aside; nil where none may.
    package func defaultVersion(of versions: some Collection<ModelVersion>) -> ModelVersion? {
        if let stable = self.versions.stable, versions.contains(stable) { return stable }
        return versions.filter(self.versions.answersByDefault).max()
    }

    /// How the model's file is to be read.
    package var loadOptions: LoadOptions {
        var options = LoadOptions()
        options.inputs = inputs
        options.classes = classes
        options.iterations = iterations
        options.engine = engine
        options.runtime = runtime
        options.rowsTogether = rowsTogether
        return options
    }

    /// Whether a version that was loaded under `other` answers as it would under this manifest.
    package func answersLike(_ other: ModelManifest) -> Bool {
        var other = other
        other.versions = versions
        return self == other
    }
}

extension ModelManifest {
    private static let keys =
        [
            "inputs", "classes", "score", "policy", "unknownFeatures", "versions", "iterations", "engine", "onnxruntime", "rows",
            "golden",
        ] + ServingRules.keys
    private static let runtimeKeys = ["optimization", "threads", "execution", "arena", "optimizedModelCache", "sizesFromRows"]

    /// Every key that the server's own file does not have, by its whole path.
    package static let ownKeys: [String] =
        keys.filter { !["onnxruntime", "limits", "cache"].contains($0) } + runtimeKeys.map { "onnxruntime.\($0)" }
        + ServingRules.limitKeys.map { "limits.\($0)" } + ServingRules.cacheKeys.map { "cache.\($0)" }

    /// The keys of the server's file that a model.yaml does not have.
    package static let serverKeys = ForeignKeys(
        [
            "models", "defaultModel", "scanInterval", "http", "redis", "log", "cache.maxBytes", "limits.maxBodyBytes",
            "limits.maxConnections", "limits.maxUnreadBytes", "limits.maxUnfinishedBytes", "limits.maxModelBytes",
            "limits.maxLoadTime", "limits.maxLoadBytes",
            "limits.idleTimeout", "limits.headerTimeout", "limits.bodyTimeout", "limits.drain",
        ], of: "the server's own file (--config)")

    private init(_ file: YAMLNode) throws(YAMLError) {
        let map = try file.mapping(keys: Self.keys, planned: ["grpc"], foreign: Self.serverKeys, nested: Self.ownKeys)
        serving = try ServingRules(map)
        if let node = map["inputs"] { inputs = try Self.names(node, of: "input") }
        if let node = map["classes"] {
            classes = try Self.names(node, of: "class")
            guard classes.count > 1 else { throw node.error("must name every class: a classifier has at least two") }
        }
        if let node = map["score"] { score = try node.string() }
        if let node = map["policy"] { policy = try Self.policy(node) }
        if let node = map["unknownFeatures"] {
            ignoresUnknownFeatures = try node.choice(of: ["ignore", "refuse"]) == "ignore"
        }
        if let node = map["versions"] { versions = try ExperimentRules(node) }
        if let node = map["iterations"] { iterations = try Self.iterations(node) }
        if let node = map["engine"] {
            let words = [LoadOptions.Engine.native, .onnxruntime].map(\.rawValue)
            engine = LoadOptions.Engine(rawValue: try node.choice(of: words)) ?? .automatic
        }
        if let node = map["onnxruntime"] {
            guard (try? node.string()) == nil else {
                throw node.error("must be a mapping; the path of the library belongs into \(Self.serverKeys.file)")
            }
            runtime = try Self.runtime(node)
            guard engine != .native else { throw node.error("has no meaning where engine is native") }
        }
        if let node = map["rows"] {
            rowsTogether = try node.choice(of: ["apart", "together"]) == "together"
            guard !rowsTogether || serving.cacheLife == nil else {
                throw node.error("excludes cache: a score that depends on other rows must not be kept; leave one of them out")
            }
        }
        if let node = map["golden"] { goldenTolerance = try GoldenTolerance(node) }
    }

    private static func runtime(_ node: YAMLNode) throws(YAMLError) -> LoadOptions.Runtime {
        let map = try node.mapping(keys: runtimeKeys)
        var runtime = LoadOptions.Runtime()
        if let node = map["optimization"] {
            let word = try node.choice(of: LoadOptions.Runtime.Optimization.allCases.map(\.rawValue))
            runtime.optimization = LoadOptions.Runtime.Optimization(rawValue: word) ?? .all
        }
        if let node = map["threads"] { runtime.threads = try node.integer(in: 1...256) }
        if let node = map["execution"] {
            let word = try node.choice(of: LoadOptions.Runtime.Execution.allCases.map(\.rawValue))
            runtime.execution = LoadOptions.Runtime.Execution(rawValue: word) ?? .sequential
        }
        if let node = map["arena"] { runtime.arena = try node.boolean() }
        if let node = map["sizesFromRows"] { runtime.sizesFromRows = try node.boolean() }
        if let node = map["optimizedModelCache"] {
            let path = try node.string()
            guard path.hasPrefix("/") else { throw node.error("must be the absolute path of a folder") }
            runtime.optimizedModelCache = path
        }
        return runtime
    }

    /// A list of names, none of them twice.
    private static func names(_ node: YAMLNode, of what: String) throws(YAMLError) -> [String] {
        var names: [String] = []
        var seen = TextSet()
        for item in try node.list() {
            let name = try item.string()
            guard seen.insert(name) else { throw item.error("names \(quoted(name)) a second time") }
            names.append(name)
        }
        guard !names.isEmpty else { throw node.error("must name at least one \(what)") }
        return names
    }

    private static func policy(_ node: YAMLNode) throws(YAMLError) -> ThresholdPolicy {
        let map = try node.mapping(keys: ["block", "review", "when"])
        let risk = try map["when"]?.choice(of: ThresholdPolicy.Risk.allCases.map(\.rawValue))
        let block = try map["block"]?.number()
        let review = try map["review"]?.number()
        do throws(ScoringError) {
            return try ThresholdPolicy(
                block: block, review: review, risk: risk.flatMap(ThresholdPolicy.Risk.init(rawValue:)) ?? .above)
        } catch {
            throw YAMLError(line: node.line, error.description)
        }
    }

    private static func iterations(_ node: YAMLNode) throws(YAMLError) -> LoadOptions.Iterations {
        switch try node.string() {
        case "all": return .all
        case "best": return .best
        case "asTrained": return .asTrained
        default:
            do throws(YAMLError) {
                return .first(try node.integer(in: 1...1_000_000))
            } catch {
                throw node.error("must be all, best, asTrained or the number of rounds to use (1 to 1000000)")
            }
        }
    }
}
