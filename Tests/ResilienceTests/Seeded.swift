internal import Glibc
internal import Scoring
internal import ScoringTestKit

extension SeededRandom {
    /// Seconds to the next arrival of a Poisson process.
    mutating func gap(rate: Double) -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) / rate }
}

/// A moment in seconds on the clock of the tests.
func at(_ seconds: Double) -> Moment { Moment(nanoseconds: 1_000_000_000_000 + UInt64((seconds * 1e9).rounded())) }

func quantile(_ values: [Double], _ share: Double) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
}
