internal import Glibc

/// Numbers, booleans and null.
extension JSONReader {
    /// The nearest double.
    package mutating func number() throws(Failure) -> Double {
        let text = try numberText()
        guard let text else { return try nonFinite() }
        let value = DecimalParser.double(text)
        if value.isInfinite, !allowsNonFinite { throw unsafe failure("the number is too large", at: text.start) }
        return value
    }

    /// As `number`, with all digits of whole numbers.
    package mutating func numeral() throws(Failure) -> Numeral {
        let text = try numberText()
        guard let text else { return Numeral(double: try nonFinite()) }
        let value = DecimalParser.numeral(text)
        if value.double.isInfinite, !allowsNonFinite { throw unsafe failure("the number is too large", at: text.start) }
        return value
    }

    /// The nearest float, rounded once. Numbers beyond the floats are infinite if the reader allows that.
    package mutating func float() throws(Failure) -> Float {
        let text = try numberText()
        guard let text else { return Float(try nonFinite()) }
        let value = DecimalParser.float(text)
        if value.isInfinite, !allowsNonFinite { throw unsafe failure("the number is too large", at: text.start) }
        return value
    }

    /// An integer written without fraction and exponent.
    package mutating func integer() throws(Failure) -> Int {
        let text = try numberText()
        guard let text else { throw failure("expected an integer") }
        guard text.isInteger else { throw unsafe failure("expected a number without a fraction", at: text.start) }
        guard let value = DecimalParser.integer(text) else { throw unsafe failure("the integer is too large", at: text.start) }
        return value
    }

    /// An integer from 0 to 2^64 - 1, written without fraction and exponent.
    package mutating func unsigned() throws(Failure) -> UInt64 {
        let text = try numberText()
        guard let text else { throw failure("expected an integer") }
        guard text.isInteger else { throw unsafe failure("expected a number without a fraction", at: text.start) }
        guard !text.isNegative || text.mantissa == 0 else { throw unsafe failure("expected no negative number", at: text.start) }
        var value: UInt64 = 0
        var digit = unsafe text.isNegative ? text.start + 1 : text.start
        while unsafe digit < text.end {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = unsafe product.addingReportingOverflow(UInt64(digit.pointee &- UInt8(ascii: "0")))
            guard !overflow, !carry else { throw unsafe failure("the integer is too large", at: text.start) }
            value = sum
            unsafe digit += 1
        }
        return value
    }

    package mutating func boolean() throws(Failure) -> Bool {
        switch try firstByte() {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        default: throw mismatch("true or false")
        }
    }

    package mutating func null() throws(Failure) {
        guard try firstByte() == UInt8(ascii: "n") else { throw mismatch("null") }
        try literal("null")
    }

    /// Scans a number; nil, with nothing read, where `NaN`, `Infinity` or `-Infinity` is allowed and stands.
    @inline(__always)
    private mutating func numberText() throws(Failure) -> DecimalText? {
        let byte = try firstByte()
        guard byte == UInt8(ascii: "-") || byte &- UInt8(ascii: "0") < 10 else {
            if allowsNonFinite, byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I") { return nil }
            throw mismatch("a number")
        }
        guard let text = unsafe DecimalText.scan(from: next, to: limit, strictly: true) else {
            if allowsNonFinite, byte == UInt8(ascii: "-"), unsafe limit - next > 1, unsafe next[1] == UInt8(ascii: "I") {
                return nil
            }
            throw failure("malformed number")
        }
        // "01" and "1x": what follows must not look as if it belonged to the number.
        unsafe next = unsafe text.end
        return text
    }

    private mutating func nonFinite() throws(Failure) -> Double {
        switch unsafe next.pointee {
        case UInt8(ascii: "N"):
            try literal("NaN")
            return .nan
        case UInt8(ascii: "-"):
            unsafe next += 1
            try literal("Infinity")
            return -.infinity
        default:
            try literal("Infinity")
            return .infinity
        }
    }

    private mutating func literal(_ text: StaticString) throws(Failure) {
        let count = text.utf8CodeUnitCount
        guard unsafe limit - next >= count, unsafe memcmp(next, text.utf8Start, count) == 0 else {
            throw failure("expected a value")
        }
        unsafe next += count
    }
}
