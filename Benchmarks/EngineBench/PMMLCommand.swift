internal import ArgumentParser
internal import Foundation
internal import ONNX
internal import PMML
internal import Scoring
internal import TextFormats

/// Times the scoring and loading of a PMML model, or of a lowered ONNX graph, in process, on one thread.
struct PMMLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pmml",
        abstract: "Time a PMML model, or an ONNX graph.",
        discussion: "Called by scripts/bench/pmml and onnx, which make the files and compare with other evaluators.")

    @Argument(help: "A PMML file, or an ONNX file that is lowered.")
    var model: String

    @Argument(help: "Rows: a CSV file whose header names the inputs. Without one only the loading is measured.")
    var rows: String?

    @Option(help: "Rows of a batch.")
    var batch = 1024

    @Option(help: "Repetitions, of which the median is taken.")
    var repetitions = 21

    @Option(help: "Where to write the results: one line a row, the outputs in the model's order.")
    var results: String?

    func validate() throws {
        guard batch > 0, repetitions > 0 else { throw ValidationError("--batch and --repetitions must be positive") }
    }

    func run() throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: model)))
        // The peak counts from here: reading the file took memory too.
        try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let memoryBefore = Self.memory("VmRSS:")
        let start = Moment.now
        let format: any ModelFormat = model.hasSuffix(".onnx") ? ONNXFormat() : PMMLFormat()
        let model = try format.load(.file(name: model, bytes: bytes), options: LoadOptions())
        let load = Moment.now.nanoseconds(since: start)
        var members = [
            "\"file_bytes\": \(bytes.count)", "\"load_ms\": \(Double(load) / 1e6)",
            "\"load_peak_bytes\": \(max(0, Self.memory("VmHWM:") - memoryBefore))",
        ]
        if let rows {
            let stage = try PMMLStage(
                model: model, rows: Array(try Data(contentsOf: URL(fileURLWithPath: rows))), batchRows: batch)
            let passes = TimedPasses(rows: stage.all.count, repetitions: repetitions)
            let single = try passes.nanosecondsPerRow { try stage.scoreSingly() }
            let batched = try passes.nanosecondsPerRow { try stage.scoreInBatches() }
            members += ["\"rows\": \(stage.all.count)", "\"single_ns\": \(single)", "\"batch_ns\": \(batched)"]
            if let results { try Data(stage.results()).write(to: URL(fileURLWithPath: results)) }
        }
        print("{\(members.joined(separator: ", "))}")
    }

    /// A line of /proc/self/status, in bytes.
    private static func memory(_ name: String) -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}

/// A model with its rows as a front would hand them over.
final class PMMLStage {
    let all = FeatureBatch()
    private let model: any ScoringModel
    private let batchRows: Int
    /// The inputs that carry texts.
    private let texts: [Int]
    private let part = FeatureBatch()
    private let scores = ScoreBatch()
    private let workspace = Workspace()

    init(model: any ScoringModel, rows: [UInt8], batchRows: Int) throws {
        self.model = model
        self.batchRows = batchRows
        texts = model.signature.inputs.indices.filter { model.signature.inputs[$0].kind == .text }
        all.reset(width: model.signature.inputs.count)
        try rows.withUnsafeBufferPointer { bytes in
            var reader = CSVReader(bytes)
            guard try reader.nextRow() else { throw ValidationError("the rows have no header") }
            let table = try FeatureTable(header: reader, inputs: model.signature.inputs)
            while try reader.nextRow() { try table.addRow(of: reader, to: all) }
        }
    }

    /// Scores each row in a call of its own, the filling of its batch included: what a request costs.
    func scoreSingly() throws {
        for row in 0..<all.count {
            fill(row..<row + 1)
            try model.score(part, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        }
    }

    func scoreInBatches() throws {
        for start in stride(from: 0, to: all.count, by: batchRows) {
            fill(start..<min(start + batchRows, all.count))
            try model.score(part, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        }
    }

    private func fill(_ rows: Range<Int>) {
        part.reset(width: all.width)
        for row in rows {
            let index = part.addRow()
            part.cells(row: index).update(from: all.values + row * all.width, count: all.width)
            for column in texts {
                if let text = all.text(row: row, column: column) { part.setText(text, row: index, column: column) }
            }
        }
    }

    /// The outputs of all rows as CSV.
    func results() throws -> [UInt8] {
        var writer = CSVWriter()
        let outputs = model.signature.outputs
        for output in outputs { writer.cell(output.name) }
        writer.endRow()
        try model.score(all, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        for row in 0..<scores.count {
            for (column, output) in outputs.enumerated() {
                let value = scores[row, column]
                if value.isNaN {
                    writer.emptyCell()
                } else if case .category(let labels) = output.kind {
                    writer.cell(labels[Int(value)])
                } else {
                    writer.cell(value)
                }
            }
            writer.endRow()
        }
        return Array(writer.sink.bytes)
    }
}
