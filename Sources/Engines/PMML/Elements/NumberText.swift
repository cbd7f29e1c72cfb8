internal import TextFormats

/// Numbers as PMML files write them: decimal, with the names of the special values that the specification
/// (INF, -INF, NaN) and Java (Infinity) use. Surrounding white space is passed over.
package enum NumberText {
    package static func double(_ text: some StringProtocol) -> Double? {
        let text = trimmed(text)
        return DecimalParser.double(text) ?? special(text)
    }

    /// Rounded once, straight from the decimal text.
    package static func float(_ text: some StringProtocol) -> Float? {
        let text = trimmed(text)
        return DecimalParser.float(text) ?? special(text).map { Float($0) }
    }

    /// A whole number, also when written as `12.0`.
    package static func integer(_ text: some StringProtocol) -> Int? {
        let text = trimmed(text)
        if let integer = Int(text) { return integer }
        guard let number = DecimalParser.double(text), number == number.rounded(), abs(number) < 9e15 else { return nil }
        return Int(number)
    }

    private static func special(_ text: String) -> Double? {
        switch text {
        case "INF", "Infinity", "+INF", "+Infinity", "inf": .infinity
        case "-INF", "-Infinity", "-inf": -.infinity
        case "NaN", "nan": .nan
        default: nil
        }
    }

    package static func trimmed(_ text: some StringProtocol) -> String {
        guard let start = text.firstIndex(where: { !$0.isWhitespace }), let end = text.lastIndex(where: { !$0.isWhitespace })
        else {
            return ""
        }
        return String(text[start...end])
    }
}
