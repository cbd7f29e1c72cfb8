internal import Glibc
internal import Registry
internal import Scoring

/// The child's side of a trial: loads, verifies and warms up one version as a server would, under limits that it sets for
/// itself. See `TrialProcess`.
package enum VersionTrial {
    /// The hidden command that runs it.
    package static let command = "try-version"
    static let passedWord = "passed"

    enum Status {
        static let passed: Int32 = 0
        static let refused: Int32 = 20
        static let notReady: Int32 = 21
    }

    /// Prints what came of it and returns the exit status.
    ///
    /// - Parameter path: The version's folder, `<repository>/<model>/<version>`.
    package static func run(_ path: String, limits: TrialLimits, onnxRuntime: String?) -> Int32 {
        endWithParent()
        dieSilently()
        limit(limits)
        do throws(ScoringError) {
            try load(absolutePath(path), formats: onnxRuntime.map { ModelFormats.all(onnxRuntime: $0) } ?? ModelFormats.all)
            print(passedWord)
            return Status.passed
        } catch {
            print(error)
            if case .notReady = error { return Status.notReady }
            return Status.refused
        }
    }

    private static func load(_ path: String, formats: [any ModelFormat]) throws(ScoringError) {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 2, let version = ModelVersion(parts[parts.count - 1]), let name = ModelName(parts[parts.count - 2])
        else { throw .invalidRequest("'\(path)' is no version's folder") }
        var scanner = RepositoryScanner(root: "/" + parts.dropLast(2).joined(separator: "/"))
        guard let model = try scanner.scan(name), let folder = model.versions[version] else {
            throw .notReady("the version's folder is gone")
        }
        var opener = ModelOpener(formats: formats)
        // The server, which has read the file, knows its limit.
        opener.maxBytes = .max
        let loaded = try VersionLoader(opener: opener).load(version, in: folder, manifest: model.manifest.content.get())
        // Out of memory the library may leave something out and go on; the server, without the limit, would not.
        if let note = loaded.notes.first(where: isOutOfMemory) {
            throw .refusedModel("it cannot score a row within limits.maxLoadBytes: \(note)")
        }
    }

    /// Whether the library has failed for want of memory, in the words of ONNX Runtime and of C++.
    private static func isOutOfMemory(_ note: String) -> Bool {
        ["bad_alloc", "bad allocation", "allocate memory"].contains { note.contains($0) }
    }

    /// Standard input is a pipe that nobody writes to. Its end is the parent's.
    private static func endWithParent() {
        _ = NamedThread.start(name: "parent-watch") {
            var byte: UInt8 = 0
            while read(STDIN_FILENO, &byte, 1) != 0 {}
            _exit(1)
        }
    }

    /// Without the Swift runtime's account of a crash: that takes seconds of a whole processor, and says nothing of a library
    /// that is not written in Swift. What the library says comes through.
    private static func dieSilently() {
        for number in [SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGQUIT] { signal(number, SIG_DFL) }
    }

    private static func limit(_ limits: TrialLimits) {
        func set(_ resource: Int, _ value: Int) {
            var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
            setrlimit(__rlimit_resource_t(UInt32(resource)), &limit)
        }
        set(Int(RLIMIT_DATA.rawValue), limits.memoryBytes)
        // The parent's clock ends what waits; this ends what computes, on all processors.
        set(Int(RLIMIT_CPU.rawValue), limits.seconds * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        set(Int(RLIMIT_CORE.rawValue), 0)
        // Serving comes first, and where memory runs out this is what the system should end.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        let file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        if file >= 0 {
            _ = write(file, "1000", 4)
            close(file)
        }
    }
}
