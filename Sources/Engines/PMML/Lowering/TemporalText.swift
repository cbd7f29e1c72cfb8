internal import Tabular

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
