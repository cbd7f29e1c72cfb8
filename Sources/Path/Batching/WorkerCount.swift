/// Counts the engine threads of one version: how many serve, how many are lost in calls that do not return, and
/// whether a lost one is replaced. Pure.
struct WorkerCount: Sendable, Equatable {
    /// How many are to serve.
    let engines: Int
    /// How many more may be started in place of lost ones.
    let spares: Int
    private(set) var serving = 0
    private(set) var lost = 0

    /// Whether anybody is there to score.
    var hasWorkers: Bool { serving > 0 }

    /// Counts one more thread. Undone by `failedToStart`.
    mutating func start() { serving += 1 }

    mutating func failedToStart() { serving -= 1 }

    /// A call hangs. True if a thread is to be started in its place, which is counted already.
    mutating func lose() -> Bool {
        serving -= 1
        lost += 1
        guard serving < engines, serving + lost < engines + spares else { return false }
        serving += 1
        return true
    }

    /// A lost call has returned. True if its thread goes on serving, false if it was replaced and ends.
    mutating func comeBack() -> Bool {
        lost -= 1
        guard serving < engines else { return false }
        serving += 1
        return true
    }
}
