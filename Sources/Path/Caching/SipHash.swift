internal import Scoring

/// SipHash-2-4 with 128 bits of result (Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the 128-bit
/// variant of their reference code), over whole words of eight bytes. With a secret key nobody who chooses the input
/// can choose collisions. Two rounds a word: about 4 ns for each feature of a row.
package struct SipHash: Sendable {
    private var state: SipState
    private var words: UInt64 = 0

    init(key: (UInt64, UInt64)) {
        state = SipState(key: key)
        state.v1 ^= 0xee
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        state.v3 ^= word
        state.round()
        state.round()
        state.v0 ^= word
        words &+= 1
    }

    /// The length, then the bytes in words of eight, the last one filled up with zeros.
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        absorb(UInt64(bytes.count))
        var offset = 0
        while bytes.count - offset >= 8 {
            unsafe absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        guard offset < bytes.count else { return }
        unsafe absorb(Self.tail(bytes, from: offset))
    }

    /// The hash of everything absorbed, whose length is a whole number of words.
    @inline(__always)
    consuming func finish() -> (UInt64, UInt64) { finish(tail: (words &* 8) << 56) }

    /// The hash of `bytes` as the reference code defines it.
    package static func hash(_ bytes: UnsafeRawBufferPointer, key: (UInt64, UInt64)) -> (UInt64, UInt64) {
        var hash = SipHash(key: key)
        var offset = 0
        while bytes.count - offset >= 8 {
            unsafe hash.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        return unsafe hash.finish(tail: UInt64(truncatingIfNeeded: bytes.count) << 56 | tail(bytes, from: offset))
    }

    /// Up to seven bytes as the low bytes of a word.
    private static func tail(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in start..<bytes.count { unsafe word |= UInt64(bytes[offset]) << UInt64((offset - start) * 8) }
        return word
    }

    @inline(__always)
    private consuming func finish(tail: UInt64) -> (UInt64, UInt64) {
        absorb(tail)
        state.v2 ^= 0xee
        for _ in 0..<4 { state.round() }
        let first = state.folded
        state.v1 ^= 0xdd
        for _ in 0..<4 { state.round() }
        return (first, state.folded)
    }
}
