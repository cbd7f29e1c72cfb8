internal import Glibc

/// Dates and times of the proleptic Gregorian calendar as text: ISO 8601 without time zones. A date is days, a
/// time or date with time is seconds, since 1970-01-01 or midnight.
package enum CalendarText {
    package typealias Text = UnsafeBufferPointer<UInt8>

    /// `2001-12-31`; a time after it is passed over.
    package static func date(_ text: Text) -> Double? {
        guard let (days, end) = day(text) else { return nil }
        return end == text.count || text[end] == UInt8(ascii: "T") ? Double(days) : nil
    }

    /// `23:59:59`, also without seconds or with a fraction of them.
    package static func time(_ text: Text) -> Double? {
        var index = 0
        guard let hour = digits(text, &index, 1...2), hour < 24, take(text, &index, ":"),
            let minute = digits(text, &index, 1...2), minute < 60
        else { return nil }
        let whole = Double(hour * 3600 + minute * 60)
        if index == text.count { return whole }
        guard take(text, &index, ":"), let second = digits(text, &index, 1...2), second < 60 else { return nil }
        if index == text.count { return whole + Double(second) }
        let start = index + 1
        guard take(text, &index, "."), let fraction = digits(text, &index, 1...9), index == text.count else { return nil }
        return whole + Double(second) + Double(fraction) / pow(10, Double(index - start))
    }

    /// `2001-12-31T23:59:59`, with a blank for the T, or without a time.
    package static func dateTime(_ text: Text) -> Double? {
        guard let (days, end) = day(text) else { return nil }
        if end == text.count { return Double(days) * 86_400 }
        guard text[end] == UInt8(ascii: "T") || text[end] == 0x20 else { return nil }
        return time(Text(rebasing: text[(end + 1)...])).map { Double(days) * 86_400 + $0 }
    }

    private static func day(_ text: Text) -> (days: Int, end: Int)? {
        var index = 0
        guard let year = digits(text, &index, 4...4), take(text, &index, "-"), let month = digits(text, &index, 1...2),
            take(text, &index, "-"), let day = digits(text, &index, 1...2), (1...12).contains(month),
            (1...length(ofMonth: month, year)).contains(day)
        else { return nil }
        return (days(year, month, day), index)
    }

    private static func take(_ text: Text, _ index: inout Int, _ character: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private static func digits(_ text: Text, _ index: inout Int, _ count: ClosedRange<Int>) -> Int? {
        let start = index
        var value = 0
        while index < text.count, text[index] &- 0x30 < 10, index - start < count.upperBound {
            value = value * 10 + Int(text[index] - 0x30)
            index += 1
        }
        return index - start >= count.lowerBound ? value : nil
    }

    private static func length(ofMonth month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01, counting years from March so that the leap day comes last.
    package static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The reverse of `days`.
    package static func day(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return (year, month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}

/// A pattern of strftime in the C locale.
package struct DatePattern: Hashable, Sendable {
    /// What the number is that the pattern is filled from.
    package enum Source: Hashable, Sendable { case days, seconds, secondsOfDay }

    package enum Part: Hashable, Sendable {
        case text([UInt8])
        case field(UInt8)
    }

    package private(set) var parts: [Part] = []
    package let source: Source

    /// Nil for a conversion that is not known, or that the source cannot fill.
    package init?(_ pattern: String, source: Source) {
        self.source = source
        let bytes = Array(pattern.utf8)
        var (index, literal): (Int, [UInt8]) = (0, [])
        let short: [UInt8: String] = [
            UInt8(ascii: "F"): "Y-m-d", UInt8(ascii: "T"): "H:M:S", UInt8(ascii: "R"): "H:M", UInt8(ascii: "D"): "m/d/y",
        ]
        let (dates, times) = (Array("YymdejbBaA".utf8), Array("HMSIp".utf8))
        func add(_ field: UInt8) -> Bool {
            guard dates.contains(field) && source != .secondsOfDay || times.contains(field) && source != .days else {
                return false
            }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            parts.append(.field(field))
            return true
        }
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "%"), index + 1 < bytes.count else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            let field = bytes[index + 1]
            index += 2
            switch field {
            case UInt8(ascii: "%"): literal.append(field)
            case UInt8(ascii: "n"): literal.append(0x0A)
            case UInt8(ascii: "t"): literal.append(0x09)
            default:
                guard let expansion = short[field] else {
                    guard add(field) else { return nil }
                    continue
                }
                for byte in expansion.utf8 {
                    if byte >= 0x41 { guard add(byte) else { return nil } } else { literal.append(byte) }
                }
            }
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    package static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]
    package static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
}
