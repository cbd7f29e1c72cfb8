/// JSON values. Commas, colons and brackets are the caller's, as literal text.
extension ByteSink {
    /// The shortest text that reads back as the same double; `null` for NaN and infinity.
    package mutating func append(json value: Double) {
        if value.isFinite { append(double: value) } else { append("null") }
    }

    package mutating func append(json value: Bool) {
        if value { append("true") } else { append("false") }
    }

    /// A string in quotes, escaped as far as JSON needs it.
    package mutating func append(json text: String) {
        var text = text
        text.withUTF8 { unsafe append(json: $0) }
    }

    /// The string with these bytes, valid UTF-8, in quotes, escaped as far as JSON needs it.
    package mutating func append(json utf8: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "\""))
        guard let start = utf8.baseAddress else { return append(UInt8(ascii: "\"")) }
        let limit = unsafe start + utf8.count
        var next = unsafe start
        var copied = unsafe start
        while unsafe next < limit {
            if unsafe limit - next >= 8 {
                // Bytes beyond ASCII stop the scan without need; they are passed one by one.
                let stops = unsafe EightBytes.stringStops(EightBytes.load(next))
                if stops == 0 {
                    unsafe next += 8
                    continue
                }
                unsafe next += EightBytes.firstByte(stops)
            }
            let byte = unsafe next.pointee
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                unsafe next += 1
                continue
            }
            unsafe append(UnsafeBufferPointer(start: copied, count: next - copied))
            append(escape: byte)
            unsafe next += 1
            unsafe copied = unsafe next
        }
        unsafe append(UnsafeBufferPointer(start: copied, count: limit - copied))
        append(UInt8(ascii: "\""))
    }

    private static var hexadecimalDigits: StaticString { "0123456789abcdef" }

    private mutating func append(escape byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0a: append(UInt8(ascii: "n"))
        case 0x0c: append(UInt8(ascii: "f"))
        case 0x0d: append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        default:
            append("u00")
            append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            unsafe append(Self.hexadecimalDigits.utf8Start[Int(byte & 15)])
        }
    }
}
