internal import Glibc
internal import ScoringTestKit

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
