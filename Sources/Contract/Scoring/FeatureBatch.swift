/// Rows of features on their way into a model: a row-major matrix of doubles, one column an input of the
/// model's `Signature`, NaN for missing. Categories are carried as their level's position; strings of
/// `.text` inputs lie beside the matrix and their cell holds an index.
///
/// Made once and reused: after the first requests filling it allocates nothing. Owned by one thread at a
/// time.
package final class FeatureBatch {
    /// The cell of a category outside the field's levels where the field passes such values.
    package static let unknownLevel = -1.0

    package private(set) var width = 0
    package private(set) var count = 0
    package private(set) var texts: [String] = []
    private var storage: UnsafeMutablePointer<Double>
    private var capacity: Int

    package init() {
        capacity = 256
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    /// Forgets all rows and makes the next ones `width` cells wide.
    package func reset(width: Int) {
        self.width = width
        count = 0
        texts.removeAll(keepingCapacity: true)
    }

    /// Adds a row in which every feature is missing and returns its index.
    @discardableResult
    package func addRow() -> Int {
        let start = count * width
        if start + width > capacity { grow(to: start + width) }
        (storage + start).update(repeating: .nan, count: width)
        count += 1
        return count - 1
    }

    /// Takes the newest row back: for a row that turned out to be wrong.
    package func removeLastRow() {
        precondition(count > 0)
        count -= 1
    }

    @inline(__always)
    package func set(_ value: Double, row: Int, column: Int) {
        precondition(row < count && column < width)
        storage[row * width + column] = value
    }

    /// The cells of a row, `width` of them, to fill in place. Valid until the batch is next changed.
    package func cells(row: Int) -> UnsafeMutablePointer<Double> {
        precondition(row >= 0 && row < count)
        return storage + row * width
    }

    package func setText(_ text: String, row: Int, column: Int) {
        set(Double(texts.count), row: row, column: column)
        texts.append(text)
    }

    package subscript(row: Int, column: Int) -> Double {
        precondition(row < count && column < width)
        return storage[row * width + column]
    }

    /// The string of a `.text` cell, or nil where it is missing.
    package func text(row: Int, column: Int) -> String? {
        let index = self[row, column]
        return index.isNaN ? nil : texts[Int(index)]
    }

    /// The matrix, `count * width` doubles. Valid until the batch is next changed.
    package var values: UnsafePointer<Double> { UnsafePointer(storage) }

    private func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutablePointer<Double>.allocate(capacity: larger)
        moved.update(from: storage, count: count * width)
        storage.deallocate()
        storage = moved
        capacity = larger
    }
}
