internal import Scoring
internal import Synchronization

/// Counts scores by fixed buckets, as a Prometheus histogram: fine between 0 and 1, where probabilities lie, and wide
/// enough for points and amounts.
final class ScoreHistogram: Sendable {
    /// Upper bounds of the buckets, ascending. One more bucket takes what is higher.
    static let bounds: [Double] = [
        -1000, -100, -10, -1, 0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1, 2, 5, 10,
        20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 10_000, 100_000, 1_000_000,
    ]

    private let cells = CounterTable(count: bounds.count + 1)
    /// The bits of the sum of all scores.
    private let sum = Atomic<UInt64>(0)

    /// Counts the model's own scores in one column; those that are missing or infinite are passed over.
    func record(_ group: RowGroup, column: Int) {
        let scores = group.scores
        var total = 0.0
        for row in 0..<scores.count {
            let score = scores[row, column]
            guard score.isFinite, group.outcome.degradation(row: row) == nil else { continue }
            cells.increment(Self.bucket(of: score))
            total += score
        }
        add(total)
    }

    private func add(_ amount: Double) {
        var known = sum.load(ordering: .relaxed)
        while true {
            let wanted = (Double(bitPattern: known) + amount).bitPattern
            let (isExchanged, found) = sum.weakCompareExchange(expected: known, desired: wanted, ordering: .relaxed)
            if isExchanged { return }
            known = found
        }
    }

    /// The first bucket whose bound is not below the score.
    private static func bucket(of score: Double) -> Int {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < score { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Cumulative counts by bound (the last one is all), and the sum. Not one instant's: a score that comes in between
    /// may be in one and not yet in the other.
    func snapshot() -> (cumulative: [UInt64], sum: Double) {
        var total: UInt64 = 0
        let cumulative = cells.values().map { count in
            total += count
            return total
        }
        return (cumulative, Double(bitPattern: sum.load(ordering: .relaxed)))
    }
}
