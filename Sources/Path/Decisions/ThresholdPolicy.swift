package import Scoring

/// Decides by comparing the score with two thresholds, as model.yaml's `policy` says.
///
/// A score exactly at a threshold does not cross it.
package struct ThresholdPolicy: DecisionRule, Equatable {
    /// On which side of the thresholds the risk lies.
    package enum Risk: String, Sendable, CaseIterable {
        /// High scores are risky: probabilities of fraud. The default.
        case above
        /// Low scores are risky: points of a credit scorecard.
        case below
    }

    package let block: Double?
    package let review: Double?
    package let risk: Risk

    /// Throws `.refusedModel` for thresholds that contradict each other: none at all, one that is not finite, or
    /// a review threshold beyond the block threshold, which would never lead to a review.
    package init(block: Double?, review: Double?, risk: Risk = .above) throws(ScoringError) {
        guard block != nil || review != nil else {
            throw .refusedModel("policy needs a threshold: block, review or both")
        }
        for (name, threshold) in [("block", block), ("review", review)] {
            if let threshold, !threshold.isFinite {
                throw .refusedModel("policy.\(name) must be a finite number")
            }
        }
        if let block, let review {
            guard risk == .above ? review <= block : review >= block else {
                throw .refusedModel(
                    "policy.review (\(review)) lies beyond policy.block (\(block)): with 'when: \(risk.rawValue)' it must be "
                        + (risk == .above ? "at most" : "at least") + " that")
            }
        }
        self.block = block
        self.review = review
        self.risk = risk
    }

    /// nil for a missing score (NaN).
    package func decision(for score: Double) -> Decision? {
        guard !score.isNaN else { return nil }
        if let block, isRiskier(score, than: block) { return .block }
        if let review, isRiskier(score, than: review) { return .review }
        return .allow
    }

    @inline(__always)
    private func isRiskier(_ score: Double, than threshold: Double) -> Bool {
        risk == .above ? score > threshold : score < threshold
    }
}
