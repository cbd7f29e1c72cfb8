internal import Experiments
internal import Testing

struct SketchesTests {
    @Test func scoreBinsFollowTheOrderOfTheScores() {
        let positive = stride(from: -20.0, through: 30, by: 0.01).map {
            Double(sign: .plus, exponent: 0, significand: 1) * exp2($0)
        }
        let nearOne = stride(from: -17.0, through: -1, by: 0.01).map { 1 - exp2($0) }
        let scores = (positive + nearOne + positive.map { -$0 } + [0, -0.0, 0.5, 1, .infinity, -.infinity]).sorted()
        var last = 1
        for score in scores {
            let bin = ScoreBins.bin(of: score)
            #expect(bin >= last && bin < ScoreBins.count, "\(score)")
            last = bin
        }
        #expect(ScoreBins.bin(of: .nan) == 0)
        #expect(ScoreBins.bin(of: -0.0) == ScoreBins.bin(of: 0))
        #expect(ScoreBins.bin(of: 0.99) != ScoreBins.bin(of: 0.999))
        #expect(ScoreBins.bin(of: 620) != ScoreBins.bin(of: 660))
    }

    @Test func aDurationLiesInItsBin() {
        var nanoseconds: UInt64 = 1
        while nanoseconds < 16_000_000_000 {
            let bin = LatencyBins.bin(of: nanoseconds)
            #expect(nanoseconds <= LatencyBins.upperBound(of: bin))
            if bin > 0 { #expect(nanoseconds >= LatencyBins.upperBound(of: bin - 1)) }
            nanoseconds += max(1, nanoseconds / 37)
        }
        #expect(LatencyBins.bin(of: .max) == LatencyBins.count - 1)
    }

    private func exp2(_ exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        return (1 + (exponent - whole)) * Double(sign: .plus, exponent: Int(whole), significand: 1)
    }
}
