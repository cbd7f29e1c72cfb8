internal import Glibc

/// Strings and keys.
extension JSONReader {
    /// A string as bytes; see `JSONString` for how long they stay.
    package mutating func text() throws(Failure) -> JSONString {
        guard try firstByte() == UInt8(ascii: "\"") else { throw mismatch("a string") }
        let raw = try scanString()
        return JSONString(raw.hasEscapes ? decode(raw) : UnsafeBufferPointer(start: raw.start, count: raw.count))
    }

    /// A string of its own.
    package mutating func string() throws(Failure) -> String { try text().string }

    struct RawString {
        var start: UnsafePointer<UInt8>
        var count: Int
        var hasEscapes: Bool
    }

    /// Reads and checks the string whose opening quote is next.
    mutating func scanString() throws(Failure) -> RawString {
        next += 1
        let first = next
        var hasEscapes = false
        while true {
            while limit - next >= 8 {
                let stops = EightBytes.stringStops(EightBytes.load(next))
                next += stops == 0 ? 8 : EightBytes.firstByte(stops)
                if stops != 0 { break }
            }
            guard next < limit else { throw failure("unexpected end of the document in a string") }
            let byte = next.pointee
            switch byte {
            case UInt8(ascii: "\""):
                next += 1
                return RawString(start: first, count: next - 1 - first, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try scanEscape()
            case 0..<0x20: throw failure("control character in a string")
            case 0x20..<0x80: next += 1
            default:
                let length = UTF8Text.sequenceLength(at: next, before: limit)
                guard length > 0 else { throw failure("invalid UTF-8") }
                next += length
            }
        }
    }

    private mutating func scanEscape() throws(Failure) {
        guard limit - next >= 2 else { throw failure("unexpected end of the document in a string") }
        switch next[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            next += 2
        case UInt8(ascii: "u"):
            guard let unit = Self.hexadecimal(next + 2, before: limit) else { throw failure("malformed \\u escape") }
            switch unit {
            case 0xd800...0xdbff:
                guard limit - next >= 8, next[6] == UInt8(ascii: "\\"), next[7] == UInt8(ascii: "u"),
                    let low = Self.hexadecimal(next + 8, before: limit), 0xdc00...0xdfff ~= low
                else { throw failure("lone surrogate in a string") }
                next += 12
            case 0xdc00...0xdfff: throw failure("lone surrogate in a string")
            default: next += 6
            }
        default: throw failure("unknown escape in a string")
        }
    }

    private static func hexadecimal(_ start: UnsafePointer<UInt8>, before limit: UnsafePointer<UInt8>) -> UInt32? {
        guard limit - start >= 4 else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            let digit: UInt8
            switch start[offset] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = start[offset] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = start[offset] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = start[offset] - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Decodes a checked string behind those decoded before. A decoded string is never longer than its text.
    private mutating func decode(_ raw: RawString) -> UnsafeBufferPointer<UInt8> {
        let first = decodedNext ?? memory.decodingRoom(limit - start)
        var to = first
        var from = raw.start
        let end = raw.start + raw.count
        while from < end {
            let byte = from.pointee
            guard byte == UInt8(ascii: "\\") else {
                to.pointee = byte
                (to, from) = (to + 1, from + 1)
                continue
            }
            let letter = from[1]
            guard letter == UInt8(ascii: "u") else {
                to.pointee = Self.escaped(letter)
                (to, from) = (to + 1, from + 2)
                continue
            }
            var scalar = Self.hexadecimal(from + 2, before: end) ?? 0xfffd
            from += 6
            if 0xd800...0xdbff ~= scalar {
                let low = Self.hexadecimal(from + 2, before: end) ?? 0xdc00
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
                from += 6
            }
            for unit in UTF8.encode(Unicode.Scalar(scalar) ?? "\u{fffd}").unsafelyUnwrapped {
                to.pointee = unit
                to += 1
            }
        }
        decodedNext = to
        return UnsafeBufferPointer(start: first, count: to - first)
    }

    private static func escaped(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }

    // MARK: Keys

    /// Reads the key whose opening quote is next, hashing as it goes, and checks that its object has no such
    /// key yet.
    @inline(__always)
    mutating func readKey() throws(Failure) -> JSONString {
        let quote = next
        let first = next + 1
        var scan = first
        var hash = hashSeed
        while limit - scan >= 8 {
            let word = EightBytes.load(scan)
            let stops = EightBytes.stringStops(word)
            if stops == 0 {
                hash = KeyHash.mix(hash, word)
                scan += 8
                continue
            }
            let length = EightBytes.firstByte(stops)
            guard scan[length] == UInt8(ascii: "\"") else { break }
            let tail = word & ((1 &<< (UInt64(length) &* 8)) &- 1)
            let count = scan + length - first
            next = scan + length + 1
            try register(JSONMemory.Key(hash: KeyHash.finish(hash, tail: tail, count: count), start: first, count: count), quote)
            return JSONString(UnsafeBufferPointer(start: first, count: count))
        }
        return try readUnusualKey()
    }

    /// A key with escapes or beyond ASCII, or near the document's end.
    @inline(never)
    private mutating func readUnusualKey() throws(Failure) -> JSONString {
        let quote = next
        let raw = try scanString()
        let bytes = raw.hasEscapes ? decode(raw) : UnsafeBufferPointer(start: raw.start, count: raw.count)
        let start = bytes.baseAddress.unsafelyUnwrapped
        try register(JSONMemory.Key(hash: KeyHash.hash(start, bytes.count), start: start, count: bytes.count), quote)
        return JSONString(bytes)
    }

    /// Adds a key to the current object's. A filter of 128 bits tells most new keys from the old ones; where
    /// it does not, a small object's keys are scanned and a large one's looked up.
    @inline(__always)
    private mutating func register(_ key: JSONMemory.Key, _ quote: UnsafePointer<UInt8>) throws(Failure) {
        let bit: UInt64 = 1 &<< (key.hash >> 58)
        let isHigh = key.hash & 1 << 57 != 0
        let wasSeen = (isHigh ? frame.seenHigh : frame.seenLow) & bit != 0
        if isHigh { frame.seenHigh |= bit } else { frame.seenLow |= bit }
        if keyCount == keyCapacity {
            memory.growKeys(holding: keyCount)
            keyBase = memory.keys
            keyCapacity = memory.keyCapacity
        }
        keyBase[keyCount] = key
        keyCount += 1
        if wasSeen || keyCount - frame.firstKey > JSONMemory.scannedKeys {
            guard isNewKey() else { throw failure("duplicate key", at: quote) }
        }
    }

    /// Whether the key added last is the only one of its bytes in its object.
    @inline(never)
    private mutating func isNewKey() -> Bool {
        let last = keyCount - 1
        if frame.isIndexed { return memory.insert(last, firstKey: frame.firstKey) }
        if keyCount - frame.firstKey > JSONMemory.scannedKeys {
            frame.isIndexed = true
            var position = frame.firstKey
            while position < keyCount {
                guard memory.insert(position, firstKey: frame.firstKey) else { return false }
                position += 1
            }
            return true
        }
        let key = keyBase[last]
        var position = frame.firstKey
        while position < last {
            if JSONMemory.areEqual(keyBase[position], key) { return false }
            position += 1
        }
        return true
    }
}
