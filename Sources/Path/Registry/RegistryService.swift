package import Logging
internal import Scoring
internal import ServiceLifecycle

/// Runs a registry for the life of the server: loads the repository, then looks at it and at its canaries again and again
/// until shutdown begins.
package struct RegistryService: Service {
    private let registry: ModelRegistry
    private let interval: Duration
    private let logger: Logger

    private static let judgingInterval = Duration.seconds(1)

    /// - Parameter interval: Between two scans. What is copied into the repository is picked up after two.
    package init(_ registry: ModelRegistry, interval: Duration = .seconds(1), logger: Logger) {
        self.registry = registry
        self.interval = interval
        self.logger = logger
    }

    /// Throws if the repository cannot be read at the start. Later failures to read it are logged, once each, and what
    /// serves goes on serving.
    package func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown { try await watch() }
        } onCancelOrGracefulShutdown: {
            registry.beginShutdown()
        }
        registry.beginShutdown()
    }

    private func watch() async throws {
        try await registry.start()
        // Beside the scans, so that a disk that hangs does not keep a bad canary in service.
        try await withThrowingTaskGroup { group in
            group.addTask { await judge() }
            group.addTask { await look() }
            try await group.waitForAll()
        }
    }

    private func judge() async {
        // Throws only when it is time to go.
        while (try? await Task.sleep(for: Self.judgingInterval)) != nil { registry.judgeCanaries() }
    }

    private func look() async {
        var lastFailure: ScoringError?
        while true {
            // Throws only when it is time to go.
            guard (try? await Task.sleep(for: interval)) != nil else { return }
            do throws(ScoringError) {
                try await registry.scan()
                lastFailure = nil
            } catch {
                if error != lastFailure { logger.error("model repository scan failed", metadata: ["reason": "\(error)"]) }
                lastFailure = error
            }
        }
    }
}
