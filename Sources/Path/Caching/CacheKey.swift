/// What a row's score is found by in this process: 128 bits over the loaded version and the row's features. Two rows of
/// different meaning have different keys but for one chance in 2^64 after 2^32 rows; the hash has a secret key, so
/// nobody can aim for it.
package struct CacheKey: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What a row's score is found by in a cache that processes share: the first 128 bits of a SHA-256 over the model's
/// name, version and content and the row's features. A type of its own, so that the two kinds are never confused.
package struct SharedCacheKey: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
