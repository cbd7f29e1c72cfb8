/// Fixed bins for scores of any scale, so that two versions' distributions can be counted with one atomic addition a score
/// and compared later without knowing the scale beforehand.
///
/// Each octave (a factor of two) has 32 bins of equal width: a bin is at most 3.2 % wide. From 0.5 to 1 the octaves count
/// the distance from 1, because for probabilities 0.99 and 0.999 differ as much as 0.01 and 0.001. Bins are in the
/// order of the scores; beyond 2^24 there is one bin, and so there is within 2^-16 of 0 and of 1. Bin 0 counts
/// scores that are missing.
package enum ScoreBins {
    private static let perOctave = 32
    private static let smallestExponent = -16
    private static let largestExponent = 24
    /// Bins of the octaves below 0.5, and below 1, and below 2^24.
    private static let half = (-1 - smallestExponent) * perOctave
    private static let side = half + 1
    private static let above = largestExponent * perOctave + 1
    private static let negative = (largestExponent - smallestExponent) * perOctave + 1

    /// 1 (missing), the negative ones, those around 0 up to 0.5, from 0.5 to 1, above 1.
    package static let count = 1 + negative + side + side + above

    /// The bin of a score, 0 to `count - 1`. A few nanoseconds.
    @inline(__always)
    package static func bin(of score: Double) -> Int {
        if score >= 0 {
            let zero = 1 + negative
            // 0 is in the first bin of its side; positions count away from it.
            if score < 0.5 { return zero + position(score, from: smallestExponent, bins: side) }
            // Exact by Sterbenz' lemma: the score is between a half and twice of 1.
            if score <= 1 { return zero + side + (side - 1 - position(1 - score, from: smallestExponent, bins: side)) }
            return zero + 2 * side + position(score, from: 0, bins: above)
        }
        guard score < 0 else { return 0 }
        return negative - position(-score, from: smallestExponent, bins: negative)
    }

    /// How many bins of 1/32 octave lie between 2^exponent and a value that is not negative; the last bin takes what is beyond.
    @inline(__always)
    private static func position(_ value: Double, from exponent: Int, bins: Int) -> Int {
        // Without the sign bit, which -0 has.
        let steps = Int((value.bitPattern & .max >> 1) >> 47) - ((exponent + 1023) << 5)
        return max(0, min(bins - 1, steps + 1))
    }
}

/// Fixed bins for durations: 16 an octave from 1 us to 17 s, so that a bin is at most 6.3 % wide.
package enum LatencyBins {
    private static let smallestShift = 10
    private static let octaves = 24
    package static let count = octaves * 16 + 1

    @inline(__always)
    package static func bin(of nanoseconds: UInt64) -> Int {
        guard nanoseconds >= 1 << UInt64(smallestShift) else { return 0 }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        let step = Int(truncatingIfNeeded: nanoseconds >> UInt64(exponent - 4)) & 15
        return min(count - 1, (exponent - smallestShift) * 16 + step + 1)
    }

    /// The largest duration of a bin, in nanoseconds.
    package static func upperBound(of bin: Int) -> UInt64 {
        guard bin > 0 else { return 1 << UInt64(smallestShift) }
        let exponent = (bin - 1) / 16 + smallestShift
        return (1 << UInt64(exponent)) + (UInt64((bin - 1) % 16 + 1) << UInt64(exponent - 4))
    }
}
