package import Scoring

/// Reads the XML of a model file as a sequence of events, straight from its bytes.
///
/// Strict, and deaf to everything that makes XML dangerous: a document type declaration is refused, so no
/// entity is ever expanded and nothing is ever fetched. Comments and processing instructions are passed
/// over. Depth, attributes and names are limited. Memory beside the bytes grows with the depth only.
/// Follows XML 1.0 (fifth edition) and Namespaces in XML 1.0; where names hold characters beyond ASCII,
/// they are not checked further than being UTF-8.
package struct XMLReader {
    package struct Limits {
        /// Open elements at a time. Nodes of an unpruned tree nest as deep as the tree.
        package var depth = 4_096
        package var attributes = 256
        package var nameBytes = 1_024
        /// Namespace declarations in force at a time.
        package var namespaces = 256
    }

    package enum Event: Equatable {
        case start
        case end
        /// Character data or a CDATA section; an element's text can come in several pieces.
        case text
        /// The root element has ended and nothing follows.
        case finish
    }

    /// One attribute of the current start tag, as places in the bytes.
    package struct Attribute {
        package var name: Range<Int>
        package var value: Range<Int>
        /// Whether the value holds references or white space that must be replaced.
        package var isRaw: Bool
    }

    /// The name of an element: the whole and the part after the prefix.
    package struct Name {
        package var whole: Range<Int>
        package var local: Range<Int>
    }

    private struct OpenElement {
        var name: Name
        var isForeign: Bool
        /// How many namespace bindings were in force outside of it.
        var outerBindings: Int
    }

    private struct Binding {
        /// Empty for the default namespace.
        var prefix: Range<Int>
        var isForeign: Bool
    }

    package let bytes: [UInt8]
    private let limits: Limits
    private var next = 0
    private var open: [OpenElement] = []
    private var bindings: [Binding] = []
    private var isEmptyElement = false
    private var hasRoot = false

    /// Of the current `.start`.
    package private(set) var attributes: [Attribute] = []
    /// Of the current `.start` or `.end`.
    package private(set) var name = Name(whole: 0..<0, local: 0..<0)
    /// Whether the current element is of another namespace than PMML's.
    package private(set) var isForeign = false
    /// Of the current `.text`.
    package private(set) var text = 0..<0
    package private(set) var textIsRaw = false
    /// Where the current event begins.
    package private(set) var eventStart = 0

    /// - Parameter content: the file as it is: UTF-8, or ISO-8859-1, US-ASCII or UTF-16 where it says so.
    package init(_ content: [UInt8], limits: Limits = Limits()) throws(ScoringError) {
        bytes = try XMLEncoding.utf8(of: content)
        self.limits = limits
        next = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        try skipDeclaration()
    }

    /// How many elements are open.
    package var depth: Int { open.count }

    package mutating func nextEvent() throws(ScoringError) -> Event {
        LoadThrottle.step()
        eventStart = next
        if isEmptyElement {
            isEmptyElement = false
            return close()
        }
        while next < bytes.count {
            eventStart = next
            if bytes[next] != UInt8(ascii: "<") {
                if try readText() { return .text }
                continue
            }
            switch peek(1) {
            case UInt8(ascii: "/"): return try readEndTag()
            case UInt8(ascii: "!"):
                if peek(2) == UInt8(ascii: "-"), peek(3) == UInt8(ascii: "-") {
                    try skipComment()
                } else if starts(with: "<![CDATA[") {
                    try readCharacterData()
                    return .text
                } else if starts(with: "<!DOCTYPE") {
                    throw failure("a document type declaration is not allowed; remove the DOCTYPE from the file")
                } else {
                    throw failure("a markup declaration is not allowed here")
                }
            case UInt8(ascii: "?"): try skipInstruction()
            default: return try readStartTag()
            }
        }
        eventStart = next
        guard open.isEmpty else {
            throw failure("the file ends inside the element <\(string(open[open.count - 1].name.whole))>; it is truncated")
        }
        guard hasRoot else { throw failure("the file holds no element") }
        return .finish
    }

    /// The current start tag's attribute of that name (with its prefix, if it has one).
    package func attribute(_ name: StaticString) -> Attribute? {
        for attribute in attributes where equals(attribute.name, name) { return attribute }
        return nil
    }

    /// An attribute's value with references replaced.
    package func value(of attribute: Attribute) throws(ScoringError) -> String {
        attribute.isRaw ? try decoded(attribute.value, isAttribute: true) : string(attribute.value)
    }

    /// The current text with references replaced.
    package func textString() throws(ScoringError) -> String {
        textIsRaw ? try decoded(text, isAttribute: false) : string(text)
    }

    package func string(_ range: Range<Int>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }

    package func equals(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where bytes[range.lowerBound + offset] != name.utf8Start[offset] { return false }
        return true
    }

    /// An error at the current event, or at another place of the file.
    package func failure(_ reason: String, at offset: Int? = nil) -> ScoringError {
        .invalidModel(reason: reason, place: place(of: offset ?? eventStart))
    }

    /// "line 12, column 5" of a byte. O(bytes before it).
    package func place(of offset: Int) -> String {
        var (line, lineStart) = (1, 0)
        for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        return "line \(line), column \(offset - lineStart + 1)"
    }
}

extension XMLReader {
    private func peek(_ distance: Int) -> UInt8 {
        next + distance < bytes.count ? bytes[next + distance] : 0
    }

    private func starts(with text: StaticString) -> Bool {
        next + text.utf8CodeUnitCount <= bytes.count && equals(next..<next + text.utf8CodeUnitCount, text)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
    }

    private mutating func skipSpaces() {
        while next < bytes.count, Self.isSpace(bytes[next]) { next += 1 }
    }

    /// The offset of the next occurrence of `text`, or nil.
    private func find(_ text: StaticString, from start: Int) -> Int? {
        let length = text.utf8CodeUnitCount
        var offset = start
        while offset + length <= bytes.count {
            if bytes[offset] == text.utf8Start[0], equals(offset..<offset + length, text) { return offset }
            offset += 1
        }
        return nil
    }

    /// Passes over `<?xml ... ?>`; its encoding was dealt with before.
    private mutating func skipDeclaration() throws(ScoringError) {
        guard starts(with: "<?xml"), next + 5 < bytes.count, Self.isSpace(bytes[next + 5]) else { return }
        guard let end = find("?>", from: next) else { throw failure("the XML declaration does not end") }
        next = end + 2
    }

    private mutating func skipComment() throws(ScoringError) {
        guard let end = find("--", from: next + 4) else { throw failure("a comment does not end") }
        guard end + 2 < bytes.count, bytes[end + 2] == UInt8(ascii: ">") else {
            throw failure("'--' is not allowed in a comment", at: end)
        }
        next = end + 3
    }

    private mutating func skipInstruction() throws(ScoringError) {
        guard let end = find("?>", from: next) else { throw failure("a processing instruction does not end") }
        next = end + 2
    }

    private mutating func readCharacterData() throws(ScoringError) {
        guard !open.isEmpty else { throw failure("text is not allowed outside of the root element") }
        guard let end = find("]]>", from: next + 9) else { throw failure("a CDATA section does not end") }
        text = next + 9..<end
        textIsRaw = false
        next = end + 3
    }

    /// Reads text up to the next tag. False if it is white space outside of the root element.
    private mutating func readText() throws(ScoringError) -> Bool {
        let start = next
        var (isRaw, isBlank) = (false, true)
        while next < bytes.count {
            let byte = bytes[next]
            if byte == UInt8(ascii: "<") { break }
            if byte == UInt8(ascii: "&") || byte == 0x0D { isRaw = true }
            if byte == UInt8(ascii: ">"), next >= start + 2, bytes[next - 1] == UInt8(ascii: "]"),
                bytes[next - 2] == UInt8(ascii: "]")
            {
                throw failure("']]>' is not allowed in text", at: next)
            }
            isBlank = isBlank && Self.isSpace(byte)
            next += 1
        }
        text = start..<next
        textIsRaw = isRaw
        guard open.isEmpty else { return true }
        guard isBlank else { throw failure("text is not allowed outside of the root element") }
        return false
    }

    private mutating func readName() throws(ScoringError) -> Name {
        let start = next
        var colon: Int?
        while next < bytes.count {
            switch bytes[next] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...0xFF:
                break
            case UInt8(ascii: ":"):
                guard colon == nil, next > start else { throw failure("a name has a misplaced colon", at: next) }
                colon = next
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                guard next > start else { throw failure("a name must not start with this character", at: next) }
            default: return try name(start, colon)
            }
            next += 1
        }
        return try name(start, colon)
    }

    private func name(_ start: Int, _ colon: Int?) throws(ScoringError) -> Name {
        guard next > start else { throw failure("a name was expected here", at: next) }
        guard next - start <= limits.nameBytes else { throw failure("a name has more than \(limits.nameBytes) bytes", at: start) }
        guard let colon else { return Name(whole: start..<next, local: start..<next) }
        guard colon + 1 < next else { throw failure("a name ends with a colon", at: start) }
        return Name(whole: start..<next, local: colon + 1..<next)
    }

    private mutating func readStartTag() throws(ScoringError) -> Event {
        guard !(hasRoot && open.isEmpty) else { throw failure("there is a second root element") }
        guard open.count < limits.depth else { throw failure("elements are nested deeper than \(limits.depth)") }
        next += 1
        name = try readName()
        try readAttributes()
        let outerBindings = bindings.count
        try bindNamespaces()
        isForeign = try isForeign(name)
        open.append(OpenElement(name: name, isForeign: isForeign, outerBindings: outerBindings))
        hasRoot = true
        return .start
    }

    private mutating func readAttributes() throws(ScoringError) {
        attributes.removeAll(keepingCapacity: true)
        while true {
            let hasSpace = next < bytes.count && Self.isSpace(bytes[next])
            skipSpaces()
            guard next < bytes.count else { throw failure("the file ends inside a tag; it is truncated") }
            if bytes[next] == UInt8(ascii: ">") {
                next += 1
                return
            }
            if bytes[next] == UInt8(ascii: "/") {
                guard peek(1) == UInt8(ascii: ">") else { throw failure("'/' must be followed by '>' here", at: next) }
                next += 2
                isEmptyElement = true
                return
            }
            guard hasSpace else { throw failure("white space is missing between attributes", at: next) }
            try readAttribute()
        }
    }

    private mutating func readAttribute() throws(ScoringError) {
        guard attributes.count < limits.attributes else {
            throw failure("an element has more than \(limits.attributes) attributes")
        }
        let name = try readName().whole
        for other in attributes where other.name.count == name.count && bytes[other.name] == bytes[name] {
            throw failure("the attribute '\(string(name))' is given twice", at: name.lowerBound)
        }
        skipSpaces()
        guard peek(0) == UInt8(ascii: "=") else { throw failure("'=' is missing after an attribute's name", at: next) }
        next += 1
        skipSpaces()
        let quote = peek(0)
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw failure("an attribute's value must be quoted", at: next)
        }
        next += 1
        let start = next
        var isRaw = false
        while next < bytes.count, bytes[next] != quote {
            let byte = bytes[next]
            if byte == UInt8(ascii: "<") { throw failure("'<' is not allowed in an attribute's value", at: next) }
            if byte == UInt8(ascii: "&") || byte < 0x20 { isRaw = true }
            next += 1
        }
        guard next < bytes.count else { throw failure("an attribute's value does not end; the file is truncated", at: start) }
        attributes.append(Attribute(name: name, value: start..<next, isRaw: isRaw))
        next += 1
    }

    private mutating func readEndTag() throws(ScoringError) -> Event {
        next += 2
        let ending = try readName()
        skipSpaces()
        guard peek(0) == UInt8(ascii: ">") else { throw failure("an end tag does not end", at: next) }
        next += 1
        guard let element = open.last else { throw failure("an end tag has no start tag") }
        guard bytes[element.name.whole] == bytes[ending.whole] else {
            throw failure("<\(string(element.name.whole))> is ended by </\(string(ending.whole))>")
        }
        return close()
    }

    private mutating func close() -> Event {
        let element = open.removeLast()
        name = element.name
        isForeign = element.isForeign
        bindings.removeLast(bindings.count - element.outerBindings)
        return .end
    }
}

extension XMLReader {
    private mutating func bindNamespaces() throws(ScoringError) {
        for attribute in attributes {
            let name = attribute.name
            guard name.count >= 5, equals(name.lowerBound..<name.lowerBound + 5, "xmlns") else { continue }
            let prefix: Range<Int>
            if name.count == 5 {
                prefix = name.upperBound..<name.upperBound
            } else if bytes[name.lowerBound + 5] == UInt8(ascii: ":") {
                prefix = name.lowerBound + 6..<name.upperBound
            } else {
                continue
            }
            guard bindings.count < limits.namespaces else { throw failure("there are more than \(limits.namespaces) namespaces") }
            bindings.append(Binding(prefix: prefix, isForeign: isForeignNamespace(attribute.value)))
        }
    }

    /// PMML's namespaces are `http://www.dmg.org/PMML-3_2` and the like, by some writers with `https`; PMML 2 and careless
    /// files have none.
    private func isForeignNamespace(_ range: Range<Int>) -> Bool {
        !range.isEmpty && namespaceEnd(range) == nil
    }

    /// Where the part of a PMML namespace that all versions share ends.
    private func namespaceEnd(_ range: Range<Int>) -> Int? {
        let starts: [StaticString] = ["http://www.dmg.org/PMML", "https://www.dmg.org/PMML"]
        for start in starts {
            let end = range.lowerBound + start.utf8CodeUnitCount
            if end <= range.upperBound, equals(range.lowerBound..<end, start) { return end }
        }
        return nil
    }

    /// The version that a namespace declared at the current start tag names: `4.2` for `http://www.dmg.org/PMML-4_2`.
    var namespaceVersion: String? {
        for attribute in attributes where string(attribute.name).hasPrefix("xmlns") {
            guard let end = namespaceEnd(attribute.value), end < attribute.value.upperBound, bytes[end] == UInt8(ascii: "-")
            else {
                continue
            }
            return String(string(end + 1..<attribute.value.upperBound).map { $0 == "_" ? "." : $0 })
        }
        return nil
    }

    private func isForeign(_ name: Name) throws(ScoringError) -> Bool {
        let prefix = name.whole.lowerBound..<max(name.local.lowerBound - 1, name.whole.lowerBound)
        for binding in bindings.reversed() where bytes[binding.prefix] == bytes[prefix] { return binding.isForeign }
        guard prefix.isEmpty else { throw failure("the namespace prefix '\(string(prefix))' is not declared") }
        return false
    }
}
