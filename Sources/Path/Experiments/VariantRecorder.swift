package import Scoring

/// Counts what one version did for its share of the requests: errors, durations, scores, decisions. Recording is four
/// atomic additions; any number of threads may record at once.
package final class VariantRecorder: Sendable {
    private let table = CounterTable(count: VariantCounts.cells)

    package init() {}

    /// One answered row.
    /// - Parameters:
    ///   - score: NaN where the model gave none.
    ///   - decision: nil for a model without a policy.
    @inline(__always)
    package func recordSuccess(nanoseconds: UInt64, score: Double, decision: Decision?) {
        table.increment(VariantCounts.successes)
        table.increment(VariantCounts.decisions + VariantCounts.index(of: decision))
        table.increment(VariantCounts.latencies + LatencyBins.bin(of: nanoseconds))
        table.increment(VariantCounts.scores + ScoreBins.bin(of: score))
    }

    /// One row that got an error. What the caller did wrong, and what was refused before the version was asked, says nothing
    /// about the version and is not counted.
    package func recordFailure(_ error: ScoringError) {
        switch error.blame {
        case .engine, .time: table.increment(VariantCounts.failures)
        case .caller, .load: return
        }
    }

    /// One row that a fallback answered in the version's place.
    package func recordDegraded() { table.increment(VariantCounts.failures) }

    package func counts() -> VariantCounts { VariantCounts(table.values()) }
}

/// What a `VariantRecorder` has counted, since it was made or since an earlier reading.
package struct VariantCounts: Sendable, Equatable {
    static let successes = 0
    static let failures = 1
    static let decisions = 2
    static let latencies = decisions + Decision.allCases.count + 1
    static let scores = latencies + LatencyBins.count
    static let cells = scores + ScoreBins.count

    private let values: [UInt64]

    init(_ values: [UInt64]) { self.values = values }

    package static let none = VariantCounts([UInt64](repeating: 0, count: cells))

    @inline(__always)
    static func index(of decision: Decision?) -> Int {
        switch decision {
        case .allow: 0
        case .review: 1
        case .block: 2
        case nil: 3
        }
    }

    package var answered: Int { Int(values[Self.successes]) }
    package var failed: Int { Int(values[Self.failures]) }
    package var rows: Int { answered + failed }

    package func decided(_ decision: Decision?) -> Int { Int(values[Self.decisions + Self.index(of: decision)]) }
    /// By `LatencyBins`.
    package var latencyBins: ArraySlice<UInt64> { values[Self.latencies..<Self.scores] }
    /// By `ScoreBins`.
    package var scoreBins: ArraySlice<UInt64> { values[Self.scores..<Self.cells] }

    /// What was counted after `earlier`.
    package func since(_ earlier: VariantCounts) -> VariantCounts {
        VariantCounts(zip(values, earlier.values).map { $0 > $1 ? $0 - $1 : 0 })
    }
}
