internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// A folder of Tests/GoldenTests/onnxruntime; written by make_runtime_goldens.py.
struct RuntimeGolden: CustomTestStringConvertible {
    let folder: URL
    var testDescription: String { folder.lastPathComponent }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "GoldenTests/onnxruntime")

    static let all: [RuntimeGolden] = {
        let found = (try? FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)) ?? []
        return found.filter { $0.pathExtension.isEmpty }.map { RuntimeGolden(folder: $0) }
            .sorted { $0.testDescription < $1.testDescription }
    }()

    static func named(_ name: String) -> RuntimeGolden { RuntimeGolden(folder: root.appending(path: name)) }

    func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: "model.onnx"))) }

    /// Loaded into ONNX Runtime, whatever the native engine could do with it.
    func load() throws -> any ScoringModel { try Self.load(try bytes()) }

    static func load(
        _ bytes: [UInt8], _ change: (inout LoadOptions) -> Void = { _ in }, runtime: RuntimeLocation = RuntimeLocation()
    ) throws(ScoringError) -> any ScoringModel {
        var options = LoadOptions()
        options.engine = .onnxruntime
        change(&options)
        return try ONNXFormat(runtime: runtime).load(.file(name: "model.onnx", bytes: bytes), options: options)
    }

    /// A table with a line of names.
    func table(_ name: String) throws -> (names: [String], rows: [[String]]) {
        let lines = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        return (lines[0], Array(lines.dropFirst()))
    }

    /// The rows as a batch for `model`.
    func batch(for model: any ScoringModel) throws -> FeatureBatch {
        let (names, rows) = try table("rows.csv")
        try #require(names == model.signature.inputs.map(\.name))
        let batch = FeatureBatch()
        batch.reset(width: names.count)
        for cells in rows {
            let row = batch.addRow()
            for (column, cell) in cells.enumerated() {
                if model.signature.inputs[column].kind == .text {
                    batch.setText(cell, row: row, column: column)
                } else if !cell.isEmpty {
                    batch.set(try #require(Double(cell)), row: row, column: column)
                }
            }
        }
        return batch
    }

    /// A batch of some rows of another.
    static func rows(_ rows: [Int], of batch: FeatureBatch, _ model: any ScoringModel) -> FeatureBatch {
        let some = FeatureBatch()
        some.reset(width: batch.width)
        for row in rows {
            let new = some.addRow()
            for column in 0..<batch.width {
                if model.signature.inputs[column].kind == .text {
                    if let text = batch.text(row: row, column: column) { some.setText(text, row: new, column: column) }
                } else {
                    some.set(batch[row, column], row: new, column: column)
                }
            }
        }
        return some
    }

    /// What a cell of the result says, as the expected table writes it.
    static func text(_ scores: ScoreBatch, _ row: Int, _ column: Int, _ model: any ScoringModel) -> String {
        let value = scores[row, column]
        switch model.signature.outputs[column].kind {
        case .text: return scores.text(row: row, column: column) ?? ""
        case .category(let labels): return value.isNaN ? "" : labels[Int(value)]
        case .number, .integer, .boolean: return value.isNaN ? "" : value.description
        }
    }

    /// Whether a result is what is expected: numbers within 1e-5 of each other, all else the same.
    static func agree(_ got: String, _ wanted: String) -> Bool {
        if got == wanted { return true }
        guard let got = Double(got), let wanted = Double(wanted) else { return false }
        return abs(got - wanted) <= 1e-6 + 1e-5 * abs(wanted)
    }
}
