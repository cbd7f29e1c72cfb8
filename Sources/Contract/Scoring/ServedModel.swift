/// A version of a model as it is published to requests: the model with everything model.yaml decides about
/// its answers. Immutable; freed when the last request that holds it lets go.
package final class ServedModel: Sendable {
    package let name: ModelName
    package let version: ModelVersion
    /// `version` as responses print it.
    package let versionText: String
    package let model: any ScoringModel
    package let signature: Signature
    /// The output columns that make the `prediction`, as chosen by model.yaml's `score` or the model.
    package let score: Range<Int>
    /// Turns the score into a decision; nil if the model has no policy.
    package let rule: (any DecisionRule)?
    /// Whether feature names that the model does not know are passed over instead of refused.
    package let ignoresUnknownFeatures: Bool
    package let meter: any PredictionMeter
    /// What the path keeps beside the version; nil where its requests pass no stage.
    package let stages: (any VersionStages)?
    /// Called when the last reference is gone: the version has drained and its memory is free.
    private let onDrained: @Sendable () -> Void

    package init(
        name: ModelName, version: ModelVersion, model: any ScoringModel, answers: AnswerRules, meter: any PredictionMeter,
        stages: (any VersionStages)? = nil, onDrained: @escaping @Sendable () -> Void = {}
    ) {
        self.name = name
        self.version = version
        self.versionText = version.description
        self.model = model
        self.signature = model.signature
        self.score = answers.score ?? model.signature.roles.score
        self.rule = answers.rule
        self.ignoresUnknownFeatures = answers.ignoresUnknownFeatures
        self.meter = meter
        self.stages = stages
        self.onDrained = onDrained
    }

    deinit { onDrained() }
}

/// What the path keeps beside a version; its own business.
package protocol VersionStages: AnyObject, Sendable {
    /// Whether the version takes on only so much, so that its requests are put to `Predictor.screen` before they are read,
    /// with their `QueueDelay`.
    var isLimited: Bool { get }
}

/// What model.yaml decides about a model's answers.
package struct AnswerRules: Sendable {
    /// The output columns that make the score; nil for the model's own choice.
    package var score: Range<Int>?
    package var rule: (any DecisionRule)?
    package var ignoresUnknownFeatures = false

    package init() {}
}

/// Turns a score into a decision.
package protocol DecisionRule: Sendable {
    /// nil where the score is missing.
    func decision(for score: Double) -> Decision?
}

/// Counts and times the requests of one model version. Recording must cost well under a microsecond.
package protocol PredictionMeter: AnyObject, Sendable {
    /// One answered request of `rows` rows that took so long from its last byte to its result.
    func recordSuccess(rows: Int, nanoseconds: UInt64)
    /// One request that got an error instead.
    func recordFailure(_ error: ScoringError)
    /// The results of an answered request.
    /// - Parameter column: Where the scores are; nil if a row has none or several.
    func recordResults(_ exchange: PredictionExchange, column: Int?)
}
