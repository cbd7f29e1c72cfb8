package import Scoring

/// A tensor that a run gives, with all its rows.
package struct TensorOutput: Sendable, Equatable {
    package var name: String
    package var element: TensorElement
    /// Elements a row.
    package var width: Int

    package init(name: String, element: TensorElement, width: Int) {
        (self.name, self.element, self.width) = (name, element, width)
    }

    package var rowBytes: Int { width * element.size }

    /// Throws unless the tensor that a run gave is of this type and holds so many rows.
    package func check(_ element: TensorElement?, _ dims: [Int], rows: Int) throws(ScoringError) {
        let count = dims.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        guard element == self.element, dims.first == rows || rows == 1, count == rows * width else {
            throw .engineFailure("'\(name)' has the dimensions \(dims) for \(rows) rows of \(width) values")
        }
    }
}

/// Takes the columns of one tensor from what a run gave into a batch of scores.
package struct TensorReader: Sendable {
    package struct Column: Sendable, Equatable {
        /// Of the signature's outputs.
        package var column: Int
        /// Of the tensor's elements of a row.
        package var element: Int
        /// Where goes what the nearest double leaves of a wide integer.
        package var remainder: Int?
    }

    /// The labels that its strings or integers are among; nil where they stand for themselves.
    private let labels: SymbolTable?
    /// The positions of integer labels.
    private let codes: [Int: Int]
    package let columns: [Column]

    /// Reads the columns that a model makes of one of its tensors.
    /// - Parameter source: Its position, from 0.
    package init(_ source: Int, labels: [String]?, in head: ModelHead<OutputLayout.Element>) {
        self.labels = labels.map { SymbolTable($0) }
        var codes: [Int: Int] = [:]
        for (position, label) in (labels ?? []).enumerated() { Int(label).map { codes[$0] = position } }
        self.codes = codes
        var columns: [Column] = []
        for (column, element) in head.sources.enumerated()
        where element.source == source && !head.columns[column].isRemainder {
            columns.append(Column(column: column, element: element.index, remainder: head.columns[column].remainder))
        }
        self.columns = columns
    }

    /// Reads numbers from a tensor's memory.
    /// - Parameter range: Of `memory.rows`.
    package func read(
        _ data: UnsafeRawPointer, of tensor: TensorOutput, _ memory: RunMemory, _ range: Range<Int>, into scores: ScoreBatch
    ) throws(ScoringError) {
        for column in columns {
            var index = column.element
            for position in range {
                let row = memory.rows[position]
                if labels == nil {
                    scores[row, column.column] = tensor.element.load(index, from: data)
                    if let remainder = column.remainder {
                        scores[row, remainder] = tensor.element.remainder(index, from: data)
                    }
                } else {
                    guard let code = tensor.element.integer(index, from: data).flatMap({ codes[$0] }) else {
                        throw Self.unknownLabel(tensor)
                    }
                    scores[row, column.column] = Double(code)
                }
                index += tensor.width
            }
        }
    }

    /// Reads strings from `memory.textBytes`. `memory.textStarts` has one entry more than there are strings.
    /// - Parameter range: Of `memory.rows`.
    package func readTexts(
        of tensor: TensorOutput, _ memory: RunMemory, _ range: Range<Int>, into scores: ScoreBatch
    ) throws(ScoringError) {
        for column in columns {
            for position in range {
                let index = (position - range.lowerBound) * tensor.width + column.element
                let (start, end) = (memory.textStarts[index], memory.textStarts[index + 1])
                guard let labels else {
                    let text = String(decoding: memory.textBytes[start..<end], as: UTF8.self)
                    scores.setText(text, row: memory.rows[position], column: column.column)
                    continue
                }
                let code = memory.textBytes.withUnsafeBufferPointer { bytes in
                    labels.position(of: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                }
                guard let code else { throw Self.unknownLabel(tensor) }
                scores[memory.rows[position], column.column] = Double(code)
            }
        }
    }

    private static func unknownLabel(_ tensor: TensorOutput) -> ScoringError {
        .engineFailure("'\(tensor.name)' is none of the labels that the graph shows")
    }
}
