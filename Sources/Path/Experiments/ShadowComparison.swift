package import Scoring

/// One row as both versions saw it.
package struct ShadowResult: Sendable, Equatable {
    package let requestID: String?
    /// The row's position in its request.
    package let row: Int
    package let servedVersion: ModelVersion
    package let shadowVersion: ModelVersion
    package let served: ShadowOutcome
    package let shadow: ShadowOutcome
}

/// What one version made of a row.
package struct ShadowOutcome: Sendable, Equatable {
    /// The columns of the score; empty where scoring failed.
    package let scores: [Double]
    /// nil without a policy.
    package let decision: Decision?
    /// Why there is no score.
    package let error: ScoringError?
}

/// How a shadow version compares with the versions that answered, since the shadow began.
package struct ShadowComparison: Sendable, Equatable {
    package let version: ModelVersion
    /// Rows scored by both.
    package let rows: Int
    /// Absolute differences of the scores; of several score columns the largest counts. Rows where either score is missing
    /// are not in it. 0 without rows.
    package let meanDifference: Double
    package let largestDifference: Double
    /// Rows where exactly one of both scores is missing.
    package let missingDisagreements: Int
    package let decisionDisagreements: Int
    /// Of the first score column; 0 without rows.
    package let psi: Double
    package let ks: Double
    package let queue: ShadowQueueState
    /// The last rows, oldest first.
    package let samples: [ShadowResult]
}

/// What became of the rows that were offered to a shadow.
package struct ShadowQueueState: Sendable, Equatable {
    /// Rows that found the queue full, or that came after the end.
    package let dropped: Int
    /// Rows that the shadow failed to score.
    package let errors: Int
    package let lastError: String?
    /// Rows that wait now or are being scored.
    package let queued: Int
    /// How long the shadow has been computing at its current request; nil while it waits. Long for one that hangs.
    package let busyFor: Duration?
}

/// Sums up results. Not shared: its owner guards it.
struct ShadowTally {
    private let maxSamples: Int
    private var rows = 0
    private var sum = 0.0
    private var compared = 0
    private var largest = 0.0
    private var missingDisagreements = 0
    private var decisionDisagreements = 0
    private var servedBins = [UInt64](repeating: 0, count: ScoreBins.count)
    private var shadowBins = [UInt64](repeating: 0, count: ScoreBins.count)
    private var samples: [ShadowResult] = []
    private var nextSample = 0
    private(set) var errors = 0
    private(set) var lastError: String?

    init(maxSamples: Int) { self.maxSamples = maxSamples }

    mutating func add(_ result: ShadowResult) {
        keep(result)
        if let error = result.shadow.error {
            fail(rows: 1, error)
            return
        }
        rows += 1
        if result.served.decision != result.shadow.decision { decisionDisagreements += 1 }
        if let served = result.served.scores.first, let shadow = result.shadow.scores.first {
            servedBins[ScoreBins.bin(of: served)] += 1
            shadowBins[ScoreBins.bin(of: shadow)] += 1
        }
        var difference: Double?
        var isMissingInOne = false
        for (served, shadow) in zip(result.served.scores, result.shadow.scores) {
            if served.isNaN != shadow.isNaN { isMissingInOne = true }
            // Equal infinities do not differ.
            let distance = served == shadow ? 0 : abs(served - shadow)
            if distance.isFinite { difference = max(difference ?? 0, distance) }
        }
        if isMissingInOne { missingDisagreements += 1 }
        if let difference {
            compared += 1
            sum += difference
            largest = max(largest, difference)
        }
    }

    mutating func fail(rows: Int, _ error: ScoringError) {
        errors += rows
        lastError = error.description
    }

    private mutating func keep(_ result: ShadowResult) {
        guard maxSamples > 0 else { return }
        if samples.count < maxSamples {
            samples.append(result)
        } else {
            samples[nextSample] = result
            nextSample = (nextSample + 1) % maxSamples
        }
    }

    func comparison(of version: ModelVersion, queue: ShadowQueueState) -> ShadowComparison {
        ShadowComparison(
            version: version, rows: rows, meanDifference: compared > 0 ? sum / Double(compared) : 0, largestDifference: largest,
            missingDisagreements: missingDisagreements, decisionDisagreements: decisionDisagreements,
            psi: rows > 0 ? Divergence.stabilityIndex(shadowBins[...], servedBins[...]).index : 0,
            ks: Divergence.kolmogorovSmirnov(shadowBins[...], servedBins[...]), queue: queue,
            samples: Array(samples[nextSample...] + samples[..<nextSample]))
    }
}
