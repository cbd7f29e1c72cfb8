internal import Scoring

/// What the lock of an `BatchExecutor` protects. Methods change it and return what is to be done outside of the lock.
struct ExecutorState {
    typealias Piece = BatchPlan<BatchJob>.Piece

    enum Mode {
        case open
        /// Takes nothing new.
        case draining
        /// Answers nothing but "not ready"; threads end.
        case closed
    }

    /// A call that runs.
    struct Run {
        let worker: Worker
        let jobs: [BatchJob]
        /// When the call counts as hung.
        let stuckAt: Moment
        var isLost = false
    }

    /// What is to be done outside of the lock.
    struct Consequence: Sendable {
        var answers: [BatchAnswer] = []
        /// To be woken, for what is in the queue.
        var worker: Worker?
        /// Whether the watching thread is to be woken.
        var mustWatch = false
    }

    /// What an engine thread does next.
    enum Work: Sendable {
        case run([Piece])
        case wait(until: Moment?)
        case end
    }

    static let closing = ScoringError.notReady("this version of the model is being shut down")

    let limits: BatchLimits
    /// The model's name, for errors.
    private let model: String
    private let keepsRowsApart: Bool
    var plan: BatchPlan<BatchJob>
    var workerCount: WorkerCount
    var statistics = BatchStatistics()
    private(set) var mode = Mode.open
    private var runs: [Run] = []
    /// Engine threads that wait, and until when without a signal.
    private var idle: [(worker: Worker, until: Moment)] = []
    /// Until when the watching thread sleeps without a signal.
    private var watchedUntil = Moment.never
    private var drainUntil = Moment.never
    private var drained: [CheckedContinuation<Void, Never>] = []

    init(limits: BatchLimits, calls: CallProfile, model: String) {
        self.limits = limits
        self.model = model
        keepsRowsApart = calls.keepsRowsApart
        plan = BatchPlan(limits: limits, calls: calls)
        workerCount = WorkerCount(engines: max(1, limits.engines), spares: BatchLimits.spareEngines)
    }

    // MARK: Submitting

    /// Admits a job, or says why not. The worker is to be woken; the watching thread too, if the last is true.
    mutating func admit(
        _ job: BatchJob, now: Moment
    ) -> (refusal: ScoringError?, worker: Worker?, mustWatch: Bool) {
        precondition(job.phase == .new, "a job is submitted once")
        guard mode == .open else { return (Self.closing, nil, false) }
        guard workerCount.hasWorkers else { return (.notReady("the model's engine does not answer"), nil, false) }
        let deadline = job.deadline ?? now.advanced(by: limits.longestWait)
        guard deadline > now else {
            statistics.expiredRequests += 1
            return (.deadlineExceeded, nil, false)
        }
        let retryAfter = plan.admit(job, rows: job.rows, deadline: deadline, priority: job.priority, now: now)
        if let retryAfter {
            statistics.refusedRequests += 1
            return (.overloaded(.rows(model: model), retryAfter: retryAfter), nil, false)
        }
        job.phase = .waiting
        job.dueBy = deadline
        job.admission = (now, statistics.calls)
        return (nil, workerToWake(now: now), watch(deadline))
    }

    mutating func cancel(_ job: BatchJob) -> BatchAnswer? {
        switch job.phase {
        case .waiting:
            _ = plan.cancel { $0 === job }
        case .held:
            // The engine thread that copies its rows sees to it.
            job.isCancelled = true
            return nil
        case .running, .lent: break
        case .new, .answered: return nil
        }
        return answer(job, .cancelled)
    }

    // MARK: Engine threads

    /// What the thread of `worker` does next.
    mutating func next(_ worker: Worker, now: Moment) -> (Work, [BatchAnswer]) {
        idle.removeAll { $0.worker === worker }
        guard mode != .closed else { return (.end, []) }
        var expired: [BatchJob] = []
        let step = plan.next(now: now, expired: &expired)
        let answers = expired.map { answer($0, .failed(.deadlineExceeded)) }
        switch step {
        case .wait(let limit):
            idle.append((worker, limit ?? .never))
            return (.wait(until: limit), answers)
        case .run(let pieces):
            let isLent = pieces.count == 1 && pieces[0].isWhole
            for piece in pieces {
                piece.request.phase = isLent ? .lent : .held
                piece.request.workBegan = now
            }
            if isLent { worker.lent = pieces[0].request.heldRows }
            let last = pieces.map(\.deadline).max() ?? now
            runs.append(Run(worker: worker, jobs: pieces.map(\.request), stuckAt: last.advanced(by: limits.stuckAfter)))
            if pieces.count > 1 { statistics.sharedCalls += 1 }
            return (.run(pieces), answers)
        }
    }

    /// The rows of these pieces, held until now, are copied. Returns answers for those cancelled or expired meanwhile,
    /// of which nothing is scored if they are all, and whether to wake the watching thread.
    mutating func packed(_ pieces: [Piece], now: Moment) -> ([BatchAnswer], mustWatch: Bool) {
        var answers: [BatchAnswer] = []
        var mustWatch = false
        for piece in pieces {
            piece.request.phase = .running
            if let verdict = verdict(of: piece, now: now) {
                answers.append(answer(piece.request, verdict))
            } else if watch(piece.deadline) {
                mustWatch = true
            }
        }
        return (answers, mustWatch)
    }

    /// The results of these pieces are there, or the error that they have in common. Returns which are to be copied out
    /// (they are held), and the answers of the others. What was answered before is dropped. A call that failed for what one of its rows
    /// may have done goes back to the queue, to be called again with fewer of them.
    mutating func scored(_ pieces: [Piece], _ error: ScoringError?, now: Moment) -> (held: [Piece], Consequence) {
        var held: [Piece] = []
        var consequence = Consequence()
        statistics.calls += 1
        let rows = pieces.reduce(0) { $0 + $1.rows.count }
        let isDivided = keepsRowsApart && rows > 1 && error.map { Self.mayBeOfFewer($0, requests: pieces.count) } == true
        for piece in pieces where piece.request.phase == .running || piece.request.phase == .lent {
            // The call is over: nobody works on the request's buffers any more.
            let isInPlace = piece.request.phase == .lent
            piece.request.phase = .held
            if let verdict = verdict(of: piece, now: now) {
                consequence.answers.append(answer(piece.request, verdict))
            } else if isDivided {
                statistics.repeatedRequests += 1
                putBack(piece.request, now: now)
                plan.retry(piece, after: rows)
                consequence.mustWatch = watch(piece.deadline) || consequence.mustWatch
            } else if let error {
                consequence.answers.append(answer(piece.request, .failed(error)))
            } else {
                statistics.scoredRows += piece.rows.count
                if isInPlace {
                    consequence.answers.append(answer(piece.request, .scored))
                } else {
                    held.append(piece)
                }
            }
        }
        if isDivided { consequence.worker = workerToWake(now: now) }
        return (held, consequence)
    }

    /// Whether a call that failed may succeed with fewer of its rows, which are of so many requests.
    private static func mayBeOfFewer(_ error: ScoringError, requests: Int) -> Bool {
        switch error {
        case .engineFailure, .rowRefused: true
        // Said of a request as a whole.
        case .invalidFeature, .invalidRequest: requests > 1
        case .unknownModel, .unknownVersion, .notReady, .tooLarge, .overloaded, .circuitOpen, .deadlineExceeded, .cancelled,
            .invalidModel, .unsupportedModel, .refusedModel:
            false
        }
    }

    /// The results of these pieces are where they belong. Requests that are complete are answered, others go on.
    ///
    /// - Parameter hasAnswers: Whether some row of the call was scored.
    mutating func unpacked(_ pieces: [Piece], hasAnswers: Bool, now: Moment) -> Consequence {
        var consequence = Consequence()
        for piece in pieces {
            if piece.isLast {
                consequence.answers.append(answer(piece.request, .scored))
            } else if let verdict = verdict(of: piece, now: now) {
                consequence.answers.append(answer(piece.request, verdict))
            } else {
                putBack(piece.request, now: now)
                plan.resume(after: piece, hasAnswers: hasAnswers)
                consequence.mustWatch = watch(piece.deadline) || consequence.mustWatch
            }
        }
        consequence.worker = workerToWake(now: now)
        return consequence
    }

    /// The run of `worker` is over. False if its thread was replaced meanwhile, and ends.
    mutating func end(_ worker: Worker, nanoseconds: UInt64) -> Bool {
        guard let index = runs.firstIndex(where: { $0.worker === worker }) else { return false }
        let run = runs.remove(at: index)
        guard run.isLost else {
            plan.record(callNanoseconds: nanoseconds)
            return true
        }
        return workerCount.comeBack()
    }

    // MARK: Watching

    /// Answers what is due, finds hung calls, and says until when to sleep and how many engine threads to start.
    mutating func look(now: Moment) -> (answers: [BatchAnswer], newEngines: Int, until: Moment?) {
        guard mode != .closed else { return ([], 0, nil) }
        if drainUntil <= now { return (close(), 0, nil) }
        var answers = plan.expire(now: now).map { answer($0, .failed(.deadlineExceeded)) }
        var newEngines = 0
        var until = min(drainUntil, plan.earliestDeadline ?? .never)
        for index in runs.indices {
            for job in runs[index].jobs where job.phase == .running || job.phase == .lent {
                if job.dueBy <= now {
                    answers.append(answer(job, .failed(.deadlineExceeded)))
                } else {
                    until = min(until, job.dueBy)
                }
            }
            guard !runs[index].isLost else { continue }
            if runs[index].stuckAt <= now {
                runs[index].isLost = true
                statistics.hungCalls += 1
                if workerCount.lose() { newEngines += 1 }
            } else {
                until = min(until, runs[index].stuckAt)
            }
        }
        watchedUntil = until
        return (answers, newEngines, until)
    }

    // MARK: The end

    /// Starts to drain. True if the watching thread is to be woken.
    mutating func drain(until limit: Moment, _ continuation: CheckedContinuation<Void, Never>) -> Bool {
        drained.append(continuation)
        if mode == .open { mode = .draining }
        drainUntil = min(drainUntil, limit)
        return watch(drainUntil)
    }

    /// Those who wait for the end of a drain, once everything is answered.
    mutating func takeDrained() -> [CheckedContinuation<Void, Never>] {
        defer { drained = [] }
        return drained
    }

    /// Fails everything that can be failed now; what an engine thread holds is failed by it.
    mutating func close() -> [BatchAnswer] {
        mode = .closed
        var answers = plan.removeAll().map { answer($0, .failed(Self.closing)) }
        for job in runs.flatMap(\.jobs) where job.phase == .running || job.phase == .lent {
            answers.append(answer(job, .failed(Self.closing)))
        }
        return answers
    }

    mutating func takeIdleSeats() -> [Worker] {
        defer { idle = [] }
        return idle.map(\.worker)
    }

    // MARK: Parts

    /// Has a job wait again: from here on it is no work of the engine's.
    private func putBack(_ job: BatchJob, now: Moment) {
        job.phase = .waiting
        job.workBegan = nil
        job.admission = (now, statistics.calls)
    }

    /// Why a request that an engine thread holds gets no score, if so.
    private func verdict(of piece: Piece, now: Moment) -> BatchJob.Verdict? {
        if piece.request.isCancelled { return .cancelled }
        if mode == .closed { return .failed(Self.closing) }
        return piece.deadline <= now ? .failed(.deadlineExceeded) : nil
    }

    private mutating func answer(_ job: BatchJob, _ verdict: BatchJob.Verdict) -> BatchAnswer {
        precondition(job.phase != .answered, "a job is answered once")
        let isLent = job.phase == .lent
        job.phase = .answered
        if job.workBegan == nil, let admission = job.admission, admission.calls == statistics.calls {
            job.workBegan = admission.at
        }
        switch verdict {
        case .failed(.deadlineExceeded): statistics.expiredRequests += 1
        case .cancelled: statistics.cancelledRequests += 1
        case .failed, .scored: break
        }
        return BatchAnswer(job: job, verdict: verdict, isLent: isLent)
    }

    /// The waiting engine thread to wake for what is in the queue, if any.
    private mutating func workerToWake(now: Moment) -> Worker? {
        guard let last = idle.last, let due = plan.due, due <= now || due < last.until else { return nil }
        return idle.removeLast().worker
    }

    /// Sees to it that the watching thread looks at `moment`. True if it has to be woken for that.
    private mutating func watch(_ moment: Moment) -> Bool {
        guard moment < watchedUntil else { return false }
        watchedUntil = moment
        return true
    }
}
