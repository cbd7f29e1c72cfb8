internal import Dispatch
internal import Foundation
internal import Logging
internal import Pipeline
internal import Registry
internal import Resilience
internal import Scoring
internal import Synchronization
internal import Testing
internal import TextFormats
internal import WireFormat

/// What `/metrics` says of random requests, which experiments divide, fallbacks answer and engines fail, against what their answers say.
@Suite struct RequestMetricsTests {
    /// Stands for an event loop: closures of other threads are run by the test's own.
    private final class Loop: Sendable {
        private let line = Mutex<[@Sendable () -> Void]>([])
        private let semaphore = DispatchSemaphore(value: 0)

        func run(_ body: @escaping @Sendable () -> Void) {
            line.withLock { $0.append(body) }
            semaphore.signal()
        }

        func turn() {
            semaphore.wait()
            let body = line.withLock { $0.removeFirst() }
            body()
        }
    }

    /// The version whose number is the key.
    private final class Division: VersionDivision {
        let keyName: String? = "user"
        private let versions: [ServedModel]

        init(_ versions: [ServedModel]) { self.versions = versions }

        func version(forKey key: UnsafeRawBufferPointer?) -> ServedModel? {
            guard let digit = key?.last else { return nil }
            return versions.first { $0.version.number == Int(digit) - 48 }
        }
    }

    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    /// What the answers said.
    private struct Seen {
        var requests = 0
        var successes = 0
        /// Rows that reached a version.
        var rows = 0
        var scored: [Int: Int] = [:]
        var degraded = 0
        var answeredByOther = 0
        var dropped = 0

        var answered: Int { scored.values.reduce(0, +) + degraded }
    }

    private let metrics = ServingMetrics(version: "test")
    private let factory = StageFactory()
    private let loop = Loop()
    private let driver: PredictionDriver

    init() throws {
        let metrics = metrics
        let registry = ModelRegistry(
            RegistrySettings(root: "/nowhere"), formats: [], meter: { metrics.meter($0, $1) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let pipeline = PredictionPipeline(registry: registry, metrics: metrics)
        var constant = ServingRules()
        constant.fallback = Fallback(.constant(score: 0.5, decision: nil), on: [.engineFailed, .breakerOpen, .missingScore])
        var other = ServingRules()
        other.fallback = Fallback(
            .model(try #require(ModelName("other")), nil), on: [.engineFailed, .breakerOpen, .missingScore])
        other.cacheLife = .seconds(60)
        let versions = [
            try Self.serve("m", 1, ServingRules(), isBlocking: false, factory, metrics),
            try Self.serve("m", 2, constant, isBlocking: true, factory, metrics),
            try Self.serve("m", 3, other, isBlocking: true, factory, metrics),
            try Self.serve("other", 1, ServingRules(), isBlocking: true, factory, metrics),
        ]
        let path = FixedPath(pipeline, versions, division: Division(Array(versions.prefix(3))))
        driver = PredictionDriver(predictor: path, limits: WireLimits(), resume: { [loop] in loop.run($0) })
    }

    /// 97 has no score, 98 is refused, 99 fails its call; the other model scores 97, and has no score for 99.
    private static func serve(
        _ name: String, _ version: Int, _ rules: ServingRules, isBlocking: Bool, _ factory: StageFactory,
        _ metrics: ServingMetrics
    ) throws -> ServedModel {
        let model = StageTests.ClosureModel(calls: CallProfile(isBlocking: isBlocking, mayShareCalls: false)) {
            rows, scores throws(ScoringError) in
            for row in 0..<rows.count {
                let value = rows[row, 0]
                switch value {
                case 97: if name == "other" { scores[row, 0] = 97 }
                case 98: scores.fail(row: row, .invalidRequest("98"))
                case 99: if name != "other" { throw .invalidModel(reason: "99", place: "") }
                default: scores[row, 0] = value
                }
            }
        }
        let (name, version) = (try #require(ModelName(name)), try #require(ModelVersion(version)))
        return ServedModel(
            name: name, version: version, model: model, answers: AnswerRules(), meter: metrics.meter(name, version),
            stages: try factory.stages(of: name, version, model, content: [1], rules: rules))
    }

    /// The body of the answer; nil for one that is dropped.
    private func post(_ path: String, _ body: String, drops: Bool) throws -> [String: Any]? {
        var path = path
        let route = try #require(path.withUTF8 { RouteTable.standard.route(path: $0) })
        var sink = ByteSink()
        let reply = Array(body.utf8).withUnsafeBufferPointer {
            driver.answer(WireRequest(route: route, body: $0, arrival: .now), into: &sink)
        }
        if case .later(let pending) = reply {
            var isReady = false
            pending.onReady = { isReady = true }
            if drops { pending.cancel() }
            while !isReady { loop.turn() }
            guard !drops else {
                driver.drop(pending)
                return nil
            }
            sink.removeAll()
            _ = driver.write(pending, into: &sink)
        }
        return try #require(try JSONSerialization.jsonObject(with: Data(sink.array)) as? [String: Any])
    }

    private func ask(_ random: inout Random, _ seen: inout Seen, drops: Bool) throws {
        let users = ["1", "2", "3"]
        func row(_ value: Int, _ user: String) -> String { #"{"features": [\#(value)], "context": {"user": "\#(user)"}}"# }
        let value = { (random: inout Random) in [1, 2, 3, 4, 5, 97, 98, 99].randomElement(using: &random) ?? 1 }
        seen.requests += 1
        var rows = 0
        let answer: [String: Any]?
        switch Int.random(in: 0..<10, using: &random) {
        case 0: answer = try post("/predict/batch/m", #"[{"features": [1]}, "#, drops: drops)
        case 1:
            rows = 1
            answer = try post("/predict/m", row(value(&random), users.randomElement(using: &random) ?? "1"), drops: drops)
        default:
            var texts: [String] = []
            for _ in 0..<Int.random(in: 0..<7, using: &random) {
                if Int.random(in: 0..<6, using: &random) == 0 {
                    texts.append(#"{"features": "none"}"#)
                } else {
                    rows += 1
                    texts.append(row(value(&random), users.randomElement(using: &random) ?? "1"))
                }
            }
            answer = try post("/predict/batch/m", "[" + texts.joined(separator: ",") + "]", drops: drops)
        }
        seen.rows += rows
        guard let answer else {
            seen.dropped += 1
            return
        }
        let results = answer["results"] as? [[String: Any]] ?? [answer]
        let answered = results.filter { $0["error"] == nil }
        if !answered.isEmpty || (results.isEmpty && answer["error"] == nil) { seen.successes += 1 }
        for result in answered {
            let version = Int(try #require(result["model_version"] as? String)) ?? 0
            if result["degraded"] as? Bool == true {
                seen.degraded += 1
                if result["model"] as? String == "other" { seen.answeredByOther += 1 }
            } else {
                seen.scored[version, default: 0] += 1
            }
        }
    }

    /// The sum of the samples of a metric that have all these labels.
    private func metric(_ name: String, _ labels: String...) -> Int {
        metrics.exposition(factory).split(separator: "\n").filter { line in
            line.hasPrefix(name + "{") && labels.allSatisfy { line.contains($0) } || line.hasPrefix(name + " ")
        }
        .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
    }

    @Test(arguments: [UInt64(1), 2, 3]) func countersSayWhatTheAnswersSaid(seed: UInt64) throws {
        var (random, seen) = (Random(state: seed), Seen())
        for _ in 0..<400 { try ask(&random, &seen, drops: false) }
        #expect(seen.degraded > 30 && seen.answeredByOther > 5 && seen.scored.count == 3)
        let model = #"model_name="m""#
        #expect(metric("model_requests_total", model) == seen.requests)
        #expect(metric("model_requests_total", model, #"status="success""#) == seen.successes)
        for version in 1...3 {
            let found = metric("model_rows_total", model, #"version="\#(version)""#, #"result="scored""#)
            #expect(found == seen.scored[version], "version \(version)")
        }
        #expect(metric("model_rows_total", model, #"result="fallback""#) == seen.degraded)
        #expect(metric("model_rows_total", model, #"result="failed""#) == seen.rows - seen.answered)
        #expect(metric("model_rows_total", model) == seen.rows)
        #expect(metric("model_stand_in_rows_total", #"model_name="other""#) == seen.answeredByOther)
        #expect(metric("model_stand_in_rows_total", model) == 0)
        #expect(metric("model_rows_total", #"model_name="other""#) == 0, "it was not asked")
        #expect(metric("model_degraded_total", model) == seen.degraded)
        #expect(metric("model_requests_in_flight") == 0)
    }

    /// Clients that leave make a request of their own status; their rows are counted all the same.
    @Test(arguments: [UInt64(4), 5]) func sumsHoldWhereClientsLeave(seed: UInt64) throws {
        var (random, seen) = (Random(state: seed), Seen())
        for number in 0..<400 { try ask(&random, &seen, drops: number % 3 == 0) }
        #expect(seen.dropped > 20)
        let model = #"model_name="m""#
        #expect(metric("model_requests_total", model) == seen.requests)
        #expect(metric("model_requests_total", model, #"status="cancelled""#) == seen.dropped)
        #expect(metric("model_rows_total", model) == seen.rows)
        #expect(metric("model_rows_total", model, #"result="fallback""#) == metric("model_degraded_total", model))
        #expect(metric("model_requests_in_flight") == 0)
    }
}
