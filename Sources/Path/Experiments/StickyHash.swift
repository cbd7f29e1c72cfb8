/// Places keys (customers, accounts, cards) into 10,000 slots, the same way on every machine, in every process and in
/// every release: 64-bit FNV-1a over the salt, a zero byte and the key's UTF-8 bytes, then the finaliser of MurmurHash3
/// (`fmix64`), then the upper half of the product with 10,000. `docs/experiments.md` gives it in ten lines of Python, so
/// that an auditor can tell which version a customer was given.
///
/// The salt keeps experiments apart: who is in the first slots of one is anywhere in another. No secret: whoever may
/// choose keys freely can choose a version.
package struct StickyHash: Sendable, Equatable {
    /// One slot is 0.01 % of the keys.
    package static let slots = 10_000

    private static let prime: UInt64 = 0x100_0000_01B3
    /// The state after the salt.
    private let start: UInt64

    package init(salt: String) {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in salt.utf8 { state = (state ^ UInt64(byte)) &* Self.prime }
        // The zero byte that ends the salt.
        start = state &* Self.prime
    }

    /// 0 to 9,999. O(length): about a nanosecond a byte. Allocates nothing.
    @inline(__always)
    package func slot(of key: UnsafeRawBufferPointer) -> Int {
        var state = start
        for index in key.indices { state = unsafe (state ^ UInt64(key[index])) &* Self.prime }
        return Self.slot(ofUniform: Self.mixed(state))
    }

    package func slot(of key: String) -> Int {
        var key = key
        return key.withUTF8 { unsafe slot(of: UnsafeRawBufferPointer($0)) }
    }

    /// The slot of a number that is already uniform over all 64 bits.
    @inline(__always)
    package static func slot(ofUniform number: UInt64) -> Int {
        Int(number.multipliedFullWidth(by: UInt64(slots)).high)
    }

    @inline(__always)
    private static func mixed(_ number: UInt64) -> UInt64 {
        var bits = number
        bits = (bits ^ (bits >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        bits = (bits ^ (bits >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return bits ^ (bits >> 33)
    }
}
