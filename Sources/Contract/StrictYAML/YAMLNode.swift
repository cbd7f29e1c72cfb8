/// One value of a YAML file with its place, for reading configuration strictly: a caller asks for the type it
/// needs and gets that or an error that names the key and the line. Nothing is converted silently: `no` is a
/// string, `"5"` is not a number.
///
/// A subset of YAML 1.2 with the core schema: one document, string keys, no anchors, aliases, tags or merge
/// keys. Duplicate keys are refused.
package struct YAMLNode: Sendable {
    indirect enum Content: Sendable {
        case scalar(String, isPlain: Bool)
        case list([YAMLNode])
        case mapping([(key: String, value: YAMLNode)])
    }

    /// The keys that lead here: "policy.block", "inputs[3]"; empty for the file as a whole.
    package let path: String
    package let line: Int
    let content: Content

    init(path: String, line: Int, content: Content) {
        self.path = path
        self.line = line
        self.content = content
    }

    /// Whether there is no value: nothing after the colon, `~` or `null`.
    package var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// An error about this value: "policy.block must be a number, not a list".
    package func error(_ message: String) -> YAMLError {
        YAMLError(line: line, (path.isEmpty ? "the file" : path) + " " + message)
    }
}

// MARK: - Typed values

extension YAMLNode {
    /// Text exactly as written: plain scalars are not interpreted, so `no`, `1.0` and `2024-01-01` are text.
    package func string() throws(YAMLError) -> String {
        guard case .scalar(let text, _) = content, !isNull else { throw expected("text") }
        return text
    }

    /// A finite decimal number. Quoted numbers are text.
    package func number() throws(YAMLError) -> Double {
        guard let text = plainText, !text.isEmpty,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }), let value = Double(text)
        else { throw expected("a number") }
        guard value.isFinite else { throw error("is beyond the range of numbers") }
        return value
    }

    /// A decimal integer within `range`.
    package func integer(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        guard let text = plainText, let first = text.utf8.first, first != UInt8(ascii: "+"),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }), let value = Int(text)
        else { throw expected("a whole number") }
        guard range.contains(value) else {
            throw error(
                range.upperBound == .max
                    ? "must be at least \(range.lowerBound), not \(value)"
                    : "must be between \(range.lowerBound) and \(range.upperBound), not \(value)")
        }
        return value
    }

    package func boolean() throws(YAMLError) -> Bool {
        switch plainText {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: throw expected("true or false")
        }
    }

    /// One of several words.
    package func choice(of words: [String]) throws(YAMLError) -> String {
        let choices = words.joined(separator: ", ")
        guard case .scalar(let text, _) = content, !isNull else { throw expected("one of \(choices)") }
        guard words.contains(text) else {
            let hint = NearestName.to(text, among: words).map { "; did you mean '\($0)'?" } ?? ""
            throw error("must be one of \(choices), not \(quoted(text))\(hint)")
        }
        return text
    }

    /// A span of time with its unit, as `DurationText` reads it.
    package func duration() throws(YAMLError) -> Duration {
        guard let text = plainText, let duration = DurationText.duration(text) else {
            throw expected(DurationText.expectation)
        }
        return duration
    }

    package func list() throws(YAMLError) -> [YAMLNode] {
        guard case .list(let items) = content else { throw expected("a list") }
        return items
    }

    /// A mapping with no other keys than `keys`. A key among `planned` is refused as not supported yet, so that
    /// nobody believes it works; one that belongs below another key is among the whole paths in `nested`; one among `foreign` is said to belong into the file that those are of.
    package func mapping(
        keys: [String], planned: [String] = [], foreign: ForeignKeys? = nil, nested: [String] = []
    ) throws(YAMLError) -> YAMLMapping {
        guard case .mapping(let pairs) = content else { throw expected("a mapping of keys to values") }
        for (key, value) in pairs where !keys.contains(key) {
            let fullPath = quoted(path.isEmpty ? key : "\(path).\(key)")
            if planned.contains(key) {
                throw YAMLError(line: value.line, "\(fullPath) is not supported by this version")
            }
            if let foreign, foreign.keys.contains(path.isEmpty ? key : "\(path).\(key)") {
                throw YAMLError(line: value.line, "unknown key \(fullPath): it belongs into \(foreign.file)")
            }
            let hint =
                NearestName.to(key, among: keys).map { "did you mean '\($0)'?" }
                ?? nested.first { $0.hasSuffix(".\(key)") }.map { "did you mean '\($0)'?" }
                ?? "the known keys are \(keys.joined(separator: ", "))"
            throw YAMLError(line: value.line, "unknown key \(fullPath), \(hint)")
        }
        return YAMLMapping(path: path, line: line, pairs: pairs)
    }

    /// The pairs of a mapping whose keys are free: names that the file's author gives. In the file's order.
    package func pairs() throws(YAMLError) -> [(key: String, value: YAMLNode)] {
        guard case .mapping(let pairs) = content else { throw expected("a mapping of keys to values") }
        return pairs
    }

    private var plainText: String? {
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        return text
    }

    private func expected(_ what: String) -> YAMLError {
        error("must be \(what), not \(found)")
    }

    /// What the value is, for messages. Its text is shown: configuration is no feature data. Secrets must not be
    /// asked for with `number` or `boolean`.
    private var found: String {
        switch content {
        case .scalar(let text, let isPlain): isNull ? "empty" : isPlain ? quoted(text) : "the text \(quoted(text))"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// Keys that are known, but in another file.
package struct ForeignKeys: Sendable {
    /// By their whole paths: "http", "limits.drain".
    package let keys: Set<String>
    /// Continues "it belongs into".
    package let file: String

    package init(_ keys: some Sequence<String>, of file: String) {
        self.keys = Set(keys)
        self.file = file
    }
}

/// The keys of a mapping, all of them known.
package struct YAMLMapping: Sendable {
    package let path: String
    package let line: Int
    private let pairs: [(key: String, value: YAMLNode)]

    init(path: String, line: Int, pairs: [(key: String, value: YAMLNode)]) {
        self.path = path
        self.line = line
        self.pairs = pairs
    }

    package var isEmpty: Bool { pairs.isEmpty }

    /// The value of a key, nil where the key is absent.
    package subscript(key: String) -> YAMLNode? {
        pairs.first { $0.key == key }?.value
    }
}
