package import Registry
package import Scoring

/// Takes a prediction through its stages, in order, on the calling thread: look-up, scoring, decision. The only
/// place where the stages meet and where requests are counted and timed.
package final class PredictionPipeline: Predictor {
    private let registry: ModelRegistry
    private let metrics: ServingMetrics

    package init(registry: ModelRegistry, metrics: ServingMetrics) {
        self.registry = registry
        self.metrics = metrics
    }

    package func served(_ name: ModelName?, version: ModelVersion?) throws(ScoringError) -> ServedModel {
        try registry.served(name, version: version)
    }

    package func predict(
        _ exchange: PredictionExchange, with served: ServedModel
    ) throws(ScoringError) -> PredictionProgress {
        metrics.requestBegins()
        defer { metrics.requestEnds() }
        do throws(ScoringError) {
            try Self.check(exchange.deadline)
            exchange.workspace.deadline = exchange.deadline
            try served.model.score(exchange.features, into: exchange.scores, using: exchange.workspace)
            // A score that comes too late is no answer: the caller has decided without it.
            try Self.check(exchange.deadline)
        } catch {
            served.meter.recordFailure(error)
            throw error
        }
        decide(exchange, served)
        let rows = exchange.scores.count
        if rows > 0, exchange.scores.failures.count == rows {
            served.meter.recordFailure(exchange.scores.failures[0].error)
        } else {
            served.meter.recordSuccess(rows: rows, nanoseconds: Moment.now.nanoseconds(since: exchange.arrival))
        }
        return .answered
    }

    package func recordRejection(_ error: ScoringError, model: ServedModel?) {
        if let model {
            model.meter.recordFailure(error)
        } else {
            metrics.recordRejection(error)
        }
    }

    private static func check(_ deadline: Moment?) throws(ScoringError) {
        if let deadline, Moment.now > deadline { throw .deadlineExceeded }
    }

    private func decide(_ exchange: PredictionExchange, _ served: ServedModel) {
        guard let rule = served.rule, served.score.count == 1 else { return }
        for row in 0..<exchange.scores.count {
            exchange.decisions.append(rule.decision(for: exchange.scores[row, served.score.lowerBound]))
        }
    }
}
