/// Everything that can go wrong between bytes from outside and a decision. Closed: each front turns it
/// into its protocol's status with one exhaustive switch.
///
/// A message says what was wrong, where, and what to do; it never quotes a feature's value.
package enum ScoringError: Error, Sendable, Equatable {
    /// The request as a whole cannot be understood: malformed JSON, a missing member, a wrong shape.
    case invalidRequest(String)
    /// One feature of one row has a value that the model does not take.
    case invalidFeature(name: String, reason: String)
    /// No model of that name is in the repository. `hint` says what was probably meant; empty where nothing is near.
    case unknownModel(String, hint: String = "")
    /// The model is there, but not this version of it. `hint` as above.
    case unknownVersion(model: String, version: String, hint: String = "")
    /// The model or server is there, but not (or no longer) ready to answer.
    case notReady(String)
    /// The request is larger than this server accepts; `limit` says what the limit is.
    case tooLarge(limit: String)
    /// More work than is admitted; try again after `retryAfter`.
    case overloaded(_ what: Overload = .server, retryAfter: Duration)
    /// The engine of the version failed or was slow, and is left alone for a while.
    case circuitOpen(retryAfter: Duration)
    /// The request's deadline passed before its score was known.
    case deadlineExceeded
    /// Its client has gone; nobody reads the answer.
    case cancelled
    /// A file that is not a model of its format: truncated, damaged or contradictory. `place` says where
    /// in the file ("line 12", "byte 881", "learner.gradient_booster.model.trees[3]").
    case invalidModel(reason: String, place: String)
    /// A sound file that uses something this version of Verdict does not evaluate.
    case unsupportedModel(String)
    /// A model repository entry that cannot be served as configured: bad model.yaml, failing golden rows.
    case refusedModel(String)
    /// The engine failed although the request was right; the message is the engine's own.
    case engineFailure(String)
    /// The engine says that it cannot compute with the values of a row: an index outside a table, a division by zero. What it says may be
    /// wrong, where it says so of every row.
    case rowRefused(String)
}

extension ScoringError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidRequest(let message): message
        case .invalidFeature(let name, let reason): "feature '\(name)': \(reason)"
        case .unknownModel(let name, let hint): "unknown model '\(name)'" + (hint.isEmpty ? "" : "; \(hint)")
        case .unknownVersion(let model, let version, let hint):
            "model '\(model)' has no version '\(version)'" + (hint.isEmpty ? "" : "; \(hint)")
        case .notReady(let message): message
        case .tooLarge(let limit): "the request is too large: \(limit)"
        case .overloaded(let what, _): "\(what); try again later"
        case .circuitOpen:
            "the circuit breaker of this model version is open: its engine failed or was slow; it is tried again by itself"
        case .deadlineExceeded: "the deadline passed before the score was known"
        case .cancelled: "the request was given up by its client"
        case .invalidModel(let reason, let place): place.isEmpty ? reason : "\(reason) (at \(place))"
        case .unsupportedModel(let message): message
        case .refusedModel(let message): message
        case .engineFailure(let message), .rowRefused(let message): message
        }
    }
}

/// Whose fault a failure is. Decided once, here: breakers, canaries and metrics go by it.
package enum Blame: Sendable, Equatable {
    /// What was asked, or that the caller has gone or was in a hurry. Says nothing about the model.
    case caller
    /// The model, its engine or its file.
    case engine
    /// More was asked than is taken on.
    case load
    /// The model's own deadline passed.
    case time
}

extension ScoringError {
    /// Whose fault it is. A deadline counts as the model's own here; for one of the caller's see `Outcome.Failure`.
    package var blame: Blame {
        switch self {
        case .invalidRequest, .invalidFeature, .unknownModel, .unknownVersion, .tooLarge, .cancelled, .rowRefused: .caller
        case .invalidModel, .unsupportedModel, .refusedModel, .engineFailure, .circuitOpen: .engine
        case .notReady, .overloaded: .load
        case .deadlineExceeded: .time
        }
    }
}
