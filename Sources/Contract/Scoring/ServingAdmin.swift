/// What operators see of a running server beside its metrics, and what they order; the fronts' way to the path.
package protocol ServingAdmin: Sendable {
    /// A model's versions and everything that runs on them. Throws `.unknownModel`.
    func status(of model: ModelName) throws(ScoringError) -> StatusValue
    /// Hits and misses of the caches, over all models and by model.
    var cacheStatus: StatusValue { get }
    /// Forgets a model's cached scores, in shared caches too, and returns how many lay in memory. Throws
    /// `.unknownModel`, and `.notReady` where a shared cache did not confirm it.
    func purgeCache(of model: ModelName) async throws(ScoringError) -> Int
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
