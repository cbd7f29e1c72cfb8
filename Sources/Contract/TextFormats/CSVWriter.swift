/// Writes rows of CSV (RFC 4180) with LF line ends: cell after cell, then `endRow`. A row of one empty cell is written as
/// quotes: readers pass over empty lines.
package struct CSVWriter: ~Copyable {
    package var sink = ByteSink(capacity: 4096)
    private var isAtStart = true
    private var rowStart = 0

    package init() {}

    /// A cell of text, in quotes where it needs them.
    package mutating func cell(_ text: String) {
        separate()
        let needsQuotes = text.utf8.contains {
            $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
        }
        guard needsQuotes else { return sink.append(text: text) }
        sink.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { sink.append(byte) }
            sink.append(byte)
        }
        sink.append(UInt8(ascii: "\""))
    }

    /// A cell that reads back as the same double; empty for NaN.
    package mutating func cell(_ value: Double) {
        separate()
        if !value.isNaN { sink.append(double: value) }
    }

    package mutating func cell(_ value: Int) {
        separate()
        sink.append(integer: value)
    }

    package mutating func emptyCell() { separate() }

    package mutating func endRow() {
        if sink.count == rowStart, !isAtStart { sink.append("\"\"") }
        sink.append(UInt8(ascii: "\n"))
        rowStart = sink.count
        isAtStart = true
    }

    private mutating func separate() {
        if !isAtStart { sink.append(UInt8(ascii: ",")) }
        isAtStart = false
    }
}
