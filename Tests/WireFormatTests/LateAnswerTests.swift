internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// Answers whose scores come later are the same as those whose scores are there at once.
@Suite struct LateAnswerTests {
    private static let questions: [(path: String, body: String)] = [
        ("/predict/risk", #"{"features": [0.9, 3], "request_id": "r \u00e9 1"}"#),
        ("/predict/risk", #"{"features": {"amount": 0.25}}"#),
        ("/predict/risk", #"{"features": [13, 3], "request_id": "unlucky"}"#),
        ("/predict/risk", #"{"features": [-1, 3]}"#),
        (
            "/predict/batch/risk",
            #"[{"features": [0.9, 3], "request_id": "a"}, {"features": [1]}, {"features": [13, 1]}, {"features": [0.1, 2]}]"#
        ),
        ("/predict/batch/risk", #"{"requests": []}"#),
        ("/predict/batch/risk", #"[{"features": "none", "request_id": "b"}]"#),
        (
            "/v2/models/risk/infer",
            #"{"id": "i\t1", "inputs": [{"name": "features", "shape": [2, 2], "datatype": "FP64", "data": [0.9, 1, 0.2, 2]}]}"#
        ),
        (
            "/v2/models/risk/infer",
            #"{"inputs": [{"name": "amount", "shape": [1], "datatype": "FP64", "data": [0.9]}], "outputs": [{"name": "decision"}]}"#
        ),
        ("/v2/models/risk/infer", #"{"inputs": [{"name": "amount", "shape": [1], "datatype": "FP64", "data": [13]}]}"#),
        ("/predict/risk", #"{"features": [0.9"#),
    ]

    /// Everything but the latencies.
    private static func facts(_ answer: Answer) -> String {
        let text = String(decoding: answer.bytes, as: UTF8.self)
        let untimed = text.replacing(#/"(total_)?latency_ms":[0-9.]+/#, with: "")
        return "\(answer.status.code) \(untimed)"
    }

    @Test(arguments: [nil, ScoringError.deadlineExceeded, .overloaded(retryAfter: .seconds(2))])
    func lateAnswersSayWhatPromptOnesSay(_ failure: ScoringError?) throws {
        let model = try serve("risk", .classifier(), rule: FakeRule())
        let prompt = Counter(FakePredictor([model], failure: failure, degradation: .engineFailed, isCached: true))
        let late = Counter(
            FakePredictor([model], failure: failure, degradation: .engineFailed, isCached: true, answersLater: true))
        for (path, body) in Self.questions {
            let expected = try prompt.post(path, body, requestID: "from the head")
            let found = try late.post(path, body, requestID: "from the head")
            #expect(Self.facts(found) == Self.facts(expected), "\(path) \(body)")
            #expect(found.status == expected.status)
        }
    }

    @Test func manyWaitAtOnceAndEachGetsItsOwn() throws {
        let late = Counter(FakePredictor([try serve("sum", .summing([Field("x")]))], answersLater: true))
        for round in 0..<3 {
            var waiting: [(Int, PendingAnswer)] = []
            var ready = 0
            for number in 0..<200 {
                var sink = ByteSink()
                let body = Array(#"{"features": [\#(number + round * 1000)], "request_id": "\#(number)"}"#.utf8)
                guard case .later(let pending) = try late.ask("/predict/sum", body, into: &sink) else {
                    Issue.record("an answer came at once")
                    return
                }
                #expect(sink.array.isEmpty)
                pending.onReady = { ready += 1 }
                waiting.append((number, pending))
            }
            #expect(ready == 0)
            late.predictor.answerWaiting()
            #expect(ready == 200)
            for (number, pending) in waiting {
                let answer = try late.written(pending)
                #expect(answer.json["prediction"]?[0] == .number(Double(number + round * 1000)))
                #expect(answer.json["request_id"]?.text == "\(number)")
            }
        }
    }

    @Test func cancellingReachesThePredictorOnlyWhileTheAnswerIsOpen() throws {
        let late = Counter(FakePredictor([try serve("sum", .summing([Field("x")]))], answersLater: true))
        var sink = ByteSink()
        let reply = try late.ask("/predict/sum", Array(#"{"features": [1]}"#.utf8), into: &sink)
        guard case .later(let pending) = reply else {
            Issue.record("an answer came at once")
            return
        }
        #expect(late.predictor.cancellations == 0)
        pending.cancel()
        #expect(late.predictor.cancellations == 1)
        late.predictor.answerWaiting()
        pending.cancel()
        #expect(late.predictor.cancellations == 1)
    }
}
