internal import Caching
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Scoring
internal import Testing

/// A tier on a thread of its own, and what tests ask of it.
final class TierFixture: Sendable {
    let tier: RedisTier
    let scope: CacheScope
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Far above what a reply takes and far below what the faults take, so that a busy machine changes no outcome.
    static let timeout = Duration.milliseconds(40)
    /// What a look-up that is bounded by `timeout` takes at most on any machine; one that waits for a server that does not
    /// answer takes longer.
    static let bound = Duration.seconds(10)

    init(
        _ url: String, scope: CacheScope = makeScope(), certificates: String? = nil,
        timeout: Duration = TierFixture.timeout,
        onPurge: @escaping @Sendable (ModelName) -> Void = { _ in }
    ) throws {
        var settings = try RedisSettings(url: url)
        settings.timeout = timeout
        settings.connectTimeout = .milliseconds(500)
        settings.trustedCertificates = certificates
        self.scope = scope
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        tier = try RedisTier(
            settings: settings, eventLoop: group.next(), logger: logger, onPurge: onPurge)
        tier.start()
    }

    deinit {
        let group = group
        tier.close().whenComplete { _ in group.shutdownGracefully { _ in } }
    }

    func key(_ number: Int) -> SharedCacheKey {
        scope.sharedKey(of: makeRow([Double(number), 0]), row: 0)
    }

    /// The numbers of the scores found for the keys of `numbers`; nil where nothing was asked.
    func look(_ numbers: [Int], deadline: Moment? = nil) async -> [Double?]? {
        let (scope, keys) = (scope, numbers.map(key))
        return await withCheckedContinuation { continuation in
            let isAsked = tier.lookup(keys, of: scope, deadline: deadline) { scores in
                continuation.resume(returning: scores.map { $0.flatMap { number(in: $0, of: scope) } })
            }
            if !isAsked { continuation.resume(returning: nil) }
        }
    }

    /// Looks up and holds the result to be right or missing, and the time to the bound.
    func lookBounded(_ numbers: [Int]) async -> [Double?]? {
        let clock = ContinuousClock()
        let start = clock.now
        let found = await look(numbers)
        #expect(clock.now - start < Self.bound)
        for (number, value) in zip(numbers, found ?? []) {
            #expect(value == nil || value == Double(number))
        }
        return found
    }

    func store(_ number: Int) {
        tier.store(makeScore(Double(number), of: scope), for: key(number), of: scope)
    }

    /// Stores until it is found, through outages and lost stores.
    func works(_ number: Int) async -> Bool {
        await eventually {
            if await self.look([number]) == [Double(number)] { return true }
            self.store(number)
            return false
        }
    }
}

/// Tries until it is so; false after 20 s.
func eventually(_ isSo: () async throws -> Bool) async rethrows -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    while clock.now < end {
        if try await isSo() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}
