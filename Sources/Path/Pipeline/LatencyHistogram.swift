internal import Scoring

/// Counts durations by fixed buckets, as a Prometheus histogram. Recording takes two or three atomic additions.
final class LatencyHistogram: Sendable {
    /// Upper bounds of the buckets in nanoseconds: from 5 us, which a small model takes, to 10 s, none more than 2.5
    /// times the one before. One more bucket takes what is slower.
    static let bounds: [UInt64] = [
        5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000,
        10_000_000_000,
    ]

    /// One counter a bucket, then the sum of all durations.
    private let cells = CounterTable(count: bounds.count + 2)

    func record(_ nanoseconds: UInt64) {
        var bucket = 0
        while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
        cells.add(1, to: bucket)
        cells.add(nanoseconds, to: Self.bounds.count + 1)
    }

    /// Cumulative counts by bound (the last one is all), and the sum in nanoseconds. Not one instant's: a record that
    /// comes in between may be in one and not yet in the other.
    func snapshot() -> (cumulative: [UInt64], sum: UInt64) {
        var total: UInt64 = 0
        let cumulative = (0...Self.bounds.count).map { bucket in
            total += cells[bucket]
            return total
        }
        return (cumulative, cells[Self.bounds.count + 1])
    }

    var count: UInt64 { snapshot().cumulative[Self.bounds.count] }
}
