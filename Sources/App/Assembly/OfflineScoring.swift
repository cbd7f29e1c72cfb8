package import Scoring
internal import StrictYAML
package import TextFormats

/// Scores the rows of a CSV file with exactly the code that the server scores with.
package struct OfflineScoring {
    /// A row that could not be scored; its cells are empty in the result.
    package struct Failure: Sendable {
        /// Counted from 1, without the header.
        package let row: Int
        package let error: ScoringError
    }

    /// What came of a file, beside the result's cells.
    package struct Report: Sendable {
        /// In the order of the rows.
        package var failures: [Failure] = []
        /// Inputs that the file has no column for; they were missing in every row.
        package var absentInputs: [String] = []
    }

    private static let batchRows = 4096
    private let model: any ScoringModel
    private let columns: [Int]

    /// - Parameter withRaw: Whether the margins before the link function are written as well.
    package init(_ model: any ScoringModel, withRaw: Bool) throws(ScoringError) {
        let roles = model.signature.roles
        if withRaw && roles.raw.isEmpty {
            throw .invalidRequest("this model has no margins; leave --raw out")
        }
        self.model = model
        // The model's own output fields where it names some; else the score and the probabilities.
        if roles.named.isEmpty {
            let label = roles.label.map { $0...$0 }
            columns = model.signature.outputs.indices.filter { column in
                if roles.raw.contains(column) { return withRaw }
                return label?.contains(column) != true && !roles.reasons.contains(column)
            }
        } else {
            columns = Array(roles.named) + (withRaw ? roles.raw.filter { !roles.named.contains($0) } : [])
        }
    }

    /// Scores every row of `csv`, whose header names the inputs. Other columns are ignored, absent inputs are missing.
    /// Appends the result's CSV to `result`.
    /// Throws `.invalidRequest` with the line where the file cannot be read as a whole, and where no column is an input.
    package func run(_ csv: [UInt8], into result: inout CSVWriter) throws(ScoringError) -> Report {
        let outcome = csv.withUnsafeBufferPointer { bytes -> Result<Report, ScoringError> in
            Result { () throws(ScoringError) in try score(bytes, into: &result) }
        }
        return try outcome.get()
    }

    private func score(_ bytes: UnsafeBufferPointer<UInt8>, into result: inout CSVWriter) throws(ScoringError) -> Report {
        for column in columns { result.cell(model.signature.outputs[column].name) }
        result.endRow()
        let features = FeatureBatch()
        let scores = ScoreBatch()
        let workspace = Workspace()
        var report = Report()
        do throws(CSVReader.Failure) {
            var reader = CSVReader(bytes)
            guard try reader.nextRow() else {
                throw CSVReader.Failure(line: 1, reason: "the file is empty; its first line names the inputs")
            }
            let table = try FeatureTable(header: reader, inputs: model.signature.inputs)
            try Self.refuseSlips(in: table)
            try refuseStrangers(table)
            report.absentInputs = table.absentInputs
            var done = 0
            var hasMore = true
            while hasMore {
                features.reset(width: model.signature.inputs.count)
                while features.count < Self.batchRows {
                    hasMore = try reader.nextRow()
                    guard hasMore else { break }
                    try table.addRow(of: reader, to: features)
                }
                do throws(ScoringError) {
                    try model.score(features, into: scores, using: workspace)
                } catch {
                    throw CSVReader.Failure(line: reader.line, reason: error.description)
                }
                var failedRows: Set<Int> = []
                for failure in scores.failures {
                    report.failures.append(Failure(row: done + failure.row + 1, error: failure.error))
                    failedRows.insert(failure.row)
                }
                for row in 0..<scores.count {
                    // The cells of a row that failed may hold what was computed before it failed.
                    if failedRows.contains(row) { writeEmptyRow(into: &result) } else { write(row, of: scores, into: &result) }
                }
                done += scores.count
            }
        } catch {
            throw .invalidRequest(error.description)
        }
        report.failures.sort { $0.row < $1.row }
        return report
    }

    /// A table without any of the model's inputs would be scored as if every value were missing.
    private func refuseStrangers(_ table: FeatureTable) throws(CSVReader.Failure) {
        let inputs = model.signature.inputs
        guard !inputs.isEmpty, table.absentInputs.count == inputs.count else { return }
        throw CSVReader.Failure(
            line: 1,
            reason: "no column of the file is an input of the model; its columns are \(list(table.header)), "
                + "the model's inputs are \(list(inputs.map(\.name)))")
    }

    private func list(_ names: [String]) -> String {
        names.prefix(10).map { quoted($0) }.joined(separator: ", ") + (names.count > 10 ? " and \(names.count - 10) more" : "")
    }

    /// A column that is no input is passed over, as labels and identifiers are; but one that looks like a slip of an
    /// input that is absent is refused, or every row would be scored without it.
    static func refuseSlips(in table: FeatureTable) throws(CSVReader.Failure) {
        for column in table.others {
            guard let meant = NearestName.to(column.name, among: table.absentInputs) else { continue }
            throw CSVReader.Failure(
                line: 1, reason: "column \(quoted(column.name)) is no input of the model; did you mean '\(meant)'?")
        }
    }

    private func writeEmptyRow(into result: inout CSVWriter) {
        for _ in columns { result.emptyCell() }
        result.endRow()
    }

    private func write(_ row: Int, of scores: ScoreBatch, into result: inout CSVWriter) {
        for column in columns {
            let value = scores[row, column]
            switch model.signature.outputs[column].kind {
            case _ where value.isNaN: result.emptyCell()
            case .number: result.cell(value)
            case .integer: if let whole = Int(exactly: value) { result.cell(whole) } else { result.cell(value) }
            case .boolean: result.cell(value == 0 ? "false" : "true")
            case .category(let labels): result.cell(labels[Int(value)])
            case .text: result.cell(scores.text(row: row, column: column) ?? "")
            }
        }
        result.endRow()
    }
}
