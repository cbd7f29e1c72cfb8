internal import ArgumentParser
internal import Caching
internal import Foundation
internal import Scoring

/// What keys, hits, misses and stores cost.
struct TimesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "times", abstract: "Time keys, hits, misses and stores, on one thread and on several.")

    @Option(help: "Rows in the cache.")
    var rows = 10_000

    func run() throws {
        print("features     key ns  shared key ns     hit ns  key+hit ns    miss ns   store ns")
        for width in [10, 30, 100] { measure(width) }
        print("\nthreads  hits a second, all threads together (30 features, key and hit)")
        for threads in [1, 2] { measure(threads: threads) }
    }

    private func measure(_ width: Int) {
        let stage = BenchStage(features: width, rows: rows)
        let (scope, features, scores) = (stage.scope, stage.features, stage.scores)
        let now = Moment.now
        let keys = (0..<rows).map { scope.key(of: features, row: $0) }
        let absent = keys.map { CacheKey(high: ~$0.high, low: ~$0.low) }
        let cache = ScoreCache(limits: CacheLimits())
        for key in keys { cache.store(key, scores, row: 0, of: scope, now: now) }
        var (sum, found) = (UInt64(0), 0)
        let key = BenchStage.nanoseconds(rows) { sum &+= scope.key(of: features, row: $0).low }
        let shared = BenchStage.nanoseconds(rows) { sum &+= scope.sharedKey(of: features, row: $0).low }
        let hit = BenchStage.nanoseconds(rows) {
            if cache.copy(keys[$0], into: scores, row: 0, of: scope, now: now) { found += 1 }
        }
        let both = BenchStage.nanoseconds(rows) {
            if cache.copy(scope.key(of: features, row: $0), into: scores, row: 0, of: scope, now: now) { found += 1 }
        }
        let miss = BenchStage.nanoseconds(rows) {
            if cache.copy(absent[$0], into: scores, row: 0, of: scope, now: now) { found += 1 }
        }
        let small = ScoreCache(limits: CacheLimits(bytes: 1 << 20))
        let store = BenchStage.nanoseconds(rows) { small.store(keys[$0], scores, row: 0, of: scope, now: now) }
        precondition(found == rows * 42 && sum != 0)
        print(
            pad("\(width)", 8)
                + [key, shared, hit, both, miss, store].enumerated().map { index, time in
                    pad(String(format: "%.1f", time), [11, 15, 11, 12, 11, 11][index])
                }.joined())
    }

    private func measure(threads count: Int) {
        let cache = ScoreCache(limits: CacheLimits())
        let rounds = 200
        let ready = DispatchSemaphore(value: 0)
        let go = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)
        let rows = self.rows
        for _ in 0..<count {
            Thread.detachNewThread {
                let stage = BenchStage(features: 30, rows: rows)
                for row in 0..<rows {
                    cache.store(
                        stage.scope.key(of: stage.features, row: row), stage.scores, row: 0, of: stage.scope, now: .now)
                }
                ready.signal()
                go.wait()
                let now = Moment.now
                for _ in 0..<rounds {
                    for row in 0..<rows {
                        _ = cache.copy(
                            stage.scope.key(of: stage.features, row: row), into: stage.scores, row: 0, of: stage.scope, now: now)
                    }
                }
                done.signal()
            }
        }
        for _ in 0..<count { ready.wait() }
        let start = Moment.now
        for _ in 0..<count { go.signal() }
        for _ in 0..<count { done.wait() }
        let seconds = Double(Moment.now.nanoseconds(since: start)) / 1e9
        print(pad("\(count)", 7) + pad(String(format: "%.1f million", Double(count * rounds * rows) / seconds / 1e6), 20))
    }
}

func pad(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
