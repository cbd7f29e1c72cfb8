/// What a model made of a `FeatureBatch`: a row-major matrix of doubles, one column an output of the
/// model's `Signature`, in the order of the rows that went in. A row can fail without failing the others.
///
/// Made once and reused, like `FeatureBatch`. Owned by one thread at a time.
package final class ScoreBatch {
    package private(set) var width = 0
    package private(set) var count = 0
    package private(set) var texts: [String] = []
    /// Errors of single rows, in no order; empty as a rule.
    package private(set) var failures: [(row: Int, error: ScoringError)] = []
    private var storage: UnsafeMutablePointer<Double>
    private var capacity: Int

    package init() {
        capacity = 64
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    /// Makes room for `rows` rows of `width` cells, each NaN (missing).
    package func reset(rows: Int, width: Int) {
        self.width = width
        count = rows
        texts.removeAll(keepingCapacity: true)
        failures.removeAll(keepingCapacity: true)
        if rows * width > capacity {
            storage.deallocate()
            capacity = max(rows * width, capacity * 2)
            storage = .allocate(capacity: capacity)
        }
        storage.update(repeating: .nan, count: rows * width)
    }

    package subscript(row: Int, column: Int) -> Double {
        get {
            precondition(row < count && column < width)
            return storage[row * width + column]
        }
        set {
            precondition(row < count && column < width)
            storage[row * width + column] = newValue
        }
    }

    package func setText(_ text: String, row: Int, column: Int) {
        self[row, column] = Double(texts.count)
        texts.append(text)
    }

    /// The string of a `.text` cell, or nil where it is missing.
    package func text(row: Int, column: Int) -> String? {
        let index = self[row, column]
        return index.isNaN ? nil : texts[Int(index)]
    }

    package func fail(row: Int, _ error: ScoringError) {
        failures.append((row, error))
    }

    package func failure(row: Int) -> ScoringError? {
        failures.isEmpty ? nil : failures.first { $0.row == row }?.error
    }

    /// The matrix, `count * width` doubles. Valid until the batch is next reset.
    package var values: UnsafeMutablePointer<Double> { storage }
}
