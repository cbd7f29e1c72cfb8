internal import Synchronization

/// Rows found and not found in the caches since the server started.
package struct CacheStatistics: Sendable, Equatable {
    /// Rows answered from this process' memory.
    package var l1Hits: UInt64 = 0
    /// Rows answered from Redis.
    package var l2Hits: UInt64 = 0
    /// Rows that had to be scored.
    package var misses: UInt64 = 0

    package init() {}

    package var total: UInt64 { l1Hits &+ l2Hits &+ misses }
    /// From 0 to 1; 0 before the first row.
    package var hitRate: Double { total == 0 ? 0 : Double(l1Hits &+ l2Hits) / Double(total) }

    package static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.l1Hits &+= right.l1Hits
        sum.l2Hits &+= right.l2Hits
        sum.misses &+= right.misses
        return sum
    }
}

/// Counts a model's rows by where their scores came from. Any thread; a few nanoseconds.
package final class CacheMeter: Sendable {
    private let l1Hits = Atomic<UInt64>(0)
    private let l2Hits = Atomic<UInt64>(0)
    private let misses = Atomic<UInt64>(0)

    package init() {}

    package func record(l1Hits: Int = 0, l2Hits: Int = 0, misses: Int = 0) {
        if l1Hits > 0 { self.l1Hits.wrappingAdd(UInt64(l1Hits), ordering: .relaxed) }
        if l2Hits > 0 { self.l2Hits.wrappingAdd(UInt64(l2Hits), ordering: .relaxed) }
        if misses > 0 { self.misses.wrappingAdd(UInt64(misses), ordering: .relaxed) }
    }

    package var statistics: CacheStatistics {
        var statistics = CacheStatistics()
        statistics.l1Hits = l1Hits.load(ordering: .relaxed)
        statistics.l2Hits = l2Hits.load(ordering: .relaxed)
        statistics.misses = misses.load(ordering: .relaxed)
        return statistics
    }
}
