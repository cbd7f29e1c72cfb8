internal import Foundation
internal import Registry
internal import Scoring
internal import Synchronization

/// A model format of one line of text, for tests of what happens around a model:
///
///     sum 2.0       scores the inputs' sum times 2
///     many 3        has a score of three columns
///     broken        is refused as damaged
///     unverifiable  is refused by its own examples
///     crashing      its engine fails whatever it is given
///     compiled 2.0  like sum, but compiled as by a native library
///     gated 2.0     like sum, but waits in `load` until the gate opens
///
/// Inputs are a, b and the category c (x, y), or model.yaml's names as plain numbers. Outputs: prediction, half, label, big.
struct FakeFormat: ModelFormat {
    let name = "Fake"
    let keys: Set<LoadOptions.Key> = [.inputs, .iterations]
    /// Counts the models that are alive.
    let census = Census()
    let gate = Gate()

    func recognises(_ artifact: ModelArtifact) -> Bool {
        guard artifact.isFile else { return artifact.findMember("fake.folder") != nil }
        return ["sum ", "many ", "broken", "unverifiable", "crashing", "compiled ", "gated "].contains {
            text(artifact.head).hasPrefix($0)
        }
    }

    func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        guard artifact.isFile else { return FakeModel(factor: 7, kind: "sum", options: options, census: census) }
        let words = text(artifact.head.prefix(100)).split { $0.isWhitespace || $0 == "\0" }
        let kind = words.first.map(String.init) ?? ""
        if kind == "broken" { throw .invalidModel(reason: "this one is broken", place: "byte 0") }
        if kind == "gated" { gate.pass() }
        return FakeModel(factor: Double(words.dropFirst().first ?? "1") ?? 1, kind: kind, options: options, census: census)
    }

    func prepare(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> PreparedModel {
        guard text(artifact.head).hasPrefix("compiled ") else { return .loaded(try load(artifact, options: options)) }
        return .uncompiled { () throws(ScoringError) in try load(artifact, options: options) }
    }

    private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

final class FakeModel: ScoringModel {
    let signature: Signature
    let description = ModelDescription(format: "Fake 1")
    let options: LoadOptions
    private let factor: Double
    private let kind: String
    private let census: Census

    init(factor: Double, kind: String, options: LoadOptions, census: Census) {
        self.factor = factor
        self.kind = kind
        self.options = options
        self.census = census
        let own = [Field("a"), Field("b"), Field("c", .category(CategoryLevels(["x", "y"])))]
        let inputs = options.inputs.isEmpty ? own : options.inputs.map { Field($0) }
        let scores = kind == "many" ? (0..<Int(factor)).map { OutputColumn("score\($0)") } : [OutputColumn("prediction")]
        let outputs =
            scores + [
                OutputColumn("half"), OutputColumn("label", .category(SymbolTable(["low", "high"]))),
                OutputColumn("big", .boolean),
            ]
        signature = Signature(inputs: inputs, outputs: outputs, roles: Roles(score: 0..<scores.count, label: scores.count + 1))
        census.count.add(1, ordering: .relaxed)
    }

    deinit { census.count.subtract(1, ordering: .relaxed) }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        if kind == "crashing" { throw .engineFailure("the engine crashed") }
        let width = signature.outputs.count
        scores.reset(rows: rows.count, width: width)
        for row in 0..<rows.count {
            var sum: Double?
            for column in 0..<rows.width where !rows[row, column].isNaN { sum = (sum ?? 0) + rows[row, column] }
            guard let sum else { continue }
            if sum == 666 {
                scores.fail(row: row, .invalidFeature(name: "a", reason: "of all sums"))
                continue
            }
            for column in 0..<width - 3 { scores[row, column] = sum * factor }
            scores[row, width - 3] = sum * factor / 2
            scores[row, width - 2] = sum * factor > 10 ? 1 : 0
            scores[row, width - 1] = sum * factor > 10 ? 1 : 0
        }
    }

    func verify() throws(ScoringError) {
        if kind == "unverifiable" { throw .refusedModel("its own example 1 disagrees") }
    }
}

final class Census: Sendable {
    let count = Atomic(0)
    var alive: Int { count.load(ordering: .acquiring) }
}

/// Holds those who want to pass until it is opened, and tells how many have come.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let arrived = Atomic(0)

    var arrivals: Int { arrived.load(ordering: .acquiring) }

    func pass() {
        arrived.add(1, ordering: .acquiringAndReleasing)
        semaphore.wait()
    }

    func open(times: Int = 1) {
        for _ in 0..<times { semaphore.signal() }
    }
}

/// Counts what the pipeline would record.
final class FakeMeter: PredictionMeter {
    func recordRequest(_ error: ScoringError?) {}
    func recordRows(_ group: RowGroup) {}
    func recordStandIn(rows: Int) {}
}
