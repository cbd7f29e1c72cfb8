/// What operators see of a running server beside its metrics, and what they order; the fronts' way to the path.
package protocol ServingAdmin: Sendable {
    /// A model's versions and everything that runs on them. Throws `.unknownModel`.
    func status(of model: ModelName) throws(ScoringError) -> StatusValue
    /// Gives the model's canary all requests, or none, and returns what then runs on the model. Throws `.unknownModel`, and
    /// `.invalidRequest` for a model without a canary.
    /// - Parameter person: Who ordered, for the record.
    func carryOut(_ order: CanaryOrder, on model: ModelName, by person: String) throws(ScoringError) -> StatusValue
    /// Hits and misses of the caches, over all models and by model.
    var cacheStatus: StatusValue { get }
    /// Forgets a model's cached scores, in shared caches too, and returns how many lay in memory. Throws
    /// `.unknownModel`, and `.notReady` where a shared cache did not confirm it.
    func purgeCache(of model: ModelName) async throws(ScoringError) -> Int
}

/// What a person may decide over a canary's rules.
package enum CanaryOrder: String, Sendable {
    case promote, rollback
}

/// A status for people and programs, free of any protocol's form.
package indirect enum StatusValue: Sendable {
    case text(String)
    case number(Double)
    case count(UInt64)
    case flag(Bool)
    case list([StatusValue])
    /// In the order in which they are to be read; nil values are left out.
    case members([(name: String, value: StatusValue?)])
}
