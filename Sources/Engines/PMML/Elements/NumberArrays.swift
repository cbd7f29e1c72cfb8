internal import Scoring

/// Numbers of which most are the same (`REAL-SparseArray`).
package struct SparseArray {
    /// How many numbers it stands for; nil if it does not say.
    package var count: Int?
    /// Ascending or not, counted from 1.
    package var indices: [Int]
    package var entries: [Double]
    package var other: Double
    package var place: Place
}

/// A table of numbers (`Matrix`), row-major.
package struct Matrix {
    /// Larger ones are refused.
    package static let maxSize = 1_000

    package var rows: Int
    package var columns: Int
    package var values: [Double]
    package var place: Place
}

extension ElementReader {
    mutating func sparseArray() throws(ScoringError) -> SparseArray {
        var array = SparseArray(
            count: try integer("n"), indices: [], entries: [], other: try double("defaultValue", or: 0), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Indices:
                let start = reader.place
                for text in ArrayText.values(try reader.text()) {
                    guard let index = NumberText.integer(text) else {
                        throw .invalidModel(
                            reason: "<Indices>: a value is not a whole number", place: reader.xml.place(of: Int(start)))
                    }
                    array.indices.append(index)
                }
            case .REAL_Entries, .INT_Entries: array.entries = try reader.numberArray()
            default: throw reader.unsupported()
            }
        }
        guard array.indices.count == array.entries.count else {
            throw .invalidModel(
                reason: "a sparse array has \(array.indices.count) indices and \(array.entries.count) entries",
                place: xml.place(of: Int(array.place)))
        }
        return array
    }

    /// A matrix by its rows or cells; symmetric and diagonal ones are filled up (PMML 4.4, General Structure).
    mutating func matrix() throws(ScoringError) -> Matrix {
        let (place, kind) = (place, try string("kind") ?? "any")
        let (rowCount, columnCount) = (try integer("nbRows"), try integer("nbCols"))
        let (diagonal, elsewhere) = (try double("diagDefault", or: 0), try double("offDiagDefault", or: 0))
        guard kind == "any" || kind == "symmetric" || kind == "diagonal" else {
            throw unsupported("a <Matrix> of kind '\(kind.prefix(40))'")
        }
        var (arrays, cells): ([[Double]], [(row: Int, column: Int, value: Double)]) = ([], [])
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Array, .NUM_ARRAY: arrays.append(try reader.numberArray())
            case .MatCell:
                guard let row = try reader.integer("row"), let column = try reader.integer("col") else {
                    throw reader.invalid("'row' or 'col' is missing")
                }
                guard let value = NumberText.double(try reader.text()) else { throw reader.invalid("the cell is not a number") }
                cells.append((row, column, value))
            default: throw reader.unsupported()
            }
        }
        func wrong(_ what: String) -> ScoringError {
            .invalidModel(reason: "<Matrix>: \(what)", place: xml.place(of: Int(place)))
        }
        let isDiagonal = kind == "diagonal" && arrays.count == 1
        let rows = rowCount ?? (isDiagonal ? arrays[0].count : !arrays.isEmpty ? arrays.count : cells.map(\.row).max() ?? 0)
        let columns = columnCount ?? (kind == "any" ? arrays.map(\.count).max() ?? cells.map(\.column).max() ?? 0 : rows)
        guard rows > 0, columns > 0, rows <= Matrix.maxSize, columns <= Matrix.maxSize else {
            throw wrong("\(rows) rows and \(columns) columns are not supported")
        }
        var values = [Double](repeating: elsewhere, count: rows * columns)
        for index in 0..<min(rows, columns) { values[index * columns + index] = diagonal }
        if isDiagonal {
            guard arrays[0].count == rows, columns == rows else { throw wrong("the diagonal has the wrong length") }
            for (index, value) in arrays[0].enumerated() { values[index * columns + index] = value }
        } else {
            for (row, array) in arrays.enumerated() {
                guard row < rows, array.count <= columns else { throw wrong("a row is too many or too long") }
                for (column, value) in array.enumerated() {
                    values[row * columns + column] = value
                    if kind == "symmetric", column < row, row < columns { values[column * columns + row] = value }
                }
            }
        }
        for cell in cells {
            guard 1...rows ~= cell.row, 1...columns ~= cell.column else { throw wrong("a cell is outside") }
            values[(cell.row - 1) * columns + cell.column - 1] = cell.value
            if kind == "symmetric", cell.column <= rows, cell.row <= columns {
                values[(cell.column - 1) * columns + cell.row - 1] = cell.value
            }
        }
        return Matrix(rows: rows, columns: columns, values: values, place: place)
    }
}
