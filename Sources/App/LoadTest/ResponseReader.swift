internal import Glibc

/// Finds where an HTTP/1.1 response ends and what its status is, from bytes as they arrive; keeps neither
/// headers nor body, and allocates nothing for a response that arrives in one piece.
///
/// Framing follows RFC 9112, section 6.3: no body for HEAD, 204 and 304; chunks; Content-Length; else the
/// body ends with the connection.
package struct ResponseReader {
    /// A response that cannot be understood; the connection is of no use any more.
    package enum Malformed: Error, Equatable {
        case statusLine, header, length, chunk, tooLongHead, upgrade, bytesAfterResponse
    }

    private enum Place {
        case statusLine, headers, body(UInt64), bodyToEnd
        case chunkSize, chunk(UInt64), chunkEnd, trailers
        case complete
    }

    /// Longest head, and longest list of trailers.
    package static let maxHeadBytes = 65536
    /// How much of a failed response's body is kept to be shown.
    package static let maxExcerptBytes = 300

    private let answersHaveNoBody: Bool
    private var place = Place.statusLine
    private var headBytes = 0
    private var length: UInt64?
    private var isChunked = false
    /// A line whose end has not arrived yet.
    private var line: [UInt8] = []
    package private(set) var status = 0
    /// Whether the server keeps the connection open after this response.
    package private(set) var keepsAlive = true
    /// The beginning of the body of a response that is not 2xx.
    package private(set) var excerpt: [UInt8] = []

    package init(answersHaveNoBody: Bool = false) { self.answersHaveNoBody = answersHaveNoBody }

    package var isComplete: Bool {
        if case .complete = place { true } else { false }
    }

    /// Gets ready for the next response on the same connection.
    package mutating func reset() {
        place = .statusLine
        headBytes = 0
        length = nil
        isChunked = false
        line.removeAll(keepingCapacity: true)
        status = 0
        keepsAlive = true
        excerpt.removeAll(keepingCapacity: true)
    }

    /// Takes the next bytes. Returns whether the response is complete.
    package mutating func read(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch place {
            case .complete: throw .bytesAfterResponse
            case .body(let left):
                let left = left - skip(&rest, left)
                place = left == 0 ? .complete : .body(left)
            case .bodyToEnd: _ = skip(&rest, .max)
            case .chunk(let left):
                let left = left - skip(&rest, left)
                place = left == 0 ? .chunkEnd : .chunk(left)
            default: try readLine(&rest)
            }
        }
        return isComplete
    }

    /// The server closed the connection. Returns whether that completes the response.
    package mutating func readEnd() -> Bool {
        guard case .bodyToEnd = place else { return false }
        place = .complete
        keepsAlive = false
        return true
    }

    private mutating func skip(_ rest: inout Slice<UnsafeRawBufferPointer>, _ most: UInt64) -> UInt64 {
        let count = Int(min(UInt64(rest.count), most))
        if !(200..<300).contains(status), excerpt.count < Self.maxExcerptBytes {
            excerpt.append(contentsOf: rest.prefix(min(count, Self.maxExcerptBytes - excerpt.count)))
        }
        rest = rest.dropFirst(count)
        return UInt64(count)
    }

    private mutating func readLine(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(Malformed) {
        let bytes = UnsafeRawBufferPointer(rebasing: rest)
        let end = bytes.baseAddress.flatMap { memchr($0, 0x0a, bytes.count) }
        let count = end.map { UnsafeRawPointer($0) - bytes.baseAddress! } ?? bytes.count
        headBytes += count + 1
        guard headBytes <= Self.maxHeadBytes else { throw .tooLongHead }
        rest = rest.dropFirst(end == nil ? count : count + 1)
        guard end != nil else {
            headBytes -= 1
            line.append(contentsOf: bytes)
            return
        }
        guard !line.isEmpty else { return try take(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
        line.append(contentsOf: bytes[..<count])
        let whole = line
        line.removeAll(keepingCapacity: true)
        let result: Result<Void, Malformed> = whole.withUnsafeBytes { whole in
            do throws(Malformed) { return .success(try take(whole)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Takes a line without its line feed.
    private mutating func take(_ line: UnsafeRawBufferPointer) throws(Malformed) {
        let line = line.last == 0x0d ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
        switch place {
        case .statusLine: try takeStatus(line)
        case .headers: if line.isEmpty { try endHead() } else { try takeHeader(line) }
        case .chunkSize:
            headBytes = 0
            place = try chunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { throw .chunk }
            place = .chunkSize
        case .trailers: if line.isEmpty { place = .complete }
        case .body, .bodyToEnd, .chunk, .complete: preconditionFailure("no lines here")
        }
    }

    private mutating func takeStatus(_ line: UnsafeRawBufferPointer) throws(Malformed) {
        guard line.count >= 12, starts(line, with: "http/1."), line[8] == 0x20, line.count == 12 || line[12] == 0x20,
            let status = decimal(UnsafeRawBufferPointer(rebasing: line[9..<12])), (100...599).contains(status)
        else { throw .statusLine }
        self.status = Int(status)
        keepsAlive = line[7] != UInt8(ascii: "0")
        place = .headers
    }

    private mutating func takeHeader(_ line: UnsafeRawBufferPointer) throws(Malformed) {
        // Only three headers matter; their first letters are c and t.
        switch line[0] | 0x20 {
        case UInt8(ascii: "c"):
            if starts(line, with: "content-length:") {
                guard let value = decimal(trimmed(line, from: 15)), length == nil || length == value else { throw .length }
                length = value
            } else if starts(line, with: "connection:") {
                let value = trimmed(line, from: 11)
                if contains(value, "close") { keepsAlive = false }
                if contains(value, "keep-alive") { keepsAlive = true }
            }
        case UInt8(ascii: "t"):
            if starts(line, with: "transfer-encoding:") {
                guard contains(trimmed(line, from: 18), "chunked") else { throw .length }
                isChunked = true
            }
        default: break
        }
        guard memchr(line.baseAddress!, 0x3a, line.count) != nil else { throw .header }
    }

    private mutating func endHead() throws(Malformed) {
        if status < 200 {
            guard status != 101 else { throw .upgrade }
            // An interim response; the real one follows.
            reset()
        } else if answersHaveNoBody || status == 204 || status == 304 {
            place = .complete
        } else if isChunked {
            place = .chunkSize
        } else if let length {
            place = length == 0 ? .complete : .body(length)
        } else {
            place = .bodyToEnd
        }
    }

    private func chunkSize(_ line: UnsafeRawBufferPointer) throws(Malformed) -> Place {
        var size: UInt64 = 0
        var digits = 0
        for byte in line {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            case UInt8(ascii: ";"), UInt8(ascii: " "), UInt8(ascii: "\t"): digit = 255
            default: throw .chunk
            }
            if digit == 255 { break }
            digits += 1
            guard digits <= 15 else { throw .chunk }
            size = size << 4 | UInt64(digit)
        }
        guard digits > 0 else { throw .chunk }
        return size == 0 ? .trailers : .chunk(size)
    }
}

/// Whether the line begins with the (lower-case) letters, in either case.
private func starts(_ line: UnsafeRawBufferPointer, with letters: StaticString) -> Bool {
    line.count >= letters.utf8CodeUnitCount && equals(line, at: 0, letters)
}

private func contains(_ line: UnsafeRawBufferPointer, _ letters: StaticString) -> Bool {
    guard line.count >= letters.utf8CodeUnitCount else { return false }
    return (0...line.count - letters.utf8CodeUnitCount).contains { equals(line, at: $0, letters) }
}

private func equals(_ line: UnsafeRawBufferPointer, at offset: Int, _ letters: StaticString) -> Bool {
    strncasecmp(
        (line.baseAddress! + offset).assumingMemoryBound(to: CChar.self),
        UnsafeRawPointer(letters.utf8Start).assumingMemoryBound(to: CChar.self), letters.utf8CodeUnitCount) == 0
}

private func trimmed(_ line: UnsafeRawBufferPointer, from start: Int) -> UnsafeRawBufferPointer {
    var range = start..<line.count
    while let first = range.first, line[first] == 0x20 || line[first] == 0x09 { range.removeFirst() }
    while let last = range.last, line[last] == 0x20 || line[last] == 0x09 { range.removeLast() }
    return UnsafeRawBufferPointer(rebasing: line[range])
}

/// A number of at most 18 decimal digits.
private func decimal(_ digits: UnsafeRawBufferPointer) -> UInt64? {
    guard (1...18).contains(digits.count) else { return nil }
    var value: UInt64 = 0
    for byte in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
    }
    return value
}
