internal import Tabular
internal import Texts

/// Dates and times as numbers: a date is days, a time or date with time is seconds, since 1970 where the
/// type does not name a year. The calendar is the proleptic Gregorian one; there are no time zones.
enum TemporalText {
    /// The number that a text of a temporal type stands for: ISO 8601 (`2001-12-31`, `23:59:59`,
    /// `2001-12-31T23:59:59`) or, for the counting types, the count itself.
    static func number(_ text: String, _ type: DataType) -> Double? {
        switch type {
        case .date: return date(text)
        case .time: return time(text)
        case .dateTime: return dateTime(text)
        case .timeSeconds: return NumberText.double(text) ?? time(text)
        case .daysSince(let year): return NumberText.double(text) ?? date(text).map { $0 - days(toYear: year) }
        case .secondsSince(let year): return NumberText.double(text) ?? dateTime(text).map { $0 - days(toYear: year) * 86_400 }
        case .string, .integer, .float, .double, .boolean: return nil
        }
    }

    /// A date or time as ISO 8601 writes it; nil for counts, which have no text.
    static func text(_ number: Double, _ type: DataType) -> String? {
        guard abs(number) < 1e12 else { return nil }
        func digits(_ value: Int, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        func date(_ days: Int) -> String {
            let (year, month, day) = CalendarText.day(days)
            return "\(digits(year, 4))-\(digits(month))-\(digits(day))"
        }
        func time(_ seconds: Int) -> String { "\(digits(seconds / 3_600)):\(digits(seconds / 60 % 60)):\(digits(seconds % 60))" }
        let whole = Int(number.rounded(.down))
        let days = Int((number / 86_400).rounded(.down))
        switch type {
        case .date: return date(whole)
        case .time: return time(whole - days * 86_400)
        case .dateTime: return "\(date(days))T\(time(whole - days * 86_400))"
        default: return nil
        }
    }

    /// Days from 1970-01-01 to the first day of a year.
    static func days(toYear year: Int) -> Double { Double(CalendarText.days(year, 1, 1)) }

    private static func date(_ text: String) -> Double? { read(text, CalendarText.date) }
    private static func time(_ text: String) -> Double? { read(text, CalendarText.time) }
    private static func dateTime(_ text: String) -> Double? { read(text, CalendarText.dateTime) }

    private static func read(_ text: String, _ parse: (CalendarText.Text) -> Double?) -> Double? {
        var text = NumberText.trimmed(text)
        return text.withUTF8 { parse($0) }
    }
}
