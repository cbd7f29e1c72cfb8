internal import Glibc

/// Starts threads for what blocks or computes for long; event loops and the shared concurrency pool stay free for requests.
package enum NamedThread {
    /// Runs `body` on a new thread that ends with it. False if the system refuses to start one.
    /// - Parameters:
    ///   - name: At most 15 bytes, as tools show threads.
    ///   - niceness: How far the thread steps back behind others, 0 to 19; nil for its starter's.
    ///   - stackBytes: Default 8 MiB, of which only what is used takes memory; enough for readers that recurse to their
    ///     depth limit.
    package static func start(
        name: String, niceness: Int32? = nil, stackBytes: Int = 8 << 20, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, niceness: niceness, body: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, unsafe start.toOpaque())
        if status != 0 { unsafe start.release() }
        return status == 0
    }
}

private final class ThreadStart {
    private let name: String
    private let niceness: Int32?
    private let body: @Sendable () -> Void

    init(name: String, niceness: Int32?, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.niceness = niceness
        self.body = body
    }

    func run() {
        nameThread()
        // On Linux this sets the calling thread alone. A refusal costs nothing but the courtesy.
        if let niceness { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
        body()
    }

    /// Names the calling thread. Glibc's function for it is not visible to Swift; the kernel's file does the same.
    private func nameThread() {
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = unsafe write(file, name, name.utf8.count)
        close(file)
    }
}
