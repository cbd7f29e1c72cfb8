internal import Synchronization

/// A bounded queue from any number of request threads to one shadow thread, after Dmitry Vyukov's bounded queue with a
/// sequence number a slot. A push never waits for anybody: not for the shadow thread, which steps back behind everything and
/// may be interrupted anywhere, and not for a lock.
///
/// `@unchecked Sendable` is safe: a slot's item is touched only by the thread that its sequence number names, and the number
/// is handed on with release and acquire. `pop` is for one thread alone.
@safe final class ShadowRing: @unchecked Sendable {
    private let mask: Int
    private let sequences: UnsafeMutablePointer<Atomic<Int>>
    private let items: UnsafeMutablePointer<ShadowedRows?>
    private let tail = Atomic<Int>(0)
    private var head = 0

    /// - Parameter capacity: Rounded up to a power of two.
    init(capacity: Int) {
        var slots = 2
        while slots < capacity { slots *= 2 }
        mask = slots - 1
        unsafe sequences = .allocate(capacity: slots)
        unsafe items = .allocate(capacity: slots)
        unsafe items.initialize(repeating: nil, count: slots)
        for slot in 0..<slots { unsafe (sequences + slot).initialize(to: Atomic(slot)) }
    }

    deinit {
        unsafe sequences.deinitialize(count: mask + 1)
        unsafe sequences.deallocate()
        unsafe items.deinitialize(count: mask + 1)
        unsafe items.deallocate()
    }

    /// False where the ring is full.
    func push(_ item: ShadowedRows) -> Bool {
        var position = tail.load(ordering: .relaxed)
        while true {
            let lead = unsafe sequences[position & mask].load(ordering: .acquiring) - position
            guard lead >= 0 else { return false }
            guard lead == 0 else {
                position = tail.load(ordering: .relaxed)
                continue
            }
            let (isOurs, current) = tail.weakCompareExchange(
                expected: position, desired: position + 1, ordering: .relaxed)
            if isOurs { break }
            position = current
        }
        unsafe items[position & mask] = item
        unsafe sequences[position & mask].store(position + 1, ordering: .releasing)
        return true
    }

    /// The oldest item. One thread's alone.
    func pop() -> ShadowedRows? {
        let slot = head & mask
        guard unsafe sequences[slot].load(ordering: .acquiring) == head + 1 else { return nil }
        defer {
            unsafe sequences[slot].store(head + mask + 1, ordering: .releasing)
            head += 1
        }
        return unsafe items[slot].take()
    }
}
