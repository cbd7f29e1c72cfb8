internal import Scoring
internal import Synchronization

/// A model that gives its first feature back, so that an answer tells which question it belongs to.
final class EchoModel: ScoringModel {
    let signature = Signature(
        inputs: [Field("identity"), Field("other")], outputs: [OutputColumn("score")], roles: Roles(score: 0..<1))
    let description = ModelDescription(format: "test")

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        scores.reset(rows: rows.count, width: 1)
        for row in 0..<rows.count { scores[row, 0] = rows[row, 0] }
    }
}

final class SilentMeter: PredictionMeter {
    func recordRequest(_ error: ScoringError?) {}
    func recordRows(_ group: RowGroup) {}
    func recordStandIn(rows: Int) {}
}

/// Serves `echo`, version 3, also under no name.
final class EchoPredictor: Predictor {
    private let echo: ServedModel
    private let calls = Atomic<Int>(0)
    /// What late answers wait for; open at first.
    let gate = Gate(isOpen: true)
    /// Opens when a late answer is being made.
    let lateBegan = Gate(isOpen: false)
    /// Opens when nobody waits for a late answer any more.
    let cancelled = Gate(isOpen: false)

    init() throws {
        let name = try required(ModelName("echo"))
        let version = try required(ModelVersion(3))
        echo = ServedModel(name: name, version: version, model: EchoModel(), answers: AnswerRules(), meter: SilentMeter())
    }

    /// Predictions so far.
    var predictions: Int { calls.load(ordering: .relaxed) }

    func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel {
        guard info.model == nil || info.model == echo.name else { throw .unknownModel(info.model?.text ?? "") }
        guard info.version == nil || info.version == .number(echo.version) else {
            throw .unknownVersion(model: "echo", version: info.version?.description ?? "")
        }
        return ResolvedModel(echo)
    }

    func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError) {}

    /// Rows whose second feature is 2 are answered later, by a task that waits at the gate.
    func run(_ group: RowGroup) -> PredictionProgress {
        calls.add(1, ordering: .relaxed)
        guard group.features.count > 0, group.features[0, 1] == 2, let completion = group.completion else {
            Self.score(group)
            return .answered
        }
        group.cancellable().onCancel { [cancelled] in cancelled.open() }
        Task { [gate, lateBegan] in
            lateBegan.open()
            await gate.wait()
            Self.score(group)
            completion(group)
        }
        return .pending
    }

    private static func score(_ group: RowGroup) {
        do throws(ScoringError) {
            let call = ScoreCall(deadline: nil, workspace: group.workspace)
            try group.served.model.score(group.features, into: group.scores, call)
        } catch {
            group.outcome.error = error
        }
    }

    func begin() {}
    func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?) {}
}

/// A repository whose `load` takes until the test lets it go on.
final class FakeRepository: ModelRepository {
    private struct State {
        var isReady = true
        var loads: [String] = []
        var unloads: [String] = []
        var failure: ScoringError?
        var problem: String?
    }

    private let state = Mutex(State())
    /// What `load` waits for; open at first.
    let gate = Gate(isOpen: true)
    /// Opens when a `load` has begun.
    let loadBegan = Gate(isOpen: false)

    func index() -> [RepositoryEntry] {
        [
            RepositoryEntry(name: "broken", version: "1", state: .unavailable, reason: "golden.csv row 3: 0.4 is not 0.5"),
            RepositoryEntry(name: "echo", version: "3", state: .ready),
        ]
    }

    func load(_ name: ModelName) async throws(ScoringError) {
        loadBegan.open()
        await gate.wait()
        let failure = state.withLock { state in
            state.loads.append(name.text)
            return state.failure
        }
        if let failure { throw failure }
    }

    func unload(_ name: ModelName) async throws(ScoringError) {
        if name.text != "echo" { throw .unknownModel(name.text) }
        state.withLock { $0.unloads.append(name.text) }
    }

    var isReady: Bool { state.withLock { $0.isReady } }
    var problem: String? { state.withLock { $0.problem } }
    var loads: [String] { state.withLock { $0.loads } }
    var unloads: [String] { state.withLock { $0.unloads } }

    func setProblem(_ problem: String?) { state.withLock { $0.problem = problem } }
    func setReady(_ isReady: Bool) { state.withLock { $0.isReady = isReady } }
    func failLoads(with error: ScoringError) { state.withLock { $0.failure = error } }
}

/// Holds tasks until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen: Bool
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(isOpen: Bool) { state = Mutex(State(isOpen: isOpen)) }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func shut() { state.withLock { $0.isOpen = false } }
}

struct Missing: Error {}

func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}
