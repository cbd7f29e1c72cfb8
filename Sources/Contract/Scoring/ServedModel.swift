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
    package let stages: (any RequestStages)?
    /// Called when the last reference is gone: the version has drained and its memory is free.
    private let onDrained: @Sendable () -> Void

    package init(
        name: ModelName, version: ModelVersion, model: any ScoringModel, answers: AnswerRules, meter: any PredictionMeter,
        stages: (any RequestStages)? = nil, onDrained: @escaping @Sendable () -> Void = {}
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

/// The stages that requests to a version pass between its front and its engine. The path's own business: fronts only ask whether it is limited.
package protocol RequestStages: AnyObject, Sendable {
    /// Whether the version takes on only so much, so that its requests are put to `Predictor.admit` before they are read,
    /// with their `QueueDelay`.
    var isLimited: Bool { get }

    /// `Predictor.admit` for this version.
    func admit(_ info: RequestInfo) throws(ScoringError)

    /// `Predictor.run` for this version. Ends with one call of `path.finish`.
    func run(_ group: RowGroup, on path: any PredictionPath) -> PredictionProgress

    /// How long a request may take that another model's fallback sends, in nanoseconds; nil for no limit of its own.
    var timeLimit: UInt64? { get }

    /// Has the engine score rows for another model's fallback, past admission and caches. Answers now, or later with a call of
    /// `completion` on another thread.
    func callEngine(
        _ group: RowGroup, _ completion: @escaping @Sendable (ScoringError?) -> Void
    ) throws(ScoringError) -> PredictionProgress
}

/// What the stages of a version know of the path that they belong to.
package protocol PredictionPath: Predictor {
    /// Ends a group's way, once: decides on its scores where nothing has, counts its rows, and lets the observer take note.
    func finish(_ group: RowGroup)

    /// What may stand in for another model; nil where it does not serve. No error is made for it.
    func substitute(_ name: ModelName, version: VersionReference?) -> ServedModel?
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
    /// One request to the model, once, however many versions answered its rows.
    /// - Parameter error: nil where some row was answered.
    func recordRequest(_ error: ScoringError?)
    /// The rows of one request that this version was to answer, with what became of each.
    func recordRows(_ group: RowGroup)
    /// Rows that this version answered in the place of another.
    func recordStandIn(rows: Int)
}
