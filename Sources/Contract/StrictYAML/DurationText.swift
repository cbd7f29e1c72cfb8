/// Spans of time as people write them, in every file, variable and flag alike: a number and a unit, `250us`, `5ms`, `1.5s`,
/// `2m`, `1h`. A bare 0 needs no unit.
package enum DurationText {
    /// Continues "must be".
    package static let expectation = "a duration such as 250us, 5ms, 1.5s, 2m or 1h"
    private static let maxSeconds = 100 * 365 * 86_400.0

    /// nil for anything else, and for more than a century. Exact to a nanosecond.
    package static func duration(_ text: some StringProtocol) -> Duration? {
        guard let quantity = Quantity(text) else { return nil }
        let secondsPerUnit: Double
        switch quantity.unit {
        case "us": secondsPerUnit = 1e-6
        case "ms": secondsPerUnit = 1e-3
        case "s": secondsPerUnit = 1
        case "m": secondsPerUnit = 60
        case "h": secondsPerUnit = 3600
        case "" where quantity.amount == 0: secondsPerUnit = 1
        default: return nil
        }
        let seconds = quantity.amount * secondsPerUnit
        guard seconds <= maxSeconds else { return nil }
        return .nanoseconds(Int64((seconds * 1e9).rounded()))
    }

    /// In the largest unit that leaves no fraction; to a microsecond.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        guard microseconds != 0 else { return "0s" }
        for (unit, size) in [("h", Int64(3_600_000_000)), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000)]
        where microseconds % size == 0 { return "\(microseconds / size)\(unit)" }
        return "\(microseconds)us"
    }
}

/// A decimal number with letters behind it.
struct Quantity {
    let amount: Double
    let unit: String

    /// nil unless the text is digits, with at most one point among them, and then letters or nothing.
    init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let number = bytes.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard number.first != UInt8(ascii: "."), number.last != UInt8(ascii: "."), number.count <= 40,
            let amount = Double(String(decoding: number, as: UTF8.self))
        else { return nil }
        let unit = bytes.dropFirst(number.count)
        guard unit.allSatisfy({ (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) }) else { return nil }
        self.amount = amount
        self.unit = String(decoding: unit, as: UTF8.self)
    }
}
