internal import Glibc

/// The texts of one row while they are made, in memory that the caller lends. Once something did not fit, the
/// arena is `isFull` and the row fails.
struct TextArena {
    typealias Text = UnsafeBufferPointer<UInt8>

    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var used = 0
    private var start = 0
    private(set) var isFull = false

    init(_ memory: UnsafeMutableRawPointer, capacity: Int) {
        base = memory.bindMemory(to: UInt8.self, capacity: capacity)
        self.capacity = capacity
    }

    /// Begins a new text.
    mutating func begin() { start = used }

    mutating func append(_ byte: UInt8) {
        guard used < capacity, used - start < TextProgram.maxBytes else {
            isFull = true
            return
        }
        base[used] = byte
        used += 1
    }

    mutating func append(_ text: some Collection<UInt8>) { for byte in text { append(byte) } }

    mutating func append(_ text: Text) {
        guard text.count <= capacity - used, used - start + text.count <= TextProgram.maxBytes else {
            isFull = true
            return
        }
        if let source = text.baseAddress { (base + used).update(from: source, count: text.count) }
        used += text.count
    }

    mutating func append(scalar: UInt32) {
        guard used + 4 <= capacity, used - start + 4 <= TextProgram.maxBytes + 4 else {
            isFull = true
            return
        }
        used += UTF8Scalars.write(scalar, to: base + used)
    }

    /// A number of at least `width` digits.
    mutating func append(digits number: Int, width: Int = 1, fill: UInt8 = UInt8(ascii: "0")) {
        var (divisor, digits) = (1, 1)
        while number / divisor >= 10 { (divisor, digits) = (divisor * 10, digits + 1) }
        for _ in 0..<max(0, width - digits) { append(fill) }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    mutating func append(_ number: Double, _ format: NumberFormat) {
        guard capacity - used >= 512, used - start + 512 <= TextProgram.maxBytes + 512 else {
            isFull = true
            return
        }
        append(format.prefix)
        let room = UnsafeMutableRawPointer(base + used).assumingMemoryBound(to: CChar.self)
        let most = capacity - used
        let count: Int32 = format.conversion.withUnsafeBufferPointer { conversion in
            let arguments: [any CVarArg] = format.isInteger ? [Int64(number)] : [number]
            return withVaList(arguments) { vsnprintf(room, most, conversion.baseAddress!, $0) }
        }
        if count < 0 || Int(count) >= most { isFull = true } else { used += Int(count) }
        append(format.suffix)
    }

    mutating func append(_ value: Double, _ pattern: DatePattern) {
        let seconds = pattern.source == .days ? value * 86_400 : value
        let days = Int((seconds / 86_400).rounded(.down))
        // Beyond 2^53 seconds the difference is not exact.
        let ofDay = Int(min(max((seconds - Double(days) * 86_400).rounded(.down), 0), 86_399))
        let (year, month, day) = CalendarText.day(days)
        let weekday = ((days + 4) % 7 + 7) % 7
        for part in pattern.parts {
            guard case .field(let field) = part else {
                if case .text(let text) = part { append(text) }
                continue
            }
            switch field {
            case UInt8(ascii: "Y"): append(digits: max(0, year))
            case UInt8(ascii: "y"): append(digits: ((year % 100) + 100) % 100, width: 2)
            case UInt8(ascii: "m"): append(digits: month, width: 2)
            case UInt8(ascii: "d"): append(digits: day, width: 2)
            case UInt8(ascii: "e"): append(digits: day, width: 2, fill: 0x20)
            case UInt8(ascii: "j"): append(digits: days - CalendarText.days(year, 1, 1) + 1, width: 3)
            case UInt8(ascii: "b"): append(DatePattern.months[month - 1].utf8.prefix(3))
            case UInt8(ascii: "B"): append(DatePattern.months[month - 1].utf8)
            case UInt8(ascii: "a"): append(DatePattern.weekdays[weekday].utf8.prefix(3))
            case UInt8(ascii: "A"): append(DatePattern.weekdays[weekday].utf8)
            case UInt8(ascii: "H"): append(digits: ofDay / 3600, width: 2)
            case UInt8(ascii: "I"): append(digits: (ofDay / 3600 + 11) % 12 + 1, width: 2)
            case UInt8(ascii: "M"): append(digits: ofDay / 60 % 60, width: 2)
            case UInt8(ascii: "S"): append(digits: ofDay % 60, width: 2)
            case UInt8(ascii: "p"): append((ofDay < 43_200 ? "AM" : "PM").utf8)
            default: break
            }
        }
    }

    /// The text since `begin`.
    var text: Text { Text(start: base + start, count: used - start) }

    /// Where the text since `begin` ends now.
    var length: Int { used - start }
}

/// Numbers as texts, in the form that Java gives them: from one thousandth to ten millions as decimals, others as
/// `1.0E10`; always with a fraction.
package enum NumberWriting {
    package static func text(of value: Double) -> String { text(of: value, "\(value)") }
    package static func text(of value: Float) -> String { text(of: Double(value), "\(value)") }

    /// - Parameter shortest: the number with the fewest digits that say it, however arranged.
    private static func text(of value: Double, _ shortest: String) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" }
        guard value != 0, abs(value) < 1e-3 || abs(value) >= 1e7 else { return plain(shortest) }
        var (digits, exponent) = parts(shortest)
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let first = digits.removeFirst()
        exponent -= 1
        return "\(value < 0 ? "-" : "")\(first).\(digits.isEmpty ? "0" : String(digits))E\(exponent)"
    }

    /// Without an exponent, which short texts of such numbers seldom have.
    private static func plain(_ shortest: String) -> String {
        guard shortest.contains("e") else { return shortest }
        let (digits, exponent) = parts(shortest)
        let sign = shortest.hasPrefix("-") ? "-" : ""
        guard exponent > 0 else { return "\(sign)0.\(String(repeating: "0", count: -exponent))\(String(digits))" }
        guard digits.count > exponent else {
            return "\(sign)\(String(digits))\(String(repeating: "0", count: exponent - digits.count)).0"
        }
        return "\(sign)\(String(digits[..<exponent])).\(String(digits[exponent...]))"
    }

    /// The digits from the first that is not 0, and how many of them are before the point.
    private static func parts(_ shortest: String) -> (digits: [Character], exponent: Int) {
        let pieces = shortest.drop { $0 == "-" }.split(separator: "e")
        let whole = pieces[0].prefix { $0 != "." }
        var digits = pieces[0].filter { $0 != "." }.map { $0 }
        var exponent = whole.count + (pieces.count > 1 ? Int(pieces[1]) ?? 0 : 0)
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            exponent -= 1
        }
        return (digits, exponent)
    }
}

/// Texts as numbers.
enum NumberReading {
    typealias Text = UnsafeBufferPointer<UInt8>

    static func value(_ text: Text, _ form: TextProgram.Form) -> Double {
        let text = trimmed(text)
        switch form {
        case .integer:
            // What has a fraction is no integer.
            let value = number(text) { strtod($0, nil) }
            return value == value.rounded() && value.isFinite ? value : .nan
        case .double: return number(text) { strtod($0, nil) }
        case .float: return number(text) { Double(strtof($0, nil)) }
        case .boolean:
            if isEqual(text, "true") || isEqual(text, "1") || isEqual(text, "1.0") { return 1 }
            return isEqual(text, "false") || isEqual(text, "0") || isEqual(text, "0.0") ? 0 : .nan
        case .date: return CalendarText.date(text) ?? .nan
        case .time: return CalendarText.time(text) ?? .nan
        case .dateTime: return CalendarText.dateTime(text) ?? .nan
        }
    }

    static func trimmed(_ text: Text) -> Text {
        var (start, end) = (0, text.count)
        while start < end, text[start] <= 0x20 { start += 1 }
        while end > start, text[end - 1] <= 0x20 { end -= 1 }
        return Text(rebasing: text[start..<end])
    }

    /// Without regard to case.
    private static func isEqual(_ text: Text, _ word: StaticString) -> Bool {
        guard text.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<text.count where text[index] != word.utf8Start[index] && text[index] | 0x20 != word.utf8Start[index] {
            return false
        }
        return true
    }

    private static func number(_ text: Text, _ read: (UnsafePointer<CChar>) -> Double) -> Double {
        guard isDecimal(text), text.count < 400 else {
            if isEqual(text, "inf") || isEqual(text, "infinity") || isEqual(text, "+inf") { return .infinity }
            return isEqual(text, "-inf") || isEqual(text, "-infinity") ? -.infinity : .nan
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { copy in
            for index in 0..<text.count { copy[index] = CChar(bitPattern: text[index]) }
            copy[text.count] = 0
            return read(copy.baseAddress!)
        }
    }

    /// A sign, digits with a point among them, an exponent; nothing else that C would take.
    private static func isDecimal(_ text: Text) -> Bool {
        var index = 0
        func digits() -> Int {
            let start = index
            while index < text.count, text[index] &- 0x30 < 10 { index += 1 }
            return index - start
        }
        func sign() { if index < text.count, text[index] == 0x2B || text[index] == 0x2D { index += 1 } }
        sign()
        var count = digits()
        if index < text.count, text[index] == 0x2E {
            index += 1
            count += digits()
        }
        guard count > 0 else { return false }
        if index < text.count, text[index] | 0x20 == 0x65 {
            index += 1
            sign()
            guard digits() > 0 else { return false }
        }
        return index == text.count
    }
}
