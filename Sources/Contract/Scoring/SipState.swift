/// The state of SipHash and its round (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). How many rounds a word
/// takes, and what the result is made of, is its users' choice.
package struct SipState: Sendable {
    package var v0: UInt64
    package var v1: UInt64
    package var v2: UInt64
    package var v3: UInt64

    @inlinable @inline(__always)
    package init(key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    @inlinable
    package var folded: UInt64 { v0 ^ v1 ^ v2 ^ v3 }

    @inlinable @inline(__always)
    package mutating func round() {
        v0 &+= v1
        v2 &+= v3
        v1 = (v1 << 13 | v1 >> 51) ^ v0
        v3 = (v3 << 16 | v3 >> 48) ^ v2
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v1
        v0 &+= v3
        v1 = (v1 << 17 | v1 >> 47) ^ v2
        v3 = (v3 << 21 | v3 >> 43) ^ v0
        v2 = v2 << 32 | v2 >> 32
    }
}
