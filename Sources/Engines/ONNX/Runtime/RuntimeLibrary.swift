internal import COnnxRuntime
internal import Scoring
internal import Synchronization
internal import TensorRuntime

/// ONNX Runtime, opened: its table of functions and the one environment that all sessions share. Opened once a path and
/// never closed, since a library that started threads cannot be taken out of a process safely.
///
/// Unchecked: the pointers are set once and never changed; the library's functions and its environment may be used from any
/// thread.
final class RuntimeLibrary: @unchecked Sendable {
    /// Pointers into the library, for the types of this folder alone.
    let api: OpaquePointer
    let environment: OpaquePointer
    let allocator: OpaquePointer
    let memory: OpaquePointer
    /// "1.28.0".
    let version: String

    /// Whether the release reports to its makers unless told not to, as those from 1.29 on do.
    var hasTelemetry: Bool { isAtLeast(1, 29) }

    func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        return parts.count > 1 && (parts[0], parts[1]) >= (major, minor)
    }

    private static let opened = Mutex<[String: RuntimeLibrary]>([:])

    /// The library at this place. A failure is not remembered: a library that is put there later is found.
    /// Throws `.unsupportedModel` saying what is wrong with the library and how to get it.
    static func open(_ location: RuntimeLocation) throws(ScoringError) -> RuntimeLibrary {
        guard let path = location.library() else {
            let places = location.searched.joined(separator: ", ")
            throw unusable("ONNX Runtime is not in \(places.isEmpty ? "any folder beside the program" : places)")
        }
        let outcome = opened.withLock { opened -> Result<RuntimeLibrary, ScoringError> in
            if let library = opened[path] { return .success(library) }
            return Result { () throws(ScoringError) in
                let library = try RuntimeLibrary(path)
                opened[path] = library
                return library
            }
        }
        return try outcome.get()
    }

    /// Switches off the telemetry of libraries opened later. For programs' starts, before there are other threads.
    package static func disableTelemetry() { ort_disable_telemetry() }

    private init(_ path: String) throws(ScoringError) {
        do throws(SharedObjectFile.Problem) {
            try SharedObjectFile.check(path, symbol: "OrtGetApiBase")
        } catch {
            throw Self.unusable("'\(path)' cannot be used as ONNX Runtime: \(error.reason)")
        }
        var api: OpaquePointer?
        var version: UnsafePointer<CChar>?
        var reason = [CChar](repeating: 0, count: 512)
        if let problem = ort_open(path, &api, &version, &reason, reason.count) {
            throw Self.unusable("'\(path)' cannot be used as ONNX Runtime: \(String(cString: problem))")
        }
        guard let api, let version else { throw Self.unusable("'\(path)' has no interface") }
        self.api = api
        self.version = String(cString: version)
        // The logger's level: errors. What is logged goes nowhere, so less is formatted.
        environment = try Self.made(api) { ort_create_env(api, 3, "verdict", &$0) }
        allocator = try Self.made(api) { ort_allocator(api, &$0) }
        memory = try Self.made(api) { ort_cpu_memory(api, &$0) }
        try Self.check(api, ort_disable_telemetry_events(api, environment))
    }

    private static func unusable(_ what: String) -> ScoringError {
        .unsupportedModel("\(what); \(RuntimeLocation.remedy)")
    }

    /// What a function of the library made.
    func made(_ make: (inout OpaquePointer?) -> OpaquePointer?) throws(ScoringError) -> OpaquePointer {
        try Self.made(api, make)
    }

    /// Throws what a status says, and releases it.
    func check(_ status: OpaquePointer?) throws(ScoringError) {
        try Self.check(api, status)
    }

    /// Throws what the status of a run says, and releases it.
    @inline(__always)
    func checkRun(_ status: OpaquePointer?) throws(ScoringError) {
        if let status { throw Self.failure(api, status, ofRun: true) }
    }

    private static func made(
        _ api: OpaquePointer, _ make: (inout OpaquePointer?) -> OpaquePointer?
    ) throws(ScoringError) -> OpaquePointer {
        var made: OpaquePointer?
        try check(api, make(&made))
        guard let made else { throw .engineFailure("ONNX Runtime: a function made nothing") }
        return made
    }

    @inline(__always)
    private static func check(_ api: OpaquePointer, _ status: OpaquePointer?) throws(ScoringError) {
        if let status { throw failure(api, status) }
    }

    private static func failure(_ api: OpaquePointer, _ status: OpaquePointer, ofRun: Bool = false) -> ScoringError {
        defer { ort_release_status(api, status) }
        let text = ort_error_message(api, status).map { String(cString: $0) } ?? "no reason is given"
        let message = "ONNX Runtime: " + oneLine(text)
        return ofRun && RunRefusal.isOfRow(text) ? .rowRefused(message) : .engineFailure(message)
    }

    /// A message of the library without the places in its source and at a length to read.
    private static func oneLine(_ text: String) -> String {
        var line = ""
        for character in text.prefix(600) { line.append(character.isNewline ? " " : character) }
        // "/build/path/file.cc:123 bool name(...) what is wrong"
        if line.hasPrefix("/"), let end = line.range(ofSubstring: ") ") { line = String(line[end...]) }
        return line
    }
}

extension String {
    /// The index behind the first occurrence of `text`.
    fileprivate func range(ofSubstring text: String) -> Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
