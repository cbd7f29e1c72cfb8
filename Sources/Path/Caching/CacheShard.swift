internal import Scoring

/// One entry of a shard: 64 bytes.
@safe struct CacheSlot {
    var key: CacheKey
    /// The row as `CachedScore` lays it out; owned by the slot.
    var row: UnsafeMutableRawPointer
    /// When the entry stops to be an answer, in nanoseconds of `Moment`.
    var expiry: UInt64
    var tag: PurgeTag
    var place: EvictionQueues.Place
}

/// The part of a `ScoreCache` behind one lock: a table of entries with open addressing, bounded by bytes. Not safe for
/// threads by itself. All operations take constant time but for growing and `purge`.
///
/// `@unchecked Sendable` is safe: its memory is reached through it alone, and it cannot be copied.
@safe struct CacheShard: ~Copyable, @unchecked Sendable {
    /// What an entry costs beside its row: its slot, its share of the table and of the remembered keys, and the
    /// allocator's own bytes.
    private static let overhead = MemoryLayout<CacheSlot>.stride + 40

    private let limit: Int
    private var slots: UnsafeMutablePointer<CacheSlot>
    private var capacity: Int
    /// Slots that have been used at some time; those free again are linked through `place.next`.
    private var used: Int32 = 0
    private var free: Int32 = -1
    private var live = 0
    /// Positions of slots, -1 for none; twice as many as slots.
    private var table: UnsafeMutablePointer<Int32>
    private var queues: EvictionQueues
    private var remembered: GhostQueue
    private(set) var tally = CacheTally()

    init(bytes: Int) {
        limit = bytes
        capacity = 64
        unsafe slots = .allocate(capacity: capacity)
        unsafe table = .allocate(capacity: capacity * 2)
        unsafe table.initialize(repeating: -1, count: capacity * 2)
        queues = EvictionQueues(bytes: bytes)
        remembered = GhostQueue(capacity: capacity)
    }

    deinit {
        for index in 0..<(capacity * 2) where unsafe table[index] >= 0 { unsafe slots[Int(table[index])].row.deallocate() }
        unsafe slots.deallocate()
        unsafe table.deallocate()
    }

    var bytes: Int { queues.bytes }
    var count: Int { live }

    /// The row of a key, as long as the shard is not changed; nil if there is none or it is too old.
    @inline(__always)
    mutating func find(_ key: CacheKey, now: Moment) -> UnsafeRawPointer? {
        guard let position = position(of: key) else {
            tally.misses &+= 1
            return nil
        }
        let slot = unsafe Int(table[position])
        guard unsafe now.nanoseconds < slots[slot].expiry else {
            tally.misses &+= 1
            tally.expirations &+= 1
            remove(at: position)
            return nil
        }
        tally.hits &+= 1
        unsafe EvictionQueues.use(&slots[slot].place)
        return unsafe UnsafeRawPointer(slots[slot].row)
    }

    /// Room for a row of `byteCount` bytes that the caller has to fill at once; nil if it is too large to keep. A
    /// row that is there already is replaced.
    mutating func insert(_ key: CacheKey, byteCount: Int, expiry: UInt64, tag: PurgeTag) -> UnsafeMutableRawPointer? {
        // What would push out an eighth of the others is not worth its place.
        let cost = (byteCount + 15) & ~15 + Self.overhead
        guard cost <= limit / 8 else {
            tally.refusals &+= 1
            return nil
        }
        if let position = position(of: key) { remove(at: position) }
        while queues.bytes + cost > limit, let victim = unsafe queues.victim(in: slots) {
            let key = unsafe slots[Int(victim.entry)].key
            if victim.isRemembered { remembered.insert(key) }
            tally.evictions &+= 1
            if let position = position(of: key) { remove(at: position) }
        }
        let slot = takeSlot()
        let row = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 8)
        unsafe (slots + Int(slot)).initialize(to: CacheSlot(key: key, row: row, expiry: expiry, tag: tag, place: .init()))
        let returns = remembered.remove(key, window: live)
        unsafe queues.add(slot, cost: UInt32(cost), returns: returns, in: slots)
        var position = home(of: key)
        while unsafe table[position] >= 0 { position = (position + 1) & mask }
        unsafe table[position] = slot
        live += 1
        tally.insertions &+= 1
        return unsafe row
    }

    /// Removes a model's entries, of one version or, where the tag's version is 0, of all. Visits every entry.
    mutating func purge(_ tag: PurgeTag) -> Int {
        var removed = 0
        var position = 0
        while position < capacity * 2 {
            let slot = unsafe table[position]
            if slot >= 0, unsafe slots[Int(slot)].tag.model == tag.model,
                unsafe tag.version == 0 || slots[Int(slot)].tag.version == tag.version
            {
                // Another entry may move into this place: look at it again.
                remove(at: position)
                removed += 1
            } else {
                position += 1
            }
        }
        return removed
    }

    // MARK: The table

    private var mask: Int { capacity * 2 - 1 }
    private func home(of key: CacheKey) -> Int { Int(truncatingIfNeeded: key.low) & mask }

    @inline(__always)
    private func position(of key: CacheKey) -> Int? {
        var position = home(of: key)
        while unsafe table[position] >= 0 {
            if unsafe slots[Int(table[position])].key == key { return position }
            position = (position + 1) & mask
        }
        return nil
    }

    private mutating func remove(at start: Int) {
        let slot = unsafe table[start]
        unsafe queues.remove(slot, in: slots)
        unsafe slots[Int(slot)].row.deallocate()
        unsafe slots[Int(slot)].place.next = free
        free = slot
        live -= 1
        // Closes the gap, so that no search ends early (Knuth, The Art of Computer Programming, 6.4, algorithm R).
        var gap = start
        var position = start
        while true {
            position = (position + 1) & mask
            guard unsafe table[position] >= 0 else { break }
            let distance = unsafe (position - home(of: slots[Int(table[position])].key)) & mask
            if distance >= (position - gap) & mask {
                unsafe table[gap] = unsafe table[position]
                gap = position
            }
        }
        unsafe table[gap] = -1
    }

    private mutating func takeSlot() -> Int32 {
        if free >= 0 {
            defer { free = unsafe slots[Int(free)].place.next }
            return free
        }
        if Int(used) == capacity { grow() }
        used += 1
        return used - 1
    }

    private mutating func grow() {
        let moved = UnsafeMutablePointer<CacheSlot>.allocate(capacity: capacity * 2)
        unsafe moved.moveInitialize(from: slots, count: Int(used))
        unsafe slots.deallocate()
        unsafe slots = unsafe moved
        var entries: [Int32] = []
        for index in 0..<(capacity * 2) where unsafe table[index] >= 0 { unsafe entries.append(table[index]) }
        unsafe table.deallocate()
        capacity *= 2
        unsafe table = .allocate(capacity: capacity * 2)
        unsafe table.initialize(repeating: -1, count: capacity * 2)
        for entry in entries {
            var position = unsafe home(of: slots[Int(entry)].key)
            while unsafe table[position] >= 0 { position = (position + 1) & mask }
            unsafe table[position] = entry
        }
        remembered = GhostQueue(capacity: capacity)
    }
}

/// What has happened in a shard or a cache.
package struct CacheTally: Sendable, Equatable {
    package var hits: UInt64 = 0
    package var misses: UInt64 = 0
    package var insertions: UInt64 = 0
    /// Entries that made room for others.
    package var evictions: UInt64 = 0
    /// Entries found too old.
    package var expirations: UInt64 = 0
    /// Rows too large to keep.
    package var refusals: UInt64 = 0
    package var entries = 0
    /// With what keeping the entries costs.
    package var bytes = 0

    package init() {}
}
