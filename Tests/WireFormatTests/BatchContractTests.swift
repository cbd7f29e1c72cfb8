internal import Scoring
internal import Testing
internal import WireFormat

/// `POST /predict/batch`: many requests, each with its own result.
@Suite struct BatchContractTests {
    private func counter(limits: WireLimits = WireLimits()) throws -> Counter {
        Counter([try serve("m", .classifier(), rule: FakeRule())], limits: limits)
    }

    @Test(arguments: [false, true])
    func resultsStandInTheirRequestsPositions(isWrapped: Bool) throws {
        let rows = #"[{"features": [0.25, 0], "request_id": "a"}, {"features": {"amount": 0.75}}, {"features": [0.9375, null]}]"#
        let json = try counter().post("/predict/batch/m", isWrapped ? #"{"requests": \#(rows)}"# : rows).json
        #expect(json["success"] == true)
        #expect(json["count"] == 3)
        #expect(json["results"]?[0]?["prediction"] == [0.25])
        #expect(json["results"]?[0]?["request_id"] == "a")
        #expect(json["results"]?[0]?["decision"] == "ALLOW")
        #expect(json["results"]?[1]?["prediction"] == [0.75])
        #expect(json["results"]?[1]?["request_id"] == nil)
        #expect(json["results"]?[1]?["decision"] == "REVIEW")
        #expect(json["results"]?[2]?["prediction"] == [0.9375])
        #expect(json["results"]?[2]?["decision"] == "BLOCK")
        #expect(json["failed"] == 0)
        #expect(json.keys == ["success", "results", "count", "failed", "total_latency_ms"])
    }

    @Test func aBadRowCarriesItsErrorAndFailsNoOther() throws {
        let body = """
            [{"features": [0.25, 0]}, {"features": [1], "request_id": "short"}, {"features": {"nope": 1}},
             {"features": [13, 0], "request_id": "unlucky"}, 17, {"features": [0.5, {"x": [1, 2]}], "request_id": "deep"},
             {"features": [0.75, 0], "request_id": "last"}]
            """
        let answer = try counter().post("/predict/batch/m", body)
        #expect(answer.status.code == 200)
        let results = try #require(answer.json["results"])
        #expect(results.count == 7)
        #expect(answer.json["count"] == 7 && answer.json["failed"] == 5)
        #expect(results[0]?["prediction"] == [0.25])
        let short = results[1]?["error"]
        #expect(short == ["code": "INVALID_REQUEST", "message": "expected 2 features, got 1", "request_id": "short"])
        #expect(results[2]?["error"]?["code"] == "INVALID_FEATURE")
        #expect(results[3] == ["error": ["code": "ENGINE_FAILURE", "message": "unlucky", "request_id": "unlucky"]])
        #expect(results[4]?["error"]?["code"] == "INVALID_REQUEST")
        #expect(results[5]?["error"]?["request_id"] == "deep")
        #expect(results[6]?["prediction"] == [0.75])
        #expect(results[6]?["request_id"] == "last")
    }

    @Test func onlyTheFirstRowsSayWhichFeatureWasMeant() throws {
        let rows = Array(repeating: #"{"features": {"amonut": 1}}"#, count: 50).joined(separator: ",")
        let json = try counter().post("/predict/batch/m", "[\(rows)]").json
        let messages = (0..<50).map { json["results"]?[$0]?["error"]?["message"]?.text ?? "" }
        let hinted = messages.indices.filter { messages[$0].contains("did you mean 'amount'?") }
        #expect(hinted == Array(0..<10))
        #expect(json["failed"] == 50)
    }

    @Test func everyAnswerBelongsToItsQuestion() throws {
        let counter = Counter([try serve("m", .summing([Field("a"), Field("b")]))])
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            var rows: [String] = []
            var expected: [Double?] = []
            for index in 0..<Int.random(in: 0...40, using: &generator) {
                let isBad = Int.random(in: 0..<3, using: &generator) == 0
                let good = #"{"features": [\#(index), 0.5], "request_id": "r\#(index)"}"#
                rows.append(isBad ? #"{"features": ["x", \#(index)]}"# : good)
                expected.append(isBad ? nil : Double(index) + 0.5)
            }
            let json = try counter.post("/predict/batch", "[\(rows.joined(separator: ","))]").json
            #expect(json["count"] == .number(Double(rows.count)))
            for (index, value) in expected.enumerated() {
                let result = try #require(json["results"]?[index])
                if let value {
                    #expect(result["prediction"] == [.number(value)])
                    #expect(result["request_id"] == .string("r\(index)"))
                } else {
                    #expect(result.keys == ["error"])
                }
            }
        }
    }

    @Test func anEmptyBatchIsAnsweredWithoutPredicting() throws {
        let counter = try counter()
        #expect(try counter.post("/predict/batch/m", "[]").json["results"] == [])
        #expect(try counter.post("/predict/batch/m", #"[{"features": []}]"#).json["count"] == 1)
        #expect(counter.predictor.predictions == 0)
    }

    @Test(arguments: [
        "", "{}", "17", #"{"requests": {}}"#, #"{"requests": [], "more": 1}"#, #"[{"features": [1, 2]}"#, "[{]",
        #"[{"features": [1, 2]},]"#, #"[{"features": ["\ud800", 2]}]"#,
    ])
    func aMalformedBatchFailsAsAWhole(body: String) throws {
        let answer = try counter().post("/predict/batch/m", body)
        #expect(answer.status.code == 400)
        #expect(answer.code == "INVALID_REQUEST")
    }

    @Test func rowsAndCellsAreLimited() throws {
        var limits = WireLimits()
        limits.maxRows = 3
        let row = #"{"features": [0.5, 0]}"#
        #expect(try counter(limits: limits).post("/predict/batch/m", "[\(row),\(row),\(row)]").status.code == 200)
        #expect(try counter(limits: limits).post("/predict/batch/m", "[\(row),\(row),1,\(row)]").status.code == 413)
        limits.maxCells = 4
        #expect(try counter(limits: limits).post("/predict/batch/m", "[\(row),\(row),\(row)]").status.code == 413)
    }

    @Test func oneDeskAnswersAfterWhateverWentBefore() throws {
        let counter = try counter()
        let bodies = [
            #"[{"features": ["x"]"#, #"[{"features": {"amount": 1, "amount": 2}}]"#, "[[[[[", #"[{"features": [13, 1]}]"#,
        ]
        for body in bodies {
            _ = try counter.post("/predict/batch/m", body)
            let batch = try counter.post("/predict/batch/m", #"[{"features": [0.25, 1]}]"#).json
            #expect(batch["results"]?[0]?["prediction"] == [0.25])
            #expect(try counter.post("/predict/m", #"{"features": [0.75, 1]}"#).json["prediction"] == [0.75])
        }
    }
}
