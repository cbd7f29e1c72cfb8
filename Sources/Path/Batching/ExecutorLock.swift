internal import Glibc

/// The lock around the state of an `BatchExecutor`. Not `Synchronization.Mutex`: on Linux that hands itself from thread to
/// thread where several want it, so that each of them waits for the scheduler to run the one before; engine threads and
/// event loops that meet here for a fraction of a microsecond lose several times that.
///
/// Unchecked: the mutex has a fixed address and is made for any thread; the state is accessed under it only.
@safe final class ExecutorLock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var state: ExecutorState

    init(_ state: ExecutorState) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// What `body` returns has to be sendable, for it leaves the lock.
    func withLock<Result: Sendable>(_ body: (inout ExecutorState) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&state)
    }
}
