internal import Synchronization

/// A fixed number of atomic counters in one piece of memory.
///
/// `@unchecked Sendable` is safe: after `init` the memory is only touched through atomic operations, and it lives as long
/// as the object.
@safe package final class CounterTable: @unchecked Sendable {
    private let storage: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int

    package init(count: Int) {
        self.count = count
        unsafe storage = .allocate(capacity: count)
        for index in 0..<count { unsafe (storage + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe storage.deinitialize(count: count)
        unsafe storage.deallocate()
    }

    @inline(__always)
    package func add(_ amount: UInt64, to index: Int) {
        precondition(index >= 0 && index < count)
        unsafe storage[index].wrappingAdd(amount, ordering: .relaxed)
    }

    @inline(__always)
    package func increment(_ index: Int) { add(1, to: index) }

    package subscript(index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        return unsafe storage[index].load(ordering: .relaxed)
    }

    /// Not one instant's: an increment that comes in between may be in one counter and not yet in another.
    package func values() -> [UInt64] { (0..<count).map { self[$0] } }
}
