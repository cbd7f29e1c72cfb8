internal import Scoring
internal import Synchronization

/// The state that a batcher's threads share, behind one lock, and what they do to it. What follows from a change, answers
/// and signals and calls of the model, happens outside of the lock.
///
/// `BatchExecutor+Engines` is what engine threads do, `BatchExecutor+Watch` what the watching thread does.
final class BatchExecutor: Sendable {
    let model: any ScoringModel
    let limits: BatchLimits
    let packing: RowPacking
    let watchSignal = WakeSignal()
    let state: ExecutorLock
    private let name: String
    /// Jobs whose completion has not returned yet.
    private let unanswered = Atomic<Int>(0)

    init(_ model: any ScoringModel, limits: BatchLimits, name: String) {
        self.model = model
        self.limits = limits
        packing = RowPacking(model.signature)
        state = ExecutorLock(ExecutorState(limits: limits, calls: model.calls, model: name))
        self.name = String(decoding: name.utf8.prefix(11), as: UTF8.self)
    }

    // MARK: Threads

    /// Engine threads compute for milliseconds at a time, event loops for microseconds, and all other models wait for
    /// the loops. Where both want a processor the loops come first; engines get what they leave.
    private static let engineNiceness: Int32 = 5

    func open() throws(ScoringError) {
        let isOpen =
            NamedThread.start(name: "\(name)-due") { self.watch() } && (0..<limits.engines).allSatisfy { _ in startEngine() }
        if !isOpen { throw .notReady("the system refuses to start a thread") }
    }

    /// Starts an engine thread and counts it.
    private func startEngine() -> Bool {
        state.withLock { $0.workerCount.start() }
        return startCountedEngine()
    }

    /// Starts the thread that the workerCount counts already.
    @discardableResult
    func startCountedEngine() -> Bool {
        let isStarted = NamedThread.start(name: "\(name)-run", niceness: Self.engineNiceness) { self.serve(Worker()) }
        if !isStarted { state.withLock { $0.workerCount.failedToStart() } }
        return isStarted
    }

    /// Fails what is not answered, and ends the threads.
    func close() {
        let (answers, workers) = state.withLock { ($0.close(), $0.takeIdleSeats()) }
        give(answers)
        for worker in workers { worker.signal.give() }
        watchSignal.give()
    }

    // MARK: Jobs

    func submit(_ job: BatchJob) {
        unanswered.add(1, ordering: .acquiringAndReleasing)
        let width = job.heldRows.features.width
        guard width == packing.inputs else {
            let error = ScoringError.invalidRequest("a row has \(width) features, the model takes \(packing.inputs)")
            return settle(job, .failed(error))
        }
        guard job.rows > 0 else {
            job.heldRows.scores.reset(rows: 0, width: packing.outputs)
            return settle(job, .scored)
        }
        let now = Moment.now
        let (refusal, worker, mustWatch) = state.withLock { $0.admit(job, now: now) }
        if let refusal { return settle(job, .failed(refusal)) }
        worker?.signal.give()
        if mustWatch { watchSignal.give() }
    }

    /// Answers a job that never was in the queue.
    private func settle(_ job: BatchJob, _ verdict: BatchJob.Verdict) {
        state.withLock { _ in job.phase = .answered }
        give([BatchAnswer(job: job, verdict: verdict, isLent: false)])
    }

    func cancel(_ job: BatchJob) {
        if let answer = state.withLock({ $0.cancel(job) }) { give([answer]) }
    }

    func give(_ answers: [BatchAnswer]) {
        guard !answers.isEmpty else { return }
        for answer in answers { answer.job.answer(answer.verdict, isLent: answer.isLent) }
        let left = unanswered.subtract(answers.count, ordering: .acquiringAndReleasing).newValue
        if left == 0 { endDrain() }
    }

    // MARK: Drain

    func drain(until limit: Moment, _ continuation: CheckedContinuation<Void, Never>) {
        let mustWatch = state.withLock { $0.drain(until: limit, continuation) }
        if mustWatch { watchSignal.give() }
        if unanswered.load(ordering: .acquiring) == 0 { endDrain() }
    }

    private func endDrain() {
        for continuation in state.withLock({ $0.takeDrained() }) { continuation.resume() }
    }

    var statistics: BatchStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.waitingRows = state.plan.waitingRows
            statistics.lostEngines = state.workerCount.lost
            return statistics
        }
    }
}

/// What one engine thread has of its own: the batch it packs, the results, the scratch memory, its signal.
///
/// Unchecked: all but the signal is used by that thread alone.
final class Worker: @unchecked Sendable {
    /// Cells of a call after which its memory is not kept for the next one.
    private static let maxKeptCells = 1 << 16

    let signal = WakeSignal()
    private(set) var features = FeatureBatch()
    private(set) var scores = ScoreBatch()
    private(set) var workspace = Workspace()
    private var isLarge = false
    /// The buffers of the request whose call runs on them; kept until it is over, whatever was answered meanwhile.
    var lent: BatchRows?

    /// Notes how large a call is.
    func noteCall(rows: Int, width: Int) { isLarge = isLarge || rows * width > Self.maxKeptCells }

    /// Frees what unusually large calls have grown.
    func letGoOfLarge() {
        guard isLarge else { return }
        isLarge = false
        (features, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
    }
}
