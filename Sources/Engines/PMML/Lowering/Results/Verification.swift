internal import Scoring
internal import Tabular

/// Compares a loaded model with the rows and results that its file carries (PMML 4.4, Model Verification).
struct Verification: Sendable {
    private struct Field: Sendable {
        var name: String
        var column: Int
        var precision: Double
        var zeroThreshold: Double
    }

    private let fields: [Field]
    private let rows: [[String?]]
    private let place: String

    /// Cells that are compared in all.
    private static let maxCells = 20_000_000
    /// Rows that are scored together.
    private static let blockRows = 256

    /// - Parameter inputCount: how many inputs the model has, for each of which a row has a cell.
    init(_ verification: ModelVerification, _ document: Document, inputCount: Int) throws(ScoringError) {
        let width = max(verification.fields.count, inputCount)
        guard verification.table.rows.count <= Self.maxCells / max(width, 1) else {
            throw .unsupportedModel(
                "a <ModelVerification> of so many rows and fields is not supported (\(document.line(verification.place)))")
        }
        let table = verification.table
        var (fields, columns): ([Field], [Int]) = ([], [])
        for field in verification.fields {
            guard let column = table.column(field.column) else { continue }
            fields.append(
                Field(name: field.field, column: columns.count, precision: field.precision, zeroThreshold: field.zeroThreshold))
            columns.append(column)
        }
        self.fields = fields
        rows = table.rows.indices.map { row in columns.map { table.text(row: row, column: $0) } }
        place = document.line(verification.place)
    }

    /// One result that is compared.
    private struct Output {
        var column: Int
        var kind: OutputColumn.Kind
        /// Whether its data type is float: what the file says is then the nearest float32 too.
        var isFloat: Bool
        var field: Field
    }

    /// Throws `.refusedModel` at the first result that differs by more than its field allows.
    func check(_ model: TabularModel, floatColumns: Set<Int>) throws(ScoringError) {
        let signature = model.signature
        let named = TextMap(fields.map { ($0.name, $0) })
        let inputs = signature.inputs.enumerated().compactMap { column, input in named[input.name].map { (column, input, $0) } }
        let names = TextSet(signature.inputs.map(\.name))
        let outputs = fields.filter { !names.contains($0.name) }.compactMap { field in
            signature.outputColumn(named: field.name).map {
                Output(
                    column: $0, kind: signature.outputs[$0].kind, isFloat: floatColumns.contains($0), field: field)
            }
        }
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        for start in stride(from: 0, to: rows.count, by: Self.blockRows) {
            let block = rows[start..<min(start + Self.blockRows, rows.count)]
            batch.reset(width: signature.inputs.count)
            for row in block {
                let index = batch.addRow()
                for (column, input, field) in inputs {
                    if let text = row[field.column] { CellText.set(text, of: input, in: batch, row: index, column: column) }
                }
            }
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace))
            try compare(block, scores, outputs)
        }
    }

    private func compare(_ block: ArraySlice<[String?]>, _ scores: ScoreBatch, _ outputs: [Output]) throws(ScoringError) {
        for (offset, row) in block.enumerated() {
            let index = block.startIndex + offset
            for output in outputs {
                guard let expected = row[output.field.column] else { continue }
                if let failure = scores.failure(row: offset) {
                    throw refused(index, output.field, "the row fails: \(failure)")
                }
                guard matches(scores, offset, expected, output) else {
                    throw refused(index, output.field, "the result differs")
                }
            }
        }
    }

    private func refused(_ row: Int, _ field: Field, _ what: String) -> ScoringError {
        .refusedModel(
            "the model disagrees with its own ModelVerification (\(place)), row \(row + 1), field '\(field.name)': \(what)")
    }

    private func matches(_ scores: ScoreBatch, _ row: Int, _ expected: String, _ output: Output) -> Bool {
        let value = scores[row, output.column]
        let actual: String
        switch output.kind {
        case .number, .integer: return isClose(value, expected, output)
        case .boolean: return (NumberText.trimmed(expected).lowercased() == "true") == (value == 1)
        case .category(let labels): actual = value.isNaN ? "" : labels[Int(value)]
        case .text: actual = scores.text(row: row, column: output.column) ?? ""
        }
        if actual.isExactly(expected) { return true }
        guard let number = NumberText.double(actual) else { return false }
        return isClose(number, expected, output)
    }

    private func isClose(_ value: Double, _ text: String, _ output: Output) -> Bool {
        let number = output.isFloat ? NumberText.float(text).map { Double($0) } : NumberText.double(text)
        guard let expected = number, !expected.isNaN else { return value.isNaN }
        let (value, field) = (output.isFloat ? Double(Float(value)) : value, output.field)
        if abs(value) <= field.zeroThreshold, abs(expected) <= field.zeroThreshold { return true }
        if value == expected { return true }
        return abs(value - expected) <= field.precision * abs(expected)
    }
}

/// Texts of table cells as features.
enum CellText {
    /// Sets a feature to what the text says; leaves it missing where it says nothing of the field's kind.
    static func set(_ text: String, of field: Field, in batch: FeatureBatch, row: Int, column: Int) {
        switch field.kind {
        case .number, .integer:
            if let number = NumberText.double(text) { batch.set(number, row: row, column: column) }
        case .boolean:
            switch text.lowercased() {
            case "true", "1": batch.set(1, row: row, column: column)
            case "false", "0": batch.set(0, row: row, column: column)
            default: break
            }
        case .category(let levels):
            let position = levels.position(of: text)
            batch.set(position.map { Double($0) } ?? FeatureBatch.unknownLevel, row: row, column: column)
        case .text: batch.setText(text, row: row, column: column)
        }
    }
}
