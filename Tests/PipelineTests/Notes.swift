internal import Scoring
internal import Synchronization

/// Keeps the failures of the version that it hears of; not those that callers brought about.
final class Notes: OutcomeObserver {
    let failures = Mutex<[ScoringError]>([])

    func finished(_ group: RowGroup) {
        guard let failure = group.outcome.failure, failure.blame != .caller else { return }
        failures.withLock { $0.append(failure.error) }
    }
}
