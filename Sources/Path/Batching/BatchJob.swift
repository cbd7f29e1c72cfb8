package import Scoring

/// How a request left the batcher. Where the exchange is nil, a call that has not returned still writes into it: it
/// must not be used again, and is freed when the call returns.
package enum BatchOutcome {
    /// The scores are in the exchange, row by row; rows can have failed singly.
    case scored(PredictionExchange)
    case failed(ScoringError, PredictionExchange?)
    /// Cancelled by its owner.
    case cancelled(PredictionExchange?)
}

/// One request on its way through a `Batcher`. From `submit` until its completion is called the exchange belongs to
/// the batcher; nobody else may touch it.
///
/// Unchecked: `phase`, `isCancelled`, `dueBy`, `admission` and `workBegan` are accessed under the lock of the batcher's
/// `EngineRoom` only, the last also by the completion, after which nobody writes it. `exchange` and `completion` are accessed by whoever the phase names: the engine thread that holds the job, or the thread that
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
    let priority: BatchPriority
    var phase = Phase.new
    var isCancelled = false
    /// The deadline, or when the wait ends without one. Set when admitted.
    var dueBy = Moment.never
    /// When it was admitted, and how many calls had ended by then.
    var admission: (at: Moment, calls: Int)?
    /// Since when the engine has been at work on it, or, for one that never got to it, at a call that has not ended since
    /// the job came. nil where the engine was busy with others, one call after the other: then how long the job waited
    /// says nothing about the engine. To be read by the completion.
    package internal(set) var workBegan: Moment?
    private var exchange: PredictionExchange?
    private var completion: Completion?

    /// - Parameter exchange: Holds the rows, and the deadline if there is one.
    package init(
        _ exchange: PredictionExchange, priority: BatchPriority = .interactive, completion: @escaping Completion
    ) {
        rows = exchange.features.count
        deadline = exchange.deadline
        self.priority = priority
        self.exchange = exchange
        self.completion = completion
    }

    /// The exchange, for the thread that holds the job or has it lent.
    var heldExchange: PredictionExchange {
        guard let exchange else { preconditionFailure("the job has been answered") }
        return exchange
    }

    /// Answers, after the job was moved to `.answered`.
    /// - Parameter isLent: Whether a call still works on the exchange.
    func answer(_ verdict: Verdict, isLent: Bool) {
        guard let completion else { preconditionFailure("a job is answered once") }
        let returned = heldExchange
        self.completion = nil
        exchange = nil
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
