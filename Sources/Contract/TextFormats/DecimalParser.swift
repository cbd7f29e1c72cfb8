package import Scoring

internal import Glibc

/// Turns decimal text into the nearest double, or directly into the nearest float: exact, ties to even, the
/// same bits as `strtod` and `strtof`. A float is not the rounded double: rounding twice can differ in the
/// last bit, and models that were trained on floats then take other branches.
///
/// Tries Clinger's exact product, then Eisel-Lemire, then the C library on a copy of bounded length.
package enum DecimalParser {
    /// The whole text as a double: an optional sign, digits with an optional point, an optional exponent.
    /// No white space, no names, no hexadecimal. Too large a number is infinite, as with `strtod`.
    package static func double(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        guard let start = bytes.baseAddress else { return nil }
        let limit = unsafe start + bytes.count
        guard let text = unsafe DecimalText.scan(from: start, to: limit, strictly: false), unsafe text.end == limit else {
            return nil
        }
        return double(text)
    }

    /// The whole text as a float, rounded once.
    package static func float(_ bytes: UnsafeBufferPointer<UInt8>) -> Float? {
        guard let start = bytes.baseAddress else { return nil }
        let limit = unsafe start + bytes.count
        guard let text = unsafe DecimalText.scan(from: start, to: limit, strictly: false), unsafe text.end == limit else {
            return nil
        }
        return float(text)
    }

    package static func double(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { unsafe double($0) }
    }

    package static func float(_ text: String) -> Float? {
        var text = text
        return text.withUTF8 { unsafe float($0) }
    }

    /// The whole text as an integer: an optional sign and digits; nil where it is none or does not fit.
    package static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        let limit = unsafe start + bytes.count
        guard let text = unsafe DecimalText.scan(from: start, to: limit, strictly: false), unsafe text.end == limit else {
            return nil
        }
        return integer(text)
    }

    /// The whole text as a number, with all its digits where it is a whole number; nil where it is none.
    package static func numeral(_ bytes: UnsafeBufferPointer<UInt8>) -> Numeral? {
        guard let start = bytes.baseAddress else { return nil }
        let limit = unsafe start + bytes.count
        guard let text = unsafe DecimalText.scan(from: start, to: limit, strictly: false), unsafe text.end == limit else {
            return nil
        }
        return numeral(text)
    }

    static func numeral(_ text: DecimalText) -> Numeral {
        Numeral(double: double(text), whole: whole(text), hasFraction: hasFraction(text))
    }

    /// Whether any digit behind the point is not zero, after the exponent has moved the point.
    private static func hasFraction(_ text: DecimalText) -> Bool {
        if text.isInteger || text.isExact && (text.exponent >= 0 || text.mantissa == 0) { return false }
        // The power of ten of the digit that comes next, as far as it is known before the point: from its left.
        var (integerDigits, next) = unsafe (0, text.start)
        while unsafe next < text.end, unsafe next.pointee != UInt8(ascii: "."), unsafe next.pointee | 0x20 != UInt8(ascii: "e") {
            if unsafe next.pointee &- UInt8(ascii: "0") < 10 { integerDigits += 1 }
            unsafe next += 1
        }
        var power = integerDigits - 1
        unsafe next = unsafe text.start
        while unsafe next < text.end, unsafe next.pointee | 0x20 != UInt8(ascii: "e") {
            let digit = unsafe next.pointee &- UInt8(ascii: "0")
            unsafe next += 1
            guard digit < 10 else { continue }
            if digit != 0, power < -text.writtenExponent { return true }
            power -= 1
        }
        return false
    }

    /// nil with a point or an exponent, and beyond 64 bits.
    private static func whole(_ text: DecimalText) -> WholeNumber? {
        guard text.isInteger else { return nil }
        var magnitude: UInt64 = 0
        var next = unsafe text.start
        while unsafe next < text.end {
            let digit = unsafe next.pointee &- UInt8(ascii: "0")
            unsafe next += 1
            // The sign.
            guard digit < 10 else { continue }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            magnitude = sum
        }
        return WholeNumber(magnitude: magnitude, isNegative: text.isNegative)
    }

    @inline(__always)
    static func double(_ text: DecimalText) -> Double {
        if text.isExact, text.mantissa <= 1 << 53, -22...22 ~= text.exponent {
            let value = Double(text.mantissa)
            let scaled = text.exponent < 0 ? value / exactPower(-text.exponent) : value * exactPower(text.exponent)
            return text.isNegative ? -scaled : scaled
        }
        return convert(text, DoubleLayout.self)
    }

    @inline(__always)
    static func float(_ text: DecimalText) -> Float {
        if text.isExact, text.mantissa <= 1 << 24, -10...10 ~= text.exponent {
            let value = Float(text.mantissa)
            let power = Float(exactPower(abs(text.exponent)))
            let scaled = text.exponent < 0 ? value / power : value * power
            return text.isNegative ? -scaled : scaled
        }
        return convert(text, FloatLayout.self)
    }

    static func integer(_ text: DecimalText) -> Int? {
        guard text.isInteger, text.isExact, text.exponent == 0 else { return nil }
        if text.isNegative {
            guard text.mantissa <= UInt64(Int.max) + 1 else { return nil }
            return Int(truncatingIfNeeded: 0 &- text.mantissa)
        }
        return Int(exactly: text.mantissa)
    }

    /// 10^n for 0...22, all exact.
    @inline(__always)
    private static func exactPower(_ exponent: Int) -> Double { exactPowers[exponent] }

    private static let exactPowers: InlineArray<23, Double> = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
        1e19, 1e20, 1e21, 1e22,
    ]

    @inline(never)
    private static func convert<Layout: BinaryLayout>(_ text: DecimalText, _: Layout.Type) -> Layout.Value {
        var bits = Layout.bits(text.mantissa, text.exponent)
        if !text.isExact, let below = bits {
            // The digits cut off lie between this mantissa and the next.
            let above = Layout.bits(text.mantissa &+ 1, text.exponent)
            bits = below == above ? below : nil
        }
        guard let bits else { return unsafe slowly(text, unsafe Layout.parse) }
        return Layout.value(bits, isNegative: text.isNegative)
    }

    /// Asks the C library, with a text of the same value that is at most 900 bytes long: no more than 768
    /// significant digits decide on a double, the rest only whether they are all zero.
    private static func slowly<Value>(_ text: DecimalText, _ parse: (UnsafePointer<CChar>) -> Value) -> Value {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 900) { copy in
            var length = 0
            func put(_ byte: UInt8) {
                unsafe copy[length] = CChar(bitPattern: byte)
                length += 1
            }
            if text.isNegative { put(UInt8(ascii: "-")) }
            var next = unsafe text.start
            var (digits, exponent) = (0, 0)
            var (hasPoint, restIsZero) = (false, true)
            while unsafe next < text.end, unsafe next.pointee | 0x20 != UInt8(ascii: "e") {
                let byte = unsafe next.pointee
                unsafe next += 1
                if byte == UInt8(ascii: ".") {
                    hasPoint = true
                    continue
                }
                guard byte &- UInt8(ascii: "0") < 10 else { continue }
                if hasPoint { exponent -= 1 }
                if digits == 0, byte == UInt8(ascii: "0") { continue }
                if digits < 800 {
                    put(byte)
                    digits += 1
                } else {
                    exponent += 1
                    if byte != UInt8(ascii: "0") { restIsZero = false }
                }
            }
            if digits == 0 { put(UInt8(ascii: "0")) }
            if !restIsZero {
                put(UInt8(ascii: "1"))
                exponent -= 1
            }
            let written = text.writtenExponent + exponent
            put(UInt8(ascii: "e"))
            for byte in String(max(-100_000, min(100_000, written))).utf8 { put(byte) }
            put(0)
            return unsafe parse(copy.baseAddress.unsafelyUnwrapped)
        }
    }
}

/// A number as a text says it.
package struct Numeral: Sendable {
    /// The nearest double.
    package let double: Double
    /// The number itself, where the text has neither point nor exponent and it fits into 64 bits and a sign.
    package let whole: WholeNumber?
    /// Whether it has a fraction, also one that the nearest double does not have.
    package let hasFraction: Bool

    package init(double: Double, whole: WholeNumber? = nil, hasFraction: Bool = false) {
        self.double = double
        self.whole = whole
        self.hasFraction = hasFraction
    }
}
