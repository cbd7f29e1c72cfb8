/// Reads one JSON document (RFC 8259, strictly) from bytes, value by value, on the caller's demand: nothing
/// is built, and with a reused `JSONMemory` nothing is allocated. Beyond the grammar it refuses duplicate
/// keys in any object, invalid UTF-8, lone surrogates, numbers too large for a double, and nesting beyond
/// a limit; also in values that are skipped.
///
/// ```swift
/// var reader = JSONReader(bytes)
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///     switch key {
///     case "count": count = try reader.integer()
///     default: try reader.skip()
///     }
/// }
/// try reader.end()
/// ```
/// Every key and element has to be followed by reading or skipping its value. After an error the reader is
/// of no more use.
@safe package struct JSONReader: ~Copyable {
    /// What is wrong with the document, and at which byte.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let offset: Int
        package let reason: String

        package init(offset: Int, reason: String) {
            self.offset = offset
            self.reason = reason
        }

        package var description: String { "\(reason) at byte \(offset)" }
    }

    let start: UnsafePointer<UInt8>
    let limit: UnsafePointer<UInt8>
    var next: UnsafePointer<UInt8>
    let depthLimit: Int
    let allowsNonFinite: Bool
    let memory: JSONMemory

    /// The object or array that is being read; those around it are in `memory.frames`.
    var frame = JSONMemory.Frame(isObject: false, firstKey: 0, seenLow: 0, seenHigh: 0, isIndexed: false)
    package internal(set) var depth = 0
    /// Whether no element or key of the current frame has been read yet.
    var isAtFirst = false
    var keyCount = 0
    // Copies of what `memory` holds: reading a class's property costs a check each time.
    var keyBase: UnsafeMutablePointer<JSONMemory.Key>
    var keyCapacity: Int
    private var frames: UnsafeMutablePointer<JSONMemory.Frame>
    private var frameCapacity: Int
    var decodedNext: UnsafeMutablePointer<UInt8>?
    let hashSeed: UInt64

    /// - Parameters:
    ///   - bytes: The document. Must outlive the reader and the strings that it gives.
    ///   - offset: Where in `bytes` the document starts; what stands before only counts in `Failure.offset`.
    ///   - depthLimit: How many objects and arrays may be open at a time.
    ///   - allowsNonFinite: Whether `NaN`, `Infinity` and `-Infinity` are numbers, and numbers too large for
    ///     a double infinite: for model files whose writers do that. Default: both are refused.
    ///   - memory: Reused from document to document; nil for one of the reader's own.
    package init(
        _ bytes: UnsafeBufferPointer<UInt8>, from offset: Int = 0, depthLimit: Int = 64, allowsNonFinite: Bool = false,
        memory: JSONMemory? = nil
    ) {
        precondition(0...bytes.count ~= offset)
        // An empty buffer may have no address; any will do, nothing is read from it.
        unsafe start = unsafe bytes.baseAddress ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
        unsafe limit = unsafe start + bytes.count
        unsafe next = unsafe start + offset
        self.depthLimit = depthLimit
        self.allowsNonFinite = allowsNonFinite
        let memory = memory ?? JSONMemory()
        memory.begin()
        self.memory = memory
        unsafe keyBase = unsafe memory.keys
        keyCapacity = memory.keyCapacity
        unsafe frames = unsafe memory.frames
        frameCapacity = memory.frameCapacity
        hashSeed = KeyHash.seed
    }

    /// Bytes read so far.
    package var offset: Int { unsafe next - start }

    // MARK: Structure

    /// What the next value is, without reading it.
    package mutating func peek() throws(Failure) -> JSONKind {
        switch try firstByte() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "N") where allowsNonFinite, UInt8(ascii: "I") where allowsNonFinite: return .number
        default: throw failure("expected a value" + missingHint)
        }
    }

    /// What to send instead of what Python's `json` makes of missing and infinite numbers.
    private var missingHint: String {
        let text = unsafe UnsafeRawBufferPointer(start: next, count: min(8, limit - next))
        if unsafe text.starts(with: "NaN".utf8) { return ", found NaN, which is not JSON; send null for a missing value" }
        if unsafe text.starts(with: "Infinity".utf8) { return ", found Infinity, which is not JSON" }
        return ""
    }

    package mutating func beginObject() throws(Failure) {
        guard try firstByte() == UInt8(ascii: "{") else { throw mismatch("an object") }
        try open(isObject: true)
    }

    package mutating func beginArray() throws(Failure) {
        guard try firstByte() == UInt8(ascii: "[") else { throw mismatch("an array") }
        try open(isObject: false)
    }

    /// Goes to the next element of the current array; false if it ended.
    @inline(__always)
    package mutating func nextElement() throws(Failure) -> Bool {
        let byte = try firstByte()
        if byte == UInt8(ascii: "]") {
            close()
            return false
        }
        if isAtFirst {
            isAtFirst = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw failure("expected ',' or ']' in an array") }
        unsafe next += 1
        return true
    }

    /// Reads the next key of the current object and the colon behind it; nil if the object ended.
    package mutating func nextKey() throws(Failure) -> JSONString? {
        var byte = try firstByte()
        if byte == UInt8(ascii: "}") {
            close()
            return nil
        }
        if isAtFirst {
            isAtFirst = false
        } else {
            guard byte == UInt8(ascii: ",") else { throw failure("expected ',' or '}' in an object") }
            unsafe next += 1
            byte = try firstByte()
        }
        guard byte == UInt8(ascii: "\"") else { throw failure("expected a key in quotes") }
        let key = try readKey()
        guard try firstByte() == UInt8(ascii: ":") else { throw failure("expected ':' after a key") }
        unsafe next += 1
        return key
    }

    /// Checks that only white space is left.
    package mutating func end() throws(Failure) {
        skipWhitespace()
        guard unsafe next == limit else { throw failure("unexpected text after the document") }
    }

    /// Reads one value of any kind and checks all of it.
    package mutating func skip() throws(Failure) {
        let outside = depth
        try skipScalarOrOpen()
        while depth > outside {
            if frame.isObject {
                if try nextKey() != nil { try skipScalarOrOpen() }
            } else {
                if try nextElement() { try skipScalarOrOpen() }
            }
        }
    }

    private mutating func skipScalarOrOpen() throws(Failure) {
        switch try peek() {
        case .object: try beginObject()
        case .array: try beginArray()
        case .string: _ = try scanString()
        case .number: _ = try number()
        case .boolean: _ = try boolean()
        case .null: try null()
        }
    }

    private mutating func open(isObject: Bool) throws(Failure) {
        guard depth < depthLimit else { throw failure("nested too deeply") }
        if depth == frameCapacity {
            memory.growFrames(holding: depth)
            unsafe frames = unsafe memory.frames
            frameCapacity = memory.frameCapacity
        }
        unsafe frames[depth] = frame
        depth += 1
        frame = JSONMemory.Frame(isObject: isObject, firstKey: keyCount, seenLow: 0, seenHigh: 0, isIndexed: false)
        isAtFirst = true
        unsafe next += 1
    }

    private mutating func close() {
        unsafe next += 1
        if frame.isIndexed { memory.remove(from: keyCount, downTo: frame.firstKey) }
        keyCount = frame.firstKey
        depth -= 1
        frame = unsafe frames[depth]
        isAtFirst = false
    }

    // MARK: Bytes

    @inline(__always)
    mutating func skipWhitespace() {
        while unsafe next < limit, unsafe next.pointee <= 0x20 {
            switch unsafe next.pointee {
            case 0x20, 0x0a, 0x0d, 0x09: unsafe next += 1
            default: return
            }
        }
    }

    /// The first byte behind white space.
    @inline(__always)
    mutating func firstByte() throws(Failure) -> UInt8 {
        skipWhitespace()
        guard unsafe next < limit else { throw failure("unexpected end of the document") }
        return unsafe next.pointee
    }

    @inline(never)
    func failure(_ reason: String) -> Failure { unsafe Failure(offset: next - start, reason: reason) }

    @inline(never)
    func failure(_ reason: String, at place: UnsafePointer<UInt8>) -> Failure {
        unsafe Failure(offset: place - start, reason: reason)
    }

    /// The error for a value that is of another kind than the caller needs.
    @inline(never)
    mutating func mismatch(_ expected: String) -> Failure {
        let place = unsafe next
        guard let found = try? peek() else { return unsafe failure("expected \(expected)", at: unsafe place) }
        return unsafe failure("expected \(expected), found \(found.phrase)", at: unsafe place)
    }
}

/// The kinds of JSON values.
package enum JSONKind: Sendable, Equatable {
    case object, array, string, number, boolean, null

    /// For messages: "a number".
    package var phrase: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .boolean: "true or false"
        case .null: "null"
        }
    }
}
