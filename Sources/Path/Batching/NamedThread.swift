internal import Glibc

/// Starts threads that belong to nobody else's pool.
package enum NamedThread {
    /// Runs `body` on a new thread that ends with it. False if the system refuses to start one.
    /// - Parameters:
    ///   - name: At most 15 bytes, as tools show threads.
    ///   - stackBytes: Default 8 MiB, of which only what is used takes memory.
    ///   - niceness: 0 to 19; how far the thread steps back when others want the processor.
    package static func start(
        name: String, stackBytes: Int = 8 << 20, niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let start = Unmanaged.passRetained(ThreadStart(name: name, niceness: niceness, body: body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        if status != 0 { start.release() }
        return status == 0
    }
}

private final class ThreadStart {
    private let name: String
    private let niceness: Int32
    private let body: @Sendable () -> Void

    init(name: String, niceness: Int32, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.niceness = niceness
        self.body = body
    }

    func run() {
        nameThread()
        // On Linux this sets the calling thread alone. A refusal costs nothing but the courtesy.
        if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
        body()
    }

    /// Names the calling thread. Glibc's function for it is not visible to Swift; the kernel's file does the same.
    private func nameThread() {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, name, name.utf8.count)
        close(file)
    }
}
