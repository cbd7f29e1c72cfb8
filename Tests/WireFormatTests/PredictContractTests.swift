internal import Scoring
internal import Testing
internal import WireFormat

/// `POST /predict`: one request, one result.
@Suite struct PredictContractTests {
    private let levels = CategoryLevels(["NL", "DE", "a\"b"])

    private func summing(_ fields: [Field], ignoresUnknownFeatures: Bool = false) throws -> Counter {
        Counter([try serve("m", .summing(fields), ignoresUnknownFeatures: ignoresUnknownFeatures)])
    }

    private func prediction(_ counter: Counter, _ features: String) throws -> JSONValue? {
        let answer = try counter.post("/predict/m", #"{"features": \#(features)}"#)
        return answer.status.code == 200 ? answer.json["prediction"]?[0] : answer.json["error"]?["code"]
    }

    @Test func aClassifierAnswersWithEverythingItHas() throws {
        let counter = Counter([try serve("fraud_detection", version: 2, .classifier(), rule: FakeRule())])
        let answer = try counter.post(
            "/predict/fraud_detection", #"{"features": [0.9375, 3], "request_id": "req_1", "context": {"user_id": "u1"}}"#)
        #expect(answer.status == WireStatus(code: 200))
        let json = answer.json
        #expect(json["prediction"] == [0.9375])
        #expect(json["label"] == "1")
        #expect(json["probabilities"] == ["0": 0.0625, "1": 0.9375])
        #expect(json["decision"] == "BLOCK")
        #expect(json["reasons"] == [["code": "NEW_DEVICE"], ["code": "quote \"here\""]])
        #expect(json["outputs"] == ["points": 640, "band": "B", "flag": true])
        #expect(json["model"] == "fraud_detection")
        #expect(json["model_version"] == "2")
        #expect(json["request_id"] == "req_1")
        #expect(json["cached"] == false)
        #expect(json["degraded"] == false)
        guard case .number(let latency) = json["latency_ms"] else {
            Issue.record("no latency")
            return
        }
        #expect(latency >= 0 && latency < 10_000)
        #expect(json.count == 12)
    }

    @Test func whatAModelDoesNotHaveIsLeftOut() throws {
        let answer = try summing([Field("a")]).post("/predict", #"{"features": [2.5]}"#)
        #expect(answer.json.keys == ["prediction", "model", "model_version", "latency_ms", "cached", "degraded"])
        #expect(answer.json["prediction"] == [2.5])
    }

    @Test func missingScoresAreNullAndHaveNoDecision() throws {
        let counter = Counter([try serve("m", .classifier(), rule: FakeRule())])
        let json = try counter.post("/predict/m", #"{"features": [-1, 0]}"#).json
        #expect(json["prediction"] == [nil])
        #expect(json["probabilities"] == ["0": nil, "1": nil])
        #expect(json["reasons"] == [])
        #expect(json["label"] == nil)
        #expect(json["decision"] == nil)
        #expect(json["outputs"] == ["points": nil, "band": nil, "flag": nil])
    }

    @Test func featuresComeByNameInAnyOrderAndAbsentOnesAreMissing() throws {
        let counter = try summing([Field("a"), Field("b"), Field("long name of a feature"), Field("é\n")])
        #expect(try prediction(counter, #"{"b": 2, "a": 1}"#) == 2003)
        #expect(try prediction(counter, #"{"long name of a feature": 5, "a": null}"#) == 3005)
        #expect(try prediction(counter, #"{"\u00e9\n": 7, "\u0061": 1, "b":0, "long name\u0020of a feature": 0}"#) == 8)
        #expect(try prediction(counter, #"{"é\n": 7}"#) == 3007)
        #expect(try prediction(counter, "{}") == 4000)
    }

    @Test func membersMayStandInAnyOrder() throws {
        let answer = try summing([Field("a")]).post(
            "/predict/m", #" { "context":{"x":[1,{"y":null}]}, "request_id":"r\u00e9", "features":{"a":1} } "#)
        #expect(answer.json["request_id"] == "ré")
        #expect(answer.json["prediction"] == [1])
    }

    @Test func unknownNamesAreRefusedUnlessTheModelIgnoresThem() throws {
        let strict = try summing([Field("a")]).post("/predict/m", #"{"request_id": "r", "features": {"a": 1, "zzz": 2}}"#)
        #expect(strict.status.code == 400)
        #expect(strict.code == "INVALID_FEATURE")
        #expect(strict.message?.contains("'zzz'") == true)
        let lenient = try summing([Field("a")], ignoresUnknownFeatures: true)
        #expect(try prediction(lenient, #"{"a": 1, "zzz": {"deep": [1, "x"]}}"#) == 1)
        #expect(try prediction(lenient, #"{"a": 1, "zzz": 2, "zzz": 3}"#) == "INVALID_REQUEST")
    }

    @Test func aWrongCountByPositionSaysExpectedAndGot() throws {
        let counter = try summing([Field("a"), Field("b")])
        for (features, got) in [("[]", 0), ("[1]", 1), ("[1,2,3,\"x\"]", 4)] {
            let answer = try counter.post("/predict/m", #"{"features": \#(features)}"#)
            #expect(answer.status.code == 400)
            #expect(answer.message == "expected 2 features, got \(got)")
        }
    }

    @Test func numbersTakeNumbersAndTruthValues() throws {
        let counter = try summing([Field("a")])
        #expect(try prediction(counter, "[-1.5e2]") == -150)
        #expect(try prediction(counter, "[true]") == 1)
        #expect(try prediction(counter, "[false]") == 0)
        #expect(try prediction(counter, "[null]") == 1000)
        for wrong in [#"["1"]"#, "[[1]]", "[{}]"] { #expect(try prediction(counter, wrong) == "INVALID_FEATURE") }
        #expect(try prediction(counter, "[1e999]") == "INVALID_REQUEST")
    }

    @Test func integersRefuseFractions() throws {
        let counter = try summing([Field("a", .integer)])
        #expect(try prediction(counter, "[7]") == 7)
        #expect(try prediction(counter, "[7.0]") == 7)
        #expect(try prediction(counter, "[7.5]") == "INVALID_FEATURE")
        #expect(try prediction(counter, #"["7"]"#) == "INVALID_FEATURE")
    }

    @Test func truthValuesTakeNothingElseThanOneAndZero() throws {
        let counter = try summing([Field("a", .boolean)])
        #expect(try prediction(counter, "[true]") == 1)
        #expect(try prediction(counter, "[0]") == 0)
        #expect(try prediction(counter, "[2]") == "INVALID_FEATURE")
        #expect(try prediction(counter, #"["true"]"#) == "INVALID_FEATURE")
    }

    @Test func categoriesAreTheirLevelsPosition() throws {
        let counter = try summing([Field("c", .category(levels))])
        #expect(try prediction(counter, #"["NL"]"#) == 0)
        #expect(try prediction(counter, #"["\u0044E"]"#) == 1)
        #expect(try prediction(counter, #"["a\"b"]"#) == 2)
        #expect(try prediction(counter, #"["nl"]"#) == "INVALID_FEATURE")
        #expect(try prediction(counter, "[1]") == "INVALID_FEATURE")
        let missing = try summing([Field("c", .category(levels), unknownLevel: .missing)])
        #expect(try prediction(missing, #"["XX"]"#) == 1000)
        let passed = try summing([Field("c", .category(levels), unknownLevel: .passed)])
        #expect(try prediction(passed, #"["XX"]"#) == -1)
        #expect(try prediction(passed, "[17]") == -1)
    }

    @Test func numericLevelsAreFoundByNumberAndByText() throws {
        let counter = try summing([Field("c", .category(CategoryLevels(["10", "20", "30"], numbers: [10, 20, 30])))])
        #expect(try prediction(counter, "[20]") == 1)
        #expect(try prediction(counter, "[2e1]") == 1)
        #expect(try prediction(counter, #"["30"]"#) == 2)
        #expect(try prediction(counter, #"["30.0"]"#) == 2)
        #expect(try prediction(counter, "[25]") == "INVALID_FEATURE")
    }

    @Test func textIsCarriedBesideTheRow() throws {
        let signature = Signature(inputs: [Field("t", .text)], outputs: [OutputColumn("o", .text)], roles: Roles(score: 0..<1))
        let echo = FakeModel(signature) { rows, scores in
            for row in 0..<rows.count {
                if let text = rows.text(row: row, column: 0) { scores.setText(text, row: row, column: 0) }
            }
        }
        let counter = Counter([try serve("m", echo)])
        #expect(try prediction(counter, #"["tab\t\ud83d\ude00"]"#) == "tab\t\u{1F600}")
        #expect(try prediction(counter, "[null]") == .null)
        #expect(try prediction(counter, "[1]") == "INVALID_FEATURE")
    }

    @Test func requiredFeaturesMustBeThere() throws {
        let counter = try summing([Field("a"), Field("b", isRequired: true)])
        #expect(try prediction(counter, #"{"b": 1}"#) == 1001)
        for wrong in [#"{"a": 1}"#, "[1, null]"] {
            let answer = try counter.post("/predict/m", #"{"features": \#(wrong)}"#)
            #expect(answer.code == "INVALID_FEATURE")
            #expect(answer.message == "feature 'b': is required")
        }
    }

    @Test(arguments: [
        ("", "INVALID_REQUEST"), ("   ", "INVALID_REQUEST"), ("{", "INVALID_REQUEST"), ("[1]", "INVALID_REQUEST"),
        (#"{"features": [1]} x"#, "INVALID_REQUEST"), ("{}", "INVALID_REQUEST"), (#"{"feature": [1]}"#, "INVALID_REQUEST"),
        (#"{"features": null}"#, "INVALID_REQUEST"), (#"{"features": 1}"#, "INVALID_REQUEST"),
        (#"{"features": [1], "features": [1]}"#, "INVALID_REQUEST"), (#"{"features": {"a": 1, "\u0061": 1}}"#, "INVALID_REQUEST"),
        (#"{"features": [1], "request_id": 7}"#, "INVALID_REQUEST"), (#"{"features": [1], "context": []}"#, "INVALID_REQUEST"),
        (#"{"features": [1], "context": {"a": 1, "a": 2}}"#, "INVALID_REQUEST"), (#"{"features": [NaN]}"#, "INVALID_REQUEST"),
        (#"{"features": [01]}"#, "INVALID_REQUEST"), (#"{"features": ["a]}"#, "INVALID_REQUEST"),
    ])
    func badBodiesAreRefused(body: String, code: String) throws {
        let counter = try summing([Field("a")])
        let answer = try counter.post("/predict/m", body)
        #expect(answer.status.code == 400)
        #expect(answer.code == code)
        #expect(answer.json["success"] == false)
        #expect(counter.predictor.endings.count == 1 && counter.predictor.endings[0] != nil)
        #expect(counter.predictor.predictions == 0)
    }

    @Test func errorsNameTheRequestEvenIfItsIdentifierComesLater() throws {
        let counter = try summing([Field("a")])
        let later = try counter.post("/predict/m", #"{"features": ["x"], "request_id": "r\n1"}"#)
        #expect(later.json["error"]?["request_id"] == "r\n1")
        let cut = try counter.post("/predict/m", #"{"request_id": "r1", "features": ["#)
        #expect(cut.json["error"]?["request_id"] == "r1")
        let none = try counter.post("/predict/m", #"{"features": ["x"]}"#, requestID: "h1")
        #expect(none.json["error"]?["request_id"] == "h1")
        let unknown = try counter.post("/predict/other", #"{"features": [1], "request_id": "r2"}"#)
        #expect(unknown.status.code == 404)
        #expect(unknown.json["error"] == ["code": "UNKNOWN_MODEL", "message": "unknown model 'other'", "request_id": "r2"])
    }

    @Test func identifiersAreLimitedAndTheHeadersIsTheSecondChoice() throws {
        let counter = try summing([Field("a")])
        let long = String(repeating: "x", count: 256)
        #expect(try counter.post("/predict", #"{"features": [1], "request_id": "\#(long)"}"#).json["request_id"]?.text == long)
        #expect(try counter.post("/predict", #"{"features": [1], "request_id": "\#(long)x"}"#).status.code == 400)
        #expect(try counter.post("/predict", #"{"features": [1]}"#, requestID: "h").json["request_id"] == "h")
        #expect(try counter.post("/predict", #"{"features": [1], "request_id": "b"}"#, requestID: "h").json["request_id"] == "b")
        #expect(try counter.post("/predict", #"{"features": [1], "request_id": null}"#).json["request_id"] == nil)
        #expect(try counter.post("/predict", #"{"features": [1]}"#, requestID: long + "x").json["request_id"] == nil)
    }

    @Test func featureValuesAreNeverQuotedInErrors() throws {
        let counter = try summing([Field("a"), Field("c", .category(levels))])
        for features in [#"["SECRET", "NL"]"#, #"[1, "SECRET"]"#, #"["SECRET"]"#, #"[1, "SECRET\x"]"#] {
            let answer = try counter.post("/predict/m", #"{"features": \#(features)}"#)
            #expect(answer.status.code == 400)
            #expect(answer.message?.contains("SECRET") == false)
        }
    }

    @Test func deadlinesArePositiveIntegersAndPassedOnesAnError() throws {
        let counter = try summing([Field("a")])
        for wrong in ["0", "-5", "1.5", "abc", "", " 5", "1e3", "9999999999999999999999"] {
            let answer = try counter.post("/predict/m", #"{"features": [1]}"#, timeout: wrong)
            #expect(answer.status.code == 400, "\(wrong)")
        }
        #expect(try counter.post("/predict/m", #"{"features": [1]}"#, timeout: "60000").status.code == 200)
        let early = Moment(nanoseconds: Moment.now.nanoseconds - 5_000_000)
        let late = try counter.post("/predict/m", #"{"features": [1]}"#, timeout: "2", arrival: early)
        #expect(late.status.code == 504)
        #expect(late.code == "DEADLINE_EXCEEDED")
    }

    @Test func failuresOfThePathAreErrorsWithTheirStatus() throws {
        let served = try serve("m", .classifier())
        let row = try Counter([served]).post("/predict/m", #"{"features": [13, 0]}"#)
        #expect(row.status.code == 500)
        #expect(row.code == "ENGINE_FAILURE")
        let predictor = FakePredictor([served], failure: .overloaded(.requests(model: "m"), retryAfter: .milliseconds(1500)))
        let shed = try Counter(predictor).post("/predict/m", #"{"features": [1, 0], "request_id": "r"}"#)
        #expect(shed.status == WireStatus(code: 429, retryAfter: 2))
        #expect(shed.json["error"]?["request_id"] == "r")
        #expect(
            shed.json["error"]?["message"]
                == "model 'm' is overloaded: it has as many requests in flight as it takes on; try again later")
        #expect(predictor.endings == [.overloaded(.requests(model: "m"), retryAfter: .milliseconds(1500))])
    }

    @Test func fallbacksAndCachedResultsSaySo() throws {
        let predictor = FakePredictor([try serve("m", .classifier())], degradation: .breakerOpen, isCached: true)
        let json = try Counter(predictor).post("/predict/m", #"{"features": [0.5, 0]}"#).json
        #expect(json["cached"] == true)
        #expect(json["degraded"] == true)
        #expect(json["degraded_reason"] == "breaker open")
    }

    @Test func versionsAreChosenByPath() throws {
        let model = FakeModel.summing([Field("a")])
        let counter = Counter([try serve("m", version: 1, model), try serve("m", version: 3, model)])
        #expect(try counter.post("/predict/m", #"{"features": [1]}"#).json["model_version"] == "3")
        #expect(try counter.post("/predict/m/versions/1", #"{"features": [1]}"#).json["model_version"] == "1")
        let unknown = try counter.post("/predict/m/versions/2", #"{"features": [1]}"#)
        #expect(unknown.status.code == 404)
        #expect(unknown.code == "UNKNOWN_VERSION")
        #expect(try counter.post("/predict/.m", "{}").code == "UNKNOWN_MODEL")
    }

    @Test func bodiesOverTheLimitAreRefusedUnread() throws {
        var limits = WireLimits()
        limits.maxBodyBytes = 20
        let counter = Counter([try serve("m", .summing([Field("a")]))], limits: limits)
        #expect(try counter.post("/predict/m", #"{"features":[1]}"#).status.code == 200)
        let large = try counter.post("/predict/m", #"{"features":[1]}      "#)
        #expect(large.status.code == 413)
        #expect(large.code == "TOO_LARGE")
    }
}
