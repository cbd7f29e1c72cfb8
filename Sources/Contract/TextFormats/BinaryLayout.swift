internal import Glibc

/// What the Eisel-Lemire conversion has to know of a binary floating-point type.
protocol BinaryLayout {
    associatedtype Value: BinaryFloatingPoint
    /// Bits of the significand without the implicit one.
    static var mantissaBits: Int { get }
    /// The exponent that is stored as 0.
    static var minimumExponent: Int { get }
    /// The stored exponent of infinity.
    static var infiniteExponent: Int { get }
    /// Below and above these powers of ten everything is zero and infinite.
    static var smallestPower: Int { get }
    static var largestPower: Int { get }
    /// The powers of ten at which a number of 64 bits can lie exactly halfway between two values.
    static var halfwayPowers: ClosedRange<Int> { get }
    static func value(_ bits: UInt64, isNegative: Bool) -> Value
    static func parse(_ text: UnsafePointer<CChar>) -> Value
}

enum DoubleLayout: BinaryLayout {
    static var mantissaBits: Int { 52 }
    static var minimumExponent: Int { -1023 }
    static var infiniteExponent: Int { 0x7ff }
    static var smallestPower: Int { -342 }
    static var largestPower: Int { 308 }
    static var halfwayPowers: ClosedRange<Int> { -4...23 }
    static func value(_ bits: UInt64, isNegative: Bool) -> Double {
        Double(bitPattern: bits | (isNegative ? 1 << 63 : 0))
    }
    static func parse(_ text: UnsafePointer<CChar>) -> Double { unsafe strtod(text, nil) }
}

enum FloatLayout: BinaryLayout {
    static var mantissaBits: Int { 23 }
    static var minimumExponent: Int { -127 }
    static var infiniteExponent: Int { 0xff }
    static var smallestPower: Int { -64 }
    static var largestPower: Int { 38 }
    static var halfwayPowers: ClosedRange<Int> { -17...10 }
    static func value(_ bits: UInt64, isNegative: Bool) -> Float {
        Float(bitPattern: UInt32(truncatingIfNeeded: bits) | (isNegative ? 1 << 31 : 0))
    }
    static func parse(_ text: UnsafePointer<CChar>) -> Float { unsafe strtof(text, nil) }
}

extension BinaryLayout {
    /// The bits of the value nearest to `mantissa * 10^power`, or nil in the rare case where 128 bits of
    /// the power of five do not decide (Lemire 2021, algorithm 1).
    static func bits(_ mantissa: UInt64, _ power: Int) -> UInt64? {
        if mantissa == 0 || power < smallestPower { return 0 }
        if power > largestPower { return UInt64(infiniteExponent) << UInt64(mantissaBits) }
        let leadingZeros = mantissa.leadingZeroBitCount
        let factor = mantissa &<< UInt64(leadingZeros)
        let table = PowersOfFive.shared
        var (high, low) = factor.multipliedFullWidth(by: table.high(power))
        let undecided = UInt64.max &>> UInt64(mantissaBits + 3)
        if high & undecided == undecided {
            let (sum, overflow) = low.addingReportingOverflow(factor.multipliedFullWidth(by: table.low(power)).high)
            low = sum
            if overflow { high &+= 1 }
            if low == .max, !(-27...55 ~= power) { return nil }
        }
        let upperBit = Int(high >> 63)
        let shift = UInt64(upperBit + 64 - mantissaBits - 3)
        var result = high &>> shift
        // floor(log2(10^power)), by a multiplication that is exact in the range of the table.
        let binary = ((217_706 &* power) >> 16) + 63
        var exponent = binary + upperBit - leadingZeros - minimumExponent
        if exponent <= 0 {
            guard 1 - exponent < 64 else { return 0 }
            result &>>= UInt64(1 - exponent)
            result = (result + (result & 1)) >> 1
            // Rounding up to the smallest normal value sets its exponent bit by itself.
            return result
        }
        if low <= 1, halfwayPowers ~= power, result & 3 == 1, result &<< shift == high { result &= ~1 }
        result = (result + (result & 1)) >> 1
        if result >= 2 << UInt64(mantissaBits) {
            result = 1 << UInt64(mantissaBits)
            exponent += 1
        }
        if exponent >= infiniteExponent { return UInt64(infiniteExponent) << UInt64(mantissaBits) }
        return result & ~(1 << UInt64(mantissaBits)) | UInt64(exponent) << UInt64(mantissaBits)
    }
}
