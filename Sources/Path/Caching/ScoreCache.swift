package import Scoring
internal import Synchronization

/// Keeps scores of rows in this process' memory (the first level, L1), so that a row that was scored shortly before is
/// copied instead. Split into shards by key, each with a lock and a share of the bytes; `EvictionQueues` says what
/// goes when a shard is full. A hit takes well under a microsecond and allocates nothing.
///
/// Safe for threads. A score is found by the key of its row and version alone, and copied while the lock is held.
package final class ScoreCache: Sendable {
    private final class Shard: Sendable {
        let state: Mutex<CacheShard>

        init(bytes: Int) { state = Mutex(CacheShard(bytes: bytes)) }
    }

    private let shards: [Shard]
    private let shift: UInt64
    package let limits: CacheLimits

    package init(limits: CacheLimits) {
        self.limits = limits
        shards = (0..<limits.shards).map { _ in Shard(bytes: limits.bytes / limits.shards) }
        shift = UInt64(64 - limits.shards.trailingZeroBitCount)
    }

    /// Copies the row's score into row `row` of a batch that has the scope's width; false if there is none, and the
    /// batch is then unchanged.
    package func copy(_ key: CacheKey, into scores: ScoreBatch, row: Int, of scope: CacheScope, now: Moment) -> Bool {
        shard(of: key).state.withLock { shard in
            guard let found = unsafe shard.find(key, now: now) else { return false }
            unsafe CachedScore.read(found, into: scores, row: row, scope)
            return true
        }
    }

    /// Keeps a row of a batch. Does nothing where the row failed: failures are not kept.
    package func store(_ key: CacheKey, _ scores: ScoreBatch, row: Int, of scope: CacheScope, now: Moment) {
        guard scores.failure(row: row) == nil else { return }
        let byteCount = CachedScore.byteCount(of: scores, row: row, scope)
        let expiry = self.expiry(of: scope, now: now)
        shard(of: key).state.withLock { shard in
            guard let room = unsafe shard.insert(key, byteCount: byteCount, expiry: expiry, tag: scope.tag) else { return }
            unsafe CachedScore.write(scores, row: row, scope, to: room)
        }
    }

    /// Keeps a row that came from elsewhere.
    package func store(_ key: CacheKey, _ score: CachedScore, of scope: CacheScope, now: Moment) {
        let expiry = self.expiry(of: scope, now: now)
        shard(of: key).state.withLock { shard in
            guard let room = unsafe shard.insert(key, byteCount: score.bytes.count, expiry: expiry, tag: scope.tag) else {
                return
            }
            unsafe score.bytes.withUnsafeBytes {
                unsafe room.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
            }
        }
    }

    /// Removes a model's scores, of one version or of all, and returns how many there were. Takes time by the number of
    /// all entries, with one shard's lock held at a time.
    @discardableResult
    package func purge(_ model: ModelName, version: ModelVersion? = nil) -> Int {
        let tag = PurgeTag(model: model, version: version)
        return shards.reduce(0) { removed, shard in removed + shard.state.withLock { $0.purge(tag) } }
    }

    /// The sum over the shards; not one instant's.
    package var tally: CacheTally {
        var sum = CacheTally()
        for shard in shards {
            let (part, entries, bytes) = shard.state.withLock { ($0.tally, $0.count, $0.bytes) }
            sum.hits &+= part.hits
            sum.misses &+= part.misses
            sum.insertions &+= part.insertions
            sum.evictions &+= part.evictions
            sum.expirations &+= part.expirations
            sum.refusals &+= part.refusals
            sum.entries += entries
            sum.bytes += bytes
        }
        return sum
    }

    private func shard(of key: CacheKey) -> Shard {
        // The high bits choose the shard, the low ones the place in it.
        shards[shards.count == 1 ? 0 : Int(truncatingIfNeeded: key.low >> shift)]
    }

    private func expiry(of scope: CacheScope, now: Moment) -> UInt64 {
        let (sum, overflow) = now.nanoseconds.addingReportingOverflow(scope.life)
        return overflow ? .max : sum
    }
}
