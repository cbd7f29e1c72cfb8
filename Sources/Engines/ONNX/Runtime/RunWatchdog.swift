internal import COnnxRuntime
internal import Glibc
internal import Scoring

/// Ends runs at their deadline: one thread for all of them, which sleeps until the nearest. A run under way is told to
/// end through its options; it does so before its next node.
///
/// Unchecked: the lists are only touched with the mutex held, and the mutex and the condition never move.
final class RunWatchdog: @unchecked Sendable {
    /// Made, with its thread, by the first run that has a deadline.
    static let shared = RunWatchdog()

    private struct Watched {
        var api: OpaquePointer
        var options: OpaquePointer
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var deadlines = DeadlineList()
    private var runs: [Int: Watched] = [:]
    private var lastID = 0

    private init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        let isStarted = NamedThread.start(name: "onnx-deadlines") { self.watch() }
        precondition(isStarted, "the system refuses to start a thread")
    }

    /// Watches a run whose options these are, until `leave`.
    func enter(_ api: OpaquePointer, _ options: OpaquePointer, until deadline: Moment) -> Int {
        pthread_mutex_lock(mutex)
        lastID += 1
        let id = lastID
        runs[id] = Watched(api: api, options: options)
        let mustWake = deadlines.add(id, deadline: deadline)
        pthread_mutex_unlock(mutex)
        if mustWake { pthread_cond_signal(condition) }
        return id
    }

    /// The run has ended; its options are not touched again. Returns whether it was told to end.
    func leave(_ id: Int) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        runs[id] = nil
        return deadlines.remove(id)
    }

    private func watch() -> Never {
        pthread_mutex_lock(mutex)
        while true {
            let (passed, next) = deadlines.look(at: .now)
            for id in passed {
                // The run has not left, so that its options are there. It is enough that the library sees this soon.
                guard let run = runs[id], let status = ort_terminate(run.api, run.options) else { continue }
                ort_release_status(run.api, status)
            }
            guard let next else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            var time = timespec(
                tv_sec: Int(next.nanoseconds / 1_000_000_000), tv_nsec: Int(next.nanoseconds % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}
