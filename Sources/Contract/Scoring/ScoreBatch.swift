/// What a model made of a `FeatureBatch`: a row-major matrix of doubles, one column an output of the
/// model's `Signature`, in the order of the rows that went in. A row can fail without failing the others.
///
/// Made once and reused, like `FeatureBatch`. Owned by one thread at a time.
@safe package final class ScoreBatch {
    // Private for the reason given in `FeatureBatch`.
    private var columns = 0
    private var rows = 0
    private var strings: [String] = []
    private var failedRows: [(row: Int, error: ScoringError)] = []
    private var storage: UnsafeMutablePointer<Double>
    private var capacity: Int

    package init() {
        capacity = 64
        unsafe storage = .allocate(capacity: capacity)
    }

    deinit { unsafe storage.deallocate() }

    package var width: Int { columns }
    package var count: Int { rows }
    package var texts: [String] { strings }
    /// Errors of single rows, in no order; empty as a rule.
    package var failures: [(row: Int, error: ScoringError)] { failedRows }

    /// Rows that failed.
    package var failedCount: Int { failedRows.isEmpty ? 0 : Set(failedRows.lazy.map(\.row)).count }

    /// Makes room for `rows` rows of `width` cells, each NaN (missing).
    package func reset(rows: Int, width: Int) {
        self.rows = rows
        columns = width
        strings.removeAll(keepingCapacity: true)
        failedRows.removeAll(keepingCapacity: true)
        if rows * width > capacity {
            unsafe storage.deallocate()
            capacity = max(rows * width, capacity * 2)
            unsafe storage = .allocate(capacity: capacity)
        }
        unsafe storage.update(repeating: .nan, count: rows * width)
    }

    /// Exchanges all rows, texts and failures with those of another batch. O(1).
    package func swapContents(with other: ScoreBatch) {
        swap(&columns, &other.columns)
        swap(&rows, &other.rows)
        swap(&strings, &other.strings)
        swap(&failedRows, &other.failedRows)
        unsafe swap(&storage, &other.storage)
        swap(&capacity, &other.capacity)
    }

    package subscript(row: Int, column: Int) -> Double {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            return unsafe storage[row &* columns &+ column]
        }
        set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            unsafe storage[row &* columns &+ column] = newValue
        }
    }

    package func setText(_ text: String, row: Int, column: Int) {
        self[row, column] = Double(strings.count)
        strings.append(text)
    }

    /// Keeps a text without a cell of its own and returns what the cell is to hold.
    package func addText(_ text: String) -> Double {
        strings.append(text)
        return Double(strings.count - 1)
    }

    /// The string of a `.text` cell, or nil where it is missing.
    package func text(row: Int, column: Int) -> String? {
        let index = self[row, column]
        return index.isNaN ? nil : strings[Int(index)]
    }

    package func fail(row: Int, _ error: ScoringError) {
        failedRows.append((row, error))
    }

    package func failure(row: Int) -> ScoringError? {
        failedRows.isEmpty ? nil : failedRows.first { $0.row == row }?.error
    }

    /// The matrix, `count * width` doubles. Valid until the batch is next reset.
    package var values: UnsafeMutablePointer<Double> { unsafe storage }
}
