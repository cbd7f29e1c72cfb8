/// The parts of a decimal number's text: what the scanner of JSON numbers and the one of CSV cells and model
/// files hand to `DecimalParser`.
@safe struct DecimalText {
    /// The significant digits as an integer: all of them if `isExact`, else the first 19.
    var mantissa: UInt64 = 0
    /// The value is `mantissa * 10^exponent`, and a little more if not `isExact`.
    var exponent = 0
    /// The exponent as the text has it, behind the `e`.
    var writtenExponent = 0
    var isNegative = false
    var isExact = true
    /// Whether there is neither a fraction nor an exponent.
    var isInteger = true
    var start: UnsafePointer<UInt8>
    /// Behind the number's last byte.
    var end: UnsafePointer<UInt8>

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "0") }

    /// Scans the number that starts at `start`; nil if there is none. Strictly, the grammar is RFC 8259's;
    /// otherwise a leading `+`, leading zeros, and a point without digits on one side pass too.
    @inline(__always)
    static func scan(
        from start: UnsafePointer<UInt8>, to limit: UnsafePointer<UInt8>, strictly: Bool
    ) -> DecimalText? {
        var next = unsafe start
        var text = unsafe DecimalText(start: start, end: start)
        guard unsafe next < limit else { return nil }
        if unsafe next.pointee == UInt8(ascii: "-") {
            text.isNegative = true
            unsafe next += 1
        } else if !strictly, unsafe next.pointee == UInt8(ascii: "+") {
            unsafe next += 1
        }
        let firstDigit = unsafe next
        var mantissa: UInt64 = 0
        while unsafe next < limit, unsafe digit(next.pointee) < 10 {
            mantissa = unsafe mantissa &* 10 &+ UInt64(digit(next.pointee))
            unsafe next += 1
        }
        var digits = unsafe next - firstDigit
        if strictly {
            guard digits > 0 else { return nil }
            guard unsafe digits == 1 || firstDigit.pointee != UInt8(ascii: "0") else { return nil }
        }
        var exponent = 0
        if unsafe next < limit, unsafe next.pointee == UInt8(ascii: ".") {
            text.isInteger = false
            unsafe next += 1
            let firstDecimal = unsafe next
            while unsafe next < limit, unsafe digit(next.pointee) < 10 {
                mantissa = unsafe mantissa &* 10 &+ UInt64(digit(next.pointee))
                unsafe next += 1
            }
            let decimals = unsafe next - firstDecimal
            if strictly, decimals == 0 { return nil }
            exponent = -decimals
            digits += decimals
        }
        guard digits > 0 else { return nil }
        let digitsEnd = unsafe next
        if unsafe next < limit, unsafe next.pointee | 0x20 == UInt8(ascii: "e") {
            guard let (value, end) = unsafe scanExponent(after: next, to: limit) else { return nil }
            text.isInteger = false
            text.writtenExponent = value
            exponent += value
            unsafe next = unsafe end
        }
        unsafe text.end = unsafe next
        text.exponent = exponent
        text.mantissa = mantissa
        if digits > 19 { unsafe text.cutToNineteenDigits(from: firstDigit, to: digitsEnd) }
        return text
    }

    /// The exponent whose `e` is at `letter`; its value saturates at a million.
    private static func scanExponent(
        after letter: UnsafePointer<UInt8>, to limit: UnsafePointer<UInt8>
    ) -> (Int, UnsafePointer<UInt8>)? {
        var next = unsafe letter + 1
        var isNegative = false
        if unsafe next < limit, unsafe next.pointee == UInt8(ascii: "-") || next.pointee == UInt8(ascii: "+") {
            isNegative = unsafe next.pointee == UInt8(ascii: "-")
            unsafe next += 1
        }
        let first = unsafe next
        var value = 0
        while unsafe next < limit, unsafe digit(next.pointee) < 10 {
            // Past any exponent that a text of at most 2^40 digits could bring back into range.
            if value < 1 << 50 { value = unsafe value * 10 + Int(digit(next.pointee)) }
            unsafe next += 1
        }
        return unsafe next == first ? nil : (isNegative ? -value : value, next)
    }

    /// Redoes the mantissa of a number of more than 19 digits, which may have overflowed.
    private mutating func cutToNineteenDigits(from first: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>) {
        var next = unsafe first
        var count = 0
        var dropped = 0
        mantissa = 0
        isExact = true
        while unsafe next < end {
            let value = unsafe Self.digit(next.pointee)
            unsafe next += 1
            guard value < 10 else { continue }  // the point
            if count == 19 {
                dropped += 1
                if value != 0 { isExact = false }
            } else if count > 0 || value != 0 {
                mantissa = mantissa &* 10 &+ UInt64(value)
                count += 1
            }
        }
        exponent += dropped
    }
}
