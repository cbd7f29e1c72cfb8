internal import CMalloc
internal import Caching
internal import Glibc
internal import HTTPFront
package import Logging
internal import NIOCore
internal import NIOPosix
internal import Pipeline
internal import Registry
internal import Scoring
internal import ServiceLifecycle
internal import UnixSignals

/// A whole server, put together from one configuration. Runs until SIGTERM, SIGINT or SIGHUP; then it stops
/// accepting, answers what is in flight, and returns.
package struct Server: Sendable {
    private let registry: ModelRegistry
    private let front: HTTPService
    private let redis: RedisTier?
    private let settings: ServerSettings
    private let logger: Logger

    /// Throws where the certificates of the shared cache cannot be read.
    ///
    /// - Parameter onListening: Called once with the address that is listened on.
    package init(
        _ settings: ServerSettings, version: String, logger: Logger,
        onListening: @escaping @Sendable (_ host: String, _ port: Int) -> Void
    ) throws {
        // Blocks from 128 KiB on, which models are made of, are returned to the system when they are freed. Left to
        // itself the C library raises that bound with every model that is unloaded, and memory grows with swaps.
        mallopt(M_MMAP_THRESHOLD, 128 << 10)
        let metrics = ServingMetrics(version: version)
        var repository = RegistrySettings(root: settings.models)
        repository.defaultModel = settings.defaultModel
        repository.maxModelBytes = settings.maxModelBytes
        let memory = ScoreCache(limits: CacheLimits(bytes: settings.cacheBytes))
        redis = try settings.redis.map { redis in
            var redis = redis
            redis.timeout = settings.redisTimeout
            // One thread that does nothing else, since what keeps it busy makes replies late.
            return try RedisTier(
                settings: redis, eventLoop: MultiThreadedEventLoopGroup(numberOfThreads: 1).next(), logger: logger,
                onPurge: { memory.purge($0) })
        }
        let stages = StageFactory(memory: memory, redis: redis)
        let registry = ModelRegistry(
            repository, formats: ModelFormats.all(onnxRuntime: settings.onnxRuntime),
            trial: TrialProcess(
                limits: TrialLimits(time: settings.maxLoadTime, memoryBytes: settings.maxLoadBytes),
                onnxRuntime: settings.onnxRuntime), meter: { metrics.meter($0, $1) },
            stages: { name, version, loaded, rules throws(ScoringError) in
                try stages.stages(
                    of: name, version, loaded.model, content: loaded.content, rules: rules,
                    rowNanoseconds: loaded.rowNanoseconds, answeredRow: loaded.answeredRow)
            }, observer: metrics, logger: logger)
        var configuration = HTTPService.Configuration()
        configuration.version = version
        configuration.host = settings.host
        configuration.port = settings.port
        configuration.limits = settings.limits
        configuration.eventLoops = settings.threads
        var accessLogger = logger
        accessLogger.logLevel = .info
        self.registry = registry
        self.front = HTTPService(
            configuration: configuration,
            backend: HTTPService.Backend(
                predictor: PredictionPipeline(registry: registry, metrics: metrics), repository: registry,
                admin: PathAdmin(registry: registry, stages: stages), metrics: { metrics.exposition(stages, registry: registry) }),
            logger: logger, accessLog: settings.logsAccess ? AccessLog(logger: accessLogger) : nil, onListening: onListening)
        self.settings = settings
        self.logger = logger
    }

    /// Throws if the repository cannot be read or the address cannot be listened on.
    package func run() async throws {
        _ = try settings.checkRepository()
        let services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            // Shut down last to first: the front drains while the models still answer.
            .init(
                service: RegistryService(registry, interval: settings.scanInterval),
                successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup),
            .init(
                service: front, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup),
        ]
        var configuration = ServiceGroupConfiguration(services: services, logger: logger)
        configuration.gracefulShutdownSignals = Self.ignoresHangup ? [.sigterm, .sigint] : [.sigterm, .sigint, .sighup]
        // The front keeps to its own limit; this one only ends what hangs beyond it.
        configuration.maximumGracefulShutdownDuration = settings.limits.drain + .seconds(5)
        redis?.start()
        let result: Result<Void, any Error>
        do {
            try await ServiceGroup(configuration: configuration).run()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try? await redis?.close().get()
        try result.get()
        logger.info("the server has stopped")
    }

    /// Whether the process was started to outlive its terminal, as `nohup` does.
    private static var ignoresHangup: Bool {
        var action = sigaction()
        guard unsafe sigaction(SIGHUP, nil, &action) == 0 else { return false }
        // SIG_IGN is the address 1, which is no function.
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
