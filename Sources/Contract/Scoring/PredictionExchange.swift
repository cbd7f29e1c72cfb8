/// One request's rows and results on their way through the pipeline. A front makes one per event loop and
/// reuses it, so that a request allocates nothing.
///
/// `@unchecked Sendable` is safe: it belongs to one thread at a time and is handed over whole, to the predictor with
/// `predict` and back with `completion`, both of which order memory.
package final class PredictionExchange: @unchecked Sendable {
    /// How the predictor gives the exchange back.
    package typealias Completion = @Sendable (PredictionExchange, ScoringError?) -> Void

    package let features = FeatureBatch()
    package let scores = ScoreBatch()
    package let workspace = Workspace()
    /// One a row, nil where there is no policy or the row failed. Empty if the model has no policy.
    package var decisions: [Decision?] = []
    /// When the request's last byte was read; `latency_ms` and deadlines count from here.
    package var arrival = Moment(nanoseconds: 0)
    package var deadline: Moment?
    /// How long the request lay unread before `arrival`; `.none` where its front does not measure it.
    package var queueDelay = QueueDelay.none
    /// Whether the results come from a cache.
    package var isCached = false
    /// What answered in the model's place, for which rows; empty where all results are the model's own. No row is in two.
    package var degradations: [Degradation] = []
    /// What runs on the model's versions; nil for most models. The predictor lets go of it when the answer is there.
    package var experiment: (any RunningExperiment)?
    /// Whether the experiment chose the version, rather than the request.
    package var isVersionChosen = false
    /// The request's identifier, where the experiment keeps answers.
    package var requestID: String?
    /// Takes the exchange back when `predict` answers later; called exactly once for each such answer, on any thread.
    /// nil where the front cannot wait: then every answer is given within `predict`.
    package let completion: Completion?
    /// Set by the predictor while it has the exchange: gives up what nobody waits for any more. May be called from the
    /// front's thread at any time before `completion`, which comes all the same.
    package var cancel: (@Sendable () -> Void)?

    package init(completion: Completion? = nil) {
        self.completion = completion
    }

    /// What answered a row in the model's place; nil for the model's own result.
    package func degradation(row: Int) -> Degradation? {
        degradations.isEmpty ? nil : degradations.first { $0.covers(row) }
    }

    /// Makes the exchange ready for the next request to a model `width` features wide.
    package func begin(arrival: Moment, deadline: Moment?, width: Int) {
        features.reset(width: width)
        decisions.removeAll(keepingCapacity: true)
        self.arrival = arrival
        self.deadline = deadline
        queueDelay = .none
        isCached = false
        degradations.removeAll(keepingCapacity: true)
        experiment = nil
        isVersionChosen = false
        requestID = nil
        cancel = nil
    }
}

/// A fallback that answered some or all rows of a request.
package struct Degradation: Sendable {
    /// Why: `degraded_reason` in answers.
    package let reason: String
    /// The name and version of the model that answered; nil for a constant.
    package let answeredBy: (name: String, version: String)?
    /// The rows that it answered, ascending; nil for all.
    package let rows: [Int]?

    package init(reason: String, answeredBy: (name: String, version: String)? = nil, rows: [Int]? = nil) {
        (self.reason, self.answeredBy, self.rows) = (reason, answeredBy, rows)
    }

    package func covers(_ row: Int) -> Bool {
        guard let rows else { return true }
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low] == row
    }
}

/// When a prediction's results are there.
package enum PredictionProgress: Sendable {
    /// Now, in the exchange.
    case answered
    /// Later: the exchange belongs to the predictor until it calls the exchange's `completion`.
    case pending
}

/// What a look-up finds.
package struct Serving: Sendable {
    /// The version that was asked for; where none was, the default.
    package let model: ServedModel
    /// What runs on the model's versions; nil for most models.
    package let experiment: (any RunningExperiment)?

    package init(_ model: ServedModel, experiment: (any RunningExperiment)? = nil) {
        self.model = model
        self.experiment = experiment
    }
}

/// Answers predictions; what the fronts see of the path behind them.
package protocol Predictor: Sendable {
    /// The version that answers now: the named one, or the default. `name` is nil for the server's only or default
    /// model.
    func served(_ name: ModelName?, version: VersionReference?) throws(ScoringError) -> Serving

    /// Refuses a request of a limited version (`VersionStages.isLimited`) before its body is read, where it would only be
    /// refused afterwards: reading costs more than that. Asked with an exchange that has its times, but no rows yet.
    func screen(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError)

    /// Scores the rows in `exchange.features` and decides on them. Fills `exchange.scores` and
    /// `exchange.decisions`; rows can fail singly in `exchange.scores`. Runs on the calling thread where that takes
    /// microseconds; what may take longer is answered later, if the exchange can wait.
    func predict(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError) -> PredictionProgress

    /// Counts a request that failed before it reached `predict`: a malformed body, an unknown model.
    /// - Parameters:
    ///   - model: The version that would have answered; nil if none was found.
    ///   - name: The model that the request names, whether there is one or not.
    func recordRejection(_ error: ScoringError, of model: ServedModel?, named name: ModelName?)
}
