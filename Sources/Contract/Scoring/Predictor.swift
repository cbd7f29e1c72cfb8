/// Answers predictions; what the fronts see of the path behind them. A request goes `begin`, `resolve`, `admit`, `run` once for each of its
/// groups, `finish`; whatever happens, it begins once and is finished once.
package protocol Predictor: Sendable {
    /// A request is there.
    func begin()

    /// Finds who answers. O(1).
    func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel

    /// Refuses a request of a limited version (`RequestStages.isLimited`) before its body is read, where it would only be refused afterwards:
    /// reading costs more than that.
    func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError)

    /// Scores the rows in `group.features` and decides on them: fills `group.scores` and `group.outcome`. Rows can fail singly in
    /// `group.scores`; `group.outcome.error` says why none has a score. Runs on the calling thread where that takes microseconds;
    /// what may take longer is answered later, if the group can wait.
    func run(_ group: RowGroup) -> PredictionProgress

    /// Ends a request, whatever became of it, when its answer is known and before it is written: with answers, refused, late, malformed, or
    /// given up by its client. Its groups have come back, if it had any.
    /// - Parameters:
    ///   - error: What the request counts as; nil where some row was answered, or none was sent.
    ///   - served: A version that answered, or would have; nil if none was found.
    func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?)
}

/// When a prediction's results are there.
package enum PredictionProgress: Sendable {
    /// Now, in the group.
    case answered
    /// Later: the group belongs to the predictor until it calls the group's `completion`.
    case pending
}

/// What a request finds under the name that it asks for. Of one moment: it and the versions in it do not change.
package struct ResolvedModel: Sendable {
    /// The version that was asked for; where none was, the default.
    package let served: ServedModel
    /// Divides the requests that name no version; nil where nothing does, or the request names one.
    package let division: (any VersionDivision)?
    /// Takes note of outcomes; nil for most models.
    package let observer: (any OutcomeObserver)?

    package init(
        _ served: ServedModel, division: (any VersionDivision)? = nil, observer: (any OutcomeObserver)? = nil
    ) {
        self.served = served
        self.division = division
        self.observer = observer
    }

    /// Who answers a request with this key.
    /// - Parameter key: The bytes of the key as text. nil or empty draws.
    package func target(forKey key: UnsafeRawBufferPointer?) -> RowGroup.Target {
        guard let chosen = unsafe division?.version(forKey: key) else { return standardTarget }
        return RowGroup.Target(chosen, isChosen: true, observer: observer)
    }

    /// Who answers where no key decides.
    package var standardTarget: RowGroup.Target { RowGroup.Target(served, observer: observer) }
}

/// Chooses versions for requests that name none. Any thread.
package protocol VersionDivision: AnyObject, Sendable {
    /// The member of `context`, or else the feature, whose value is a request's key; nil where each request is drawn by
    /// itself.
    var keyName: String? { get }

    /// The version that was chosen for a key; nil where that one is not ready and the default has to answer.
    /// - Parameter key: The bytes of the key as text. nil or empty draws.
    func version(forKey key: UnsafeRawBufferPointer?) -> ServedModel?
}

/// Takes note of how requests end, before their answers are written. Any thread.
package protocol OutcomeObserver: AnyObject, Sendable {
    /// Called once for each group that ran, with its outcome complete.
    func finished(_ group: RowGroup)
}
