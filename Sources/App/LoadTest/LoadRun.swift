internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Runs a load test to its end.
package struct LoadRun: Sendable {
    private let settings: LoadSettings
    private let watch: LoadWatch

    package init(_ settings: LoadSettings, watch: LoadWatch = LoadWatch()) {
        self.settings = settings
        self.watch = watch
    }

    /// Opens the connections, sends the requests and returns what was measured. Throws if the settings make
    /// no sense or the server cannot be reached when it begins; what fails later is counted.
    package func report() async throws(LoadError) -> LoadReport {
        try settings.validate()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let completion = loop.makePromise(of: LoadReport.self)
        loop.execute { LoadGenerator(settings, on: loop, watch: watch, completion: completion).start() }
        let result: Result<LoadReport, LoadError>
        do {
            result = .success(try await completion.futureResult.get())
        } catch let error as LoadError {
            result = .failure(error)
        } catch {
            result = .failure(.unreachable("\(error)"))
        }
        // Fails only where the group is already down.
        try? await group.shutdownGracefully()
        return try result.get()
    }
}

/// Seconds since 1970, for people; nothing is measured by it.
enum WallClock {
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
