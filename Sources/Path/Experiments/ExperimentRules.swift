package import Scoring

/// What `versions:` in model.yaml says about a model's versions. A value that contradicts itself cannot be made.
package struct ExperimentRules: Sendable, Equatable {
    /// The versions that requests may be answered by; nil for all that are found.
    package let serve: Set<ModelVersion>?
    package let split: VersionSplit?
    /// The name of the feature or context member whose value makes keys; nil to draw each request by itself.
    package let sticky: String?
    package let shadow: Set<ModelVersion>
    package let labels: VersionLabels
    package let canary: CanaryRules?

    package static let none = ExperimentRules(unchecked: ())

    /// Throws `.refusedModel`, naming the key and what to do, for rules that contradict each other.
    package init(
        serve: Set<ModelVersion>? = nil, split: VersionSplit? = nil, sticky: String? = nil, shadow: Set<ModelVersion> = [],
        labels: VersionLabels = .none, canary: CanaryRules? = nil
    ) throws(ScoringError) {
        if let serve {
            guard !serve.isEmpty else { throw .refusedModel("versions.serve must name at least one version") }
            if let version = serve.intersection(shadow).min() {
                throw .refusedModel("version \(version) is in versions.serve and versions.shadow: keep one; shadows never answer")
            }
        }
        if split != nil, canary != nil {
            throw .refusedModel(
                "versions.split and versions.canary both divide the requests: keep one; a canary's other requests go to stable")
        }
        if let sticky {
            guard !sticky.isEmpty else { throw .refusedModel("versions.sticky must name a feature or a member of context") }
            guard split != nil || canary != nil else {
                throw .refusedModel("versions.sticky divides nothing by itself: add versions.split or versions.canary")
            }
        }
        guard shadow.count <= Self.maxShadows else {
            throw .refusedModel("versions.shadow must name at most \(Self.maxShadows) versions: each scores every request again")
        }
        if let canary {
            if shadow.contains(canary.version) {
                throw .refusedModel("version \(canary.version) is in versions.shadow and versions.canary: keep one")
            }
            guard canary.version != labels[VersionLabels.stable] else {
                throw .refusedModel("versions.canary.version must be another version than versions.labels.stable")
            }
            guard labels[VersionLabels.stable] ?? serve?.filter({ $0 != canary.version }).max() != nil else {
                throw .refusedModel(
                    "versions.canary needs a version to be compared with: set versions.labels.stable, or name it in versions.serve"
                )
            }
        }
        self.serve = serve
        self.split = split
        self.sticky = sticky
        self.shadow = shadow
        self.labels = labels
        self.canary = canary
    }

    private init(unchecked: Void) {
        (serve, split, sticky, shadow, labels, canary) = (nil, nil, nil, [], .none, nil)
    }

    /// Shadows of one model.
    package static let maxShadows = 4

    /// What a canary is compared with: the label `stable`, else the highest of `serve` that is not the canary. nil
    /// without a canary.
    package var stable: ModelVersion? {
        guard let canary else { return nil }
        return labels[VersionLabels.stable] ?? serve?.filter { $0 != canary.version }.max()
    }

    /// The versions that must be loaded: `serve` and every version that another rule names. nil for all that are found.
    package var loaded: Set<ModelVersion>? {
        guard var versions = serve else { return nil }
        versions.formUnion(named)
        return versions
    }

    /// The versions that rules other than `serve` name.
    package var named: Set<ModelVersion> {
        var versions = shadow.union(labels.all.map(\.version))
        if let split { versions.formUnion(split.weights.keys) }
        if let canary { versions.insert(canary.version) }
        if let stable { versions.insert(stable) }
        return versions
    }

    /// Whether a version may answer a request that names none where neither split nor canary chooses: those of `serve`, and
    /// without `serve` all but those that are on trial.
    package func answersByDefault(_ version: ModelVersion) -> Bool {
        !isOnTrial(version) && (serve?.contains(version) ?? true)
    }

    /// Whether a version only gets what an experiment gives it.
    package func isOnTrial(_ version: ModelVersion) -> Bool { shadow.contains(version) || canary?.version == version }

    /// Whether anything runs on the versions, so that answers are to be learned from.
    package var isRunning: Bool { split != nil || canary != nil || !shadow.isEmpty }
}
