internal import Glibc

/// Random numbers that are the same in every run (SplitMix64: Steele, Lea, Flood 2014).
package struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// Items in the order they are asked for.
package enum Trace {
    /// Items from 0, the one of rank k asked for in proportion to 1/k^exponent.
    package static func zipf(items: Int, exponent: Double, length: Int, seed: UInt64) -> [UInt64] {
        var random = SeededRandom(seed: seed)
        var sums: [Double] = []
        sums.reserveCapacity(items)
        var sum = 0.0
        for rank in 1...items {
            sum += pow(Double(rank), -exponent)
            sums.append(sum)
        }
        return (0..<length).map { _ in
            let point = Double.random(in: 0..<sum, using: &random)
            var (low, high) = (0, items - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] > point { high = middle } else { low = middle + 1 }
            }
            return UInt64(low)
        }
    }

    /// A trace with runs of `run` items that are asked for once mixed in, so that these are `share` of all.
    package static func mixed(_ trace: [UInt64], withScansOf run: Int, share: Double) -> [UInt64] {
        let between = max(1, Int(Double(run) * (1 - share) / share))
        var mixed: [UInt64] = []
        var unique = UInt64(1) << 40
        for (index, item) in trace.enumerated() {
            mixed.append(item)
            guard index % between == between - 1 else { continue }
            for _ in 0..<run {
                mixed.append(unique)
                unique += 1
            }
        }
        return mixed
    }
}
