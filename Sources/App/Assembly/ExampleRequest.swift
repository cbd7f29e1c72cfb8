package import Scoring
internal import TextFormats

/// A request that a model takes, for people to try it with: a row of its golden.csv where there is one, the fullest of the first ones,
/// else made-up values of the kinds that its inputs take.
package struct ExampleRequest {
    private static let maxGoldenBytes = 64 << 20
    private static let maxGoldenRows = 100

    private let signature: Signature
    private let row = FeatureBatch()

    package init(_ reference: ModelReference) throws(ScoringError) {
        signature = try reference.open(describesOnly: true).model.signature
        if !readGoldenRow(beside: reference.path) { makeUpRow() }
    }

    /// The body of a `POST /predict`: one line, missing features left out.
    package var json: String {
        var sink = ByteSink()
        sink.append("{\"features\": {")
        var isFirst = true
        for (column, field) in signature.inputs.enumerated() where !row[0, column].isNaN {
            if !isFirst { sink.append(", ") }
            isFirst = false
            sink.append(json: field.name)
            sink.append(": ")
            write(row[0, column], of: field, column, into: &sink)
        }
        sink.append("}}")
        return sink.string
    }

    private func write(_ value: Double, of field: Field, _ column: Int, into sink: inout ByteSink) {
        switch field.kind {
        case .integer where field.integers.areWide:
            if let bits = row.wideInteger(row: 0, column: column) {
                sink.append(text: field.integers == .int64 ? "\(Int64(bitPattern: bits))" : "\(bits)")
            } else {
                sink.append(integer: Int(value))
            }
        case .number, .integer:
            if let whole = Int(exactly: value) { sink.append(integer: whole) } else { sink.append(json: value) }
        case .boolean: sink.append(json: value != 0)
        case .category(let levels):
            let position = Int(value)
            sink.append(json: (0..<levels.count).contains(position) ? levels.table[position] : "")
        case .text: sink.append(json: row.text(row: 0, column: column) ?? "")
        }
    }

    /// The fullest of the first rows of the version's examples that JSON can say; false if there is none.
    private func readGoldenRow(beside path: String) -> Bool {
        let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
        guard let bytes = try? readFile("\(folder)/golden.csv", atMost: Self.maxGoldenBytes) else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            var reader = CSVReader(bytes)
            guard let hasHeader = try? reader.nextRow(), hasHeader,
                let table = try? FeatureTable(header: reader, inputs: signature.inputs)
            else { return false }
            let candidate = FeatureBatch()
            var (best, tried) = (0, 0)
            while tried < Self.maxGoldenRows, let hasRow = try? reader.nextRow(), hasRow {
                tried += 1
                candidate.reset(width: signature.inputs.count)
                guard (try? table.addRow(of: reader, to: candidate)) != nil, canBeSaid(candidate) else { continue }
                let count = signature.inputs.indices.count { !candidate[0, $0].isNaN }
                guard count > best else { continue }
                best = count
                row.copyRows(of: candidate)
            }
            return best > 0
        }
    }

    /// Whether JSON has the row's numbers, and the model's levels its categories.
    private func canBeSaid(_ row: FeatureBatch) -> Bool {
        signature.inputs.indices.allSatisfy { column in
            let value = row[0, column]
            if case .category = signature.inputs[column].kind { return value != FeatureBatch.unknownLevel }
            return !value.isInfinite
        }
    }

    private func makeUpRow() {
        row.reset(width: signature.inputs.count)
        row.addRow()
        for (column, field) in signature.inputs.enumerated() {
            switch field.kind {
            case .number, .integer, .boolean: row.set(1, row: 0, column: column)
            case .category(let levels): if levels.count > 0 { row.set(0, row: 0, column: column) }
            case .text: row.setText("text", row: 0, column: column)
            }
        }
    }
}
