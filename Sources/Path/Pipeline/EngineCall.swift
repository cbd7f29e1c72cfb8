internal import Batching
internal import Resilience
internal import Scoring
internal import Synchronization

/// One request's call of a model: behind its breaker, on the caller's thread or through its batcher.
///
/// `@unchecked Sendable` is safe: it belongs to whoever has the exchange.
final class EngineCall: @unchecked Sendable {
    private let exchange: PredictionExchange
    private let model: any ScoringModel
    private let path: VersionPath?
    private var permit: BreakerPermit?
    private var began = Moment(nanoseconds: 0)
    private(set) var isRefusedByBreaker = false
    /// Whether its client gave it up.
    private(set) var isCancelled = false
    /// What waits for the batcher; it holds this call until it is answered.
    private var job: BatchJob?

    init(_ exchange: PredictionExchange, _ model: any ScoringModel, _ path: VersionPath?) {
        self.exchange = exchange
        self.model = model
        self.path = path
    }

    /// Scores the exchange's rows now, or later with a call of `completion` on another thread.
    func begin(_ completion: @escaping @Sendable (ScoringError?) -> Void) throws(ScoringError) -> PredictionProgress {
        began = .now
        if let breaker = path?.breaker {
            switch breaker.permit(now: began) {
            case .call(let permit), .probe(let permit): self.permit = permit
            case .refused:
                isRefusedByBreaker = true
                throw CircuitBreaker.refusal
            }
        }
        guard let batcher = path?.batcher, exchange.completion != nil else {
            try scoreHere(until: exchange.deadline)
            report(.success)
            return .answered
        }
        if let quick = path?.quickCalls, exchange.features.count == 1, quick.allows(began), try isScored(quick) {
            report(.success)
            return .answered
        }
        submit(to: batcher, completion)
        return .pending
    }

    private func scoreHere(until deadline: Moment?) throws(ScoringError) {
        do throws(ScoringError) {
            exchange.workspace.deadline = deadline
            try model.score(exchange.features, into: exchange.scores, using: exchange.workspace)
        } catch {
            report(result(of: error))
            throw error
        }
    }

    /// Scores on this thread; false where that took too long and was given up for an engine thread to try.
    private func isScored(_ quick: QuickCalls) throws(ScoringError) -> Bool {
        let latest = began.advanced(byNanoseconds: QuickCalls.patience)
        let isLimited = exchange.deadline.map { $0 > latest } ?? true
        defer {
            let now = Moment.now
            quick.record(now.nanoseconds(since: began), now)
        }
        do throws(ScoringError) {
            exchange.workspace.deadline = isLimited ? latest : exchange.deadline
            try model.score(exchange.features, into: exchange.scores, using: exchange.workspace)
            return true
        } catch {
            if isLimited, error == .deadlineExceeded { return false }
            report(result(of: error))
            throw error
        }
    }

    /// The rows go into an exchange of the call's own: one that hangs may keep it for good.
    private func submit(to batcher: Batcher, _ completion: @escaping @Sendable (ScoringError?) -> Void) {
        let lent = PredictionExchange()
        lent.begin(arrival: exchange.arrival, deadline: exchange.deadline, width: 0)
        lent.features.swapContents(with: exchange.features)
        let rows = lent.features.count
        let job = BatchJob(lent, priority: rows > 1 ? .bulk : .interactive) { [self] outcome in
            switch outcome {
            case .scored(let lent):
                exchange.features.swapContents(with: lent.features)
                exchange.scores.swapContents(with: lent.scores)
                reportJob(.success)
                completion(nil)
            case .failed(let error, let returned):
                takeBack(returned, of: lent)
                reportJob(result(of: error))
                completion(error)
            case .cancelled(let returned):
                takeBack(returned, of: lent)
                reportJob(.unknown)
                isCancelled = true
                completion(.notReady("the request was given up by its client"))
            }
        }
        self.job = job
        exchange.cancel = { [weak batcher] in batcher?.cancel(job) }
        batcher.submit(job)
    }

    /// A call that has not returned still reads the rows, and nobody writes them: they are copied, for a fallback.
    private func takeBack(_ returned: PredictionExchange?, of lent: PredictionExchange) {
        if let returned {
            exchange.features.swapContents(with: returned.features)
        } else {
            exchange.features.copyRows(of: lent.features)
        }
    }

    /// Tells the breaker how long the engine was at work, not how long the request waited for others: load is no failure.
    private func reportJob(_ result: CallResult) {
        let work = job?.workBegan
        job = nil
        if let work { began = work }
        report(work == nil ? .unknown : result)
    }

    /// What an error says about the engine.
    private func result(of error: ScoringError) -> CallResult {
        if error == .deadlineExceeded, let path, path.isCallersDeadline(exchange) { return .unknown }
        return CallResult(error)
    }

    private func report(_ result: CallResult) {
        guard let permit, let breaker = path?.breaker else { return }
        let now = Moment.now
        breaker.record(permit, result, took: now.nanoseconds(since: began), now: now)
        self.permit = nil
    }
}
