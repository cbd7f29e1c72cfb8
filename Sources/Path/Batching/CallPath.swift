package import Scoring

/// Where a request's rows are scored.
package enum CallPath: Sendable, Equatable {
    /// At once on the thread that asks, each request by itself.
    case callersThread
    /// Through the version's `Batcher`, on an engine thread.
    case engineThread

    /// The rule: only models whose calls may block leave the caller's thread.
    ///
    /// A native model scores a row in microseconds and its call costs nothing by itself, so that a batch of rows
    /// takes as long as the rows one after the other, while the way to an engine thread and back costs two wake-ups
    /// of a thread. Batching its rows can only be slower. A library's call has a cost of its own that rows share, and
    /// may hang: it must not take an event loop along.
    package static func of(_ calls: CallProfile) -> CallPath {
        calls.isBlocking ? .engineThread : .callersThread
    }
}
