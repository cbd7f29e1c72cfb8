internal import ArgumentParser
internal import Foundation
internal import Scoring
internal import TreeFormats

/// Times the native engine in process: rows alone and in batches, on one thread. Every score is first
/// compared, bit by bit, with the training library's own; times of wrong scores say nothing.
struct TreesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trees",
        abstract: "Time the native engine on an XGBoost model.",
        discussion: "Called by scripts/bench/engine, which makes the files and compares with other libraries.")

    @Argument(help: "An XGBoost model, JSON or UBJSON.")
    var model: String

    @Argument(help: "Rows: little-endian doubles, row-major.")
    var rows: String

    @Argument(help: "What the library makes of each row: margin and score, as little-endian doubles.")
    var expected: String

    @Option(help: "Features a row.")
    var features = 30

    @Option(help: "Rows of a batch.")
    var batch = 1024

    @Option(help: "Repetitions, of which the median is taken.")
    var repetitions = 21

    func validate() throws {
        guard features > 0, batch > 0, repetitions > 0 else {
            throw ValidationError("--features, --batch and --repetitions must be positive")
        }
    }

    func run() throws {
        let rows = try BenchRows(rows: rows, expected: expected, width: features)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: model))
        let loadStart = Moment.now
        let model = try XGBoostFormat().load(.file(name: model, bytes: Array(bytes)), options: LoadOptions())
        let loadNanoseconds = Moment.now.nanoseconds(since: loadStart)
        guard model.signature.inputs.count == features else {
            throw ValidationError("the model has \(model.signature.inputs.count) inputs, not \(features)")
        }

        let stage = BenchStage(model: model, rows: rows, batchRows: min(batch, rows.count))
        let mismatches = try stage.mismatches()
        let passes = TimedPasses(rows: rows.count, repetitions: repetitions)
        let single = try passes.nanosecondsPerRow { try stage.scoreSingly() }
        let batched = try passes.nanosecondsPerRow { try stage.scoreInBatches() }
        print(
            """
            {"rows": \(rows.count), "batch_rows": \(stage.batchRows), "repetitions": \(repetitions), \
            "single_ns": \(single), "batch_ns": \(batched), "mismatches": \(mismatches), \
            "load_ms": \(Double(loadNanoseconds) / 1e6), "memory_bytes": \(model.description.memoryBytes), \
            "trees": \(model.description.trees ?? 0), "depth": \(model.description.depth ?? 0)}
            """)
        if mismatches > 0 { throw ExitCode(1) }
    }
}

/// A model with its rows laid out as a front would hand them over.
final class BenchStage {
    let batchRows: Int
    private let model: any ScoringModel
    private let rows: BenchRows
    private let batches: [FeatureBatch]
    private let one = FeatureBatch()
    private let scores = ScoreBatch()
    private let workspace = Workspace()

    init(model: any ScoringModel, rows: BenchRows, batchRows: Int) {
        self.model = model
        self.rows = rows
        self.batchRows = batchRows
        batches = stride(from: 0, to: rows.count, by: batchRows).map { start in
            let batch = FeatureBatch()
            rows.fill(batch, with: start..<min(start + batchRows, rows.count))
            return batch
        }
    }

    /// Each row in a call of its own, other rows than the last time in the cache: what a request costs, the
    /// filling of the batch included.
    func scoreSingly() throws {
        for row in 0..<rows.count {
            rows.fill(one, with: row..<row + 1)
            try model.score(one, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        }
    }

    func scoreInBatches() throws {
        for batch in batches { try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace)) }
    }

    /// How many margins and scores are not the library's, bit by bit, alone or in a batch.
    func mismatches() throws -> Int {
        guard let margin = model.signature.roles.raw.first, let score = model.signature.roles.score.first else {
            throw ValidationError("the model has no margin or no score to compare")
        }
        var count = 0
        func compare(_ result: Int, with row: Int) {
            if scores[result, margin].bitPattern != rows.margin(row).bitPattern { count += 1 }
            if scores[result, score].bitPattern != rows.score(row).bitPattern { count += 1 }
        }
        for row in 0..<rows.count {
            rows.fill(one, with: row..<row + 1)
            try model.score(one, into: scores, ScoreCall(deadline: nil, workspace: workspace))
            compare(0, with: row)
        }
        for (number, batch) in batches.enumerated() {
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace))
            for result in 0..<batch.count { compare(result, with: number * batchRows + result) }
        }
        return count
    }
}
