package import Registry
package import Scoring

/// Takes a prediction through its stages: look-up, and what the version has of admission, caches, breaker,
/// engine and fallback; then the decision. The only place where the stages meet and where requests are counted and
/// timed.
///
/// A version without stages is scored on the calling thread, with nothing in between.
package final class PredictionPipeline: PredictionPath {
    private let registry: ModelRegistry
    private let metrics: ServingMetrics

    package init(registry: ModelRegistry, metrics: ServingMetrics) {
        self.registry = registry
        self.metrics = metrics
    }

    package func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel {
        try registry.resolve(info.model, version: info.version)
    }

    package func substitute(_ name: ModelName, version: VersionReference?) -> ServedModel? {
        registry.find(name, version: version)
    }

    package func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError) {
        try served.stages?.admit(info)
    }

    package func run(_ group: RowGroup) -> PredictionProgress {
        metrics.requestBegins()
        if let stages = group.served.stages { return stages.run(group, on: self) }
        let deadline = group.info.deadline
        do throws(ScoringError) {
            try Self.check(deadline)
            let call = ScoreCall(deadline: deadline, workspace: group.workspace)
            try group.served.model.score(group.features, into: group.scores, call)
            // A score that comes too late is no answer: the caller has decided without it.
            try Self.check(deadline)
        } catch {
            group.outcome.error = error
            // Without stages every deadline is the caller's.
            group.outcome.failure = Outcome.Failure(error, blame: error == .deadlineExceeded ? .caller : nil)
        }
        finish(group)
        return .answered
    }

    package func reject(_ info: RequestInfo, _ error: ScoringError, by served: ServedModel?) {
        finish(Outcome(error: error), of: info, by: served)
    }

    private static func check(_ deadline: Moment?) throws(ScoringError) {
        if let deadline, Moment.now > deadline { throw .deadlineExceeded }
    }

    // MARK: The end of every request

    package func finish(_ group: RowGroup) {
        group.checkResults()
        if group.outcome.error == nil, group.outcome.decisions.isEmpty { group.decide() }
        group.outcome.nanoseconds = Moment.now.nanoseconds(since: group.info.arrival)
        group.target?.observer?.finished(group)
        metrics.requestEnds()
        finish(group.outcome, of: group.info, by: group.served, group)
    }

    /// Counts a request, once, however it ended: with answers, by a fallback, refused, late, given up or malformed.
    /// - Parameter group: Its rows; nil if it never had any.
    private func finish(_ outcome: borrowing Outcome, of info: RequestInfo, by served: ServedModel?, _ group: RowGroup? = nil) {
        guard let served else {
            guard let error = outcome.error else { return }
            // A path whose model or version cannot be one names neither, and does not mean the default one either.
            let isNobodys =
                switch error {
                case .unknownModel, .unknownVersion: info.model == nil
                default: false
                }
            return metrics.recordRejection(error, model: isNobodys ? nil : registry.known(info.model))
        }
        if let error = outcome.error { return served.meter.recordFailure(error) }
        guard let group else { return }
        let rows = group.scores.count
        // A request all of whose rows failed is a failure.
        if rows > 0, group.scores.failures.count == rows { return served.meter.recordFailure(group.scores.failures[0].error) }
        served.meter.recordSuccess(rows: rows, nanoseconds: outcome.nanoseconds)
        served.meter.recordResults(group, column: served.score.count == 1 ? served.score.lowerBound : nil)
    }
}

extension RowGroup {
    /// Has the version's policy decide on every row.
    func decide() {
        guard let rule = served.rule, served.score.count == 1 else { return }
        for row in 0..<scores.count {
            outcome.decisions.append(rule.decision(for: scores[row, served.score.lowerBound]))
        }
    }
}
