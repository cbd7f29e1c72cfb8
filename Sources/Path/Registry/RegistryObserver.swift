package import Scoring

/// Learns what becomes of versions, for metrics. Called from the registry's threads, never while one of its
/// locks is held; must not block.
package protocol RegistryObserver: Sendable {
    /// An attempt to load a version ended.
    func loadEnded(_ report: LoadReport)
    /// A version (or new content of it) answers from now on.
    func published(_ name: ModelName, _ version: ModelVersion)
    /// A version does not answer any more; requests that hold it still finish.
    func withdrawn(_ name: ModelName, _ version: ModelVersion)
    /// The last request that held a version's former content is done, and its memory is free.
    func drained(_ name: ModelName, _ version: ModelVersion)
}

/// One attempt to load a version. Does not hold the model.
package struct LoadReport: Sendable {
    package enum Outcome: Sendable {
        /// It passed every check. `byteCount` is the size of the file, 0 for a folder; `notes` are sentences for its owner.
        case loaded(format: String, byteCount: Int, goldenRows: Int, notes: [String])
        case refused(ScoringError)
    }

    package let name: ModelName
    package let version: ModelVersion
    package let nanoseconds: UInt64
    package let outcome: Outcome
}
