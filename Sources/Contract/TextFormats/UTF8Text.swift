/// Checks bytes from outside for being UTF-8 as Unicode defines it (table 3-7): no overlong forms, no
/// surrogates, nothing past U+10FFFF, nothing cut off.
package enum UTF8Text {
    /// The length of the multi-byte sequence at `start`, or 0 if there is no valid one before `limit`.
    /// The first byte is known not to be ASCII.
    static func sequenceLength(at start: UnsafePointer<UInt8>, before limit: UnsafePointer<UInt8>) -> Int {
        let first = unsafe start.pointee
        let available = unsafe limit - start
        @inline(__always)
        func continues(_ offset: Int) -> Bool { unsafe start[offset] & 0xc0 == 0x80 }
        switch first {
        case 0xc2...0xdf:
            return available >= 2 && continues(1) ? 2 : 0
        case 0xe0...0xef:
            guard available >= 3, continues(1), continues(2) else { return 0 }
            if first == 0xe0, unsafe start[1] < 0xa0 { return 0 }
            if first == 0xed, unsafe start[1] > 0x9f { return 0 }
            return 3
        case 0xf0...0xf4:
            guard available >= 4, continues(1), continues(2), continues(3) else { return 0 }
            if first == 0xf0, unsafe start[1] < 0x90 { return 0 }
            if first == 0xf4, unsafe start[1] > 0x8f { return 0 }
            return 4
        default:
            return 0
        }
    }

    /// The offset of the first byte that is not part of valid UTF-8, or nil if all are.
    package static func firstInvalidByte(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        let limit = unsafe start + bytes.count
        var next = unsafe start
        while unsafe next < limit {
            if unsafe limit - next >= 8, unsafe EightBytes.load(next) & EightBytes.highBits == 0 {
                unsafe next += 8
            } else if unsafe next.pointee < 0x80 {
                unsafe next += 1
            } else {
                let length = unsafe sequenceLength(at: next, before: limit)
                if length == 0 { return unsafe next - start }
                unsafe next += length
            }
        }
        return nil
    }

    package static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { unsafe firstInvalidByte(bytes) == nil }
}

/// Looks at eight bytes at once. In the results the lowest bit set belongs to the first byte that has the
/// property; bits above it may be set by borrows.
enum EightBytes {
    static let highBits: UInt64 = 0x8080_8080_8080_8080
    static let ones: UInt64 = 0x0101_0101_0101_0101

    @inline(__always)
    static func load(_ start: UnsafePointer<UInt8>) -> UInt64 {
        unsafe UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
    }

    /// Bytes at which a plain run of a JSON string ends: quote, backslash, control characters, not ASCII.
    @inline(__always)
    static func stringStops(_ word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        return (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word) | word)
            & highBits
    }

    @inline(__always)
    static func firstByte(_ marks: UInt64) -> Int { marks.trailingZeroBitCount >> 3 }
}
