internal import Glibc
package import Scoring

/// A run of a library that another thread may tell to end.
package protocol EndableRun: AnyObject, Sendable {
    /// Tells the run to end soon. Called while the run is under way, by the thread of the watchdog.
    func terminate()
}

/// Ends runs at their deadline: one thread for all of them, which sleeps until the nearest.
///
/// Unchecked: the lists are only touched with the mutex held, and the mutex and the condition never move.
package final class RunWatchdog: @unchecked Sendable {
    /// Made, with its thread, by the first run that has a deadline.
    package static let shared = RunWatchdog()

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var deadlines = DeadlineList()
    private var runs: [Int: any EndableRun] = [:]
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
        let isStarted = NamedThread.start(name: "run-deadlines") { self.watch() }
        precondition(isStarted, "the system refuses to start a thread")
    }

    /// Watches a run until `leave`, which takes the number that this gives.
    package func enter(_ run: any EndableRun, until deadline: Moment) -> Int {
        pthread_mutex_lock(mutex)
        lastID += 1
        let id = lastID
        runs[id] = run
        let mustWake = deadlines.add(id, deadline: deadline)
        pthread_mutex_unlock(mutex)
        if mustWake { pthread_cond_signal(condition) }
        return id
    }

    /// The run has ended, and is not told to end any more. Returns whether it was.
    package func leave(_ id: Int) -> Bool {
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
                // A run that is still here has not left: `leave` waits for the mutex.
                runs[id]?.terminate()
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
