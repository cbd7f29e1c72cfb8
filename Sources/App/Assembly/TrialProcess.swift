internal import Glibc
internal import Registry
internal import Scoring

/// What a trial may take before it is ended.
package struct TrialLimits: Sendable, Equatable {
    /// Default 120 s: a warm-up alone may take 60.
    package var time: Duration = .seconds(120)
    /// Of memory that the process writes to (`RLIMIT_DATA`). Default 4 GiB.
    package var memoryBytes = 4 << 30

    package init() {}

    package init(time: Duration, memoryBytes: Int) {
        self.time = time
        self.memoryBytes = memoryBytes
    }

    /// Whole seconds, rounded up.
    var seconds: Int { Int(time.components.seconds) + (time.components.attoseconds > 0 ? 1 : 0) }
}

/// Tries a version in a child process of the same program (`verdict try-version`): one that crashes, hangs, ends or grows there
/// does so beside the server. The child ends with its parent.
struct TrialProcess: LoadTrial {
    private let limits: TrialLimits
    private let onnxRuntime: String?

    /// - Parameter onnxRuntime: ONNX Runtime's library or its folder; nil for what the environment or the default places give.
    init(limits: TrialLimits = TrialLimits(), onnxRuntime: String? = nil) {
        self.limits = limits
        self.onnxRuntime = onnxRuntime
    }

    func run(_ folder: VersionListing) throws(ScoringError) {
        var arguments = ["verdict", VersionTrial.command, folder.path]
        arguments += ["--seconds", "\(limits.seconds)", "--memory", "\(limits.memoryBytes)"]
        if let onnxRuntime { arguments += ["--onnxruntime", onnxRuntime] }
        let deadline = Moment.now.advanced(by: limits.time)
        let child: ChildProcess
        do {
            child = try ChildProcess(arguments)
        } catch {
            throw .notReady("the trial load cannot be started: \(error.reason)")
        }
        let end = child.wait(until: deadline)
        switch end {
        case .exited(VersionTrial.Status.passed) where child.said == VersionTrial.passedWord: return
        case .exited(VersionTrial.Status.refused): throw .refusedModel(child.said)
        case .exited(VersionTrial.Status.notReady): throw .notReady(child.said)
        case .exited(let status): throw refused("ended by itself, with status \(status)", child)
        case .killed(let signal): throw refused("was ended by signal \(signal) (\(String(cString: strsignal(signal))))", child)
        case .late: throw refused("took longer than \(limits.seconds) s (limits.maxLoadTime)", child)
        }
    }

    private func refused(_ what: String, _ child: ChildProcess) -> ScoringError {
        let words = child.lastWords.isEmpty ? "" : "; its last words: \(child.lastWords)"
        return .refusedModel(
            "the process that tried to load it \(what)\(words). It may take \(limits.seconds) s and "
                + "\(limits.memoryBytes >> 20) MiB (limits.maxLoadBytes)")
    }
}
