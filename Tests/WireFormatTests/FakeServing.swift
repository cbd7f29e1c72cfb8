internal import Scoring
internal import Synchronization
internal import Testing
internal import TextFormats
internal import WireFormat

/// A model whose scores are a closure of its rows.
final class FakeModel: ScoringModel {
    let signature: Signature
    let description = ModelDescription(format: "fake")
    private let body: @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void

    init(_ signature: Signature, _ body: @escaping @Sendable (FeatureBatch, ScoreBatch) throws(ScoringError) -> Void) {
        self.signature = signature
        self.body = body
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        scores.reset(rows: rows.count, width: signature.outputs.count)
        try body(rows, scores)
    }

    /// One output: the sum of the features, missing ones counting as 1,000.
    static func summing(_ fields: [Field]) -> FakeModel {
        let roles = Roles(score: 0..<1)
        return FakeModel(Signature(inputs: fields, outputs: [OutputColumn("prediction")], roles: roles)) { rows, scores in
            for row in 0..<rows.count {
                var sum = 0.0
                for column in 0..<rows.width {
                    let value = rows[row, column]
                    sum += value.isNaN ? 1000 : value
                }
                scores[row, 0] = sum
            }
        }
    }

    /// Every role there is. The first feature is the probability of class "1"; below 0 it is missing, and
    /// exactly 13 fails its row.
    static func classifier() -> FakeModel {
        let labels = SymbolTable(["0", "1"])
        let outputs = [
            OutputColumn("probability(0)"), OutputColumn("probability(1)"), OutputColumn("label", .category(labels)),
            OutputColumn("raw"), OutputColumn("reason(1)", .category(SymbolTable(["AMOUNT_HIGH", "NEW_DEVICE"]))),
            OutputColumn("reason(2)", .text), OutputColumn("points", .integer), OutputColumn("band", .text),
            OutputColumn("flag", .boolean),
        ]
        var roles = Roles(
            score: 1..<2, label: 2, probabilities: 0..<2, classes: ["0", "1"], raw: 3..<4, reasons: 4..<6)
        roles.named = 6..<9
        let fields = [Field("amount"), Field("age")]
        return FakeModel(Signature(inputs: fields, outputs: outputs, roles: roles)) { rows, scores in
            for row in 0..<rows.count {
                let value = rows[row, 0]
                if value == 13 { scores.fail(row: row, .engineFailure("unlucky")) }
                guard value >= 0 else { continue }
                scores[row, 0] = 1 - value
                scores[row, 1] = value
                scores[row, 2] = value > 0.5 ? 1 : 0
                scores[row, 3] = value * 10
                if value > 0.5 {
                    scores[row, 4] = 1
                    scores.setText("quote \"here\"", row: row, column: 5)
                }
                scores[row, 6] = 640
                scores.setText("B", row: row, column: 7)
                scores[row, 8] = 1
            }
        }
    }
}

struct FakeRule: DecisionRule {
    func decision(for score: Double) -> Decision? {
        score.isNaN ? nil : score > 0.8 ? .block : score > 0.5 ? .review : .allow
    }
}

final class FakeMeter: PredictionMeter {
    func recordRequest(_ error: ScoringError?) {}
    func recordRows(_ group: RowGroup) {}
    func recordStandIn(rows: Int) {}
}

/// A predictor over fixed models, the first of which is the default.
final class FakePredictor: Predictor {
    let models: [ServedModel]
    private let tally = Mutex((endings: [ScoringError?](), beginnings: 0, predictions: 0, cancellations: 0))
    /// What `run` fails with, if set.
    let failure: ScoringError?
    let degradation: DegradationReason?
    let isCached: Bool
    /// Thrown by `admit`, if set.
    let screening: ScoringError?
    /// What `admit` was asked with.
    var delays: [QueueDelay] { seen.withLock { $0 } }
    private let seen = Mutex<[QueueDelay]>([])
    /// Whether answers are given later, by `answerWaiting`, where the group can wait.
    let answersLater: Bool
    /// What divides the requests to all models.
    let division: (any VersionDivision)?
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    init(
        _ models: [ServedModel], failure: ScoringError? = nil, degradation: DegradationReason? = nil, isCached: Bool = false,
        answersLater: Bool = false, screening: ScoringError? = nil, division: (any VersionDivision)? = nil
    ) {
        self.division = division
        self.screening = screening
        self.answersLater = answersLater
        self.models = models
        self.failure = failure
        self.degradation = degradation
        self.isCached = isCached
        // So that noting an end allocates nothing.
        tally.withLock { $0.endings.reserveCapacity(1 << 8) }
    }

    /// What it was told of each request's end.
    var endings: [ScoringError?] { tally.withLock { $0.endings } }
    /// Requests that have begun and not ended.
    var openRequests: Int { tally.withLock { $0.beginnings - $0.endings.count } }
    /// How often it was told that nobody waits any more.
    var cancellations: Int { tally.withLock { $0.cancellations } }
    /// How often it was asked to predict.
    var predictions: Int { tally.withLock { $0.predictions } }

    func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel {
        guard let name = info.model else { return ResolvedModel(models[0], division: division) }
        let versions = models.filter { $0.name == name }
        guard let latest = versions.last else { throw .unknownModel(name.text) }
        guard let version = info.version else { return ResolvedModel(latest, division: division) }
        guard let served = versions.first(where: { .number($0.version) == version }) else {
            throw .unknownVersion(model: name.text, version: version.description)
        }
        return ResolvedModel(served)
    }

    func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError) {
        seen.withLock { $0.append(info.queueDelay) }
        if let screening { throw screening }
    }

    func run(_ group: RowGroup) -> PredictionProgress {
        tally.withLock { $0.predictions += 1 }
        if answersLater, let completion = group.completion {
            group.cancellable().onCancel { [self] in tally.withLock { $0.cancellations += 1 } }
            waiting.withLock { waiting in
                waiting.append {
                    self.score(group)
                    completion(group)
                }
            }
            return .pending
        }
        score(group)
        return .answered
    }

    /// Answers what waits, the last one first.
    func answerWaiting() {
        let answers = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for answer in answers.reversed() { answer() }
    }

    private func score(_ group: RowGroup) {
        do throws(ScoringError) {
            if let failure { throw failure }
            let call = ScoreCall(deadline: nil, workspace: group.workspace)
            try group.served.model.score(group.features, into: group.scores, call)
        } catch {
            group.outcome.error = error
            return
        }
        if let rule = group.served.rule {
            for row in 0..<group.scores.count {
                group.outcome.decisions.append(rule.decision(for: group.scores[row, group.served.score.lowerBound]))
            }
        }
        group.outcome.degradations = degradation.map { [Degradation($0)] } ?? []
        group.outcome.isCached = isCached
    }

    func begin() { tally.withLock { $0.beginnings += 1 } }

    func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?) {
        tally.withLock { $0.endings.append(error) }
    }
}

/// Stages of a version that takes on only so much.
final class LimitedStages: RequestStages {
    let isLimited = true
    let timeLimit: UInt64? = nil

    func admit(_ info: RequestInfo) throws(ScoringError) {}
    func run(_ group: RowGroup, on path: any PredictionPath) -> PredictionProgress { .answered }
    func callEngine(
        _ group: RowGroup, _ completion: @escaping @Sendable (ScoringError?) -> Void
    ) throws(ScoringError) -> PredictionProgress { .answered }
}

/// Chooses by the key's last byte: `1` to `9` that version, as far as it is there. No key gets the default.
final class LastByteDivision: VersionDivision {
    let keyName: String?
    private let versions: [ServedModel]
    private let asked = Mutex<[String]>([])

    init(_ versions: [ServedModel], key: String) {
        self.versions = versions
        keyName = key
    }

    /// What it was asked with; "none" for no key.
    var keys: [String] { asked.withLock { $0 } }

    func version(forKey key: UnsafeRawBufferPointer?) -> ServedModel? {
        asked.withLock { asked in
            if asked.count == 100 { asked = [] }
            asked.append(key.map { String(decoding: $0, as: UTF8.self) } ?? "none")
        }
        guard let last = key?.last else { return nil }
        return versions.first { $0.version.number == Int(last) - 48 }
    }
}

func serve(
    _ name: String, version: Int = 1, _ model: FakeModel, rule: FakeRule? = nil, ignoresUnknownFeatures: Bool = false,
    isLimited: Bool = false
) throws -> ServedModel {
    var answers = AnswerRules()
    answers.rule = rule
    answers.ignoresUnknownFeatures = ignoresUnknownFeatures
    return ServedModel(
        name: try #require(ModelName(name)), version: try #require(ModelVersion(version)), model: model, answers: answers,
        meter: FakeMeter(), stages: isLimited ? LimitedStages() : nil)
}

/// What came back for a request.
struct Answer {
    let status: WireStatus
    let bytes: [UInt8]
    let json: JSONValue

    var code: String? { json["error"]?["code"]?.text }
    var message: String? { json["error"]?["message"]?.text ?? json["error"]?.text }
}

/// A driver with a predictor, and requests by path and body.
struct Counter {
    let driver: PredictionDriver
    let predictor: FakePredictor

    init(_ models: [ServedModel], limits: WireLimits = WireLimits()) {
        self.init(FakePredictor(models), limits: limits)
    }

    init(_ predictor: FakePredictor, limits: WireLimits = WireLimits()) {
        self.predictor = predictor
        driver = PredictionDriver(predictor: predictor, limits: limits, resume: { $0() })
    }

    func post(
        _ path: String, _ body: String, timeout: String? = nil, requestID: String? = nil, arrival: Moment = .now
    ) throws -> Answer {
        try post(path, Array(body.utf8), timeout: timeout, requestID: requestID, arrival: arrival)
    }

    func post(
        _ path: String, _ body: [UInt8], timeout: String? = nil, requestID: String? = nil, arrival: Moment = .now
    ) throws -> Answer {
        var sink = ByteSink()
        sink.append("before")
        switch try ask(path, body, timeout: timeout, requestID: requestID, arrival: arrival, into: &sink) {
        case .written(let written): return try whole(written, &sink)
        case .later(let pending):
            predictor.answerWaiting()
            return try written(pending)
        }
    }

    /// What the driver says at once.
    func ask(
        _ path: String, _ body: [UInt8], timeout: String? = nil, requestID: String? = nil, arrival: Moment = .now,
        into sink: inout ByteSink
    ) throws -> PredictionDriver.Reply {
        let wanted = try #require(route(path))
        return body.withUnsafeBufferPointer {
            let request = WireRequest(
                route: wanted, body: $0, deadlineHeader: timeout, requestID: requestID, arrival: arrival)
            return driver.answer(request, into: &sink)
        }
    }

    /// A late answer, once its scores are there.
    func written(_ pending: PendingAnswer) throws -> Answer {
        var sink = ByteSink()
        sink.append("before")
        let written = driver.write(pending, into: &sink)
        return try whole(written, &sink)
    }

    /// With all pieces behind the first.
    private func whole(_ written: PredictionDriver.Written, _ sink: inout ByteSink) throws -> Answer {
        switch written {
        case .done(let status): return try answer(status, sink)
        case .begun(let stream):
            while !stream.writePiece(into: &sink) {}
            return try answer(WireStatus(code: 200), sink)
        }
    }

    private func answer(_ status: WireStatus, _ sink: borrowing ByteSink) throws -> Answer {
        let bytes = Array(sink.array.dropFirst(6))
        return Answer(status: status, bytes: bytes, json: try JSONValue(bytes))
    }
}

func route(_ path: String) -> PredictionRoute? {
    var path = path
    return path.withUTF8 { RouteTable.standard.route(path: $0) }
}
