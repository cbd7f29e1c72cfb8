internal import Glibc
internal import Scoring

/// Random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

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
