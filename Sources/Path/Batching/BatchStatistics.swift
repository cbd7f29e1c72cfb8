/// What a batcher has done since it was made, and what waits.
package struct BatchStatistics: Sendable, Equatable {
    /// Calls of the model, those that failed and were repeated included.
    package var calls = 0
    package var scoredRows = 0
    /// Calls that carried rows of more than one request.
    package var sharedCalls = 0
    /// Requests called again with fewer rows because a call with rows of theirs failed, once for each time.
    package var repeatedRequests = 0
    /// Requests whose deadline came before their result.
    package var expiredRequests = 0
    package var cancelledRequests = 0
    /// Requests refused because the queue was full.
    package var refusedRequests = 0
    /// Calls that did not return in time and were given up.
    package var hungCalls = 0
    /// Of now: rows in the queue, and engine threads lost in calls that have not returned.
    package var waitingRows = 0
    package var lostEngines = 0

    package init() {}
}
