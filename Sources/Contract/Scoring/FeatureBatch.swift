/// Rows of features on their way into a model: a row-major matrix of doubles, one column an input of the
/// model's `Signature`, NaN for missing. Categories are carried as their level's position; strings of
/// `.text` inputs lie beside the matrix and their cell holds an index; so do integers beyond 2^53 of inputs that take them.
///
/// Made once and reused: after the first requests filling it allocates nothing. Owned by one thread at a
/// time.
@safe package final class FeatureBatch {
    /// The cell of a category outside the field's levels where the field passes such values.
    package static let unknownLevel = -1.0

    // Stored properties are private and their accessors computed: the compiler can then prove that accesses do
    // not overlap, and leaves out the run-time check it would make on every one.
    private var columns = 0
    private var rows = 0
    private var strings: [String] = []
    private var integers: [UInt64] = []
    private var storage: UnsafeMutablePointer<Double>
    private var capacity: Int

    package init() {
        capacity = 256
        unsafe storage = .allocate(capacity: capacity)
    }

    deinit { unsafe storage.deallocate() }

    package var width: Int { columns }
    package var count: Int { rows }
    package var texts: [String] { strings }
    /// The bits of integers beyond 2^53.
    package var wideIntegers: [UInt64] { integers }

    /// Forgets all rows and makes the next ones `width` cells wide.
    package func reset(width: Int) {
        columns = width
        rows = 0
        strings.removeAll(keepingCapacity: true)
        integers.removeAll(keepingCapacity: true)
    }

    /// Adds a row in which every feature is missing and returns its index.
    @discardableResult
    package func addRow() -> Int {
        let start = rows * columns
        if start + columns > capacity { grow(to: start + columns) }
        unsafe (storage + start).update(repeating: .nan, count: columns)
        rows += 1
        return rows - 1
    }

    /// Exchanges all rows and texts with those of another batch. O(1).
    package func swapContents(with other: FeatureBatch) {
        swap(&columns, &other.columns)
        swap(&rows, &other.rows)
        swap(&strings, &other.strings)
        swap(&integers, &other.integers)
        unsafe swap(&storage, &other.storage)
        swap(&capacity, &other.capacity)
    }

    /// Becomes a copy of another batch, which is only read.
    package func copyRows(of other: FeatureBatch) {
        reset(width: other.columns)
        if other.rows * other.columns > capacity { grow(to: other.rows * other.columns) }
        unsafe storage.update(from: other.storage, count: other.rows * other.columns)
        rows = other.rows
        strings = other.strings
        integers = other.integers
    }

    /// Takes the newest row back: for a row that turned out to be wrong.
    package func removeLastRow() {
        precondition(rows > 0)
        rows -= 1
    }

    @inline(__always)
    package func set(_ value: Double, row: Int, column: Int) {
        precondition(row >= 0 && row < rows && column >= 0 && column < columns)
        unsafe storage[row &* columns &+ column] = value
    }

    /// The cells of a row, `width` of them, to fill in place. Valid until the batch is next changed.
    package func cells(row: Int) -> UnsafeMutablePointer<Double> {
        precondition(row >= 0 && row < count)
        return unsafe storage + row * width
    }

    package func setText(_ text: String, row: Int, column: Int) {
        set(Double(strings.count), row: row, column: column)
        strings.append(text)
    }

    /// The cells of integers that lie beside the matrix are numbers from here on, 256 apart, which are all different
    /// doubles. No cell of a field of wide integers holds such a number itself.
    private static let firstWideCell = 0x1p60

    /// Sets an integer beyond 2^53 of a field of wide integers.
    /// - Parameter bits: In two's complement.
    package func setInteger(_ bits: UInt64, row: Int, column: Int) {
        set(Self.firstWideCell + Double(integers.count) * 256, row: row, column: column)
        integers.append(bits)
    }

    /// The bits of a cell's integer among those that lie beside the matrix; nil if the cell is the number itself. Only for
    /// fields of wide integers.
    @inline(__always)
    package static func wideInteger(of cell: Double, among integers: [UInt64]) -> UInt64? {
        guard cell >= firstWideCell else { return nil }
        let position = (cell - firstWideCell) / 256
        return position < Double(integers.count) ? integers[Int(position)] : nil
    }

    /// The bits of an integer beyond 2^53; nil if the cell is the number itself. Only for fields of wide integers.
    package func wideInteger(row: Int, column: Int) -> UInt64? {
        Self.wideInteger(of: self[row, column], among: integers)
    }

    package subscript(row: Int, column: Int) -> Double {
        precondition(row >= 0 && row < rows && column >= 0 && column < columns)
        return unsafe storage[row &* columns &+ column]
    }

    /// The string of a `.text` cell, or nil where it is missing.
    package func text(row: Int, column: Int) -> String? {
        let index = self[row, column]
        return index.isNaN ? nil : strings[Int(index)]
    }

    /// The matrix, `count * width` doubles. Valid until the batch is next changed.
    package var values: UnsafePointer<Double> { unsafe UnsafePointer(storage) }

    private func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutablePointer<Double>.allocate(capacity: larger)
        unsafe moved.update(from: storage, count: rows * columns)
        unsafe storage.deallocate()
        unsafe storage = unsafe moved
        capacity = larger
    }
}
