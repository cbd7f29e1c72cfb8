internal import Scoring
internal import TextFormats

/// A Universal Binary JSON document (specification draft 12): big-endian numbers, arrays and objects with or
/// without an announced count and element type. Refuses duplicate keys, invalid UTF-8, nesting beyond a
/// limit and high-precision numbers; what a count announces must lie within the bytes that are left.
struct UBJSONCursor: DocumentCursor, ~Copyable {
    private struct Container {
        let isObject: Bool
        /// What is left of an announced count; nil where an end marker closes the container.
        var remaining: Int?
        /// The marker that all elements share; nil where each has its own.
        let elements: UInt8?
        var keys = TextSet()
    }

    static let depthLimit = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var offset = 0
    private var containers: [Container] = []

    /// - Parameter bytes: must outlive the cursor.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var remainingBytes: Int { bytes.count - offset }

    // MARK: Structure

    mutating func beginObject() throws(DocumentFailure) {
        guard try marker() == UInt8(ascii: "{") else { throw mismatch("an object") }
        try open(isObject: true)
    }

    mutating func beginArray() throws(DocumentFailure) {
        guard try marker() == UInt8(ascii: "[") else { throw mismatch("an array") }
        try open(isObject: false)
    }

    mutating func nextKey() throws(DocumentFailure) -> JSONString? {
        guard try advance(until: UInt8(ascii: "}")) else { return nil }
        let start = offset
        let key = try text(of: UInt8(ascii: "S"))
        guard containers[containers.count - 1].keys.insert(String(decoding: key, as: UTF8.self)) else {
            throw DocumentFailure("duplicate key", at: start)
        }
        return JSONString(key)
    }

    mutating func nextElement() throws(DocumentFailure) -> Bool {
        try advance(until: UInt8(ascii: "]"))
    }

    mutating func end() throws(DocumentFailure) {
        skipNoOperations()
        guard offset == bytes.count else { throw failure("unexpected bytes after the document") }
    }

    /// Whether the innermost container has another element; closes it if not.
    private mutating func advance(until end: UInt8) throws(DocumentFailure) -> Bool {
        let innermost = containers.count - 1
        if let remaining = containers[innermost].remaining {
            guard remaining > 0 else {
                containers.removeLast()
                return false
            }
            containers[innermost].remaining = remaining - 1
            return true
        }
        skipNoOperations()
        guard offset < bytes.count else { throw failure("unexpected end of the file") }
        guard bytes[offset] == end else { return true }
        offset += 1
        containers.removeLast()
        return false
    }

    private mutating func open(isObject: Bool) throws(DocumentFailure) {
        guard containers.count < Self.depthLimit else { throw failure("nested too deeply") }
        let header = try containerHeader(smallestElement: isObject ? 2 : 1)
        push(header, isObject: isObject)
    }

    private mutating func push(_ header: Header, isObject: Bool) {
        containers.append(Container(isObject: isObject, remaining: header.count, elements: header.elements))
    }

    private typealias Header = (elements: UInt8?, count: Int?)

    /// Reads `$type` and `#count` of a container, where it has them.
    private mutating func containerHeader(smallestElement: Int) throws(DocumentFailure) -> Header {
        var elements: UInt8?
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "$") {
            offset += 1
            let type = try byte()
            // Such elements take no bytes, so that a count of them could be any number.
            guard !Self.isSizeless(type), type != UInt8(ascii: "N") else {
                throw failure("a type without content cannot be shared")
            }
            elements = type
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "#") else { throw failure("a type needs a count ('#')") }
        }
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "#") else { return (nil, nil) }
        offset += 1
        let start = offset
        let count = try length()
        let size = elements.flatMap(Self.size(of:)) ?? smallestElement
        guard count <= remainingBytes / size else {
            throw DocumentFailure("the announced count is larger than the rest of the file", at: start)
        }
        return (elements, count)
    }

    // MARK: Values

    mutating func string() throws(DocumentFailure) -> String {
        let type = try marker()
        guard type == UInt8(ascii: "S") || type == UInt8(ascii: "C") else { throw mismatch("a string") }
        return String(decoding: try text(of: type), as: UTF8.self)
    }

    mutating func integer() throws(DocumentFailure) -> Int {
        try integer(of: try marker())
    }

    mutating func integers(into values: inout [Int32]) throws(DocumentFailure) {
        let first = values.count
        do throws(DocumentFailure) {
            let header = try arrayHeader()
            values.reserveCapacity(first + (header.count ?? 0))
            if header.elements == UInt8(ascii: "l"), let count = header.count {
                for _ in 0..<count { values.append(try load(as: Int32.self)) }
                return
            }
            push(header, isObject: false)
            while try nextElement() {
                guard let value = Int32(exactly: try integer()) else { throw failure("the integer is too large") }
                values.append(value)
            }
        } catch {
            throw DocumentFailure(error.reason, at: error.offset, element: values.count - first)
        }
    }

    mutating func floats(into values: inout [Float]) throws(DocumentFailure) {
        let first = values.count
        do throws(DocumentFailure) {
            let header = try arrayHeader()
            values.reserveCapacity(first + (header.count ?? 0))
            if header.elements == UInt8(ascii: "d"), let count = header.count {
                for _ in 0..<count { values.append(Float(bitPattern: try load(as: UInt32.self))) }
                return
            }
            push(header, isObject: false)
            while try nextElement() { values.append(try float(of: try marker())) }
        } catch {
            throw DocumentFailure(error.reason, at: error.offset, element: values.count - first)
        }
    }

    private mutating func arrayHeader() throws(DocumentFailure) -> Header {
        guard try marker() == UInt8(ascii: "[") else { throw mismatch("an array") }
        guard containers.count < Self.depthLimit else { throw failure("nested too deeply") }
        return try containerHeader(smallestElement: 1)
    }

    mutating func skip() throws(DocumentFailure) {
        let outside = containers.count
        try skipScalarOrOpen()
        while containers.count > outside {
            let hasNext = containers[containers.count - 1].isObject ? try nextKey() != nil : try nextElement()
            if hasNext { try skipScalarOrOpen() }
        }
    }

    /// Passes over an array of numbers at once; its size has been checked against the file's.
    private mutating func skipOrOpenArray() throws(DocumentFailure) {
        guard containers.count < Self.depthLimit else { throw failure("nested too deeply") }
        let header = try containerHeader(smallestElement: 1)
        guard let count = header.count, let size = header.elements.flatMap(Self.size(of:)) else {
            push(header, isObject: false)
            return
        }
        offset += count * size
    }

    private mutating func skipScalarOrOpen() throws(DocumentFailure) {
        let type = try marker()
        switch type {
        case UInt8(ascii: "{"): try open(isObject: true)
        case UInt8(ascii: "["): try skipOrOpenArray()
        case UInt8(ascii: "S"): _ = try text(of: type)
        default:
            guard let size = Self.size(of: type) ?? (Self.isSizeless(type) ? 0 : nil) else {
                throw failure("unknown type marker \(type)")
            }
            guard size <= remainingBytes else { throw failure("unexpected end of the file") }
            offset += size
        }
    }

    // MARK: Scalars

    /// The marker of the next value: its own byte, or the one its container announced.
    private mutating func marker() throws(DocumentFailure) -> UInt8 {
        if let last = containers.last, let shared = last.elements { return shared }
        skipNoOperations()
        return try byte()
    }

    private mutating func byte() throws(DocumentFailure) -> UInt8 {
        guard offset < bytes.count else { throw failure("unexpected end of the file") }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func skipNoOperations() {
        while offset < bytes.count, bytes[offset] == UInt8(ascii: "N") { offset += 1 }
    }

    /// A count or a string's length.
    private mutating func length() throws(DocumentFailure) -> Int {
        let value = try integer(of: try byte())
        guard value >= 0 else { throw failure("negative length") }
        return value
    }

    private mutating func text(of type: UInt8) throws(DocumentFailure) -> UnsafeBufferPointer<UInt8> {
        let start = offset
        let count = type == UInt8(ascii: "C") ? 1 : try length()
        guard count <= remainingBytes else {
            throw DocumentFailure("the announced length is larger than the rest of the file", at: start)
        }
        let text = UnsafeBufferPointer(rebasing: bytes[offset..<offset + count])
        guard UTF8Text.isValid(text) else { throw failure("invalid UTF-8") }
        offset += count
        return text
    }

    private mutating func integer(of type: UInt8) throws(DocumentFailure) -> Int {
        switch type {
        case UInt8(ascii: "i"): return Int(try load(as: Int8.self))
        case UInt8(ascii: "U"), UInt8(ascii: "C"): return Int(try load(as: UInt8.self))
        case UInt8(ascii: "I"): return Int(try load(as: Int16.self))
        case UInt8(ascii: "l"): return Int(try load(as: Int32.self))
        case UInt8(ascii: "L"): return Int(try load(as: Int64.self))
        case UInt8(ascii: "T"): return 1
        case UInt8(ascii: "F"): return 0
        default: throw mismatch("an integer")
        }
    }

    private mutating func float(of type: UInt8) throws(DocumentFailure) -> Float {
        switch type {
        case UInt8(ascii: "d"): return Float(bitPattern: try load(as: UInt32.self))
        case UInt8(ascii: "D"): return Float(Double(bitPattern: try load(as: UInt64.self)))
        default: return Float(try integer(of: type))
        }
    }

    private mutating func load<Value: FixedWidthInteger>(as type: Value.Type) throws(DocumentFailure) -> Value {
        let size = MemoryLayout<Value>.size
        guard size <= remainingBytes else { throw failure("unexpected end of the file") }
        defer { offset += size }
        return Value(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// Bytes of a value of a type whose values are all of one size and not empty.
    private static func size(of type: UInt8) -> Int? {
        switch type {
        case UInt8(ascii: "i"), UInt8(ascii: "U"), UInt8(ascii: "C"): 1
        case UInt8(ascii: "I"): 2
        case UInt8(ascii: "l"), UInt8(ascii: "d"): 4
        case UInt8(ascii: "L"), UInt8(ascii: "D"): 8
        default: nil
        }
    }

    private static func isSizeless(_ type: UInt8) -> Bool {
        type == UInt8(ascii: "Z") || type == UInt8(ascii: "T") || type == UInt8(ascii: "F")
    }

    private func failure(_ reason: String) -> DocumentFailure { DocumentFailure(reason, at: offset) }

    private func mismatch(_ expected: String) -> DocumentFailure {
        DocumentFailure("expected \(expected)", at: max(0, offset - 1))
    }
}
