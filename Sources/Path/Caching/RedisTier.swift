package import Logging
package import NIOCore
internal import NIOSSL
package import Scoring
internal import Synchronization

/// Shares scores between processes through Redis 7 (the second level, L2). One connection; commands are pipelined, and
/// what is asked within one turn of the event loop leaves in one write.
///
/// Nothing that Redis does, or fails to do, costs a request more than the settings' `timeout`, and nothing is ever an
/// error of a request: what is not there in time counts as not there. While Redis is away or its breaker is open,
/// `lookup` says so at once. Memory is bounded: at most 1,024 commands are unanswered.
///
/// Safe for threads. Call `start` once, and `close` at the end.
package final class RedisTier: Sendable {
    private let link: RedisLink
    private let eventLoop: any EventLoop
    private let timeout: UInt64

    /// - Parameters:
    ///   - eventLoop: Where all of it happens; best one that does nothing else, since what keeps it busy makes replies late.
    ///   - onPurge: Called on the event loop when another process has purged a model, as soon as a look-up shows it.
    /// - Throws: Where the trusted certificates cannot be read.
    package init(
        settings: RedisSettings, eventLoop: any EventLoop, logger: Logger,
        onPurge: @escaping @Sendable (ModelName) -> Void = { _ in }
    ) throws(RedisURLError) {
        self.eventLoop = eventLoop
        timeout = settings.timeout.nanoseconds
        var tls: NIOSSLContext?
        if settings.usesTLS {
            var configuration = TLSConfiguration.makeClientConfiguration()
            if let file = settings.trustedCertificates { configuration.trustRoots = .file(file) }
            do {
                tls = try NIOSSLContext(configuration: configuration)
            } catch {
                throw RedisURLError("the trusted certificates cannot be read: \(error)")
            }
        }
        link = RedisLink(settings: settings, tls: tls, eventLoop: eventLoop, logger: logger, onPurge: onPurge)
    }

    /// Begins to connect, and connects again whenever the connection is lost.
    package func start() { eventLoop.execute { [link] in link.start() } }

    /// Drops the connection; look-ups end without hits. Cannot be started again. The event loop may be shut down when the
    /// result is there.
    package func close() -> EventLoopFuture<Void> { eventLoop.flatSubmit { [link] in link.stop() } }

    /// Whether look-ups are being answered: connected, logged in, and the breaker closed.
    package var isAvailable: Bool { link.gate.isAvailable.load(ordering: .acquiring) }

    package var statistics: RedisStatistics { link.gate.statistics.withLock { $0 } }

    /// Asks for the scores of rows by their keys. `completion` gets them in the order of the keys, nil where there is
    /// none, on the event loop, at the latest when the settings' timeout or `deadline` has passed since this call.
    ///
    /// - Returns: False if nothing is asked, because Redis is away or too much is under way; `completion` is then not called.
    package func lookup(
        _ keys: [SharedCacheKey], of scope: CacheScope, deadline: Moment? = nil,
        completion: @escaping @Sendable ([CachedScore?]) -> Void
    ) -> Bool {
        guard isAvailable, link.gate.enter(upTo: RedisGate.maxCommands) else { return false }
        let now = Moment.now
        var latest = Moment(nanoseconds: now.nanoseconds &+ timeout)
        if let deadline, deadline < latest { latest = deadline }
        let lookup = RedisLookup(keys: keys, scope: scope, begin: now, latest: latest, completion: completion)
        eventLoop.execute { [link] in link.begin(lookup) }
        return true
    }

    /// Sends a score on its way; it is kept for the scope's time to live. Dropped without a word if Redis is away, full
    /// or behind, or the score is too large.
    package func store(_ score: CachedScore, for key: SharedCacheKey, of scope: CacheScope) {
        guard isAvailable, link.gate.enter(upTo: RedisGate.maxCommands * 3 / 4) else {
            link.gate.statistics.withLock { $0.droppedStores += 1 }
            return
        }
        eventLoop.execute { [link] in link.store(score, for: key, of: scope) }
    }

    /// Makes all scores of a model unfindable, for every process. `completion` says on the event loop whether Redis has
    /// confirmed it, within the settings' connect timeout.
    package func purge(_ model: ModelName, completion: @escaping @Sendable (Bool) -> Void) {
        eventLoop.execute { [link] in link.purge(model, completion: completion) }
    }
}

/// What a `RedisTier` has seen since it started.
package struct RedisStatistics: Sendable, Equatable {
    /// Rows asked for and found.
    package var rows: UInt64 = 0
    package var hits: UInt64 = 0
    /// Look-ups that were answered too late or not at all.
    package var timeouts: UInt64 = 0
    /// Look-ups and stores that Redis answered with an error.
    package var errors: UInt64 = 0
    /// Values that were not what their keys can hold.
    package var wrongValues: UInt64 = 0
    package var stores: UInt64 = 0
    /// Scores not sent: Redis away, full or behind, or the score too large.
    package var droppedStores: UInt64 = 0
    /// Connections that were made and logged in.
    package var connections: UInt64 = 0
    /// Connections that were dropped because of replies that cannot be.
    package var violations: UInt64 = 0
    /// How often the breaker opened.
    package var breakerOpenings: UInt64 = 0

    package init() {}
}

/// What threads see of the connection without asking its event loop.
final class RedisGate: Sendable {
    /// Most commands that wait to be sent or answered.
    static let maxCommands = 1024

    let isAvailable = Atomic<Bool>(false)
    let statistics = Mutex(RedisStatistics())
    private let commands = Atomic<Int>(0)

    /// Takes one of the places for commands.
    func enter(upTo limit: Int) -> Bool {
        guard commands.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            leave(1)
            return false
        }
        return true
    }

    func leave(_ count: Int) { commands.wrappingSubtract(count, ordering: .relaxed) }

    var count: Int { commands.load(ordering: .relaxed) }
}
