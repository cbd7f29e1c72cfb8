/// Slots in the order they became free: a ring with room for each slot once.
package struct SlotQueue {
    private var ring: [Int]
    private var isListed: [Bool]
    private var start = 0
    package private(set) var count = 0

    package init(slots: Int) {
        ring = Array(repeating: 0, count: slots)
        isListed = Array(repeating: false, count: slots)
    }

    package var first: Int? { count == 0 ? nil : ring[start] }

    /// Adds the slot at the end; one that is listed keeps its place.
    package mutating func append(_ slot: Int) {
        guard !isListed[slot] else { return }
        isListed[slot] = true
        var end = start + count
        if end >= ring.count { end -= ring.count }
        ring[end] = slot
        count += 1
    }

    /// Takes the first slot out. There must be one.
    package mutating func removeFirst() {
        isListed[ring[start]] = false
        start += 1
        if start == ring.count { start = 0 }
        count -= 1
    }
}
