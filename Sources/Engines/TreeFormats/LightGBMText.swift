internal import TextFormats

/// The lines of a LightGBM model file, with their numbers for messages.
struct LightGBMLines {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0
    /// The number of the line that `next` returned last, from 1.
    private(set) var number = 0
    /// Bytes in front of that line, with ends of one byte.
    private(set) var lineOffset = 0
    private var nextLineOffset = 0

    /// - Parameter bytes: must outlive the lines.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The next line without its end; nil at the end of the file.
    mutating func next() -> LightGBMText? {
        guard offset < bytes.count else { return nil }
        number += 1
        var end = offset
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        var line = bytes[offset..<end]
        offset = end + 1
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        lineOffset = nextLineOffset
        nextLineOffset += line.count + 1
        return LightGBMText(UnsafeBufferPointer(rebasing: line))
    }
}

/// A piece of a LightGBM model file: a line, a value, a number.
struct LightGBMText {
    let bytes: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isEmpty: Bool { bytes.isEmpty }
    /// nil where the bytes are not UTF-8.
    var string: String? { String(validating: bytes, as: UTF8.self) }

    func starts(with prefix: String) -> Bool { bytes.starts(with: prefix.utf8) }

    static func == (text: LightGBMText, literal: String) -> Bool { text.bytes.elementsEqual(literal.utf8) }

    func dropFirst(_ count: Int) -> LightGBMText {
        LightGBMText(UnsafeBufferPointer(rebasing: bytes.dropFirst(count)))
    }

    /// Key and value around the first "=", or the whole as a key without a value.
    var keyAndValue: (key: LightGBMText, value: LightGBMText?) {
        guard let position = bytes.firstIndex(of: UInt8(ascii: "=")) else { return (self, nil) }
        return (LightGBMText(UnsafeBufferPointer(rebasing: bytes[..<position])), dropFirst(position + 1))
    }

    /// Visits the words between spaces.
    func forEachWord<Failure: Error>(_ visit: (LightGBMText) throws(Failure) -> Void) throws(Failure) {
        var position = 0
        while position < bytes.count {
            guard bytes[position] != UInt8(ascii: " ") else {
                position += 1
                continue
            }
            var end = position + 1
            while end < bytes.count, bytes[end] != UInt8(ascii: " ") { end += 1 }
            try visit(LightGBMText(UnsafeBufferPointer(rebasing: bytes[position..<end])))
            position = end
        }
    }

    var integer: Int? { DecimalParser.integer(bytes) }

    /// The nearest double; "inf" and "nan", as the C library prints them, too.
    var double: Double? {
        if let value = DecimalParser.double(bytes) { return value }
        if self == "inf" { return .infinity }
        if self == "-inf" { return -.infinity }
        return self == "nan" || self == "-nan" ? .nan : nil
    }
}
