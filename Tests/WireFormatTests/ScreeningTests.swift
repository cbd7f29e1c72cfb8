internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// Requests to models that take on only so much are refused before anybody reads them.
@Suite struct ScreeningTests {
    private func counter(isLimited: Bool, screening: ScoringError?) throws -> Counter {
        let model = try serve("m", FakeModel.summing([Field("a")]), isLimited: isLimited)
        return Counter(FakePredictor([model], screening: screening))
    }

    @Test(arguments: [("/predict/m", 429), ("/predict/batch/m", 429), ("/v2/models/m/infer", 503)])
    func aRefusedRequestIsNotReadAndIsCountedOnce(path: String, status: Int) throws {
        let counter = try counter(isLimited: true, screening: .overloaded(retryAfter: .milliseconds(1)))
        let answer = try counter.post(path, "this is not JSON", requestID: "r7")
        #expect(answer.status == WireStatus(code: status, retryAfter: 1))
        #expect(counter.predictor.predictions == 0)
        #expect(counter.predictor.endings == [.overloaded(retryAfter: .milliseconds(1))])
    }

    @Test func theAnswerNamesTheRequestByItsHeader() throws {
        let counter = try counter(isLimited: true, screening: .overloaded(retryAfter: .milliseconds(1)))
        let body = #"{"request_id": "unread", "features": [1]}"#
        let named = try counter.post("/predict/m", body, requestID: "r7")
        #expect(named.json["error"]?["request_id"]?.text == "r7")
        #expect(try counter.post("/predict/m", body).json["error"]?["request_id"]?.text == nil)
    }

    @Test func aRequestThatPassesIsReadAndAnErrorInItNamesItByItsBody() throws {
        let counter = try counter(isLimited: true, screening: nil)
        #expect(try counter.post("/predict/m", #"{"features": [1]}"#).status.code == 200)
        let wrong = try counter.post("/predict/m", #"{"request_id": "b1", "features": ["x"]}"#)
        #expect(wrong.status.code == 400 && wrong.json["error"]?["request_id"]?.text == "b1")
    }

    @Test func theDelayOfAnUnlimitedModelsRequestsIsNobodysConcern() throws {
        let counter = try counter(isLimited: false, screening: .overloaded(retryAfter: .milliseconds(1)))
        #expect(try counter.post("/predict/m", #"{"features": [1]}"#).status.code == 200)
        #expect(counter.predictor.delays.isEmpty && !counter.driver.asksForQueueDelay)
    }

    @Test func theDelayOfALimitedModelsRequestsReachesThePredictor() throws {
        let counter = try counter(isLimited: true, screening: nil)
        let body = Array(#"{"features": [1]}"#.utf8)
        var sink = ByteSink()
        let wanted = try #require(route("/predict/m"))
        let delay = QueueDelay(waited: 7, standing: 3)
        body.withUnsafeBufferPointer {
            _ = counter.driver.answer(WireRequest(route: wanted, body: $0, arrival: .now, queueDelay: delay), into: &sink)
        }
        #expect(counter.driver.asksForQueueDelay)
        #expect(counter.predictor.delays == [delay])
    }
}
