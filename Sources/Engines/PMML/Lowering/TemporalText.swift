/// Dates and times as numbers: a date is days, a time or date with time is seconds, since 1970 where the
/// type does not name a year. The calendar is the proleptic Gregorian one; there are no time zones.
enum TemporalText {
    /// The number that a text of a temporal type stands for: ISO 8601 (`2001-12-31`, `23:59:59`,
    /// `2001-12-31T23:59:59`) or, for the counting types, the count itself.
    static func number(_ text: String, _ type: DataType) -> Double? {
        switch type {
        case .date: return date(text)
        case .time: return time(text[...])
        case .dateTime: return dateTime(text)
        case .timeSeconds: return NumberText.double(text) ?? time(text[...])
        case .daysSince(let year): return NumberText.double(text) ?? date(text).map { $0 - days(toYear: year) }
        case .secondsSince(let year): return NumberText.double(text) ?? dateTime(text).map { $0 - days(toYear: year) * 86_400 }
        case .string, .integer, .float, .double, .boolean: return nil
        }
    }

    /// Days from 1970-01-01 to the first day of a year.
    static func days(toYear year: Int) -> Double { Double(days(year, 1, 1)) }

    private static func date(_ text: String) -> Double? {
        // A time after the date is passed over.
        let day = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = day.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = digits(parts[0], 4...4), let month = digits(parts[1], 1...2),
            let day = digits(parts[2], 1...2),
            (1...12).contains(month), (1...length(ofMonth: month, year)).contains(day)
        else { return nil }
        return Double(days(year, month, day))
    }

    private static func time(_ text: Substring) -> Double? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3 || parts.count == 2, let hour = digits(parts[0], 1...2), let minute = digits(parts[1], 1...2),
            hour < 24, minute < 60
        else { return nil }
        guard parts.count == 3 else { return Double(hour * 3600 + minute * 60) }
        let second = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = digits(second[0], 1...2), whole < 60 else { return nil }
        var fraction = 0.0
        if second.count == 2 {
            guard digits(second[1], 1...9) != nil, let value = NumberText.double("0." + second[1]) else { return nil }
            fraction = value
        }
        return Double(hour * 3600 + minute * 60 + whole) + fraction
    }

    private static func dateTime(_ text: String) -> Double? {
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard let day = date(String(parts[0])) else { return nil }
        guard parts.count == 2 else { return day * 86_400 }
        return time(parts[1]).map { day * 86_400 + $0 }
    }

    private static func digits(_ text: Substring, _ count: ClosedRange<Int>) -> Int? {
        guard count.contains(text.utf8.count), text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return Int(text)
    }

    private static func length(ofMonth month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01, counting years from March so that the leap day comes last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
