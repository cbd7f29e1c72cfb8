internal import Glibc

/// Keeps long work in the background from holding up requests that share its processor: the scheduler hands out
/// slices of milliseconds, so a loading thread that pauses by itself every fraction of one is hardly noticed.
///
/// A thread opts in with `begin`; on all others `step` does nothing.
package enum LoadThrottle {
    /// Work between two pauses.
    private static let work: UInt64 = 150_000
    /// Microseconds of a pause; with the timer's slack about a tenth of a millisecond.
    private static let pause: UInt32 = 50

    /// Per thread: when it last paused, in nanoseconds; no value on threads that do not pause.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        unsafe pthread_key_create(&key) { unsafe $0.map { unsafe free($0) } }
        return key
    }()

    /// The calling thread pauses in `step` from now on, until it ends.
    package static func begin() {
        guard unsafe pthread_getspecific(key) == nil, let memory = unsafe calloc(1, MemoryLayout<UInt64>.size) else { return }
        unsafe memory.storeBytes(of: Moment.now.nanoseconds, as: UInt64.self)
        if unsafe pthread_setspecific(key, memory) != 0 { unsafe free(memory) }
    }

    /// Called between pieces of work: a tree, an element. Costs some 30 ns.
    package static func step() {
        guard let memory = unsafe pthread_getspecific(key) else { return }
        let last = unsafe Moment(nanoseconds: memory.load(as: UInt64.self))
        guard Moment.now.nanoseconds(since: last) > work else { return }
        usleep(pause)
        unsafe memory.storeBytes(of: Moment.now.nanoseconds, as: UInt64.self)
    }
}
