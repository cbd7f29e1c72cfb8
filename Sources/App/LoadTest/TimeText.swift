internal import StrictYAML

/// Times as people write and read them: `10s`, `250ms`; `41.3 us`, `1.24 ms`.
package enum TimeText {
    /// Nanoseconds of a span as `DurationText` reads it; nil for anything else, and for more than a day.
    package static func nanoseconds(_ text: String) -> UInt64? {
        guard let duration = DurationText.duration(text), duration <= .seconds(86_400) else { return nil }
        let (seconds, attoseconds) = duration.components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// Three digits that matter, in the unit that fits.
    package static func latency(_ nanoseconds: Double) -> String {
        // 999.95 us would round to "1000.0 us", hence the limits below the next unit.
        switch nanoseconds {
        case ..<999_500: "\(digits(nanoseconds / 1e3)) us"
        case ..<999_500_000: "\(digits(nanoseconds / 1e6)) ms"
        default: "\(digits(nanoseconds / 1e9)) s"
        }
    }

    /// "10 s", "250 ms", "1.5 s".
    package static func span(_ nanoseconds: UInt64) -> String {
        if nanoseconds < 1_000_000_000 { return "\(short(Double(nanoseconds) / 1e6)) ms" }
        return "\(short(Double(nanoseconds) / 1e9)) s"
    }

    /// "1,234,567"
    package static func count(_ number: UInt64) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    /// "999.9", "40,312"; no decimal where there is nothing to say.
    package static func rate(_ perSecond: Double) -> String {
        guard perSecond < 9999.95, perSecond != perSecond.rounded() else { return count(UInt64(perSecond.rounded())) }
        return fixed(perSecond, decimals: 1)
    }

    /// A number with so many decimals.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled.isFinite, scaled < 9e18 else { return "\(value)" }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let whole = UInt64(scaled)
        guard decimals > 0 else { return "\(sign)\(whole)" }
        let fraction = String(whole % UInt64(scale))
        return "\(sign)\(whole / UInt64(scale))." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    private static func digits(_ value: Double) -> String {
        fixed(value, decimals: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
    }

    private static func short(_ value: Double) -> String {
        let text = fixed(value, decimals: 2)
        if text.hasSuffix(".00") { return String(text.dropLast(3)) }
        return text.hasSuffix("0") ? String(text.dropLast()) : text
    }
}
