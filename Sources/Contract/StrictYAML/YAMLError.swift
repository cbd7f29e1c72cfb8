/// Why a YAML file is refused: what is wrong, and at which line and key.
package struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The first line is 1; nil where the problem has no place.
    package let line: Int?
    /// Names the key by its path ("policy.block"), says what was found and what is accepted.
    package let message: String

    package init(line: Int? = nil, _ message: String) {
        self.line = line
        self.message = message
    }

    package var description: String {
        line.map { "line \($0): \(message)" } ?? message
    }
}

/// A piece of somebody else's text, made safe for one line of a message: control characters are escaped and
/// long text is cut.
package func quoted(_ text: String, atMost limit: Int = 80) -> String {
    var result = "'"
    for scalar in text.unicodeScalars.prefix(limit) {
        if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar == "\u{2028}" || scalar == "\u{2029}" {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result + (text.unicodeScalars.count > limit ? "...'" : "'")
}
