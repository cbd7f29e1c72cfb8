package import Scoring

/// A row that a model has answered, kept in memory of its own: what an engine that works does not refuse.
package struct AnsweredRow: Sendable {
    private var cells: [Double] = []
    /// Of the cells of texts, in their order.
    private var texts: [String] = []
    /// Of the cells of integers beyond 2^53, in their order.
    private var wideIntegers: [UInt64] = []

    package init(_ rows: FeatureBatch, row: Int, of inputs: [Field]) {
        for (column, input) in inputs.enumerated() {
            cells.append(rows[row, column])
            if input.kind == .text, let text = rows.text(row: row, column: column) {
                texts.append(text)
            } else if input.integers.areWide, let bits = rows.wideInteger(row: row, column: column) {
                cells[column] = .infinity
                wideIntegers.append(bits)
            }
        }
    }

    /// Bytes of its texts together.
    package var textBytes: Int { texts.reduce(0) { $0 + $1.utf8.count } }

    /// Adds the row to a batch of the same inputs.
    package func add(to rows: FeatureBatch, of inputs: [Field]) {
        let row = rows.addRow()
        var (nextText, nextInteger) = (0, 0)
        for (column, input) in inputs.enumerated() {
            if input.kind == .text {
                guard !cells[column].isNaN else { continue }
                rows.setText(texts[nextText], row: row, column: column)
                nextText += 1
            } else if input.integers.areWide, cells[column] == .infinity {
                rows.setInteger(wideIntegers[nextInteger], row: row, column: column)
                nextInteger += 1
            } else {
                rows.set(cells[column], row: row, column: column)
            }
        }
    }
}
