package import Scoring

/// Loads a version where that can harm nobody, before the server itself loads it. Asked for versions that a native library
/// compiles: a file may crash or hang such a library, and the server with it.
package protocol LoadTrial: Sendable {
    /// Returns once the version was loaded, verified and warmed up. Blocks for as long as that takes, within the trial's own
    /// limit. Throws `.refusedModel` with what happened, and `.notReady` where the files could not be read just now.
    func run(_ folder: VersionListing) throws(ScoringError)
}
