/// How much memory cached scores may take, and for how long they are kept.
package struct CacheLimits: Sendable, Equatable {
    /// Most bytes of all entries, with what keeping them costs. Default 64 MiB: some 300,000 rows of three columns.
    package var bytes: Int
    /// Parts of the cache with a lock each. Default 16; a power of two.
    package var shards: Int
    /// How long a score is kept where the model does not say. Default 300 s.
    package var timeToLive: Duration

    package init(bytes: Int = 64 << 20, shards: Int = 16, timeToLive: Duration = .seconds(300)) {
        precondition(bytes >= 0 && shards > 0 && shards & (shards - 1) == 0)
        self.bytes = bytes
        self.shards = shards
        self.timeToLive = timeToLive
    }
}
