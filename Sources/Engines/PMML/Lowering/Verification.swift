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

    init(_ verification: ModelVerification, _ document: Document) {
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

    /// Throws `.refusedModel` at the first result that differs by more than its field allows.
    func check(_ model: TabularModel) throws(ScoringError) {
        let signature = model.signature
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: signature.inputs.count)
        for row in rows {
            let index = batch.addRow()
            for (column, input) in signature.inputs.enumerated() {
                guard let field = fields.first(where: { $0.name == input.name }), let text = row[field.column] else { continue }
                CellText.set(text, of: input, in: batch, row: index, column: column)
            }
        }
        try model.score(batch, into: scores, using: Workspace())
        for (index, row) in rows.enumerated() {
            for field in fields where !signature.inputs.contains(where: { $0.name == field.name }) {
                guard let column = signature.outputColumn(named: field.name), let expected = row[field.column] else { continue }
                if let failure = scores.failure(row: index) {
                    throw refused(index, field, "the row fails: \(failure)")
                }
                guard matches(scores, index, column, signature.outputs[column].kind, expected, field) else {
                    throw refused(index, field, "the result differs")
                }
            }
        }
    }

    private func refused(_ row: Int, _ field: Field, _ what: String) -> ScoringError {
        .refusedModel(
            "the model disagrees with its own ModelVerification (\(place)), row \(row + 1), field '\(field.name)': \(what)")
    }

    private func matches(
        _ scores: ScoreBatch, _ row: Int, _ column: Int, _ kind: OutputColumn.Kind, _ expected: String, _ field: Field
    ) -> Bool {
        let value = scores[row, column]
        let actual: String
        switch kind {
        case .number, .integer: return isClose(value, expected, field)
        case .boolean: return (NumberText.trimmed(expected).lowercased() == "true") == (value == 1)
        case .category(let labels): actual = value.isNaN ? "" : labels[Int(value)]
        case .text: actual = scores.text(row: row, column: column) ?? ""
        }
        if actual == expected { return true }
        guard let number = NumberText.double(actual) else { return false }
        return isClose(number, expected, field)
    }

    private func isClose(_ value: Double, _ text: String, _ field: Field) -> Bool {
        guard let expected = NumberText.double(text), !expected.isNaN else { return value.isNaN }
        if abs(value) <= field.zeroThreshold, abs(expected) <= field.zeroThreshold { return true }
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
