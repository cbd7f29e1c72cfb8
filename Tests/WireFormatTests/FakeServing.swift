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

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, using workspace: Workspace) throws(ScoringError) {
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
    func recordSuccess(rows: Int, nanoseconds: UInt64) {}
    func recordFailure(_ error: ScoringError) {}
    func recordResults(_ exchange: PredictionExchange, column: Int?) {}
}

/// A predictor over fixed models, the first of which is the default.
final class FakePredictor: Predictor {
    let models: [ServedModel]
    private let tally = Mutex((rejections: [ScoringError](), predictions: 0, cancellations: 0))
    /// Thrown by `predict`, if set.
    let failure: ScoringError?
    let degradation: String?
    let isCached: Bool
    /// Thrown by `screen`, if set.
    let screening: ScoringError?
    /// What `screen` was asked with.
    var delays: [QueueDelay] { seen.withLock { $0 } }
    private let seen = Mutex<[QueueDelay]>([])
    /// Whether answers are given later, by `answerWaiting`, where the exchange can wait.
    let answersLater: Bool
    /// What runs on the versions of all models.
    let experiment: (any RunningExperiment)?
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    init(
        _ models: [ServedModel], failure: ScoringError? = nil, degradation: String? = nil, isCached: Bool = false,
        answersLater: Bool = false, screening: ScoringError? = nil, experiment: (any RunningExperiment)? = nil
    ) {
        self.experiment = experiment
        self.screening = screening
        self.answersLater = answersLater
        self.models = models
        self.failure = failure
        self.degradation = degradation
        self.isCached = isCached
    }

    /// What it was told to have been refused before it was asked.
    var rejections: [ScoringError] { tally.withLock { $0.rejections } }
    /// How often it was told that nobody waits any more.
    var cancellations: Int { tally.withLock { $0.cancellations } }
    /// How often it was asked to predict.
    var predictions: Int { tally.withLock { $0.predictions } }

    func served(_ name: ModelName?, version: VersionReference?) throws(ScoringError) -> Serving {
        guard let name else { return Serving(models[0], experiment: experiment) }
        let versions = models.filter { $0.name == name }
        guard let latest = versions.last else { throw .unknownModel(name.text) }
        guard let version else { return Serving(latest, experiment: experiment) }
        guard let served = versions.first(where: { .number($0.version) == version }) else {
            throw .unknownVersion(model: name.text, version: version.description)
        }
        return Serving(served, experiment: experiment)
    }

    func screen(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError) {
        seen.withLock { $0.append(exchange.queueDelay) }
        if let screening { throw screening }
    }

    func predict(
        _ exchange: PredictionExchange, with served: ServedModel
    ) throws(ScoringError) -> PredictionProgress {
        tally.withLock { $0.predictions += 1 }
        if answersLater, let completion = exchange.completion {
            exchange.cancel = { [self] in tally.withLock { $0.cancellations += 1 } }
            waiting.withLock { waiting in
                waiting.append {
                    do throws(ScoringError) {
                        try self.score(exchange, with: served)
                        completion(exchange, nil)
                    } catch {
                        completion(exchange, error)
                    }
                }
            }
            return .pending
        }
        try score(exchange, with: served)
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

    private func score(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError) {
        if let failure { throw failure }
        try served.model.score(exchange.features, into: exchange.scores, using: exchange.workspace)
        if let rule = served.rule {
            for row in 0..<exchange.scores.count {
                exchange.decisions.append(rule.decision(for: exchange.scores[row, served.score.lowerBound]))
            }
        }
        exchange.degradations = degradation.map { [Degradation(reason: $0)] } ?? []
        exchange.isCached = isCached
    }

    func recordRejection(_ error: ScoringError, of model: ServedModel?, named name: ModelName?) {
        tally.withLock { $0.rejections.append(error) }
    }
}

/// Stages of a version that takes on only so much.
final class LimitedStages: VersionStages {
    let isLimited = true
}

/// Chooses by the key's last byte: `1` to `9` that version, as far as it is there. No key gets the default.
final class LastByteExperiment: RunningExperiment {
    let dividesRequests = true
    let keyName: String?
    let keepsAnswers = false
    private let versions: [ServedModel]
    private let asked = Mutex<[String]>([])

    init(_ versions: [ServedModel], key: String) {
        self.versions = versions
        keyName = key
    }

    /// What it was asked with; "none" for no key.
    var keys: [String] { asked.withLock { $0 } }

    func served(forKey key: UnsafeRawBufferPointer?) -> ServedModel? {
        asked.withLock { asked in
            if asked.count == 100 { asked = [] }
            asked.append(key.map { String(decoding: $0, as: UTF8.self) } ?? "none")
        }
        guard let last = key?.last else { return nil }
        return versions.first { $0.version.number == Int(last) - 48 }
    }

    func learn(from exchange: PredictionExchange, answeredBy served: ServedModel, nanoseconds: UInt64) {}
    func learn(failure: ScoringError, rows: Int, of served: ServedModel, wasChosen: Bool) {}
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

/// A desk with a predictor, and requests by path and body.
struct Counter {
    let desk: PredictionDesk
    let predictor: FakePredictor

    init(_ models: [ServedModel], limits: WireLimits = WireLimits()) {
        self.init(FakePredictor(models), limits: limits)
    }

    init(_ predictor: FakePredictor, limits: WireLimits = WireLimits()) {
        self.predictor = predictor
        desk = PredictionDesk(predictor: predictor, limits: limits, resume: { $0() })
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

    /// What the desk says at once.
    func ask(
        _ path: String, _ body: [UInt8], timeout: String? = nil, requestID: String? = nil, arrival: Moment = .now,
        into sink: inout ByteSink
    ) throws -> PredictionDesk.Reply {
        let wanted = try #require(route(path))
        return body.withUnsafeBufferPointer {
            let request = WireRequest(
                route: wanted, body: $0, deadlineHeader: timeout, requestID: requestID, arrival: arrival)
            return desk.answer(request, into: &sink)
        }
    }

    /// A late answer, once its scores are there.
    func written(_ pending: PendingAnswer) throws -> Answer {
        var sink = ByteSink()
        sink.append("before")
        let written = pending.write(into: &sink)
        desk.reuse(pending)
        return try whole(written, &sink)
    }

    /// With all pieces behind the first.
    private func whole(_ written: PredictionDesk.Written, _ sink: inout ByteSink) throws -> Answer {
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

func route(_ path: String) -> PredictRoute? {
    var path = path
    return path.withUTF8 { PredictRoute.parse(path: $0) }
}
