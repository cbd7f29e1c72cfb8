internal import HTTPFront
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Scoring
internal import ServiceLifecycle
internal import Synchronization

/// Threads for clients, which block; Swift's own pool is the server's.
let clientThreads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 96)
    pool.start()
    return pool
}()

/// Runs a blocking client on a thread of its own.
func client<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await clientThreads.runIfActive(body)
}

/// A front on a free port with a fake path behind it, for the time of one test.
final class TestServer: Sendable {
    let port: Int
    let predictor: EchoPredictor
    let repository: FakeRepository
    private let group: ServiceGroup

    private init(port: Int, predictor: EchoPredictor, repository: FakeRepository, group: ServiceGroup) {
        self.port = port
        self.predictor = predictor
        self.repository = repository
        self.group = group
    }

    /// Begins the shutdown and returns at once.
    func beginShutdown() async { await group.triggerGracefulShutdown() }

    func connect() throws -> RawClient { try RawClient(port: port) }

    /// Runs `body` against a server and shuts the server down. Loads that wait at the repository's gate are let
    /// go on first, unless `opensGate` is false.
    @discardableResult
    static func with<Value: Sendable>(
        _ limits: HTTPLimits = HTTPLimits(), port: Int = 0, eventLoops: Int = 1, accessLog: AccessLog? = nil,
        opensGate: Bool = true,
        _ body: @escaping @Sendable (TestServer) async throws -> Value
    ) async throws -> Value {
        let predictor = try EchoPredictor()
        let repository = FakeRepository()
        var configuration = HTTPService.Configuration()
        configuration.port = port
        configuration.limits = limits
        configuration.eventLoops = eventLoops
        configuration.version = "9.8"
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let front = HTTPService(
            configuration: configuration,
            backend: HTTPService.Backend(
                predictor: predictor, repository: repository, metrics: { "# TYPE up gauge\nup 1\n" }),
            logger: logger, accessLog: accessLog, onListening: { _, port in listening.yield(port) })
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: front, successTerminationBehavior: .gracefullyShutdownGroup)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                try await tasks.waitForAll()
                throw Missing()
            }
            let server = TestServer(port: port, predictor: predictor, repository: repository, group: group)
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(server))
            } catch {
                result = .failure(error)
            }
            if opensGate { repository.gate.open() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }
}
