internal import Scoring
internal import Glibc
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
private final class JobQueue: @unchecked Sendable {
    private struct State {
        var jobs: [WorkThreads.Job] = []
        var workers = 0
        var isClosed = false
    }

    /// Large enough for readers that recurse to their depth limit.
    private static let stackBytes = 8 << 20

    private let state = Mutex(State())
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func push(_ job: @escaping WorkThreads.Job) {
        let isAccepted = state.withLock { state in
            if !state.isClosed { state.jobs.append(job) }
            return !state.isClosed
        }
        if isAccepted { sem_post(semaphore) }
    }

    func close() {
        let (dropped, workers) = state.withLock { state in
            state.isClosed = true
            defer { state.jobs = [] }
            return (state.jobs, state.workers)
        }
        for _ in 0..<workers { sem_post(semaphore) }
        _ = dropped
    }

    func startWorker(name: String, niceness: Int32) {
        let worker = Worker(queue: self, name: name, niceness: niceness)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let worker = Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
                worker.run()
                return nil
            }, Unmanaged.passRetained(worker).toOpaque())
        precondition(status == 0, "the system refuses to start a thread")
        state.withLock { $0.workers += 1 }
    }

    /// Waits for the next job; nil once the queue is closed.
    func next() -> WorkThreads.Job? {
        while true {
            while sem_wait(semaphore) != 0 {}
            let (job, isClosed) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isClosed)
            }
            if let job { return job }
            if isClosed { return nil }
        }
    }
}

private final class Worker {
    private let queue: JobQueue
    private let name: String
    private let niceness: Int32

    init(queue: JobQueue, name: String, niceness: Int32) {
        self.queue = queue
        self.name = name
        self.niceness = niceness
    }

    func run() {
        nameThread()
        // On Linux this sets the calling thread alone. A refusal costs nothing but the courtesy.
        if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
        if niceness > 0 { LoadingPace.begin() }
        while let job = queue.next() { job() }
    }

    /// Names the calling thread. Glibc's function for it is not visible to Swift; the kernel's file does the same.
    private func nameThread() {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, name, name.utf8.count)
        close(file)
    }
}
