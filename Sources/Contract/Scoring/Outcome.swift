/// How a request's rows ended: what beside the scores is known of them. Complete once the predictor has finished.
package struct Outcome: Sendable {
    /// Why no row has a score; nil where rows have scores, or errors of their own (`ScoreBatch.failures`).
    package var error: ScoringError?
    /// Why the model itself gave no answer, also where a fallback gave one; nil where it answered.
    package var failure: Failure?
    /// One a row, nil where there is no policy or the row failed. Empty if the model has no policy.
    package var decisions: [Decision?] = []
    /// Whether the results come from a cache.
    package var isCached = false
    /// What answered in the model's place, for which rows; empty where all results are the model's own. No row is in two.
    package var degradations: [Degradation] = []
    /// From the request's last byte to its end.
    package var nanoseconds: UInt64 = 0

    package init() {}

    package struct Failure: Sendable, Equatable {
        package var error: ScoringError
        /// The error's own, but for a deadline that was the caller's.
        package var blame: Blame

        package init(_ error: ScoringError, blame: Blame? = nil) {
            self.error = error
            self.blame = blame ?? error.blame
        }
    }

    /// What answered a row in the model's place; nil for the model's own result.
    package func degradation(row: Int) -> Degradation? {
        degradations.isEmpty ? nil : degradations.first { $0.covers(row) }
    }

    /// How many of so many rows were answered in the model's place.
    package func degradedRows(of rows: Int) -> Int { degradations.reduce(0) { $0 + ($1.rows?.count ?? rows) } }

    /// Becomes the outcome of another request, and keeps its memory.
    package mutating func reset() {
        var kept: [Decision?] = []
        swap(&kept, &decisions)
        kept.removeAll(keepingCapacity: true)
        self = Outcome()
        decisions = kept
    }
}

/// A fallback that answered some or all rows of a request.
package struct Degradation: Sendable {
    package let reason: DegradationReason
    /// The name and version of the model that answered; nil for a constant.
    package let answeredBy: (name: String, version: String)?
    /// The rows that it answered, ascending; nil for all.
    package let rows: [Int]?

    package init(_ reason: DegradationReason, answeredBy: (name: String, version: String)? = nil, rows: [Int]? = nil) {
        (self.reason, self.answeredBy, self.rows) = (reason, answeredBy, rows)
    }

    package func covers(_ row: Int) -> Bool {
        guard let rows else { return true }
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low] == row
    }
}

/// Why an answer is a fallback's: `degraded_reason` in answers, and a label in metrics. The texts do not change.
package enum DegradationReason: String, Sendable, CaseIterable {
    case breakerOpen = "breaker open"
    case deadlinePassed = "deadline passed"
    case engineFailed = "engine failed"
    case overloaded = "overloaded"
    case missingScore = "score missing"

    /// What an error of a request to a model that is there means for its fallback; nil for those that no fallback answers.
    package init?(_ error: ScoringError) {
        switch error {
        case .engineFailure, .invalidModel, .unsupportedModel, .refusedModel: self = .engineFailed
        case .circuitOpen: self = .breakerOpen
        case .deadlineExceeded: self = .deadlinePassed
        case .overloaded: self = .overloaded
        case .invalidRequest, .invalidFeature, .unknownModel, .unknownVersion, .tooLarge, .notReady, .cancelled, .rowRefused:
            return nil
        }
    }
}
