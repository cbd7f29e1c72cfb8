package import Scoring

/// A copy of one answered request: its rows, and what the version that answered made of them. Immutable, so that several
/// shadow versions share one copy.
package final class ShadowedRows: Sendable {
    package let requestID: String?
    package let version: ModelVersion
    let signature: Signature
    let width: Int
    let count: Int
    /// Row by row, as in the `FeatureBatch`.
    let cells: [Double]
    let texts: [String]
    let wideIntegers: [UInt64]
    let scoreWidth: Int
    /// Row by row, the columns of the score.
    let scores: [Double]
    /// Empty for a model without a policy.
    let decisions: [Decision?]
    /// Which rows failed or were answered by a fallback, so that there is nothing to compare with.
    let failedRows: Set<Int>

    /// Copies what the request leaves behind. Called on the request's thread: a few allocations and copies.
    package init(_ group: RowGroup, requestID: String?) {
        let (features, results, served) = (group.features, group.scores, group.served)
        self.requestID = requestID
        version = served.version
        signature = served.signature
        width = features.width
        // Rows that were read for another signature would mean something else.
        count = features.width == served.signature.inputs.count ? min(features.count, results.count) : 0
        cells = unsafe Array(UnsafeBufferPointer(start: features.values, count: count * features.width))
        texts = features.texts
        wideIntegers = features.wideIntegers
        let columns = served.score.clamped(to: 0..<results.width)
        scoreWidth = columns.count
        let rows = count
        scores = unsafe [Double](unsafeUninitializedCapacity: rows * columns.count) { buffer, filled in
            for row in 0..<rows {
                for column in columns {
                    unsafe buffer[filled] = results[row, column]
                    filled += 1
                }
            }
        }
        decisions = group.outcome.decisions
        failedRows = Set(results.failures.map(\.row))
            .union(group.outcome.degradations.isEmpty ? [] : (0..<count).filter { group.outcome.degradation(row: $0) != nil })
    }

    /// What the copy holds, roughly.
    var bytes: Int {
        (cells.count + scores.count + wideIntegers.count) * 8 + decisions.count + texts.reduce(0) { $0 + $1.utf8.count + 16 }
            + 256
    }
}
