internal import Scoring
internal import TextFormats

/// Reads a request's JSON and says in the server's own errors what is wrong with it. A thin skin over
/// `JSONReader`: see there.
struct RequestReader: ~Copyable {
    private var json: JSONReader

    init(_ body: UnsafeBufferPointer<UInt8>, from offset: Int = 0, memory: JSONMemory) {
        json = unsafe JSONReader(body, from: offset, memory: memory)
    }

    @inline(never)
    private static func malformed(_ failure: JSONReader.Failure) -> ScoringError {
        .invalidRequest("the body is not valid JSON for this request: \(failure)")
    }

    @inline(__always)
    mutating func peek() throws(ScoringError) -> JSONKind {
        do { return try json.peek() } catch { throw Self.malformed(error) }
    }

    mutating func beginObject() throws(ScoringError) {
        do { try json.beginObject() } catch { throw Self.malformed(error) }
    }

    mutating func beginArray() throws(ScoringError) {
        do { try json.beginArray() } catch { throw Self.malformed(error) }
    }

    @inline(__always)
    mutating func nextKey() throws(ScoringError) -> JSONString? {
        do { return try json.nextKey() } catch { throw Self.malformed(error) }
    }

    @inline(__always)
    mutating func nextElement() throws(ScoringError) -> Bool {
        do { return try json.nextElement() } catch { throw Self.malformed(error) }
    }

    @inline(__always)
    mutating func number() throws(ScoringError) -> Double {
        do { return try json.number() } catch { throw Self.malformed(error) }
    }

    mutating func float() throws(ScoringError) -> Float {
        do { return try json.float() } catch { throw Self.malformed(error) }
    }

    mutating func numeral() throws(ScoringError) -> Numeral {
        do { return try json.numeral() } catch { throw Self.malformed(error) }
    }

    mutating func integer() throws(ScoringError) -> Int {
        do { return try json.integer() } catch { throw Self.malformed(error) }
    }

    mutating func unsigned() throws(ScoringError) -> UInt64 {
        do { return try json.unsigned() } catch { throw Self.malformed(error) }
    }

    mutating func boolean() throws(ScoringError) -> Bool {
        do { return try json.boolean() } catch { throw Self.malformed(error) }
    }

    mutating func null() throws(ScoringError) {
        do { try json.null() } catch { throw Self.malformed(error) }
    }

    mutating func text() throws(ScoringError) -> JSONString {
        do { return try json.text() } catch { throw Self.malformed(error) }
    }

    mutating func skip() throws(ScoringError) {
        do { try json.skip() } catch { throw Self.malformed(error) }
    }

    mutating func end() throws(ScoringError) {
        do { try json.end() } catch { throw Self.malformed(error) }
    }

    /// Bytes read so far.
    var offset: Int { json.offset }
    func mark() -> JSONReader.Mark { json.mark() }
    mutating func rewind(to mark: JSONReader.Mark) { json.rewind(to: mark) }
}

/// Names from a request as messages quote them: short.
enum Quoted {
    static func name(_ text: JSONString) -> String { name(text.string) }

    static func name(_ text: String) -> String {
        text.utf8.count <= 80 ? text : String(text.unicodeScalars.prefix(60)) + "…"
    }
}
