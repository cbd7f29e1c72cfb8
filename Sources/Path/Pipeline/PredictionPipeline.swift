package import Registry
package import Scoring

/// Takes a prediction through its stages: look-up, and what the version's path has of admission, caches, breaker,
/// engine and fallback; then the decision. The only place where the stages meet and where requests are counted and
/// timed.
///
/// A version without stages is scored on the calling thread, with nothing in between.
package final class PredictionPipeline: Predictor {
    private let registry: ModelRegistry
    private let metrics: ServingMetrics
    let stock: PathStock

    package init(registry: ModelRegistry, metrics: ServingMetrics, stock: PathStock) {
        self.registry = registry
        self.metrics = metrics
        self.stock = stock
    }

    package func served(_ name: ModelName?, version: VersionReference?) throws(ScoringError) -> Serving {
        try registry.served(name, version: version)
    }

    /// What may stand in for another version; nil where it does not serve.
    func substitute(_ name: ModelName, version: VersionReference?) -> ServedModel? { registry.find(name, version: version) }

    package func screen(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError) {
        if let path = served.stages as? VersionPath, path.admits { try path.screen(exchange) }
    }

    package func predict(
        _ exchange: PredictionExchange, with served: ServedModel
    ) throws(ScoringError) -> PredictionProgress {
        metrics.requestBegins()
        if let stages = served.stages, let path = stages as? VersionPath {
            return try Passage(exchange, served, path, self).begin()
        }
        do throws(ScoringError) {
            try Self.check(exchange.deadline)
            exchange.workspace.deadline = exchange.deadline
            try served.model.score(exchange.features, into: exchange.scores, using: exchange.workspace)
            // A score that comes too late is no answer: the caller has decided without it.
            try Self.check(exchange.deadline)
        } catch {
            // Without stages every deadline is the caller's.
            learn(error == .deadlineExceeded ? nil : error, exchange, served, rows: exchange.features.count)
            countFailure(error, served)
            throw error
        }
        decide(exchange, served.rule, served.score)
        count(exchange, served, .now)
        return .answered
    }

    package func recordRejection(_ error: ScoringError, of model: ServedModel?, named name: ModelName?) {
        if let model {
            model.meter.recordFailure(error)
        } else {
            // A path whose model or version cannot be one names neither, and does not mean the default one either.
            let isNobodys =
                switch error {
                case .unknownModel, .unknownVersion: name == nil
                default: false
                }
            metrics.recordRejection(error, model: isNobodys ? nil : registry.known(name))
        }
    }

    private static func check(_ deadline: Moment?) throws(ScoringError) {
        if let deadline, Moment.now > deadline { throw .deadlineExceeded }
    }

    func decide(_ exchange: PredictionExchange, _ rule: (any DecisionRule)?, _ score: Range<Int>) {
        guard let rule, score.count == 1 else { return }
        for row in 0..<exchange.scores.count {
            exchange.decisions.append(rule.decision(for: exchange.scores[row, score.lowerBound]))
        }
    }

    /// Lets the experiment on the model's versions, if there is one, take note of a failure, and lets go of it.
    /// - Parameter failure: nil for one that the caller brought about: that says nothing about the version.
    func learn(_ failure: ScoringError?, _ exchange: PredictionExchange, _ served: ServedModel, rows: Int) {
        guard let experiment = exchange.experiment else { return }
        exchange.experiment = nil
        guard let failure else { return }
        experiment.learn(failure: failure, rows: rows, of: served, wasChosen: exchange.isVersionChosen)
    }

    /// Counts a request that was answered; one all of whose rows failed is a failure.
    func count(_ exchange: PredictionExchange, _ served: ServedModel, _ now: Moment) {
        if let experiment = exchange.experiment {
            exchange.experiment = nil
            experiment.learn(
                from: exchange, answeredBy: served, nanoseconds: now.nanoseconds(since: exchange.arrival))
        }
        let rows = exchange.scores.count
        if rows > 0, exchange.scores.failures.count == rows {
            served.meter.recordFailure(exchange.scores.failures[0].error)
        } else {
            served.meter.recordSuccess(rows: rows, nanoseconds: now.nanoseconds(since: exchange.arrival))
            served.meter.recordResults(exchange, column: served.score.count == 1 ? served.score.lowerBound : nil)
        }
        metrics.requestEnds()
    }

    func countFailure(_ error: ScoringError, _ served: ServedModel) {
        served.meter.recordFailure(error)
        metrics.requestEnds()
    }
}
