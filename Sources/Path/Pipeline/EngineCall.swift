internal import Batching
internal import Resilience
internal import Scoring

/// One request's call of an engine: behind its breaker, on the caller's thread or through its batcher.
///
/// `@unchecked Sendable` is safe: it belongs to whoever has the group.
final class EngineCall: @unchecked Sendable {
    private let group: RowGroup
    private let model: any ScoringModel
    private let stages: VersionStages
    private let deadline: Moment?
    private var permit: BreakerPermit?
    private var began = Moment(nanoseconds: 0)
    /// What waits for the batcher; it holds this call until it is answered.
    private var job: BatchJob?

    init(_ group: RowGroup, _ model: any ScoringModel, _ stages: VersionStages, until deadline: Moment?) {
        self.group = group
        self.model = model
        self.stages = stages
        self.deadline = deadline
    }

    /// Scores the group's rows now, or later with a call of `completion` on another thread.
    func begin(_ completion: @escaping @Sendable (ScoringError?) -> Void) throws(ScoringError) -> PredictionProgress {
        began = .now
        if let breaker = stages.breaker {
            switch breaker.permit(now: began) {
            case .call(let permit), .probe(let permit): self.permit = permit
            case .refused(let until):
                throw .circuitOpen(retryAfter: .nanoseconds(Int64(clamping: until.nanoseconds(since: began))))
            }
        }
        guard let batcher = stages.batcher, group.completion != nil else {
            try score(until: deadline)
            report(.success)
            return .answered
        }
        if let inline = stages.inlineExecution, group.features.count == 1, inline.allows(began), try isScored(inline) {
            report(.success)
            return .answered
        }
        submit(to: batcher, completion)
        return .pending
    }

    private func score(until deadline: Moment?) throws(ScoringError) {
        do throws(ScoringError) {
            try model.score(group.features, into: group.scores, ScoreCall(deadline: deadline, workspace: group.workspace))
            if let error = refusal { throw error }
        } catch {
            let error = judged(error)
            report(result(of: error))
            throw error
        }
    }

    /// Scores on this thread; false where that took too long and was given up for an engine thread to try.
    private func isScored(_ inline: InlineExecution) throws(ScoringError) -> Bool {
        let latest = began.advanced(byNanoseconds: InlineExecution.maxCall)
        let isLimited = deadline.map { $0 > latest } ?? true
        defer {
            let now = Moment.now
            inline.record(now.nanoseconds(since: began), now)
        }
        do throws(ScoringError) {
            let call = ScoreCall(deadline: isLimited ? latest : deadline, workspace: group.workspace)
            try model.score(group.features, into: group.scores, call)
            if let error = refusal { throw error }
            return true
        } catch {
            if isLimited, error == .deadlineExceeded { return false }
            let error = judged(error)
            report(result(of: error))
            throw error
        }
    }

    /// The rows go into memory of the call's own: a call that hangs may keep it for good.
    private func submit(to batcher: Batcher, _ completion: @escaping @Sendable (ScoringError?) -> Void) {
        let lent = BatchRows()
        lent.features.swapContents(with: group.features)
        let priority = group.info.priority(rows: lent.features.count)
        let job = BatchJob(lent, deadline: deadline, priority: priority) { [self] outcome in
            switch outcome {
            case .scored(let lent):
                group.features.swapContents(with: lent.features)
                group.scores.swapContents(with: lent.scores)
                let error = refusal
                reportJob(error.map { result(of: $0) } ?? .success)
                completion(error)
            case .failed(let error, let returned):
                takeBack(returned, of: lent)
                let error = judged(error)
                reportJob(result(of: error))
                completion(error)
            case .cancelled(let returned):
                takeBack(returned, of: lent)
                reportJob(.unknown)
                completion(.cancelled)
            }
        }
        self.job = job
        let cancellation = group.cancellable()
        batcher.submit(job)
        // The group is another thread's by now, and may have been answered: then there is nothing to give up.
        cancellation.onCancel { [weak batcher] in batcher?.cancel(job) }
    }

    /// A call that has not returned still reads the rows, and nobody writes them: they are copied, for a fallback.
    private func takeBack(_ returned: BatchRows?, of lent: BatchRows) {
        if let returned {
            group.features.swapContents(with: returned.features)
        } else {
            group.features.copyRows(of: lent.features)
        }
    }

    /// Tells the breaker how long the engine was at work, not how long the request waited for others: load is no failure.
    private func reportJob(_ result: CallResult) {
        let work = job?.workBegan
        job = nil
        if let work { began = work }
        report(work == nil ? .unknown : result)
    }

    /// The failure that a request is of which the engine refused every row, where it has refused many others and answered none; nil for all
    /// other results.
    private var refusal: ScoringError? {
        let scores = group.scores
        guard !scores.failures.isEmpty, scores.failedCount == scores.count, stages.judge?.refusesAllRows == true else {
            return nil
        }
        var words: String?
        for failure in scores.failures {
            guard case .rowRefused(let message) = failure.error else { return nil }
            words = words ?? message
        }
        return words.map { .engineFailure($0) }
    }

    /// The error, or the deadline's where a caller in a hurry left no time to find out whose fault a failure is: one that is not judged
    /// counts against nobody.
    private func judged(_ error: ScoringError) -> ScoringError {
        guard case .engineFailure = error, let deadline, stages.isCallersDeadline(group.info) else { return error }
        let now = Moment.now
        let took = now.nanoseconds(since: job?.workBegan ?? began)
        return now.advanced(byNanoseconds: 2 * took) > deadline ? .deadlineExceeded : error
    }

    /// What an error says about the engine.
    private func result(of error: ScoringError) -> CallResult {
        if error == .deadlineExceeded, stages.isCallersDeadline(group.info) { return .unknown }
        return CallResult(error)
    }

    private func report(_ result: CallResult) {
        guard let permit, let breaker = stages.breaker else { return }
        let now = Moment.now
        breaker.record(permit, result, took: now.nanoseconds(since: began), now: now)
        self.permit = nil
    }
}
