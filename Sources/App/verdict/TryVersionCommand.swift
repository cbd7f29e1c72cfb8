internal import ArgumentParser
internal import Assembly

/// `verdict try-version FOLDER`: what a server runs before it loads a version that a native library compiles. Not for users:
/// `verdict check` says more.
struct TryVersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: VersionTrial.command, abstract: "Load one version under limits, for a server.", shouldDisplay: false)

    @Argument(help: "The version's folder in a repository.")
    var folder: String

    @Option(help: "Most seconds.")
    var seconds: Int

    @Option(help: "Most bytes of memory.")
    var memory: Int

    @Option(help: "ONNX Runtime's library or its folder.")
    var onnxruntime: String?

    func validate() throws {
        guard (1...1_000_000).contains(seconds), memory > 0 else { throw ValidationError("The limits must be positive.") }
    }

    func run() throws {
        let limits = TrialLimits(time: .seconds(seconds), memoryBytes: memory)
        let status = VersionTrial.run(folder, limits: limits, onnxRuntime: onnxruntime)
        if status != 0 { throw ExitCode(status) }
    }
}
