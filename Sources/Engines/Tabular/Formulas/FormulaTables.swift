internal import Glibc

/// The tables of a formula, packed for execution: all numbers in one array.
struct FormulaTables: Sendable {
    fileprivate enum Kind: UInt8 { case codes, keys, bins, polyline, terms }

    fileprivate struct Entry {
        var kind: Kind
        var ends = Formula.PolylineEnds.extended
        /// Where the numbers begin.
        var start: Int
        /// How many keys, codes, edges, points or terms there are.
        var count: Int
        var first = 0.0
        var other = Double.nan
        var missing = Double.nan
        /// Where the terms' operands begin.
        var operands = 0
    }

    private var entries: [Entry] = []
    private var numbers: [Double] = []
    private var operands: [Formula.Operand] = []

    init(_ tables: [Formula.Table]) {
        for table in tables { add(table) }
    }

    var memoryBytes: Int { numbers.count * 8 + operands.count * 4 + entries.count * MemoryLayout<Entry>.stride }

    private mutating func add(_ table: Formula.Table) {
        let start = numbers.count
        switch table {
        case .codes(let first, let values, let other, let missing):
            numbers += values
            entries.append(
                Entry(kind: .codes, start: start, count: values.count, first: Double(first), other: other, missing: missing))
        case .keys(let keys, let values, let other, let missing):
            precondition(keys.count == values.count)
            numbers += keys + values
            entries.append(Entry(kind: .keys, start: start, count: keys.count, other: other, missing: missing))
        case .bins(let edges, let values, let missing):
            precondition(values.count == 2 * edges.count + 1)
            numbers += edges + values
            entries.append(Entry(kind: .bins, start: start, count: edges.count, missing: missing))
        case .polyline(let x, let y, let ends, let missing):
            precondition(x.count == y.count && x.count >= 2)
            numbers += x + y
            entries.append(Entry(kind: .polyline, ends: ends, start: start, count: x.count, missing: missing))
        case .terms(let terms):
            var entry = Entry(kind: .terms, start: start, count: terms.count)
            entry.operands = operands.count
            operands += terms.map(\.operand)
            numbers += terms.map(\.coefficient) + terms.map(\.exponent)
            entries.append(entry)
        }
    }

    /// Lends the tables for the length of a run.
    @inline(__always)
    func withCursor(_ body: (borrowing Cursor) -> Void) {
        entries.withUnsafeBufferPointer { entries in
            numbers.withUnsafeBufferPointer { numbers in
                operands.withUnsafeBufferPointer { operands in
                    body(Cursor(entries: entries, numbers: numbers, operands: operands))
                }
            }
        }
    }

    struct Cursor: ~Copyable {
        private let entries: UnsafeBufferPointer<Entry>
        private let numbers: UnsafeBufferPointer<Double>
        private let operands: UnsafeBufferPointer<Formula.Operand>

        fileprivate init(
            entries: UnsafeBufferPointer<Entry>, numbers: UnsafeBufferPointer<Double>,
            operands: UnsafeBufferPointer<Formula.Operand>
        ) {
            (self.entries, self.numbers, self.operands) = (entries, numbers, operands)
        }

        /// What a table says of a value.
        func value(_ table: Int, _ x: Double) -> Double {
            let entry = entries[table]
            if x.isNaN { return entry.missing }
            switch entry.kind {
            case .codes:
                let index = x - entry.first
                // A code is whole. The value is asked, not the difference, which can be whole where the value is tiny.
                guard index >= 0, index < Double(entry.count), x == x.rounded(.down) else { return entry.other }
                return numbers[entry.start + Int(index)]
            case .keys:
                let index = lowerBound(entry, x)
                return index < entry.count && numbers[entry.start + index] == x
                    ? numbers[entry.start + entry.count + index] : entry.other
            case .bins:
                let index = lowerBound(entry, x)
                let isEdge = index < entry.count && numbers[entry.start + index] == x
                return numbers[entry.start + entry.count + 2 * index + (isEdge ? 1 : 0)]
            case .polyline: return polyline(entry, x)
            case .terms: preconditionFailure("terms are no function of one value")
            }
        }

        /// The intercept plus the terms of a row.
        @inline(__always)
        func sum(_ table: Int, from intercept: Double, _ value: (Formula.Operand) -> Double) -> Double {
            let entry = entries[table]
            var sum = intercept
            for index in 0..<entry.count {
                var x = value(operands[entry.operands + index])
                let exponent = numbers[entry.start + entry.count + index]
                if exponent != 1 { x = x.isNaN ? x : (exponent == 2 ? x * x : pow(x, exponent)) }
                sum += numbers[entry.start + index] * x
            }
            return sum
        }

        /// The first key that is not less than x.
        @inline(__always)
        private func lowerBound(_ entry: Entry, _ x: Double) -> Int {
            var (low, high) = (0, entry.count)
            while low < high {
                let middle = (low + high) / 2
                if numbers[entry.start + middle] < x { low = middle + 1 } else { high = middle }
            }
            return low
        }

        private func polyline(_ entry: Entry, _ x: Double) -> Double {
            let last = entry.count - 1
            let (xs, ys) = (entry.start, entry.start + entry.count)
            if x < numbers[xs] || x > numbers[xs + last] {
                switch entry.ends {
                case .missing: return .nan
                case .held: return numbers[ys + (x < numbers[xs] ? 0 : last)]
                case .extended: break
                }
            }
            let piece = min(max(lowerBound(entry, x) - 1, 0), last - 1)
            let (x0, x1, y0, y1) = (numbers[xs + piece], numbers[xs + piece + 1], numbers[ys + piece], numbers[ys + piece + 1])
            return y0 + (x - x0) / (x1 - x0) * (y1 - y0)
        }
    }
}
