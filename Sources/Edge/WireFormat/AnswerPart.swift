internal import Scoring

/// The rows of a request that one version answers: all of them, or in a batch those that an experiment gave it.
/// Belongs to the desk's thread.
final class AnswerPart {
    let served: ServedModel
    let exchange: PredictionExchange
    /// For each row its request's position in the batch.
    var positions: [Int] = []
    /// Why none of the rows has a score.
    var error: ScoringError?
    /// Whether the scores or the error are there.
    var isReady = false

    init(_ served: ServedModel, _ exchange: PredictionExchange) {
        self.served = served
        self.exchange = exchange
    }

    /// The same with results of its own.
    func takingResults() -> AnswerPart {
        let part = AnswerPart(served, exchange.takeResults())
        part.positions = positions
        part.error = error
        part.isReady = isReady
        return part
    }
}
