internal import Scoring

/// What one rule says about one window of counts.
package struct CanaryFinding: Sendable, Equatable {
    package enum Rule: String, Sendable, CaseIterable {
        case errors, latency, psi, ks, decisions
    }

    package enum Verdict: String, Sendable {
        /// At or below the limit.
        case within
        /// Above the limit, but by no more than chance may do.
        case unclear
        /// Surely above the limit.
        case breached
    }

    package let rule: Rule
    package let verdict: Verdict
    /// The numbers, for people: "failed rows: 3.1 % of 1200 against 0.4 % of 22800, limit 1 points more".
    package let sentence: String

    /// Standard errors that make a difference sure: a chance of about 1 in 30,000 for each look at a canary
    /// that is exactly at its limit, and far less for one that is like the stable version.
    static let z = 4.0
    /// Failures are judged from so few rows on, since waiting costs; what chance may do is then large, so that only
    /// a version that fails often is found early.
    static let fewestRowsForErrors = 50
    /// Differences of p99 below it do not matter to anybody.
    static let latencySlack: UInt64 = 1_000_000

    /// Every rule that has enough rows, in the order of `Rule`.
    package static func all(
        canary: VariantCounts, stable: VariantCounts, limits: CanaryLimits, minimumRows: Int
    ) -> [CanaryFinding] {
        var findings: [CanaryFinding] = []
        let fewest = min(minimumRows, fewestRowsForErrors)
        if let limit = limits.errors, canary.rows >= fewest, stable.rows >= fewest {
            findings.append(errors(canary, stable, limit))
        }
        guard canary.answered >= minimumRows, stable.answered >= minimumRows else { return findings }
        if let limit = limits.latency { findings.append(latency(canary, stable, limit)) }
        if let limit = limits.psi { findings.append(psi(canary, stable, limit)) }
        if let limit = limits.ks { findings.append(ks(canary, stable, limit)) }
        if let limit = limits.decisions { findings.append(decisions(canary, stable, limit)) }
        return findings
    }

    private init(_ rule: Rule, isWithin: Bool, isSure: Bool, _ sentence: String) {
        self.rule = rule
        verdict = isWithin ? .within : isSure ? .breached : .unclear
        self.sentence = sentence
    }

    private static func errors(_ canary: VariantCounts, _ stable: VariantCounts, _ limit: Double) -> CanaryFinding {
        let (left, right) = ((canary.failed, canary.rows), (stable.failed, stable.rows))
        return CanaryFinding(
            .errors, isWithin: Divergence.share(left) - Divergence.share(right) <= limit,
            isSure: Divergence.surePlus(left, over: right, z: z) > limit,
            "failed rows: \(percent(left)) of \(canary.rows) against \(percent(right)) of \(stable.rows), "
                + "limit \(rounded(limit * 100)) percentage points more")
    }

    private static func latency(_ canary: VariantCounts, _ stable: VariantCounts, _ limit: Double) -> CanaryFinding {
        let (own, other) = (canary.latencyBins, stable.latencyBins)
        func p99(_ bins: ArraySlice<UInt64>, at quantile: Double = 0.99) -> UInt64 {
            LatencyBins.upperBound(of: Divergence.bin(ofQuantile: quantile, in: bins))
        }
        func most(_ nanoseconds: UInt64) -> UInt64 {
            max(UInt64(Double(nanoseconds) * limit), nanoseconds + latencySlack)
        }
        let sureOwn = p99(own, at: Divergence.bounds(ofQuantile: 0.99, samples: canary.answered, z: z).lowerBound)
        let sureOther = p99(other, at: Divergence.bounds(ofQuantile: 0.99, samples: stable.answered, z: z).upperBound)
        return CanaryFinding(
            .latency, isWithin: p99(own) <= most(p99(other)), isSure: sureOwn > most(sureOther),
            "p99 latency: \(milliseconds(p99(own))) ms of \(canary.answered) rows against \(milliseconds(p99(other))) ms of "
                + "\(stable.answered), limit \(rounded(limit)) times as long")
    }

    private static func psi(_ canary: VariantCounts, _ stable: VariantCounts, _ limit: Double) -> CanaryFinding {
        let (index, groups) = Divergence.stabilityIndex(canary.scoreBins, stable.scoreBins)
        let noise = Divergence.stabilityNoise(groups: groups, canary.answered, stable.answered, z: z)
        return CanaryFinding(
            .psi, isWithin: index <= limit, isSure: index > limit + noise,
            "population stability index of the scores: \(rounded(index)) (\(canary.answered) rows against \(stable.answered)), "
                + "limit \(rounded(limit))")
    }

    private static func ks(_ canary: VariantCounts, _ stable: VariantCounts, _ limit: Double) -> CanaryFinding {
        let distance = Divergence.kolmogorovSmirnov(canary.scoreBins, stable.scoreBins)
        let noise = Divergence.kolmogorovSmirnovNoise(canary.answered, stable.answered, z: z)
        return CanaryFinding(
            .ks, isWithin: distance <= limit, isSure: distance > limit + noise,
            "Kolmogorov-Smirnov distance of the scores: \(rounded(distance)) (\(canary.answered) rows against "
                + "\(stable.answered)), limit \(rounded(limit))")
    }

    private static func decisions(_ canary: VariantCounts, _ stable: VariantCounts, _ limit: Double) -> CanaryFinding {
        var worst: (gap: Double, isSure: Bool, text: String) = (0, false, "no decision differs")
        for decision in [Decision.allow, .review, .block, nil] {
            let (left, right) = ((canary.decided(decision), canary.answered), (stable.decided(decision), stable.answered))
            let gap = abs(Divergence.share(left) - Divergence.share(right))
            guard gap > worst.gap else { continue }
            let sure = max(Divergence.surePlus(left, over: right, z: z), Divergence.surePlus(right, over: left, z: z))
            worst = (gap, sure > limit, "\(percent(left)) against \(percent(right)) are \(decision?.rawValue ?? "undecided")")
        }
        return CanaryFinding(
            .decisions, isWithin: worst.gap <= limit, isSure: worst.isSure,
            "decisions: \(worst.text) (\(canary.answered) rows against \(stable.answered)), "
                + "limit \(rounded(limit * 100)) percentage points apart")
    }

    private static func percent(_ part: (count: Int, total: Int)) -> String { "\(rounded(Divergence.share(part) * 100)) %" }
    private static func milliseconds(_ nanoseconds: UInt64) -> String { rounded(Double(nanoseconds) / 1e6) }
    private static func rounded(_ number: Double) -> String {
        let text = ((number * 1000).rounded() / 1000).description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
