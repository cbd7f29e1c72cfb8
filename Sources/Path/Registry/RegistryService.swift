internal import ServiceLifecycle

/// Runs a registry for the life of the server: loads the repository, then looks at it and at its canaries again and again
/// until shutdown begins.
package struct RegistryService: Service {
    private let registry: ModelRegistry
    private let interval: Duration

    private static let judgingInterval = Duration.seconds(1)

    /// - Parameter interval: Between two scans. What is copied into the repository is picked up after two.
    package init(_ registry: ModelRegistry, interval: Duration = .seconds(1)) {
        self.registry = registry
        self.interval = interval
    }

    /// Throws if the repository cannot be read at the start. Later failures to read it are logged by the registry, and what
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
        // Throws only when it is time to go.
        while (try? await Task.sleep(for: interval)) != nil { try? await registry.scan() }
    }
}
