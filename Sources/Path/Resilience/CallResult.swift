package import Scoring

/// What a call to an engine says about the engine's health.
package enum CallResult: Sendable, Equatable {
    case success
    case failure
    /// The model's deadline passed while the engine was at work. A failure only if the engine had as long as a slow call
    /// takes. For a deadline of the caller's own it is `unknown`: a caller in a hurry is not the engine's fault.
    case deadlinePassed
    /// Nothing: the caller's own error, or nobody waited for the end.
    case unknown

    /// How an error of a call that had begun counts.
    package init(_ error: ScoringError) {
        self =
            switch error {
            case .engineFailure: .failure
            // Of a model that was loaded these come from the engine: what it refused to read before, it now stumbles upon.
            case .invalidModel, .unsupportedModel, .refusedModel: .failure
            case .deadlineExceeded: .deadlinePassed
            case .invalidRequest, .invalidFeature, .unknownModel, .unknownVersion, .tooLarge, .cancelled, .rowRefused: .unknown
            // Said before the engine is called.
            case .notReady, .overloaded, .circuitOpen: .unknown
            }
    }
}
