internal import Glibc

/// Strings and keys.
extension JSONReader {
    /// A string as bytes; see `JSONString` for how long they stay.
    package mutating func text() throws(Failure) -> JSONString {
        guard try firstByte() == UInt8(ascii: "\"") else { throw mismatch("a string") }
        let raw = try scanString()
        return unsafe JSONString(raw.hasEscapes ? decode(raw) : UnsafeBufferPointer(start: raw.start, count: raw.count))
    }

    /// A string of its own.
    package mutating func string() throws(Failure) -> String { try text().string }

    @safe struct RawString {
        var start: UnsafePointer<UInt8>
        var count: Int
        var hasEscapes: Bool
    }

    /// Reads and checks the string whose opening quote is next.
    mutating func scanString() throws(Failure) -> RawString {
        unsafe next += 1
        let first = unsafe next
        var hasEscapes = false
        while true {
            while unsafe limit - next >= 8 {
                let stops = unsafe EightBytes.stringStops(EightBytes.load(next))
                unsafe next += stops == 0 ? 8 : EightBytes.firstByte(stops)
                if stops != 0 { break }
            }
            guard unsafe next < limit else { throw failure("unexpected end of the document in a string") }
            let byte = unsafe next.pointee
            switch byte {
            case UInt8(ascii: "\""):
                unsafe next += 1
                return unsafe RawString(start: first, count: next - 1 - first, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try scanEscape()
            case 0..<0x20: throw failure("control character in a string")
            case 0x20..<0x80: unsafe next += 1
            default:
                let length = unsafe UTF8Text.sequenceLength(at: next, before: limit)
                guard length > 0 else { throw failure("invalid UTF-8") }
                unsafe next += length
            }
        }
    }

    private mutating func scanEscape() throws(Failure) {
        guard unsafe limit - next >= 2 else { throw failure("unexpected end of the document in a string") }
        switch unsafe next[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            unsafe next += 2
        case UInt8(ascii: "u"):
            guard let unit = unsafe Self.hexadecimal(next + 2, before: limit) else { throw failure("malformed \\u escape") }
            switch unit {
            case 0xd800...0xdbff:
                guard unsafe limit - next >= 8, unsafe next[6] == UInt8(ascii: "\\"), unsafe next[7] == UInt8(ascii: "u"),
                    let low = unsafe Self.hexadecimal(next + 8, before: limit), 0xdc00...0xdfff ~= low
                else { throw failure("lone surrogate in a string") }
                unsafe next += 12
            case 0xdc00...0xdfff: throw failure("lone surrogate in a string")
            default: unsafe next += 6
            }
        default: throw failure("unknown escape in a string")
        }
    }

    private static func hexadecimal(_ start: UnsafePointer<UInt8>, before limit: UnsafePointer<UInt8>) -> UInt32? {
        guard unsafe limit - start >= 4 else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            let digit: UInt8
            switch unsafe start[offset] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = unsafe start[offset] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = unsafe start[offset] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = unsafe start[offset] - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Decodes a checked string behind those decoded before. A decoded string is never longer than its text.
    private mutating func decode(_ raw: RawString) -> UnsafeBufferPointer<UInt8> {
        let first = unsafe decodedNext ?? memory.decodingRoom(limit - start)
        var to = unsafe first
        var from = unsafe raw.start
        let end = unsafe raw.start + raw.count
        while unsafe from < end {
            let byte = unsafe from.pointee
            guard byte == UInt8(ascii: "\\") else {
                unsafe to.pointee = byte
                unsafe (to, from) = unsafe (to + 1, from + 1)
                continue
            }
            let letter = unsafe from[1]
            guard letter == UInt8(ascii: "u") else {
                unsafe to.pointee = Self.escaped(letter)
                unsafe (to, from) = unsafe (to + 1, from + 2)
                continue
            }
            var scalar = unsafe Self.hexadecimal(from + 2, before: end) ?? 0xfffd
            unsafe from += 6
            if 0xd800...0xdbff ~= scalar {
                let low = unsafe Self.hexadecimal(from + 2, before: end) ?? 0xdc00
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
                unsafe from += 6
            }
            for unit in unsafe UTF8.encode(Unicode.Scalar(scalar) ?? "\u{fffd}").unsafelyUnwrapped {
                unsafe to.pointee = unit
                unsafe to += 1
            }
        }
        unsafe decodedNext = unsafe to
        return unsafe UnsafeBufferPointer(start: first, count: to - first)
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
        let quote = unsafe next
        let first = unsafe next + 1
        var scan = unsafe first
        var hash = hashSeed
        while unsafe limit - scan >= 8 {
            let word = unsafe EightBytes.load(scan)
            let stops = EightBytes.stringStops(word)
            if stops == 0 {
                hash = KeyHash.mix(hash, word)
                unsafe scan += 8
                continue
            }
            let length = EightBytes.firstByte(stops)
            guard unsafe scan[length] == UInt8(ascii: "\"") else { break }
            let tail = word & ((1 &<< (UInt64(length) &* 8)) &- 1)
            let count = unsafe scan + length - first
            unsafe next = unsafe scan + length + 1
            unsafe try register(
                JSONMemory.Key(hash: KeyHash.finish(hash, tail: tail, count: count), start: first, count: count), quote)
            return unsafe JSONString(UnsafeBufferPointer(start: first, count: count))
        }
        return try readUnusualKey()
    }

    /// A key with escapes or beyond ASCII, or near the document's end.
    @inline(never)
    private mutating func readUnusualKey() throws(Failure) -> JSONString {
        let quote = unsafe next
        let raw = try scanString()
        let bytes = unsafe raw.hasEscapes ? decode(raw) : UnsafeBufferPointer(start: raw.start, count: raw.count)
        let start = unsafe bytes.baseAddress.unsafelyUnwrapped
        unsafe try register(JSONMemory.Key(hash: KeyHash.hash(start, bytes.count), start: start, count: bytes.count), quote)
        return unsafe JSONString(bytes)
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
            unsafe keyBase = unsafe memory.keys
            keyCapacity = memory.keyCapacity
        }
        unsafe keyBase[keyCount] = key
        keyCount += 1
        if wasSeen || keyCount - frame.firstKey > JSONMemory.scannedKeys {
            guard isNewKey() else { throw unsafe failure("duplicate key", at: quote) }
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
        let key = unsafe keyBase[last]
        var position = frame.firstKey
        while position < last {
            if unsafe JSONMemory.areEqual(keyBase[position], key) { return false }
            position += 1
        }
        return true
    }
}
