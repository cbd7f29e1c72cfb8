/// The models that a server has, and the orders an operator can give about them; what the fronts see of the
/// registry.
package protocol ModelRepository: Sendable {
    /// Every version of every model, sorted by name, then version.
    func index() -> [RepositoryEntry]
    /// Loads what the model's folder holds now (again), and returns once it serves.
    /// Throws the reason if it does not; versions that served before then still do.
    func load(_ name: ModelName) async throws(ScoringError)
    /// Stops serving all versions of the model. They drain and are freed. It stays unloaded until `load`.
    func unload(_ name: ModelName) async throws(ScoringError)
    /// Whether the first scan is done and the server is not shutting down.
    var isReady: Bool { get }
    /// Why the repository cannot be read at the moment; nil where the last look at it succeeded.
    var problem: String? { get }
}

package struct RepositoryEntry: Sendable, Equatable {
    package var name: String
    package var version: String
    package var state: VersionState
    /// Why the state is what it is, where it is not READY: "golden.csv row 3: ...".
    package var reason: String

    package init(name: String, version: String, state: VersionState, reason: String = "") {
        self.name = name
        self.version = version
        self.state = state
        self.reason = reason
    }
}

/// The states of Triton's repository index.
package enum VersionState: String, Sendable, Equatable {
    case unknown = "UNKNOWN"
    case loading = "LOADING"
    case ready = "READY"
    case unloading = "UNLOADING"
    case unavailable = "UNAVAILABLE"
}
