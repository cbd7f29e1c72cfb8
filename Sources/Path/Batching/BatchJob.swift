package import Scoring

/// How a request left the batcher. Where the rows are nil, a call that has not returned still writes into it: it
/// must not be used again, and is freed when the call returns.
package enum BatchOutcome {
    /// The scores are there, row by row; rows can have failed singly.
    case scored(BatchRows)
    case failed(ScoringError, BatchRows?)
    /// Cancelled by its owner.
    case cancelled(BatchRows?)
}

/// The rows that a request lends to the batcher, and their scores.
///
/// `@unchecked Sendable` is safe: it belongs to one thread at a time; see `BatchJob`.
package final class BatchRows: @unchecked Sendable {
    package let features = FeatureBatch()
    package let scores = ScoreBatch()

    package init() {}
}

/// One request on its way through a `Batcher`. From `submit` until its completion is called the rows belong to
/// the batcher; nobody else may touch it.
///
/// Unchecked: `phase`, `isCancelled`, `dueBy`, `admission` and `workBegan` are accessed under the lock of the batcher's
/// `BatchExecutor` only, the last also by the completion, after which nobody writes it. `lent` and `completion` are accessed by whoever the phase names: the engine thread that holds the job, or the thread that
/// moved it to `.answered`, which only one does; both took the lock before, which orders the accesses.
package final class BatchJob: @unchecked Sendable {
    /// Called exactly once: on an engine thread, on the batcher's watching thread, or, for what is refused or
    /// cancelled at once, on the thread that submits or cancels. Has to be brief; it holds up other answers.
    package typealias Completion = @Sendable (BatchOutcome) -> Void

    enum Phase {
        case new
        /// In the queue.
        case waiting
        /// An engine thread copies its rows in or its results out.
        case held
        /// Its rows are copied into a running call.
        case running
        /// A running call works on its own buffers.
        case lent
        case answered
    }

    /// What the answer is to be.
    enum Verdict: Sendable {
        case scored
        case failed(ScoringError)
        case cancelled
    }

    let rows: Int
    let deadline: Moment?
    let priority: Priority
    var phase = Phase.new
    var isCancelled = false
    /// The deadline, or when the wait ends without one. Set when admitted.
    var dueBy = Moment.never
    /// Since when it waits, and how many calls had ended by then.
    var admission: (at: Moment, calls: Int)?
    /// Since when the engine has been at work on it, or, for one that never got to it, at a call that has not ended since
    /// the job came. nil where the engine was busy with others, one call after the other: then how long the job waited
    /// says nothing about the engine. To be read by the completion.
    package internal(set) var workBegan: Moment?
    private var lent: BatchRows?
    private var completion: Completion?

    package init(
        _ lent: BatchRows, deadline: Moment? = nil, priority: Priority = .interactive, completion: @escaping Completion
    ) {
        rows = lent.features.count
        self.deadline = deadline
        self.priority = priority
        self.lent = lent
        self.completion = completion
    }

    /// The rows, for the thread that holds the job or has it lent.
    var heldRows: BatchRows {
        guard let lent else { preconditionFailure("the job has been answered") }
        return lent
    }

    /// Answers, after the job was moved to `.answered`.
    /// - Parameter isLent: Whether a call still works on the rows.
    func answer(_ verdict: Verdict, isLent: Bool) {
        guard let completion else { preconditionFailure("a job is answered once") }
        let returned = heldRows
        self.completion = nil
        lent = nil
        switch verdict {
        case .scored: completion(.scored(returned))
        case .failed(let error): completion(.failed(error, isLent ? nil : returned))
        case .cancelled: completion(.cancelled(isLent ? nil : returned))
        }
    }
}

/// An answer that has been decided upon under the lock and is given outside of it.
struct BatchAnswer: Sendable {
    let job: BatchJob
    let verdict: BatchJob.Verdict
    let isLent: Bool
}
