internal import Scoring
internal import Synchronization

/// Keeps what an experiment is told of failures.
final class Notes: RunningExperiment {
    let failures = Mutex<[ScoringError]>([])
    let dividesRequests = false
    let keyName: String? = nil
    let keepsAnswers = false

    func served(forKey key: UnsafeRawBufferPointer?) -> ServedModel? { nil }
    func learn(from exchange: PredictionExchange, answeredBy served: ServedModel, nanoseconds: UInt64) {}
    func learn(failure: ScoringError, rows: Int, of served: ServedModel, wasChosen: Bool) {
        failures.withLock { $0.append(failure) }
    }
}
