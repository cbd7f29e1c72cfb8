internal import Glibc
internal import Scoring
internal import Synchronization

/// Threads of the registry's own for work that blocks or computes for long: reading files, compiling models.
/// The shared concurrency pool and the event loops stay free for requests. Jobs start in the order in which they came.
///
/// The threads end once the last reference is gone; jobs that have not started by then are dropped.
final class WorkThreads: Sendable {
    typealias Job = @Sendable () -> Void

    private let queue = JobQueue()

    /// - Parameters:
    ///   - name: At most 15 characters, as tools show threads.
    ///   - niceness: 0 to 19; how far the threads step back when serving wants the processor.
    init(name: String, count: Int, niceness: Int32) {
        for _ in 0..<count { queue.startWorker(name: name, niceness: niceness) }
    }

    deinit { queue.close() }

    func enqueue(_ job: @escaping Job) {
        queue.push(job)
    }

    /// Runs `body` on one of the threads and returns what it returned.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            enqueue { continuation.resume(returning: body()) }
        }
    }
}

/// Unchecked: the semaphore's address is fixed and `sem_post` and `sem_wait` may be called from any thread;
/// everything else is behind the mutex.
@safe private final class JobQueue: @unchecked Sendable {
    private struct State {
        var jobs: [WorkThreads.Job] = []
        var workers = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func push(_ job: @escaping WorkThreads.Job) {
        let isAccepted = state.withLock { state in
            if !state.isClosed { state.jobs.append(job) }
            return !state.isClosed
        }
        if isAccepted { unsafe sem_post(semaphore) }
    }

    func close() {
        let (dropped, workers) = state.withLock { state in
            state.isClosed = true
            defer { state.jobs = [] }
            return (state.jobs, state.workers)
        }
        for _ in 0..<workers { unsafe sem_post(semaphore) }
        _ = dropped
    }

    func startWorker(name: String, niceness: Int32) {
        let isStarted = NamedThread.start(name: name, niceness: niceness > 0 ? niceness : nil) {
            if niceness > 0 { LoadThrottle.begin() }
            while let job = self.next() { job() }
        }
        precondition(isStarted, "the system refuses to start a thread")
        state.withLock { $0.workers += 1 }
    }

    /// Waits for the next job; nil once the queue is closed.
    func next() -> WorkThreads.Job? {
        while true {
            while unsafe sem_wait(semaphore) != 0 {}
            let (job, isClosed) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isClosed)
            }
            if let job { return job }
            if isClosed { return nil }
        }
    }
}
