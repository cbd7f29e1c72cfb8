internal import ArgumentParser
internal import CacheTraces
internal import Caching
internal import Scoring
internal import ScoringTestKit

/// Times the caches in process and compares hit rates; called by `scripts/bench/cache`.
@main
struct CacheBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "CacheBench", abstract: "Time the caches of scores and compare their hit rates.",
        subcommands: [TimesCommand.self, TracesCommand.self, WorthCommand.self, RedisCommand.self])
}

/// Rows of random numbers, a scope for them, and scores to keep.
struct BenchStage {
    let scope: CacheScope
    let features = FeatureBatch()
    let scores = ScoreBatch()

    init(features width: Int, rows: Int, outputs: Int = 3) {
        guard let name = ModelName("bench"), let version = ModelVersion(1) else { fatalError("valid by their letters") }
        let signature = Signature(
            inputs: (0..<width).map { Field("f\($0)") }, outputs: (0..<outputs).map { OutputColumn("o\($0)") },
            roles: Roles(score: 0..<1))
        scope = CacheScope(
            model: name, version: version, signature: signature, content: [1, 2, 3], timeToLive: .seconds(3600))
        var random = SeededRandom(seed: 7)
        features.reset(width: width)
        for row in 0..<rows {
            features.addRow()
            for column in 0..<width { features.set(.random(in: -100...100, using: &random), row: row, column: column) }
        }
        scores.reset(rows: 1, width: outputs)
    }

    /// The median over 21 rounds of nanoseconds for each of `count` calls.
    static func nanoseconds(_ count: Int, _ call: (Int) -> Void) -> Double {
        let times = (0..<21).map { _ in
            let start = Moment.now
            for index in 0..<count { call(index) }
            return Double(Moment.now.nanoseconds(since: start)) / Double(count)
        }
        return times.sorted()[10]
    }
}
