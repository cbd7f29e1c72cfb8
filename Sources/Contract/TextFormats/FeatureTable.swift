package import Scoring

/// Maps the columns of a CSV document to a model's inputs and fills rows of a `FeatureBatch` from it: for
/// golden files and offline scoring.
///
/// Cells: empty is missing; in fields that are not text so are the `MissingWords`, but for a level of that name. Numbers
/// are decimal text, also `inf` and `-inf`, and `True` and `False` as 1 and 0; booleans `true`, `false`, `1`, `0`; categories
/// the level's label, or a number where the levels are numbers.
package struct FeatureTable {
    /// A column of the document that is no input of the model: an expected output, an identifier.
    package struct OtherColumn: Sendable, Equatable {
        package let name: String
        package let column: Int
    }

    /// The names in the document's first row.
    package let header: [String]
    /// In the document's order.
    package let others: [OtherColumn]
    /// Inputs that have no column; they are missing in every row.
    package let absentInputs: [String]

    private let fields: [Field]
    /// The input of each of the document's columns, or -1.
    private let inputs: [Int]
    private let missing: MissingWords

    /// Takes the row that the reader is at as the header.
    package init(
        header reader: borrowing CSVReader, inputs fields: [Field], missing: MissingWords = .standard
    ) throws(CSVReader.Failure) {
        let names = (0..<reader.count).map { reader[$0] }
        var positions = TextMap<Int>()
        for (position, field) in fields.enumerated() where positions[field.name] == nil { positions[field.name] = position }
        var inputs: [Int] = []
        var others: [OtherColumn] = []
        var seen = TextSet()
        for (column, name) in names.enumerated() {
            guard seen.insert(name) else {
                throw CSVReader.Failure(line: reader.line, reason: "two columns are named '\(name)'")
            }
            inputs.append(positions[name] ?? -1)
            if positions[name] == nil { others.append(OtherColumn(name: name, column: column)) }
        }
        self.header = names
        self.others = others
        self.absentInputs = fields.map(\.name).filter { !seen.contains($0) }
        self.fields = fields
        self.inputs = inputs
        self.missing = missing
    }

    /// Adds the row that the reader is at to `batch`, which is as wide as there are fields. After an error the
    /// batch is as it was.
    package func addRow(of reader: borrowing CSVReader, to batch: FeatureBatch) throws(CSVReader.Failure) {
        guard reader.count == inputs.count else {
            throw CSVReader.Failure(line: reader.line, reason: "\(reader.count) cells where the header has \(inputs.count)")
        }
        let row = batch.addRow()
        do throws(ScoringError) {
            for column in 0..<reader.count where inputs[column] >= 0 {
                let input = inputs[column]
                unsafe try reader.withCell(column) { cell throws(ScoringError) in
                    unsafe try FeatureCell.set(cell, of: fields[input], in: batch, row: row, column: input, missing: missing)
                }
            }
            for (column, field) in fields.enumerated() where field.isRequired && batch[row, column].isNaN {
                throw .invalidFeature(name: field.name, reason: "is required")
            }
        } catch {
            batch.removeLastRow()
            throw CSVReader.Failure(line: reader.line, reason: error.description)
        }
    }
}

/// Turns one CSV cell into one cell of a `FeatureBatch`.
package enum FeatureCell {
    package static func set(
        _ cell: UnsafeBufferPointer<UInt8>, of field: Field, in batch: FeatureBatch, row: Int, column: Int,
        missing: MissingWords = .standard
    ) throws(ScoringError) {
        guard !cell.isEmpty else { return }
        switch field.kind {
        case .text:
            unsafe try batch.set(text: cell, of: field, row: row, column: column)
        case .integer:
            guard unsafe !missing.contains(cell) else { return }
            guard let numeral = unsafe DecimalParser.numeral(cell) ?? number(cell).map({ Numeral(double: $0) }) else {
                if field.unknownLevel == .missing { return }
                throw unsafe .invalidFeature(name: field.name, reason: "expected a number" + NumberSlip.hint(cell))
            }
            try batch.set(numeral: numeral, of: field, row: row, column: column)
        case .number:
            guard unsafe !missing.contains(cell) else { return }
            guard let value = unsafe number(cell) else {
                if field.unknownLevel == .missing { return }
                throw unsafe .invalidFeature(name: field.name, reason: "expected a number" + NumberSlip.hint(cell))
            }
            try batch.set(number: value, of: field, row: row, column: column)
        case .boolean:
            guard unsafe !missing.contains(cell) else { return }
            guard let value = unsafe boolean(cell) else {
                if field.unknownLevel == .missing { return }
                throw .invalidFeature(name: field.name, reason: "expected true, false, 1 or 0")
            }
            batch.set(value ? 1 : 0, row: row, column: column)
        case .category(let levels):
            // A level may be called "NA".
            if unsafe missing.contains(cell), unsafe levels.position(of: cell) == nil { return }
            // pandas writes the truth values whose levels are called true and false as True and False.
            if unsafe levels.position(of: cell) == nil, let truth = unsafe truth(cell),
                levels.position(of: truth ? "true" : "false") != nil
            {
                return try batch.set(boolean: truth, of: field, row: row, column: column)
            }
            unsafe try batch.set(text: cell, of: field, row: row, column: column)
        }
    }

    /// A finite number or an infinity in decimal text; 1 and 0 for true and false.
    package static func number(_ cell: UnsafeBufferPointer<UInt8>) -> Double? {
        if let value = unsafe DecimalParser.double(cell) { return value }
        let text = unsafe JSONString(cell)
        if text == "inf" || text == "Infinity" || text == "+inf" { return .infinity }
        if text == "-inf" || text == "-Infinity" { return -.infinity }
        return unsafe truth(cell).map { $0 ? 1 : 0 }
    }

    private static func boolean(_ cell: UnsafeBufferPointer<UInt8>) -> Bool? {
        switch unsafe JSONString(cell) {
        case "1", "1.0": true
        case "0", "0.0": false
        default: unsafe truth(cell)
        }
    }

    private static func truth(_ cell: UnsafeBufferPointer<UInt8>) -> Bool? {
        switch unsafe JSONString(cell) {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }
}
