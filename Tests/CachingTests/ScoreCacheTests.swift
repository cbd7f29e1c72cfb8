internal import CAllocationCount
internal import CacheTraces
internal import Caching
internal import Foundation
internal import Scoring
internal import ScoringTestKit
internal import Synchronization
internal import Testing

@Suite struct ScoreCacheTests {
    private let start = Moment(nanoseconds: 1_000_000_000)

    @Test func whatWasStoredIsFoundUnderItsKeyOnly() {
        let scope = makeScope()
        let cache = ScoreCache(limits: CacheLimits())
        for number in 0..<2000 {
            let key = scope.key(of: makeRow([Double(number), 0]), row: 0)
            cache.store(
                key, makeScores([Double(number), Double(-number)]), row: 0, of: scope, now: start)
        }
        let batch = makeScores([.nan, .nan])
        for number in 0..<2000 {
            let key = scope.key(of: makeRow([Double(number), 0]), row: 0)
            #expect(cache.copy(key, into: batch, row: 0, of: scope, now: start))
            #expect(batch[0, 0] == Double(number) && batch[0, 1] == Double(-number))
        }
        let other = scope.key(of: makeRow([5, 1]), row: 0)
        let untouched = makeScores([7, 8])
        #expect(!cache.copy(other, into: untouched, row: 0, of: scope, now: start))
        #expect(untouched[0, 0] == 7 && untouched[0, 1] == 8)
        #expect(cache.tally.hits == 2000 && cache.tally.misses == 1 && cache.tally.entries == 2000)
    }

    @Test func textsAndMissingCellsComeBackInAnyRow() {
        let scope = makeScope(outputs: 4, textOutputs: [1, 2, 3])
        let long = String(repeating: "long text \u{1f600} ", count: 20)
        let scores = ScoreBatch()
        scores.reset(rows: 2, width: 4)
        scores.setText("another row's", row: 0, column: 1)
        scores[1, 0] = 0.25
        scores.setText(long, row: 1, column: 3)
        scores.setText("", row: 1, column: 1)
        let cache = ScoreCache(limits: CacheLimits())
        let key = CacheKey(high: 1, low: 2)
        cache.store(key, scores, row: 1, of: scope, now: start)
        let target = ScoreBatch()
        target.reset(rows: 3, width: 4)
        target.setText("before", row: 0, column: 1)
        #expect(cache.copy(key, into: target, row: 2, of: scope, now: start))
        #expect(target[2, 0] == 0.25)
        #expect(target.text(row: 2, column: 1) == "")
        #expect(target.text(row: 2, column: 2) == nil)
        #expect(target.text(row: 2, column: 3) == long)
        #expect(target.text(row: 0, column: 1) == "before")
    }

    @Test func failedRowsAreNotKept() {
        let scope = makeScope()
        let scores = makeScores([1, -1])
        scores.fail(row: 0, .engineFailure("no"))
        let cache = ScoreCache(limits: CacheLimits())
        cache.store(CacheKey(high: 1, low: 2), scores, row: 0, of: scope, now: start)
        #expect(cache.tally.entries == 0)
        #expect(CachedScore(scores, row: 0, of: scope) == nil)
    }

    @Test func aScoreIsFoundUntilItsTimeIsOver() {
        let scope = makeScope(life: .milliseconds(1500))
        let cache = ScoreCache(limits: CacheLimits())
        let key = CacheKey(high: 1, low: 2)
        let scores = makeScores([1, -1])
        cache.store(key, scores, row: 0, of: scope, now: start)
        #expect(
            cache.copy(key, into: scores, row: 0, of: scope, now: start.advanced(byMilliseconds: 1499)))
        #expect(
            !cache.copy(key, into: scores, row: 0, of: scope, now: start.advanced(byMilliseconds: 1500)))
        #expect(cache.tally.entries == 0 && cache.tally.expirations == 1 && cache.tally.bytes == 0)
        // A use does not prolong it; storing again does.
        cache.store(key, scores, row: 0, of: scope, now: start.advanced(byMilliseconds: 1500))
        #expect(
            cache.copy(key, into: scores, row: 0, of: scope, now: start.advanced(byMilliseconds: 2999)))
    }

    @Test func bytesStayBoundedUnderRowsOfAllSizes() {
        let wide = (1...6).map { makeScope("w\($0)", outputs: 1 << $0, textOutputs: [0]) }
        var random = SeededRandom(seed: 3)
        let limits = CacheLimits(bytes: 256 << 10, shards: 4)
        let cache = ScoreCache(limits: limits)
        for step in 0..<60_000 {
            let scope = wide[Int.random(in: 0..<wide.count, using: &random)]
            let scores = ScoreBatch()
            scores.reset(rows: 1, width: scope.width)
            scores.setText(
                String(repeating: "x", count: .random(in: 0...300, using: &random)), row: 0, column: 0)
            cache.store(
                CacheKey(
                    high: random.next() % 4000 &* 0x9e37_79b9_7f4a_7c15,
                    low: random.next() % 3 << 62 | random.next() % 4000),
                scores, row: 0, of: scope, now: start)
            if step % 100 == 0 {
                let tally = cache.tally
                #expect(tally.bytes <= limits.bytes)
                #expect(tally.entries > 0 || step < 100)
            }
        }
        let tally = cache.tally
        #expect(tally.evictions > 10_000 && tally.bytes > limits.bytes / 4)
        for scope in wide { cache.purge(scope.model) }
        #expect(cache.tally.bytes == 0 && cache.tally.entries == 0)
    }

    @Test func aRowTooLargeIsRefused() {
        let scope = makeScope(outputs: 2, textOutputs: [1])
        let scores = makeScores([1, .nan])
        scores.setText(String(repeating: "x", count: 10_000), row: 0, column: 1)
        let cache = ScoreCache(limits: CacheLimits(bytes: 16 << 10, shards: 1))
        cache.store(CacheKey(high: 1, low: 1), scores, row: 0, of: scope, now: start)
        #expect(cache.tally.refusals == 1 && cache.tally.entries == 0)
    }

    @Test func aPurgeTakesOneModelOrOneVersion() {
        let scopes = [makeScope("a"), makeScope("a", version: 2), makeScope("b")]
        let cache = ScoreCache(limits: CacheLimits())
        let scores = makeScores([1, -1])
        var keys: [[CacheKey]] = []
        for scope in scopes {
            keys.append((0..<500).map { scope.key(of: makeRow([Double($0), 0]), row: 0) })
            for key in keys[keys.count - 1] { cache.store(key, scores, row: 0, of: scope, now: start) }
        }
        func found(_ index: Int) -> Int {
            keys[index].count { cache.copy($0, into: scores, row: 0, of: scopes[index], now: start) }
        }
        #expect(cache.purge(scopes[1].model, version: scopes[1].version) == 500)
        #expect(found(0) == 500 && found(1) == 0 && found(2) == 500)
        #expect(cache.purge(scopes[0].model) == 500)
        #expect(found(0) == 0 && found(2) == 500)
        #expect(cache.purge(scopes[0].model) == 0)
    }

    @Test func aKeyAndAHitAllocateNothing() {
        let scope = makeScope(inputs: 30, outputs: 5)
        let row = makeRow((0..<30).map { Double($0) * 1.1 })
        let scores = makeScores([1, 2, 3, 4, 5])
        let cache = ScoreCache(limits: CacheLimits())
        cache.store(scope.key(of: row, row: 0), scores, row: 0, of: scope, now: .now)
        var hits = 0
        let before = allocation_count()
        for _ in 0..<1000
        where cache.copy(scope.key(of: row, row: 0), into: scores, row: 0, of: scope, now: .now) {
            hits += 1
        }
        let allocations = allocation_count() - before
        #expect(hits == 1000 && allocations == 0, "\(allocations) allocations")
    }

    /// Entries come, go, grow old and are purged under four threads; each value names its key.
    @Test func noThreadEverFindsAnotherKeysScore() {
        let scope = makeScope(outputs: 3, textOutputs: [2], life: .milliseconds(2))
        let cache = ScoreCache(limits: CacheLimits(bytes: 96 << 10, shards: 2))
        let wrong = Atomic<Int>(0)
        let found = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            let (target, source) = (makeScores([0, 0, 0]), ScoreBatch())
            for step in 0..<40_000 {
                let number = Int(min(random.next() % 2000, random.next() % 2000))
                let key = scope.key(of: makeRow([Double(number), 0]), row: 0)
                target.reset(rows: 1, width: 3)
                if cache.copy(key, into: target, row: 0, of: scope, now: .now) {
                    found.wrappingAdd(1, ordering: .relaxed)
                    let isRight =
                        target[0, 0] == Double(number) && target[0, 1] == Double(number) * 3
                        && target.text(row: 0, column: 2) == "the text of row \(number)"
                    if !isRight { wrong.wrappingAdd(1, ordering: .relaxed) }
                } else {
                    source.reset(rows: 1, width: 3)
                    source[0, 0] = Double(number)
                    source[0, 1] = Double(number) * 3
                    source.setText("the text of row \(number)", row: 0, column: 2)
                    cache.store(key, source, row: 0, of: scope, now: .now)
                }
                if step % 5000 == 4999 { cache.purge(scope.model) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(found.load(ordering: .relaxed) > 1000)
        #expect(cache.tally.bytes <= 96 << 10)
    }

    /// What the choice of S3-FIFO stands on; `CacheBench traces` prints the whole table.
    @Test(arguments: [0.8, 1.0])
    func hitRatesAreAbovePlainLRUWithAndWithoutScans(exponent: Double) {
        let zipf = Trace.zipf(items: 20_000, exponent: exponent, length: 200_000, seed: 1)
        let scans = Trace.mixed(zipf, withScansOf: 2000, share: 0.3)
        for (trace, gain) in [(zipf, 0.02), (scans, 0.04)] {
            let lru = LeastRecentlyUsed.hitRate(on: trace, capacity: 2000)
            let own = hitRate(on: trace, room: 2000)
            #expect(own > lru + gain, "own \(own), LRU \(lru)")
        }
    }

    private func hitRate(on trace: [UInt64], room: Int) -> Double {
        let scope = makeScope(inputs: 1)
        let scores = makeScores([1, -1])
        let one = ScoreCache(limits: CacheLimits(bytes: 1 << 20, shards: 1))
        one.store(CacheKey(high: 0, low: 0), scores, row: 0, of: scope, now: start)
        let cache = ScoreCache(limits: CacheLimits(bytes: one.tally.bytes * room, shards: 1))
        let row = makeRow([0])
        var hits = 0
        for item in trace {
            row.set(Double(item), row: 0, column: 0)
            let key = scope.key(of: row, row: 0)
            if cache.copy(key, into: scores, row: 0, of: scope, now: start) {
                hits += 1
            } else {
                cache.store(key, scores, row: 0, of: scope, now: start)
            }
        }
        return Double(hits) / Double(trace.count)
    }
}
