/// Keys of entries that were evicted before they were used, as long as `window` further ones have not followed. A table
/// with room for two in each place: it forgets a little early where places are crowded, and can take one key for
/// another once in thousands of millions; either costs a choice of queue and nothing else.
struct GhostQueue {
    /// Some bits of the key above, the number of its eviction below; 0 for none.
    private var cells: [UInt64]
    private var evictions: UInt32 = 0

    /// - Parameter capacity: Keys remembered at most; a power of two.
    init(capacity: Int) { cells = Array(repeating: 0, count: max(2, capacity)) }

    var capacity: Int { cells.count }

    mutating func insert(_ key: CacheKey) {
        evictions &+= 1
        let place = self.place(of: key)
        let isFirstOlder = age(cells[place]) >= age(cells[place + 1])
        cells[isFirstOlder ? place : place + 1] = mark(key) | UInt64(evictions)
    }

    /// Whether the key is among the last `window` inserted; forgets it.
    mutating func remove(_ key: CacheKey, window: Int) -> Bool {
        let place = self.place(of: key)
        for index in place...(place + 1) where cells[index] != 0 && cells[index] & ~0xffff_ffff == mark(key) {
            let isRecent = age(cells[index]) < UInt32(truncatingIfNeeded: window)
            cells[index] = 0
            return isRecent
        }
        return false
    }

    private func place(of key: CacheKey) -> Int { Int(truncatingIfNeeded: key.high) & (cells.count - 2) }
    private func mark(_ key: CacheKey) -> UInt64 { key.high & ~0xffff_ffff }
    private func age(_ cell: UInt64) -> UInt32 {
        cell == 0 ? .max : evictions &- UInt32(truncatingIfNeeded: cell)
    }
}
