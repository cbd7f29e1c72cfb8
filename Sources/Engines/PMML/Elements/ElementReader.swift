internal import Scoring
internal import TextFormats

/// A place in the file: the offset of its byte.
package typealias Place = Int32

/// Reads typed elements out of the XML: attributes by name and type, children one after the other.
/// The readers of the elements themselves are extensions beside the elements.
struct ElementReader {
    /// Deeper nesting of anything that is read recursively is refused. Nodes of trees are not.
    static let maxRecursion = 128

    private(set) var xml: XMLReader
    private(set) var tag = Tag.unknown
    private var recursion = 0
    private var sharedStrings = SharedStrings()

    init(_ content: [UInt8]) throws(ScoringError) {
        guard content.count < Int(Place.max) else {
            throw .invalidModel(reason: "the file is larger than 2 GB", place: "")
        }
        xml = try XMLReader(content)
    }

    /// Where the current element begins.
    var place: Place { Place(truncatingIfNeeded: xml.eventStart) }

    /// Moves to the root element.
    mutating func enterRoot() throws(ScoringError) {
        while try xml.nextEvent() != .start {}
        setTag()
    }

    /// Makes sure that nothing follows the root element.
    mutating func finish() throws(ScoringError) {
        while try xml.nextEvent() != .finish {}
    }

    /// Reads the children of the current element; `body` is called with the reader at each one's start tag
    /// and may read as much of it as it likes. `Extension` and foreign elements are passed over.
    /// The current element's attributes must be read before.
    mutating func children(
        _ body: (inout ElementReader, Tag) throws(ScoringError) -> Void
    ) throws(ScoringError) {
        recursion += 1
        defer { recursion -= 1 }
        guard recursion <= Self.maxRecursion else { throw invalid("elements are nested too deeply") }
        let depth = xml.depth
        while true {
            switch try xml.nextEvent() {
            case .start:
                setTag()
                if tag != .Extension, !xml.isForeign { try body(&self, tag) }
                try skip(to: depth)
            case .end: return
            case .text: continue
            case .finish: return
            }
        }
    }

    /// The next child of any kind, foreign ones too, or nil at the current element's end. For elements
    /// whose children are data (`row`) or so many or so deep that they are read in a loop (`Node`).
    mutating func nextEvent() throws(ScoringError) -> XMLReader.Event {
        let event = try xml.nextEvent()
        if event == .start { setTag() }
        return event
    }

    /// Reads on until only `depth` elements are open.
    mutating func skip(to depth: Int) throws(ScoringError) {
        while xml.depth > depth { _ = try xml.nextEvent() }
    }

    /// The text of the current element, which must not have children other than extensions.
    mutating func text() throws(ScoringError) -> String {
        let depth = xml.depth
        var text = ""
        while true {
            switch try xml.nextEvent() {
            case .text: text += try xml.textString()
            case .start:
                setTag()
                guard tag == .Extension || xml.isForeign else { throw invalid("text was expected here, not an element") }
                try skip(to: depth)
            case .end, .finish: return text
            }
        }
    }

    private mutating func setTag() {
        let name = xml.name.local
        tag = xml.bytes.withUnsafeBufferPointer { Tag.named(UnsafeBufferPointer(rebasing: $0[name])) }
    }

    /// The current element's name with its prefix.
    var elementName: String { xml.string(xml.name.whole) }
}

// MARK: - Attributes

extension ElementReader {
    func string(_ name: StaticString) throws(ScoringError) -> String? {
        guard let attribute = xml.attribute(name) else { return nil }
        return try xml.value(of: attribute)
    }

    /// A string that is likely to come again, such as a field's name: equal ones share their memory.
    mutating func sharedString(_ name: StaticString) throws(ScoringError) -> String? {
        guard let attribute = xml.attribute(name) else { return nil }
        if attribute.isRaw || attribute.value.count <= 15 { return try xml.value(of: attribute) }
        return sharedStrings.string(of: xml.bytes, attribute.value)
    }

    mutating func required(_ name: StaticString) throws(ScoringError) -> String {
        guard let value = try sharedString(name) else {
            throw invalid("the attribute '\(name)' is missing")
        }
        return value
    }

    func double(_ name: StaticString) throws(ScoringError) -> Double? {
        guard let attribute = xml.attribute(name) else { return nil }
        let range = trimmed(attribute.value)
        let number = xml.bytes.withUnsafeBufferPointer { DecimalParser.double(UnsafeBufferPointer(rebasing: $0[range])) }
        if let number { return number }
        guard let value = NumberText.double(try xml.value(of: attribute)) else {
            throw invalid("the attribute '\(name)' is not a number")
        }
        return value
    }

    func double(_ name: StaticString, or value: Double) throws(ScoringError) -> Double {
        try double(name) ?? value
    }

    func requiredDouble(_ name: StaticString) throws(ScoringError) -> Double {
        guard let value = try double(name) else { throw invalid("the attribute '\(name)' is missing") }
        return value
    }

    func integer(_ name: StaticString) throws(ScoringError) -> Int? {
        guard let text = try string(name) else { return nil }
        guard let value = NumberText.integer(text) else { throw invalid("the attribute '\(name)' is not a whole number") }
        return value
    }

    func boolean(_ name: StaticString, or value: Bool) throws(ScoringError) -> Bool {
        switch try string(name) {
        case nil: return value
        case "true", "1", "TRUE", "True": return true
        case "false", "0", "FALSE", "False": return false
        default: throw invalid("the attribute '\(name)' is neither true nor false")
        }
    }

    /// One of the values that the specification lists for this attribute.
    func choice<Choice: RawRepresentable<String>>(_ name: StaticString) throws(ScoringError) -> Choice? {
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw .unsupportedModel("\(elementName) \(name)=\"\(text.prefix(40))\" (\(here)) is not supported")
        }
        return choice
    }

    func choice<Choice: RawRepresentable<String>>(_ name: StaticString, or value: Choice) throws(ScoringError) -> Choice {
        try choice(name) ?? value
    }

    func requiredChoice<Choice: RawRepresentable<String>>(_ name: StaticString) throws(ScoringError) -> Choice {
        guard let choice: Choice = try choice(name) else { throw invalid("the attribute '\(name)' is missing") }
        return choice
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var range = range
        while let first = range.first, xml.bytes[first] == 0x20 { range = range.dropFirst() }
        while let last = range.last, xml.bytes[last] == 0x20 { range = range.dropLast() }
        return range
    }
}

// MARK: - Errors

extension ElementReader {
    var here: String { xml.place(of: xml.eventStart) }

    /// The current element is not what the specification says it must be.
    func invalid(_ reason: String) -> ScoringError {
        .invalidModel(reason: "<\(elementName)>: \(reason)", place: here)
    }

    /// The current element is sound but cannot be evaluated.
    func unsupported(_ what: String? = nil) -> ScoringError {
        .unsupportedModel("\(what ?? "the PMML element <\(elementName)>") is not supported (\(here))")
    }
}

/// Lets equal strings share their memory. Holds each string once.
private struct SharedStrings {
    /// By hash of the bytes; a collision replaces the older string.
    private var strings: [Int: String] = [:]
    private static let most = 65_536

    mutating func string(of bytes: [UInt8], _ range: Range<Int>) -> String {
        bytes.withUnsafeBufferPointer { all in
            let utf8 = UnsafeBufferPointer(rebasing: all[range])
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            let key = Int(truncatingIfNeeded: hash)
            if let string = strings[key], string.utf8.elementsEqual(utf8) { return string }
            let string = String(decoding: utf8, as: UTF8.self)
            if strings.count < Self.most { strings[key] = string }
            return string
        }
    }
}
