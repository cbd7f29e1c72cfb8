/// The 128 leading bits of every power of five that a double's decimal exponent can need, for the
/// Eisel-Lemire conversion. Computed once, on first use, by exact integer arithmetic in about 0.2 ms; 10 KB.
///
/// For `q >= 0` an entry is `5^q` shifted so that its highest bit is bit 127, cut off below. For `q < 0` it
/// is `2^b / 5^-q` in the same form, cut off below, except that `-27...-1` are rounded up: there the
/// reciprocal is known exactly enough that halfway cases come out right (Lemire, "Number Parsing at a
/// Gigabyte per Second", 2021, section 5).
@safe struct PowersOfFive: Sendable {
    static let smallest = -342
    static let largest = 308
    static let shared = PowersOfFive()

    /// Two words an entry: high, low. Never freed: the table lives as long as the process.
    private nonisolated(unsafe) let words: UnsafePointer<UInt64>

    @inline(__always)
    func high(_ power: Int) -> UInt64 { unsafe words[(power - Self.smallest) * 2] }
    @inline(__always)
    func low(_ power: Int) -> UInt64 { unsafe words[(power - Self.smallest) * 2 + 1] }

    private init() {
        let count = Self.largest - Self.smallest + 1
        let table = UnsafeMutablePointer<UInt64>.allocate(capacity: count * 2)

        var power = WideInteger(words: 12)  // 5^308 has 716 bits
        power.digits[0] = 1
        for exponent in 0...Self.largest {
            let (high, low) = power.leading128
            unsafe table[(exponent - Self.smallest) * 2] = high
            unsafe table[(exponent - Self.smallest) * 2 + 1] = low
            power.multiply(by: 5)
        }
        // Floors compose: floor(floor(2^b / 5^n) / 5) = floor(2^b / 5^(n + 1)). 5^342 has 795 bits, so
        // 1,024 bits leave more than 128 of the quotient.
        var reciprocal = WideInteger(words: 16)
        reciprocal.digits[15] = 1 << 63
        for exponent in 1...(-Self.smallest) {
            reciprocal.divide(by: 5)
            var (high, low) = reciprocal.leading128
            if exponent <= 27 {
                low &+= 1
                if low == 0 { high &+= 1 }
            }
            unsafe table[(-exponent - Self.smallest) * 2] = high
            unsafe table[(-exponent - Self.smallest) * 2 + 1] = low
        }
        unsafe words = unsafe UnsafePointer(table)
    }
}

/// An unsigned integer of fixed width, least significant word first: as much as the table needs.
private struct WideInteger {
    var digits: [UInt64]

    init(words: Int) { digits = [UInt64](repeating: 0, count: words) }

    mutating func multiply(by factor: UInt64) {
        var carry: UInt64 = 0
        for index in digits.indices {
            let (high, low) = digits[index].multipliedFullWidth(by: factor)
            let (sum, overflow) = low.addingReportingOverflow(carry)
            digits[index] = sum
            carry = high &+ (overflow ? 1 : 0)
        }
    }

    mutating func divide(by divisor: UInt64) {
        var remainder: UInt64 = 0
        for index in digits.indices.reversed() {
            (digits[index], remainder) = divisor.dividingFullWidth((remainder, digits[index]))
        }
    }

    /// The highest 128 bits, starting with the highest bit set.
    var leading128: (UInt64, UInt64) {
        let top = digits.lastIndex { $0 != 0 } ?? 0
        let shift = UInt64(digits[top].leadingZeroBitCount)
        let word = { (index: Int) -> UInt64 in index >= 0 ? digits[index] : 0 }
        let (first, second, third) = (word(top), word(top - 1), word(top - 2))
        // Smart shifts: a shift by 64 gives 0.
        return (first << shift | second >> (64 - shift), second << shift | third >> (64 - shift))
    }
}
