internal import Foundation
internal import Testing
internal import Scoring
internal import Tabular
internal import TreeFormats

/// A model under Tests/GoldenTests/trees with rows and what its library answered; written by
/// scripts/train-variants, which describes the columns.
struct GoldenFile: CustomTestStringConvertible {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "GoldenTests/trees")

    let model: URL
    let rows: URL
    let iterations: LoadOptions.Iterations

    /// "xgboost-3.2.0/dart.ubj"
    var testDescription: String {
        "\(model.deletingLastPathComponent().lastPathComponent)/\(model.lastPathComponent) \(rows.lastPathComponent)"
    }

    /// Every model with every file of rows that belongs to it: `x.json` with `x.csv`, `x.best.csv`, ...
    static let all: [GoldenFile] = {
        var found: [GoldenFile] = []
        for model in models {
            let stem = model.deletingPathExtension().lastPathComponent
            let suffixes: [(String, LoadOptions.Iterations)] = [
                ("", .asTrained), (".all", .all), (".best", .best), (".first2", .first(2)), (".first3", .first(3)),
            ]
            for (suffix, iterations) in suffixes {
                let rows = model.deletingLastPathComponent().appending(path: "\(stem)\(suffix).csv")
                guard FileManager.default.fileExists(atPath: rows.path) else { continue }
                found.append(GoldenFile(model: model, rows: rows, iterations: iterations))
            }
        }
        return found
    }()

    static let models: [URL] = {
        let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return all.filter { ["json", "ubj", "txt"].contains($0.pathExtension) }.sorted { $0.path < $1.path }
    }()

    /// The bytes of a file below the folder: "xgboost-3.2.0/dart.ubj".
    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: path)))
    }

    func lowered() throws -> LoweredTreeModel {
        var options = LoadOptions()
        options.iterations = iterations
        return try Self.lower([UInt8](try Data(contentsOf: model)), options: options)
    }

    func compiled(_ model: LoweredTreeModel) throws -> TabularModel {
        try TabularModel(program: model.program, signature: model.signature, description: model.description)
    }

    /// Reads a model with the one format that claims it.
    static func lower(_ bytes: [UInt8], options: LoadOptions = LoadOptions()) throws(ScoringError) -> LoweredTreeModel {
        let artifact = ModelArtifact.file(name: "model", bytes: bytes)
        let (xgboost, lightgbm) = (XGBoostFormat(), LightGBMFormat())
        switch (xgboost.recognises(artifact), lightgbm.recognises(artifact)) {
        case (true, false): return try xgboost.lower(artifact, options: options)
        case (false, true): return try lightgbm.lower(artifact, options: options)
        case (true, true): throw .unsupportedModel("claimed by both formats")
        case (false, false): throw .unsupportedModel("claimed by no format")
        }
    }
}

/// Rows of a golden file and the answers expected for them.
struct GoldenRows {
    var inputs: [[String]] = []
    var inputNames: [String] = []
    /// Expected values by output column, one a row.
    var expected: [String: [Double]] = [:]

    init(_ url: URL) throws {
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let header = lines[0]
        inputNames = header.filter { $0.hasPrefix("in:") }.map { String($0.dropFirst(3)) }
        for line in lines.dropFirst() {
            inputs.append(Array(line.prefix(inputNames.count)))
            for (name, cell) in zip(header, line).dropFirst(inputNames.count) {
                let value =
                    cell.count == 8
                    ? UInt32(cell, radix: 16).map { Double(Float(bitPattern: $0)) }
                    : UInt64(cell, radix: 16).map { Double(bitPattern: $0) }
                guard let value else { throw ScoringError.invalidRequest("malformed golden cell") }
                expected[name, default: []].append(value)
            }
        }
    }

    /// The rows as a model's fronts would hand them over.
    func batch(for signature: Signature) throws -> FeatureBatch {
        let batch = FeatureBatch()
        batch.reset(width: signature.inputs.count)
        for row in inputs {
            let index = batch.addRow()
            for (column, cell) in row.enumerated() where !cell.isEmpty {
                batch.set(try Self.value(of: cell, for: signature.inputs[column]), row: index, column: column)
            }
        }
        return batch
    }

    private static func value(of cell: String, for field: Field) throws -> Double {
        let number = Double(cell)
        guard case .category(let levels) = field.kind else {
            guard let number else { throw ScoringError.invalidFeature(name: field.name, reason: "not a number") }
            return number
        }
        guard let position = number.flatMap({ levels.position(of: $0) }) ?? levels.position(of: cell) else {
            throw ScoringError.invalidFeature(name: field.name, reason: "not a level")
        }
        return Double(position)
    }
}
