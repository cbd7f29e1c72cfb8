/// The rows of one request that one version answers, and their results. Most requests are one group; a batch has one for each version
/// that its keys choose. A front's driver makes it and uses it again, so that a request allocates nothing.
///
/// `@unchecked Sendable` is safe: it belongs to one thread at a time and is handed over whole, to the predictor with
/// `run` and back with `completion`, both of which order memory.
package final class RowGroup: @unchecked Sendable {
    /// How the predictor gives the group back.
    package typealias Completion = @Sendable (RowGroup) -> Void

    /// Who answers.
    package struct Target: Sendable {
        package let served: ServedModel
        /// Whether a key or the lot chose the version, rather than the request.
        package let isChosen: Bool
        package let observer: (any OutcomeObserver)?

        package init(_ served: ServedModel, isChosen: Bool = false, observer: (any OutcomeObserver)? = nil) {
            self.served = served
            self.isChosen = isChosen
            self.observer = observer
        }
    }

    package let features = FeatureBatch()
    package let scores = ScoreBatch()
    package let workspace = Workspace()
    package private(set) var info = RequestInfo(arrival: Moment(nanoseconds: 0))
    /// Between `begin` and `end`.
    package private(set) var target: Target?
    /// The identifiers of the rows, as far as they have one.
    package var ids = RowIDs()
    /// The predictor's to fill, until it gives the group back.
    package var outcome = Outcome()
    /// Takes the group back when `run` answers later; called exactly once for each such answer, on any thread.
    /// nil where the front cannot wait: then every answer is given within `run`.
    package let completion: Completion?
    /// How the front gives up what nobody waits for any more; `completion` comes all the same. nil while nothing was handed on.
    ///
    /// Written on the front's thread only: by `cancellable` before the predictor first hands the group on, and where a request begins and
    /// ends. Other threads that have the group read it.
    package private(set) var cancellation: Cancellation?

    package init(completion: Completion? = nil) {
        self.completion = completion
    }

    /// Makes the group ready for the rows of a request.
    package func begin(_ info: RequestInfo, _ target: Target) {
        self.info = info
        self.target = target
        features.reset(width: target.served.signature.inputs.count)
        ids.removeAll()
        outcome.reset()
        cancellation = nil
    }

    /// What a stage that hands the group on registers with. To be called before that.
    package func cancellable() -> Cancellation {
        if let cancellation { return cancellation }
        let made = Cancellation()
        cancellation = made
        return made
    }

    /// Makes the group a part of another one's request, and given up with it. After `begin`.
    package func shareCancellation(of other: RowGroup) { cancellation = other.cancellable() }

    /// Fails the group if its results are not one for each row, as wide as the version's outputs: what is written is read by position, and a
    /// row that is not there would be another one's.
    package func checkResults() {
        guard outcome.error == nil, scores.count != features.count || scores.width != served.signature.outputs.count else {
            return
        }
        let error = ScoringError.engineFailure("the model gave \(scores.count) results for \(features.count) rows")
        outcome.error = error
        outcome.failure = Outcome.Failure(error)
    }

    /// Why a row has no answer; nil where it has one.
    package func error(row: Int) -> ScoringError? { outcome.error ?? scores.failure(row: row) }

    /// Whether some row has an answer.
    package var hasAnswers: Bool { outcome.error == nil && scores.failedCount < scores.count }

    /// Makes the deadline earlier.
    package func limitDeadline(to limit: Moment) { info.deadline = min(info.deadline ?? limit, limit) }

    /// Lets go of the version, which may be the last thing that keeps it in memory.
    package func end() {
        target = nil
        cancellation = nil
    }

    /// The version that answers.
    package var served: ServedModel {
        guard let target else { preconditionFailure("the group has no request") }
        return target.served
    }
}

/// Identifiers of rows, in memory that is used again.
package struct RowIDs: Sendable {
    private var bytes: [UInt8] = []
    /// Where each row's begin and end; empty while no row has one.
    private var ranges: [Range<Int>?] = []

    package init() {}

    /// Sets the identifier of a row; nil for none.
    package mutating func set(_ id: UnsafeBufferPointer<UInt8>?, row: Int) {
        guard let id = unsafe id else {
            if row < ranges.count { ranges[row] = nil }
            return
        }
        while ranges.count <= row { ranges.append(nil) }
        let start = bytes.count
        unsafe bytes.append(contentsOf: id)
        ranges[row] = start..<bytes.count
    }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 16)
        ranges.removeAll(keepingCapacity: ranges.capacity <= 1024)
    }

    package func withID<Result>(row: Int, _ body: (UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        guard row < ranges.count, let range = ranges[row] else { return body(nil) }
        return unsafe bytes.withUnsafeBufferPointer { unsafe body(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    package subscript(row: Int) -> String? {
        unsafe withID(row: row) { id in unsafe id.map { unsafe String(decoding: $0, as: UTF8.self) } }
    }

    /// Memory that it takes, nearly.
    package var byteCount: Int { bytes.count + ranges.count * MemoryLayout<Range<Int>?>.stride }
}
