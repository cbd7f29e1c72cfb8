internal import ArgumentParser
internal import Caching
internal import Foundation
internal import Logging
internal import Pipeline
internal import Registry
internal import Scoring
internal import ScoringTestKit
internal import TreeFormats

/// At which model size the memory cache pays: single rows through the whole path behind the wire, without and with it.
struct WorthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worth", abstract: "Time single rows of a growing model, without a cache and at several shares of hits.")

    @Option(help: "A model file of XGBoost or LightGBM.")
    var model = "examples/models/fraud_detection/1/model.ubj"

    @Option(help: "How many of its rounds to use, one line each.")
    var rounds = [1, 10, 25, 50, 100, 200, 400, 800]

    @Option(help: "Shares of rows that were seen before.")
    var shares = [1.0, 0.9, 0.5, 0.1, 0.0]

    @Option(help: "Requests of each measurement.")
    var requests = 4000

    func run() throws {
        print("rounds  no cache us" + shares.map { pad(String(format: "%.0f%% hits us", $0 * 100), 13) }.joined())
        for count in rounds {
            guard let opened = Stand.opened(model, rounds: count) else { break }
            let (plain, cached) = try Stand(opened).compare(shares, requests)
            print(
                pad("\(count)", 6) + pad(String(format: "%.2f", plain), 13)
                    + cached.map { pad(String(format: "%.2f", $0), 13) }.joined())
        }
    }
}

/// A pipeline with one model, served with and without a cache.
private final class Stand {
    private let pipeline: PredictionPipeline
    private let plain: ServedModel
    private let cached: ServedModel
    private let group = RowGroup()
    private let memory: ScoreCache

    /// The model cut to so many rounds; nil where it has fewer.
    static func opened(_ path: String, rounds: Int) -> ModelOpener.Opened? {
        var options = LoadOptions()
        options.iterations = .first(rounds)
        return try? ModelOpener(formats: [XGBoostFormat(), LightGBMFormat()]).open(path, options: options, hashes: true)
    }

    init(_ opened: ModelOpener.Opened) throws {
        guard let name = ModelName("bench"), let version = ModelVersion(1) else { fatalError("valid by their letters") }
        memory = ScoreCache(limits: CacheLimits())
        let factory = StageFactory(memory: memory)
        let metrics = ServingMetrics(version: "bench")
        let registry = ModelRegistry(
            RegistrySettings(root: "/nowhere"), formats: [], meter: { metrics.meter($0, $1) },
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        pipeline = PredictionPipeline(registry: registry, metrics: metrics)
        var rules = ServingRules()
        rules.cacheLife = .seconds(3600)
        let stages = try factory.stages(of: name, version, opened.model, content: opened.digest, rules: rules)
        let meter = metrics.meter(name, version)
        plain = ServedModel(name: name, version: version, model: opened.model, answers: AnswerRules(), meter: meter)
        cached = ServedModel(
            name: name, version: version, model: opened.model, answers: AnswerRules(), meter: meter, stages: stages)
    }

    /// Microseconds a request: medians over rounds in which all contestants take turns.
    func compare(_ shares: [Double], _ requests: Int) -> (plain: Double, cached: [Double]) {
        var random = SeededRandom(seed: 11)
        var times = [[Double]](repeating: [], count: shares.count + 1)
        for _ in 0..<15 {
            let known = rows(1000, &random)
            for row in known { ask(row, cached) }
            let fresh = rows(requests, &random)
            times[0].append(time(fresh, plain))
            for (index, share) in shares.enumerated() {
                let unseen = rows(requests, &random)
                let mixed = (0..<requests).map { number in
                    Double.random(in: 0..<1, using: &random) < share ? known[number % known.count] : unseen[number]
                }
                times[index + 1].append(time(mixed, cached))
            }
        }
        let medians = times.map { $0.sorted()[$0.count / 2] }
        return (medians[0], Array(medians[1...]))
    }

    private func rows(_ count: Int, _ random: inout SeededRandom) -> [[Double]] {
        let inputs = plain.signature.inputs
        return (0..<count).map { _ in
            inputs.map { field in
                guard case .category(let levels) = field.kind else { return .random(in: 0...1000, using: &random) }
                return Double(Int.random(in: 0..<max(1, levels.table.count), using: &random))
            }
        }
    }

    private func time(_ rows: [[Double]], _ served: ServedModel) -> Double {
        let start = Moment.now
        for row in rows { ask(row, served) }
        return Double(Moment.now.nanoseconds(since: start)) / Double(rows.count) / 1000
    }

    private func ask(_ row: [Double], _ served: ServedModel) {
        group.begin(RequestInfo(arrival: .now), RowGroup.Target(served))
        let added = group.features.addRow()
        for (column, value) in row.enumerated() { group.features.set(value, row: added, column: column) }
        guard case .answered = pipeline.run(group), group.outcome.error == nil else { fatalError("the model answers at once") }
    }
}
