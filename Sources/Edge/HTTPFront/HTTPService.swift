internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix
package import Scoring
internal import ServiceLifecycle
internal import Synchronization

/// Serves the REST and Open Inference APIs over HTTP/1.1: predict requests on the event loops, all others
/// through Hummingbird's router. Runs once.
package final class HTTPService: Service {
    /// Where to listen, and with how much.
    package struct Configuration: Sendable {
        package var host = "127.0.0.1"
        /// 0 picks a free one.
        package var port = 8080
        package var limits = HTTPLimits()
        /// Threads that read, score and answer. nil for as many as there are processors to use.
        package var eventLoops: Int?
        /// Connections that the kernel keeps until they are accepted.
        package var backlog = 1024
        /// The server's own version, as `GET /v2` tells it.
        package var version = "dev"

        package init() {}
    }

    /// The address cannot be listened on: it is taken, forbidden, or not this machine's.
    package struct ListenFailure: Error, CustomStringConvertible {
        package let description: String

        /// - Parameter error: What binding the address threw.
        package init(_ error: any Error, host: String, port: Int) {
            let place = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
            description = "cannot listen on \(place): " + Self.reason(error, host: host, port: port)
        }

        /// What is wrong and what to do about it.
        private static func reason(_ error: any Error, host: String, port: Int) -> String {
            guard let code = (error as? IOError)?.errnoCode else {
                guard error is SocketAddressError || error is SocketAddressError.UnknownHost else { return "\(error)" }
                return "the host name is unknown; give an address of this machine, 0.0.0.0 for all of them (http.host, --host)"
            }
            switch code {
            case EADDRINUSE:
                return "another program listens on port \(port) already; end it, or choose another port (http.port, --port), "
                    + "0 for a free one"
            case EACCES, EPERM:
                return (1..<1024).contains(port)
                    ? "ports below 1024 need the capability CAP_NET_BIND_SERVICE; choose another port (http.port, --port)"
                    : "the system does not permit it"
            case EADDRNOTAVAIL:
                return "\(host) is no address of this machine; give one that is, or 0.0.0.0 for all of them (http.host, --host)"
            case EAFNOSUPPORT: return "this machine has no addresses of that kind (IPv6 may be off)"
            case EMFILE, ENFILE: return "no file descriptor is left; raise the limit on open files"
            default: return unsafe String(cString: strerror(code))
            }
        }
    }

    /// What answers the requests.
    package struct Backend: Sendable {
        package var predictor: any Predictor
        package var repository: any ModelRepository
        /// nil where there is nothing to see: then its routes are not there.
        package var admin: (any ServingAdmin)?
        /// The metrics of what is behind the front, in Prometheus' text format; the front adds its own.
        package var metrics: @Sendable () -> String

        package init(
            predictor: any Predictor, repository: any ModelRepository, admin: (any ServingAdmin)? = nil,
            metrics: @escaping @Sendable () -> String
        ) {
            self.predictor = predictor
            self.repository = repository
            self.admin = admin
            self.metrics = metrics
        }
    }

    /// The process's event loops by number of threads. They are never shut down: Hummingbird's server outlives its own
    /// `run` by a moment, in a task that still uses them.
    private static let eventLoops = Mutex<[Int: MultiThreadedEventLoopGroup]>([:])

    private let configuration: Configuration
    private let backend: Backend
    private let logger: Logger
    private let accessLog: AccessLog?
    private let metrics: HTTPMetrics
    private let onListening: @Sendable (_ host: String, _ port: Int) -> Void
    private let isServing = Atomic<Bool>(true)
    private let hasListened = Atomic<Bool>(false)

    /// - Parameters:
    ///   - accessLog: Takes a line for every request; nil for none.
    ///   - onListening: Called once with the address that is listened on.
    package init(
        configuration: Configuration, backend: Backend, logger: Logger, accessLog: AccessLog? = nil,
        onListening: @escaping @Sendable (_ host: String, _ port: Int) -> Void = { _, _ in }
    ) {
        var configuration = configuration
        configuration.limits = configuration.limits.usable
        self.configuration = configuration
        self.backend = backend
        self.logger = logger
        metrics = HTTPMetrics(configuration.limits, logger: logger)
        self.accessLog = accessLog
        self.onListening = onListening
    }

    /// Serves until the surrounding service group shuts down or the task is cancelled. A graceful shutdown
    /// answers what is in flight, within `HTTPLimits.drain`.
    package func run() async throws {
        let threads = max(1, configuration.eventLoops ?? AvailableCores.count())
        let group = Self.eventLoops.withLock { groups in
            let group = groups[threads] ?? MultiThreadedEventLoopGroup(numberOfThreads: threads)
            groups[threads] = group
            return group
        }
        let states = LoopStates(group) { loop in
            LoopState(
                limits: configuration.limits, predictor: backend.predictor, accessLog: accessLog, metrics: metrics, on: loop)
        }
        let result: Result<Void, any Error>
        do {
            try await serve(on: group, states)
            result = .success(())
        } catch  where !hasListened.load(ordering: .relaxed) && !(error is CancellationError) {
            result = .failure(ListenFailure(error, host: configuration.host, port: configuration.port))
        } catch {
            result = .failure(error)
        }
        accessLog?.writeOut()
        try result.get()
    }

    private enum Ended { case server, drain, accessLog }

    private func serve(on group: MultiThreadedEventLoopGroup, _ states: LoopStates) async throws {
        let application = application(on: group, states)
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Ended.self) { tasks in
                tasks.addTask {
                    try await application.run()
                    return .server
                }
                tasks.addTask { [limit = configuration.limits.drain] in
                    try? await gracefulShutdown()
                    try? await Task.sleep(for: limit)
                    return .drain
                }
                if let accessLog {
                    tasks.addTask {
                        await accessLog.run()
                        return .accessLog
                    }
                }
                defer { tasks.cancelAll() }
                while let ended = try await tasks.next() {
                    switch ended {
                    case .server: return
                    case .accessLog: continue
                    case .drain:
                        states.each { $0.cutConnections() }
                        tasks.cancelAll()
                    }
                }
            }
        } onGracefulShutdown: {
            self.isServing.store(false, ordering: .relaxed)
            self.logger.info(
                "the server is draining", metadata: ["open_connections": .stringConvertible(self.metrics.openConnections)])
        }
    }

    /// As many connections as are wanted and the process may have.
    private var possibleConnections: Int {
        let wanted = configuration.limits.maxConnections
        let possible = OpenFiles.connections(wanted: wanted, limit: OpenFiles.raiseLimit())
        if possible < wanted {
            logger.warning(
                "the limit on open files allows fewer connections than configured",
                metadata: ["configured": .stringConvertible(wanted), "possible": .stringConvertible(possible)])
        }
        return possible
    }

    /// What Hummingbird says of the server's life, Verdict says in words of its own.
    private var frameworkLogger: Logger {
        var logger = logger
        if logger.logLevel == .info || logger.logLevel == .notice { logger.logLevel = .warning }
        return logger
    }

    private func application(
        on group: MultiThreadedEventLoopGroup, _ states: LoopStates
    ) -> some ApplicationProtocol {
        var http = HTTP1Channel.Configuration()
        http.httpDecoder = .init(
            maxHeaderFieldSize: HeadLimits.maxFieldBytes, maxHeaderListSize: HeadLimits.maxHeadBytes,
            maxHeaderFieldCount: HeadLimits.maxFields)
        let adminHandler = AdminHandler(
            version: configuration.version, backend: backend, metrics: metrics,
            isServing: { self.isServing.load(ordering: .relaxed) })
        return Application(
            router: ManagementRoutes(adminHandler: adminHandler).router(),
            server: HTTPServerBuilder { [http] responder in
                LaneChannel(http: HTTP1Channel(responder: responder, configuration: http), states: states)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil,
                backlog: configuration.backlog, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(possibleConnections, logger: logger)),
            onServerRunning: { channel in
                try? await channel.eventLoop.submit { [logger = self.logger] in
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger), position: .first)
                }.get()
                self.hasListened.store(true, ordering: .relaxed)
                if let address = channel.localAddress, let host = address.ipAddress, let port = address.port {
                    self.logger.info("the server listens", metadata: ["host": "\(host)", "port": .stringConvertible(port)])
                    self.onListening(host, port)
                }
            },
            eventLoopGroupProvider: .shared(group), logger: frameworkLogger)
    }
}
