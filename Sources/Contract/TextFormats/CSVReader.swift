/// Reads the rows of a CSV document (RFC 4180) from bytes, one at a time: quoted cells with commas, line
/// breaks and doubled quotes; CRLF or LF; an optional byte order mark. Valid UTF-8 only. Empty lines are passed
/// over, unless the first row has a single cell: then an empty line is an empty cell. Cells end at commas, or at the
/// semicolons or tabs that the first line shows.
///
/// ```swift
/// var reader = CSVReader(bytes)
/// while try reader.nextRow() {
///     for column in 0..<reader.count { use(reader[column]) }
/// }
/// ```
@safe package struct CSVReader {
    /// What is wrong, and in which line; the first line is 1.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let line: Int
        package let reason: String

        package init(line: Int, reason: String) {
            self.line = line
            self.reason = reason
        }

        package var description: String { "line \(line): \(reason)" }
    }

    /// What a document may ask for.
    package struct Limits: Sendable {
        /// Cells in a row. Default 20,000.
        package var columns = 20_000
        /// Bytes in a cell. Default 1 MiB.
        package var cellBytes = 1 << 20

        package init() {}
    }

    private struct Cell {
        var start: Int
        var count: Int
        /// Whether `start` counts from the beginning of `decoded` instead of the document.
        var isDecoded: Bool
    }

    private let document: UnsafeBufferPointer<UInt8>
    private let limits: Limits
    private let separator: UInt8
    private var next = 0
    private var cells: [Cell] = []
    /// Cells of the current row that had doubled quotes.
    private var decoded: [UInt8] = []
    private var currentLine = 1
    private var isSingleColumn: Bool?
    /// What is wrong with a cell of the current row, whose end is known all the same.
    private var wrongCell: Failure?

    /// The line in which the current row starts.
    package private(set) var line = 1

    /// After a failure of `nextRow`: whether only that row is lost, so that the next one can be read.
    package private(set) var canGoOn = false

    /// - Parameters:
    ///   - bytes: The document. Must outlive the reader.
    ///   - separator: What ends a cell; nil for what the first line shows.
    package init(_ bytes: UnsafeBufferPointer<UInt8>, separator: UInt8? = nil, limits: Limits = Limits()) {
        unsafe document = unsafe bytes
        self.separator = unsafe separator ?? TableText.separator(of: bytes)
        self.limits = limits
        if bytes.count >= 3, unsafe bytes[0] == 0xef, unsafe bytes[1] == 0xbb, unsafe bytes[2] == 0xbf { next = 3 }
    }

    /// The number of cells in the current row.
    package var count: Int { cells.count }

    /// Goes to the next row; false at the document's end.
    package mutating func nextRow() throws(Failure) -> Bool {
        cells.removeAll(keepingCapacity: true)
        decoded.removeAll(keepingCapacity: true)
        wrongCell = nil
        canGoOn = false
        if isSingleColumn != true { skipEmptyLines() }
        guard unsafe next < document.count else { return false }
        line = currentLine
        while true {
            guard cells.count < limits.columns else { throw Failure(line: line, reason: "more than \(limits.columns) cells") }
            if unsafe next < document.count, unsafe document[next] == UInt8(ascii: "\"") {
                try readQuotedCell()
            } else {
                try readPlainCell()
            }
            guard unsafe next < document.count else { break }
            if unsafe document[next] == separator {
                next += 1
                continue
            }
            try endLine()
            break
        }
        if isSingleColumn == nil { isSingleColumn = cells.count == 1 }
        if let wrongCell {
            canGoOn = true
            throw wrongCell
        }
        return true
    }

    /// The bytes of a cell of the current row, unquoted, for the time of `body`.
    package func withCell<Result, Problem: Error>(
        _ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let cell = cells[column]
        guard cell.isDecoded else {
            return unsafe try body(UnsafeBufferPointer(rebasing: document[cell.start..<cell.start + cell.count]))
        }
        return unsafe try decoded.withUnsafeBufferPointer { all throws(Problem) in
            unsafe try body(UnsafeBufferPointer(rebasing: all[cell.start..<cell.start + cell.count]))
        }
    }

    /// A cell of the current row as a string of its own.
    package subscript(column: Int) -> String { unsafe withCell(column) { unsafe String(decoding: $0, as: UTF8.self) } }

    private mutating func skipEmptyLines() {
        while unsafe next < document.count {
            if unsafe document[next] == UInt8(ascii: "\n") {
                next += 1
            } else if unsafe next + 1 < document.count, unsafe document[next] == UInt8(ascii: "\r"),
                unsafe document[next + 1] == UInt8(ascii: "\n")
            {
                next += 2
            } else {
                return
            }
            currentLine += 1
        }
    }

    private mutating func endLine() throws(Failure) {
        if unsafe document[next] == UInt8(ascii: "\r") {
            guard unsafe next + 1 < document.count, unsafe document[next + 1] == UInt8(ascii: "\n") else {
                throw Failure(line: currentLine, reason: "carriage return without a line feed behind it")
            }
            next += 1
        }
        next += 1
        currentLine += 1
    }

    private mutating func readPlainCell() throws(Failure) {
        let start = next
        while unsafe next < document.count {
            let byte = unsafe document[next]
            if byte == separator || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
            guard byte != UInt8(ascii: "\"") else {
                throw Failure(line: currentLine, reason: "quote inside a cell that does not start with one (column \(count + 1))")
            }
            next += 1
        }
        add(Cell(start: start, count: next - start, isDecoded: false))
    }

    private mutating func readQuotedCell() throws(Failure) {
        let opening = currentLine
        next += 1
        let start = next
        let decodedStart = decoded.count
        var copied = start
        var hasQuotes = false
        while true {
            guard unsafe next < document.count else {
                throw Failure(line: opening, reason: "quote is not closed (column \(count + 1))")
            }
            let byte = unsafe document[next]
            next += 1
            if byte == UInt8(ascii: "\n") { currentLine += 1 }
            guard byte == UInt8(ascii: "\"") else { continue }
            guard unsafe next < document.count, unsafe document[next] == UInt8(ascii: "\"") else { break }
            unsafe decoded.append(contentsOf: document[copied..<next])
            hasQuotes = true
            next += 1
            copied = next
        }
        let end = next - 1
        if hasQuotes {
            unsafe decoded.append(contentsOf: document[copied..<end])
            add(Cell(start: decodedStart, count: decoded.count - decodedStart, isDecoded: true))
        } else {
            add(Cell(start: start, count: end - start, isDecoded: false))
        }
        guard
            unsafe next == document.count || document[next] == separator || document[next] == UInt8(ascii: "\n")
                || document[next] == UInt8(ascii: "\r")
        else { throw Failure(line: currentLine, reason: "text behind a closing quote (column \(count))") }
    }

    private mutating func add(_ cell: Cell) {
        cells.append(cell)
        guard wrongCell == nil else { return }
        if cell.count > limits.cellBytes {
            wrongCell = Failure(line: currentLine, reason: "cell of more than \(limits.cellBytes) bytes (column \(count))")
        } else if unsafe !withCell(count - 1, { unsafe UTF8Text.isValid($0) }) {
            wrongCell = Failure(line: currentLine, reason: "invalid UTF-8 (column \(count))")
        }
    }
}
