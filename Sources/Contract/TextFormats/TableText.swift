/// What is decided about a table before its first row is read: whether it is text at all, and what separates its cells.
package enum TableText {
    private static let separators = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

    /// The comma, semicolon or tab that the first line has most of outside quotes; the comma where none leads.
    package static func separator(of document: UnsafeBufferPointer<UInt8>) -> UInt8 {
        var counts = separators.map { _ in 0 }
        var isQuoted = false
        var hasBegun = false
        for index in document.indices {
            let byte = unsafe document[index]
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if hasBegun { break }
                continue
            }
            hasBegun = true
            if let position = separators.firstIndex(of: byte) { counts[position] += 1 }
        }
        var best = 0
        for position in 1..<counts.count where counts[position] > counts[best] { best = position }
        return separators[best]
    }

    /// What a file of another kind is and what to do with it; nil where it may be text.
    package static func refusal(of document: UnsafeBufferPointer<UInt8>) -> String? {
        func begins(with start: [UInt8]) -> Bool { unsafe document.prefix(start.count).elementsEqual(start) }
        if begins(with: Array("PAR1".utf8)) {
            return "this is a Parquet file; write it as CSV: pandas.read_parquet(file).to_csv(\"rows.csv\", index=False)"
        }
        if begins(with: [0x1f, 0x8b]) {
            return "this file is compressed with gzip; unpack it: gunzip -c FILE | verdict score MODEL --input -"
        }
        if begins(with: Array("PK\u{3}\u{4}".utf8)) {
            return "this is an Excel workbook or another zip file; save the sheet as CSV UTF-8, or unpack it"
        }
        if begins(with: [0xd0, 0xcf, 0x11, 0xe0]) { return "this is an old Excel workbook; save the sheet as CSV UTF-8" }
        if begins(with: [0xff, 0xfe]) || begins(with: [0xfe, 0xff]) {
            return "this file is UTF-16 text; save it as CSV UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE"
        }
        return nil
    }
}

/// The words that say that a cell has no value. They hold where text is not what is asked for.
package struct MissingWords: Sendable {
    /// Those that pandas reads as missing.
    package static let standard = MissingWords()

    private let added: [[UInt8]]

    /// - Parameter added: Further words beside the usual ones.
    package init(adding added: [String] = []) {
        self.added = added.map { Array($0.utf8) }
    }

    package func contains(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe Self.isUsual(JSONString(cell)) || added.contains { unsafe $0.elementsEqual(cell) }
    }

    private static func isUsual(_ text: JSONString) -> Bool {
        switch text.count {
        case 0: true
        case 2: text == "NA"
        case 3: text == "NaN" || text == "nan" || text == "N/A" || text == "n/a" || text == "#NA"
        case 4:
            text == "null" || text == "NULL" || text == "None" || text == "<NA>" || text == "#N/A" || text == "-nan"
                || text == "-NaN"
        case 6: text == "1.#IND"
        case 7: text == "-1.#IND" || text == "1.#QNAN"
        case 8: text == "-1.#QNAN" || text == "#N/A N/A"
        default: false
        }
    }
}
