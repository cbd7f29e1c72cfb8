internal import Scoring
internal import Testing
internal import WireFormat

/// Requests whose version a key chooses: what the key is, and what becomes of batches whose rows have several.
@Suite struct ChosenVersionTests {
    /// Version 1 sums x and y; version 2 knows y and x, in this order, and fails rows above 100; version 3 fails.
    private func versions() throws -> [ServedModel] {
        let inverse = Signature(
            inputs: [Field("y"), Field("x")], outputs: [OutputColumn("prediction")], roles: Roles(score: 0..<1))
        let minus = FakeModel(inverse) { rows, scores in
            for row in 0..<rows.count {
                scores[row, 0] = rows[row, 1] - rows[row, 0]
                if rows[row, 1] > 100 { scores.fail(row: row, .engineFailure("over 100")) }
            }
        }
        let failing = FakeModel(inverse) { _, _ throws(ScoringError) in throw .engineFailure("always") }
        return [
            try serve("m", version: 3, failing), try serve("m", version: 2, minus),
            try serve("m", version: 1, .summing([Field("x"), Field("y")])),
        ]
    }

    private func counter(answersLater: Bool = false) throws -> (counter: Counter, experiment: LastByteDivision) {
        let versions = try versions()
        let experiment = LastByteDivision(versions, key: "user")
        return (Counter(FakePredictor(versions, answersLater: answersLater, division: experiment)), experiment)
    }

    @Test(arguments: [
        (#"{"user": "u2"}"#, "u2"), (#"{"user": 42}"#, "42"), (#"{"user": 42.0}"#, "42"), (#"{"user": 4.2e1}"#, "42"),
        (#"{"user": -0}"#, "0"), (#"{"user": 1.5}"#, "1.5"), (#"{"user": -7 }"#, "-7"), (#"{"user": true}"#, "true"),
        (#"{"user": 123456789012345678901234567890}"#, "123456789012345678901234567890"), (#"{"user": null}"#, "none"),
        (#"{"us": 1}"#, "none"), ("null", "none"), (#"{"user": ""}"#, ""),
        (#"{"other": {"user": 1}, "user": "\u00e92"}"#, "é2"),
    ])
    func theKeyIsTheTextOfTheMember(context: String, key: String) throws {
        for body in [
            #"{"features": {"x": 1}, "context": \#(context)}"#, #"{"context": \#(context) , "features": {"x": 1}}"#,
        ] {
            let (counter, experiment) = try counter()
            let answer = try counter.post("/predict/m", body)
            #expect(experiment.keys == [key])
            #expect(answer.status.code == 200, "\(String(decoding: answer.bytes, as: UTF8.self))")
        }
    }

    @Test func theChosenVersionsOwnOrderOfFeaturesCounts() throws {
        let (counter, _) = try counter()
        for (key, score) in [("1", 30.0), ("2", 10.0)] {
            let answer = try counter.post("/predict/m", #"{"features": [10, 20], "context": {"user": "\#(key)"}}"#)
            #expect(answer.json["prediction"]?[0] == .number(score) && answer.json["model_version"]?.text == key)
        }
        let named = try counter.post("/predict/m/versions/2", #"{"features": [10, 20], "context": {"user": "1"}}"#)
        #expect(named.json["model_version"]?.text == "2")
    }

    private static let batch = """
        [{"features": {"x": 1, "y": 2}, "context": {"user": "1"}, "request_id": "a"},
         {"features": {"x": 5, "y": 2}, "context": {"user": "2"}, "request_id": "b"},
         {"features": {"z": 5}, "context": {"user": "2"}, "request_id": "c"},
         {"features": {"x": 101, "y": 2}, "context": {"user": "2"}, "request_id": "d"},
         {"features": {"x": 7, "y": 2}, "context": {"user": "3"}, "request_id": "e"},
         {"features": {"x": 8, "y": 2}, "context": {"user": []}, "request_id": "f"},
         {"features": {"x": 9, "y": 2}, "context": {"user": "2"}, "request_id": "g"},
         {"features": {"x": 4, "y": 2}, "context": {"user": "1"}, "request_id": "h"}]
        """

    @Test(arguments: [false, true])
    func theRowsOfABatchAreAnsweredAsIfAlone(answersLater: Bool) throws {
        let (counter, _) = try counter(answersLater: answersLater)
        for _ in 0..<3 {
            let answer = try counter.post("/predict/batch/m", Self.batch)
            let results = try #require(answer.json["results"])
            for (position, (id, version, score)) in [
                ("a", "1", 3.0), ("b", "2", 3.0), ("c", nil, nil), ("d", nil, nil), ("e", nil, nil), ("f", nil, nil),
                ("g", "2", 7.0), ("h", "1", 6.0),
            ].enumerated() {
                let result = results[position]
                if let version, let score {
                    #expect(result?["request_id"]?.text == id && result?["model_version"]?.text == version)
                    #expect(result?["prediction"]?[0] == .number(score))
                } else {
                    #expect(result?["error"]?["request_id"]?.text == id && result?["prediction"] == nil)
                }
            }
            #expect(results[3]?["error"]?["message"]?.text == "over 100")
            #expect(results[4]?["error"]?["message"]?.text == "always")
            #expect(results[5]?["error"]?["code"]?.text == "INVALID_REQUEST")
            #expect(answer.json["count"] == .number(8))
        }
    }

    @Test(arguments: [false, true])
    func aBatchThatNoVersionAnswersIsTheirError(answersLater: Bool) throws {
        let (counter, _) = try counter(answersLater: answersLater)
        let answer = try counter.post("/predict/batch/m", #"[{"features": {"x": 7}, "context": {"user": "3"}}]"#)
        #expect(answer.status.code == 500 && answer.message == "always")
    }
}
