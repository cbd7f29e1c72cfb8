/// SHA-256 (FIPS 180-4), for keys that processes share: nobody can make two inputs that collide, also without a
/// secret. About 4 us for the 30 features of a row, a twentieth of a round trip to Redis.
package struct SHA256: Sendable {
    private var state = SIMD8<UInt32>(
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
    private var block = InlineArray<16, UInt32>(repeating: 0)
    /// Words of four bytes taken in so far.
    private var words = 0

    package init() {}

    /// The 32 bytes of the hash of `bytes`; what a version's files are told apart by.
    package static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        var offset = 0
        while bytes.count - offset >= 4 {
            unsafe hash.absorb(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            offset += 4
        }
        // The rest with the bit that ends every message behind it.
        var last: UInt32 = 0
        for index in 0..<4 {
            let byte: UInt8 =
                unsafe offset + index < bytes.count ? bytes[offset + index] : offset + index == bytes.count ? 0x80 : 0
            last = last << 8 | UInt32(byte)
        }
        let words = hash.finished(last: last, bits: UInt64(bytes.count) * 8)
        return (0..<8).flatMap { index in (0..<4).map { UInt8(truncatingIfNeeded: words[index] >> UInt32(24 - $0 * 8)) } }
    }

    package static func digest(of bytes: [UInt8]) -> [UInt8] { unsafe bytes.withUnsafeBytes { unsafe digest(of: $0) } }

    /// A word as its eight bytes, the most significant first.
    @inline(__always)
    package mutating func absorb(_ word: UInt64) {
        absorb(UInt32(truncatingIfNeeded: word >> 32))
        absorb(UInt32(truncatingIfNeeded: word))
    }

    /// The length, then the bytes in words of eight, the last one filled up with zeros.
    package mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        absorb(UInt64(bytes.count))
        var offset = 0
        while offset < bytes.count {
            var word: UInt64 = 0
            for index in offset..<(offset + 8) { word = unsafe word << 8 | (index < bytes.count ? UInt64(bytes[index]) : 0) }
            absorb(word)
            offset += 8
        }
    }

    /// The first 128 bits of the hash of everything absorbed.
    package consuming func finish() -> (UInt64, UInt64) {
        let bits = UInt64(words) * 32
        let digest = finished(last: 0x8000_0000, bits: bits)
        return (UInt64(digest[0]) << 32 | UInt64(digest[1]), UInt64(digest[2]) << 32 | UInt64(digest[3]))
    }

    @inline(__always)
    private mutating func absorb(_ word: UInt32) {
        block[words & 15] = word
        words &+= 1
        if words & 15 == 0 { compress() }
    }

    private consuming func finished(last: UInt32, bits: UInt64) -> SIMD8<UInt32> {
        absorb(last)
        while words & 15 != 14 { absorb(UInt32(0)) }
        absorb(bits)
        return state
    }

    private mutating func compress() {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
            // Safe: every index below is within the 64 words, and each is written before it is read.
            let w = unsafe schedule.baseAddress.unsafelyUnwrapped
            for index in 0..<16 { unsafe (w + index).initialize(to: block[index]) }
            for index in 16..<64 {
                let (x, y) = unsafe (w[index - 15], w[index - 2])
                let s0 = Self.turned(x, 7) ^ Self.turned(x, 18) ^ x >> 3
                let s1 = Self.turned(y, 17) ^ Self.turned(y, 19) ^ y >> 10
                unsafe (w + index).initialize(to: w[index - 16] &+ s0 &+ w[index - 7] &+ s1)
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            unsafe Self.constants.withUnsafeBufferPointer { k in
                for index in 0..<64 {
                    let s1 = Self.turned(e, 6) ^ Self.turned(e, 11) ^ Self.turned(e, 25)
                    let t1 = unsafe h &+ s1 &+ (e & f ^ ~e & g) &+ k[index] &+ w[index]
                    let s0 = Self.turned(a, 2) ^ Self.turned(a, 13) ^ Self.turned(a, 22)
                    let t2 = s0 &+ (a & b ^ a & c ^ b & c)
                    (h, g, f, e) = (g, f, e, d &+ t1)
                    (d, c, b, a) = (c, b, a, t1 &+ t2)
                }
            }
            state &+= SIMD8(a, b, c, d, e, f, g, h)
        }
    }

    @inline(__always)
    private static func turned(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes, computed in whole numbers.
    private static let constants: [UInt32] = {
        var primes: [UInt64] = []
        var candidate: UInt64 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { prime in
            // The largest r with r^3 <= prime * 2^96 is the cube root with 32 fractional bits.
            let target = UInt128(prime) << 96
            var root: UInt128 = 0
            for bit in (0..<36).reversed() {
                let next = root | UInt128(1) << UInt128(bit)
                if next * next * next <= target { root = next }
            }
            return UInt32(truncatingIfNeeded: root)
        }
    }()
}
