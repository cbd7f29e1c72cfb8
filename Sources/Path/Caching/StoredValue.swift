/// A row's score as Redis keeps it: a byte for the version of this layout (1), the generation of the model's entries in
/// eight bytes, a seal of sixteen, then the row as `CachedScore` has it; little-endian.
///
/// The seal is SipHash-2-4-128 over generation and row, keyed by the row's own key. So a damaged value, a value of
/// another row and a reply that was meant for another request are told from the right one, but for one chance in 2^128.
/// It is no signature: who may write to Redis can write scores.
package enum StoredValue {
    /// Most bytes of a value; larger rows are not stored.
    package static let maxBytes = 8192

    package enum Reading: Equatable {
        case score(CachedScore)
        /// A value that is well-made, but of another generation or of another version of the layout.
        case outdated
        /// Not what this key can hold.
        case wrong
    }

    package static func bytes(of score: CachedScore, for key: SharedCacheKey, generation: UInt64) -> [UInt8] {
        var bytes: [UInt8] = [layoutVersion]
        bytes.reserveCapacity(headerBytes + score.bytes.count)
        append(generation, to: &bytes)
        let seal = Self.seal(score.bytes[...], key, generation)
        append(seal.0, to: &bytes)
        append(seal.1, to: &bytes)
        bytes += score.bytes
        return bytes
    }

    package static func read(_ bytes: [UInt8], for key: SharedCacheKey, generation: UInt64, of scope: CacheScope) -> Reading {
        guard let version = bytes.first else { return .wrong }
        guard version == layoutVersion else { return .outdated }
        guard bytes.count >= headerBytes, bytes.count <= maxBytes else { return .wrong }
        let (written, first, second) = unsafe bytes.withUnsafeBytes {
            unsafe (
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 1, as: UInt64.self)),
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 9, as: UInt64.self)),
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 17, as: UInt64.self))
            )
        }
        let row = bytes[headerBytes...]
        guard seal(row, key, written) == (first, second) else { return .wrong }
        guard written == generation else { return .outdated }
        return CachedScore(checking: row, of: scope).map(Reading.score) ?? .wrong
    }

    private static let layoutVersion: UInt8 = 1
    private static let headerBytes = 25

    private static func seal(_ row: ArraySlice<UInt8>, _ key: SharedCacheKey, _ generation: UInt64) -> (UInt64, UInt64) {
        var hash = SipHash(key: (key.high, key.low))
        hash.absorb(generation)
        unsafe row.withUnsafeBytes { unsafe hash.absorb($0) }
        return hash.finish()
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: word.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
