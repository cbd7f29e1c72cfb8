package import Scoring

/// Scores requests of one version of a model on threads of its own, gathering them into shared calls where that
/// helps (see `BatchPlan`). For models whose calls may block (`CallProfile.isBlocking`): a native model scores a row in microseconds,
/// and the way to an engine thread and back costs two wake-ups of a thread.
///
/// Every submitted job is answered exactly once, by its deadline (or `BatchLimits.longestWait`) and a little, even if
/// the model's calls never return. A request never sees another's rows: they are copied by position, and buffers that
/// a call still holds are not given back.
///
/// Its threads end with the last reference; jobs that are not answered by then are failed with `.notReady`.
package final class Batcher: Sendable {
    private let executor: BatchExecutor

    /// Starts the threads. Throws `.notReady` if the system refuses to start one.
    /// - Parameter name: The model's, for errors and for the threads; tools show the first 11 bytes.
    package init(
        _ model: any ScoringModel, limits: BatchLimits = BatchLimits(), name: String = "batch"
    ) throws(ScoringError) {
        let executor = BatchExecutor(model, limits: limits, name: name)
        do throws(ScoringError) {
            try executor.open()
        } catch {
            executor.close()
            throw error
        }
        self.executor = executor
    }

    deinit { executor.close() }

    /// Takes a job, once. Never blocks; costs a lock and, if an engine thread sleeps, waking it.
    ///
    /// The job fails at once, on this thread, with `.overloaded` if the queue is full, `.deadlineExceeded` if it comes too
    /// late, `.notReady` while draining or while every engine thread hangs, and `.invalidRequest` if its rows are not
    /// as wide as the model's.
    package func submit(_ job: BatchJob) { executor.submit(job) }

    /// Gives a job up because its client has gone. If it is not answered yet it is now, as `.cancelled`, or, at the
    /// moments when its rows are being copied, soon. Any thread. O(waiting requests).
    package func cancel(_ job: BatchJob) { executor.cancel(job) }

    /// Takes no more jobs, and returns once all have been answered: those that take longer than `limit` are failed with
    /// `.notReady`.
    package func drain(within limit: Duration) async {
        await withCheckedContinuation { executor.drain(until: Moment.now.advanced(by: limit), $0) }
    }

    package var statistics: BatchStatistics { executor.statistics }
}
