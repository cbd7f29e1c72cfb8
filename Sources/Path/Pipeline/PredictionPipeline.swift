package import Registry
package import Scoring

/// Takes a prediction through its stages: look-up, and what the version has of admission, caches, breaker,
/// engine and fallback; then the decision. The only place where the stages meet and where requests and their rows are counted and
/// timed: rows where their group ends, by the version that was to answer them, a request where its answer is known.
///
/// A version without stages is scored on the calling thread, with nothing in between.
package final class PredictionPipeline: PredictionPath {
    private let registry: ModelRegistry
    private let metrics: ServingMetrics

    package init(registry: ModelRegistry, metrics: ServingMetrics) {
        self.registry = registry
        self.metrics = metrics
    }

    package func begin() { metrics.requestBegins() }

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

    private static func check(_ deadline: Moment?) throws(ScoringError) {
        if let deadline, Moment.now > deadline { throw .deadlineExceeded }
    }

    // MARK: The end

    package func finish(_ group: RowGroup) {
        group.checkResults()
        if group.outcome.error == nil, group.outcome.decisions.isEmpty { group.decide() }
        group.outcome.nanoseconds = Moment.now.nanoseconds(since: group.info.arrival)
        group.target?.observer?.finished(group)
        group.served.meter.recordRows(group)
    }

    package func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?) {
        metrics.requestEnds()
        if let served { return served.meter.recordRequest(error) }
        guard let error else { return }
        // A path whose model or version cannot be one names neither, and does not mean the default one either.
        let isNobodys =
            switch error {
            case .unknownModel, .unknownVersion: info.model == nil
            default: false
            }
        metrics.recordRejection(error, model: isNobodys ? nil : registry.known(info.model))
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
