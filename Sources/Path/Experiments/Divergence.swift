internal import Glibc

/// How far two versions' counts lie apart, and how far by chance alone. Pure functions; the formulas with their sources are
/// in `docs/experiments.md`.
enum Divergence {
    /// Groups that the population stability index compares, the usual number.
    static let psiGroups = 10

    // MARK: - Proportions

    /// Wilson's score interval for `count` of `total`, `z` standard errors to each side.
    static func interval(_ count: Int, of total: Int, z: Double) -> ClosedRange<Double> {
        guard total > 0 else { return 0...1 }
        let n = Double(total)
        let share = Double(count) / n
        let scale = 1 + z * z / n
        let centre = (share + z * z / (2 * n)) / scale
        let reach = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, min(share, centre - reach))...min(1, max(share, centre + reach))
    }

    /// The least by which the first proportion surely exceeds the second: Newcombe's interval of a difference, made of
    /// two of Wilson's. Negative where it may not exceed it at all.
    static func surePlus(_ first: (count: Int, total: Int), over second: (count: Int, total: Int), z: Double) -> Double {
        let left = interval(first.count, of: first.total, z: z)
        let right = interval(second.count, of: second.total, z: z)
        let (a, b) = (share(first), share(second))
        return a - b
            - ((a - left.lowerBound) * (a - left.lowerBound) + (right.upperBound - b) * (right.upperBound - b)).squareRoot()
    }

    static func share(_ part: (count: Int, total: Int)) -> Double {
        part.total == 0 ? 0 : Double(part.count) / Double(part.total)
    }

    // MARK: - Quantiles

    /// The bin in which the quantile lies; the last one that has anything where the quantile is 1 or more. 0 without counts.
    static func bin(ofQuantile quantile: Double, in bins: ArraySlice<UInt64>) -> Int {
        let total = bins.reduce(0, +)
        let rank = max(1, min(Double(total), (quantile * Double(total)).rounded(.up)))
        var sum: UInt64 = 0
        for (offset, count) in bins.enumerated() {
            sum += count
            if count > 0, Double(sum) >= rank { return offset }
        }
        return 0
    }

    /// A quantile that the true one exceeds, and one that it does not, but for a chance given by `z`: order statistics, so
    /// that nothing is assumed of the distribution.
    static func bounds(ofQuantile quantile: Double, samples: Int, z: Double) -> ClosedRange<Double> {
        guard samples > 0 else { return 0...1 }
        let reach = z * (quantile * (1 - quantile) / Double(samples)).squareRoot()
        return max(0, quantile - reach)...min(1, quantile + reach)
    }

    // MARK: - Distributions

    /// The population stability index of two sets of counts in the same bins: the sum over groups of
    /// (p - q) ln(p / q). Groups are runs of bins with about a tenth of both distributions' average each, so that a mass
    /// that only one of them has gets a group; missing scores (the first bin) have their own. Half a count is
    /// added to each group, so that an empty one is not infinitely far from a full one.
    static func stabilityIndex(_ left: ArraySlice<UInt64>, _ right: ArraySlice<UInt64>) -> (index: Double, groups: Int) {
        let (n, m) = (Double(left.reduce(0, +)), Double(right.reduce(0, +)))
        guard n > 0, m > 0 else { return (0, 1) }
        var groups: [(left: Double, right: Double)] = []
        var group = (left: 0.0, right: 0.0)
        var mass = 0.0
        for (offset, pair) in zip(left, right).enumerated() {
            group.left += Double(pair.0)
            group.right += Double(pair.1)
            mass += (Double(pair.0) / n + Double(pair.1) / m) / 2
            let isFull = mass * Double(psiGroups) >= 1 - 1e-9
            guard isFull || (offset == 0 && mass > 0) else { continue }
            groups.append(group)
            group = (0, 0)
            mass = 0
        }
        if group.left + group.right > 0 { groups.append(group) }
        let k = Double(groups.count)
        let index = groups.reduce(0.0) { sum, group in
            let p = (group.left + 0.5) / (n + k / 2)
            let q = (group.right + 0.5) / (m + k / 2)
            return sum + (p - q) * log(p / q)
        }
        return (index, groups.count)
    }

    /// What the index reaches between samples of one distribution, but for a chance given by `z`: it is then about
    /// (1/n + 1/m) times a chi-square variable with groups - 1 degrees of freedom (Yurdakul 2018), taken at its quantile by
    /// Wilson and Hilferty's approximation.
    static func stabilityNoise(groups: Int, _ n: Int, _ m: Int, z: Double) -> Double {
        guard groups > 1, n > 0, m > 0 else { return 0 }
        let k = Double(groups - 1)
        let root = 1 - 2 / (9 * k) + z * (2 / (9 * k)).squareRoot()
        return k * root * root * root * (1 / Double(n) + 1 / Double(m))
    }

    /// The largest difference between the two distribution functions at the edges of the bins: the two-sample
    /// Kolmogorov-Smirnov distance, or a little less, by what differs within a bin.
    static func kolmogorovSmirnov(_ left: ArraySlice<UInt64>, _ right: ArraySlice<UInt64>) -> Double {
        let (n, m) = (Double(left.reduce(0, +)), Double(right.reduce(0, +)))
        guard n > 0, m > 0 else { return 0 }
        var (a, b, largest) = (0.0, 0.0, 0.0)
        for pair in zip(left, right) {
            a += Double(pair.0)
            b += Double(pair.1)
            largest = max(largest, abs(a / n - b / m))
        }
        return largest
    }

    /// What that distance reaches between samples of one distribution, but for a chance given by `z` (of one side of the
    /// normal distribution): sqrt(-ln(chance / 2) / 2 * (1/n + 1/m)).
    static func kolmogorovSmirnovNoise(_ n: Int, _ m: Int, z: Double) -> Double {
        guard n > 0, m > 0 else { return 1 }
        let chance = erfc(z / 2.0.squareRoot()) / 2
        return (-log(chance / 2) / 2 * (1 / Double(n) + 1 / Double(m))).squareRoot()
    }
}
