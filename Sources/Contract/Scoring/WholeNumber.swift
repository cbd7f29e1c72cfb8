/// A whole number of at most 64 bits and a sign.
package struct WholeNumber: Sendable, Equatable {
    /// The greatest magnitude up to which doubles are whole numbers and whole numbers doubles.
    package static let greatestExactDouble: UInt64 = 1 << 53

    package let magnitude: UInt64
    package let isNegative: Bool

    package init(magnitude: UInt64, isNegative: Bool = false) {
        self.magnitude = magnitude
        self.isNegative = isNegative && magnitude > 0
    }

    package init(_ value: Int) { self.init(magnitude: UInt64(value.magnitude), isNegative: value < 0) }

    /// nil for a number with a fraction, NaN and what 64 bits do not hold.
    package init?(exactly value: Double) {
        guard let magnitude = UInt64(exactly: value.magnitude) else { return nil }
        self.init(magnitude: magnitude, isNegative: value < 0)
    }

    /// The nearest double.
    package var double: Double { isNegative ? -Double(magnitude) : Double(magnitude) }

    /// In decimal.
    package var text: String { isNegative ? "-\(magnitude)" : "\(magnitude)" }

    package var isExactDouble: Bool { magnitude <= Self.greatestExactDouble }

    /// Its bits in two's complement as the type has them; nil where it does not fit.
    package func bits(as integers: Field.Integers) -> UInt64? {
        switch integers {
        case .doubles, .exactDoubles: nil
        case .int64:
            magnitude <= (isNegative ? 1 << 63 : 1 << 63 - 1) ? (isNegative ? 0 &- magnitude : magnitude) : nil
        case .uint64: isNegative ? nil : magnitude
        }
    }
}
