package import Scoring

/// What answers in place of a model that cannot.
package enum FallbackRule: Sendable, Equatable {
    /// A fixed score, and the decision that goes with it; nil to have the policy decide on the score.
    case constant(score: Double, decision: Decision?)
    /// Another version of the same model.
    case version(ModelVersion)
    /// Another model, in the named version or the one that answers by default.
    case model(ModelName, ModelVersion?)
}

/// Which failures lead to the fallback. The caller's own errors never do.
package struct FallbackCauses: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let breakerOpen = FallbackCauses(rawValue: 1)
    package static let deadlinePassed = FallbackCauses(rawValue: 2)
    package static let engineFailed = FallbackCauses(rawValue: 4)
    /// Not in the standard: a caller that is told to wait can still get the real score, and answering all that is refused
    /// with a constant hides an overload.
    package static let overloaded = FallbackCauses(rawValue: 8)
    /// A score that is not a number. Not in the standard: some models mean it.
    package static let missingScore = FallbackCauses(rawValue: 16)

    package static let standard: FallbackCauses = [.breakerOpen, .deadlinePassed, .engineFailed]
}

extension DegradationReason {
    package var cause: FallbackCauses {
        switch self {
        case .breakerOpen: .breakerOpen
        case .deadlinePassed: .deadlinePassed
        case .engineFailed: .engineFailed
        case .overloaded: .overloaded
        case .missingScore: .missingScore
        }
    }
}

/// A model's `fallback` as model.yaml gives it.
package struct Fallback: Sendable, Equatable {
    package var rule: FallbackRule
    package var causes: FallbackCauses

    package init(_ rule: FallbackRule, on causes: FallbackCauses = .standard) {
        self.rule = rule
        self.causes = causes
    }

    package func applies(to reason: DegradationReason) -> Bool { causes.contains(reason.cause) }
}
