internal import Foundation
internal import Logging
internal import Registry
internal import Scoring
internal import Synchronization
internal import Testing

/// A model repository in a folder of its own, removed with the fixture, and a registry on it.
final class RepositoryFixture: Sendable {
    let root: String
    let format = FakeFormat()
    let events = Events()
    let log = LogLines()
    let registry: ModelRegistry
    /// Each write gets a later time, so that tests do not depend on the file system's clock.
    private let clock = Atomic(1_000_000)

    init(configure: (inout RegistrySettings) -> Void = { _ in }) throws {
        root = NSTemporaryDirectory() + "verdict-registry-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        var settings = RegistrySettings(root: root)
        configure(&settings)
        let log = log
        registry = ModelRegistry(
            settings, formats: [format], meter: { _, _ in FakeMeter() }, observer: events,
            logger: Logger(label: "test") { _ in RecordingLogHandler(lines: log) })
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ text: String) throws { try write(path, Data(text.utf8)) }

    func write(_ path: String, _ data: Data) throws {
        let url = URL(fileURLWithPath: root + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
        let time = clock.add(1, ordering: .relaxed).newValue
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: Double(time))], ofItemAtPath: url.path)
    }

    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: root + "/" + path) }

    func move(_ path: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: root + "/" + path, toPath: root + "/" + other)
    }

    func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: root + "/" + path, withDestinationPath: target)
    }

    /// Two scans, as the watch makes them, and the loads that follow.
    func settle() async throws {
        try await registry.scan()
        try await registry.scan()
        await registry.waitForLoads()
    }

    func entry(_ name: String, _ version: String = "1") -> RepositoryEntry? {
        registry.index().first { $0.name == name && $0.version == version }
    }

    /// "fraud/1 READY", one a version.
    var states: [String] {
        registry.index().map { "\($0.name)/\($0.version) \($0.state.rawValue)" }
    }

    /// The score of the row a=1 from whatever version answers.
    func score(_ name: String?, version: Int? = nil) throws -> Double {
        let version = version.flatMap { ModelVersion($0) }.map { VersionReference.number($0) }
        return try scoreOfOne(registry.resolve(name.map { try model($0) }, version: version).served)
    }
}

func model(_ name: String) throws -> ModelName { try #require(ModelName(name)) }
func version(_ number: Int) throws -> ModelVersion { try #require(ModelVersion(number)) }

func scoreOfOne(_ served: ServedModel) throws -> Double {
    let rows = FeatureBatch()
    let scores = ScoreBatch()
    rows.reset(width: served.signature.inputs.count)
    rows.addRow()
    rows.set(1, row: 0, column: 0)
    try served.model.score(rows, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
    return scores[0, served.score.lowerBound]
}

/// Waits until something that another thread does has happened. Only a failing test waits so long.
func eventually(_ what: Comment, within limit: Duration = .seconds(120), _ condition: () -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while !condition() {
        try #require(ContinuousClock.now < end, what)
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// Records what the registry reports, one line an event.
final class Events: RegistryObserver {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }
    func count(of prefix: String) -> Int { lines.filter { $0.hasPrefix(prefix) }.count }

    func loadEnded(_ report: LoadReport) {
        switch report.outcome {
        case .loaded(let format, _, let goldenRows, _): record("loaded \(report.name)/\(report.version) \(format) \(goldenRows)")
        case .refused(let error): record("refused \(report.name)/\(report.version) \(error)")
        }
    }
    func published(_ name: ModelName, _ version: ModelVersion) { record("published \(name)/\(version)") }
    func withdrawn(_ name: ModelName, _ version: ModelVersion) { record("withdrawn \(name)/\(version)") }
    func drained(_ name: ModelName, _ version: ModelVersion) { record("drained \(name)/\(version)") }

    private func record(_ line: String) { recorded.withLock { $0.append(line) } }
}

/// The log as text: "error model version refused model=fraud version=2 ...", metadata sorted by key, durations left out.
final class LogLines: Sendable {
    private let recorded = Mutex<[String]>([])
    var lines: [String] { recorded.withLock { $0 } }
    func record(_ line: String) { recorded.withLock { $0.append(line) } }
}

struct RecordingLogHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(lines: LogLines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let data = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { key, value in
            key == "duration_ms" ? key : "\(key)=\(value)"
        }
        lines.record((["\(event.level)", "\(event.message)"] + data).joined(separator: " "))
    }
}
