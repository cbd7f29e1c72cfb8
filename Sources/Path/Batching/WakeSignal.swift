internal import Glibc
internal import Scoring
internal import Synchronization

/// Wakes one thread. A signal given while the thread is awake is kept for its next wait; several count as one.
/// Giving it costs a system call only if the thread sleeps.
///
/// Unchecked: the mutex and the condition have fixed addresses and are made for any thread; the state is atomic.
@safe final class WakeSignal: @unchecked Sendable {
    private static let none = 0
    private static let given = 1
    private static let sleeping = 2

    private let state = Atomic<Int>(WakeSignal.none)
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // Deadlines are of the monotonic clock: a clock that is set must not move them.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func give() {
        guard state.exchange(Self.given, ordering: .acquiringAndReleasing) == Self.sleeping else { return }
        // The sleeper looks at the state under the mutex before it sleeps, so that this cannot fall in between.
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits for the signal or `limit`. One thread at a time.
    func wait(until limit: Moment?) {
        let (isAsleep, _) = state.compareExchange(
            expected: Self.none, desired: Self.sleeping, ordering: .acquiringAndReleasing)
        if isAsleep { sleep(until: limit) }
        // An exchange, to see what was written before a signal that came just now: it is used up by this.
        _ = state.exchange(Self.none, ordering: .acquiringAndReleasing)
    }

    private func sleep(until limit: Moment?) {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while state.load(ordering: .acquiring) == Self.sleeping {
            guard let limit, limit < .never else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            var time = timespec(
                tv_sec: time_t(limit.nanoseconds / 1_000_000_000), tv_nsec: Int(limit.nanoseconds % 1_000_000_000))
            if unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return }
        }
    }
}
