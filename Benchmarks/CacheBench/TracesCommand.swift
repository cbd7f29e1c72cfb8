internal import ArgumentParser
internal import CacheTraces
internal import Caching
internal import Foundation
internal import Scoring

/// Hit rates of the cache's eviction beside those of plain LRU and SIEVE with room for as many rows.
struct TracesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traces", abstract: "Compare hit rates with plain LRU on Zipf traces, with and without scans.")

    @Option(help: "Different rows of the Zipf traces.")
    var items = 200_000

    @Option(help: "Requests of the Zipf traces.")
    var length = 2_000_000

    func run() throws {
        print("trace                    room   LRU %  SIEVE %  this cache %")
        for exponent in [0.8, 0.9, 1.0, 1.1] {
            let zipf = Trace.zipf(items: items, exponent: exponent, length: length, seed: 1)
            let scans = Trace.mixed(zipf, withScansOf: 20_000, share: 0.3)
            for (name, trace) in [("Zipf \(exponent)", zipf), ("Zipf \(exponent), 30% scans", scans)] {
                for share in [0.01, 0.1] { compare(name, trace, share) }
            }
        }
    }

    private func compare(_ name: String, _ trace: [UInt64], _ share: Double) {
        let room = Int(Double(items) * share)
        let cells = [
            LeastRecentlyUsed.hitRate(on: trace, capacity: room), Sieve.hitRate(on: trace, capacity: room),
            hitRate(on: trace, room: room),
        ]
        print(
            name + pad("\(Int(share * 100))%", 29 - name.count)
                + [8, 9, 14].enumerated().map { pad(String(format: "%.2f", cells[$0] * 100), $1) }.joined())
    }

    private func hitRate(on trace: [UInt64], room: Int) -> Double {
        let stage = BenchStage(features: 1, rows: 1)
        let now = Moment.now
        let probe = ScoreCache(limits: CacheLimits(bytes: 1 << 20, shards: 1))
        probe.store(CacheKey(high: 0, low: 0), stage.scores, row: 0, of: stage.scope, now: now)
        let cache = ScoreCache(limits: CacheLimits(bytes: probe.tally.bytes * room, shards: 1))
        var hits = 0
        for item in trace {
            stage.features.set(Double(item), row: 0, column: 0)
            let key = stage.scope.key(of: stage.features, row: 0)
            if cache.copy(key, into: stage.scores, row: 0, of: stage.scope, now: now) {
                hits += 1
            } else {
                cache.store(key, stage.scores, row: 0, of: stage.scope, now: now)
            }
        }
        return Double(hits) / Double(trace.count)
    }
}
