internal import ArgumentParser
internal import Caching
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Scoring

/// What a look-up in Redis costs.
struct RedisCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis", abstract: "Time look-ups in a Redis server that is running.")

    @Option(help: "The server.")
    var url = "redis://127.0.0.1:6379"

    @Option(help: "Look-ups.")
    var count = 20_000

    func run() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let settings = try RedisSettings(url: url)
        let tier = try RedisTier(settings: settings, eventLoop: group.next(), logger: Logger(label: "bench"))
        tier.start()
        let begin = Moment.now
        while !tier.isAvailable {
            guard Moment.now.nanoseconds(since: begin) < 5_000_000_000 else { throw ValidationError("no Redis at \(url)") }
            usleep(1000)
        }
        let stage = BenchStage(features: 30, rows: 1000)
        let keys = (0..<1000).map { stage.scope.sharedKey(of: stage.features, row: $0) }
        let score = CachedScore(stage.scores, row: 0, of: stage.scope)
        // The first look-up learns the generation without which nothing is stored.
        _ = look(tier, [keys[0]], stage.scope)
        usleep(20_000)
        for key in keys {
            if let score { tier.store(score, for: key, of: stage.scope) }
            if key.low & 63 == 0 { usleep(2000) }
        }
        usleep(100_000)
        for rows in [1, 10, 100] {
            var times: [UInt64] = []
            var found = 0
            for index in 0..<(count / rows) {
                let start = Moment.now
                let first = index * rows % (1000 - rows)
                found += look(tier, Array(keys[first..<(first + rows)]), stage.scope)
                times.append(Moment.now.nanoseconds(since: start))
            }
            times.sort()
            let shown = [0.5, 0.99, 1].map {
                String(format: "%.0f us", Double(times[min(times.count - 1, Int(Double(times.count) * $0))]) / 1000)
            }
            print(
                "\(rows) rows: p50 \(shown[0]), p99 \(shown[1]), worst \(shown[2]); \(found * 100 / (times.count * rows))% found")
        }
        try tier.close().wait()
        try group.syncShutdownGracefully()
    }

    /// The number of rows found.
    private func look(_ tier: RedisTier, _ keys: [SharedCacheKey], _ scope: CacheScope) -> Int {
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Int.self)
        let isAsked = tier.lookup(keys, of: scope) { scores in promise.succeed(scores.count { $0 != nil }) }
        if !isAsked { promise.succeed(0) }
        return (try? promise.futureResult.wait()) ?? 0
    }
}
