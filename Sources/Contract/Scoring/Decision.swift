/// What the payment system should do with a transaction.
package enum Decision: String, Sendable, Equatable, CaseIterable {
    case allow = "ALLOW"
    case review = "REVIEW"
    case block = "BLOCK"
}

/// Why a row got its score: a code for people and systems, and where the engine knows them the feature it
/// stands for and how much it contributed.
package struct Reason: Sendable, Equatable {
    package var code: String
    package var feature: String?
    /// In units of the margin; nil where the engine does not compute contributions.
    package var contribution: Double?

    package init(code: String, feature: String? = nil, contribution: Double? = nil) {
        self.code = code
        self.feature = feature
        self.contribution = contribution
    }
}
