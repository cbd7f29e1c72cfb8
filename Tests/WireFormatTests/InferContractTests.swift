internal import Scoring
internal import Testing
internal import WireFormat

/// `POST /v2/models/{model}/infer` with JSON tensors.
@Suite struct InferContractTests {
    private let path = "/v2/models/m/infer"
    private let fields = [Field("a"), Field("b"), Field("c", .category(CategoryLevels(["NL", "DE"])))]

    private func summing(_ fields: [Field], ignoresUnknownFeatures: Bool = false) throws -> Counter {
        Counter([try serve("m", .summing(fields), ignoresUnknownFeatures: ignoresUnknownFeatures)])
    }

    private func sums(_ counter: Counter, _ inputs: String) throws -> JSONValue? {
        let answer = try counter.post(path, #"{"inputs": [\#(inputs)]}"#)
        return answer.status.code == 200 ? answer.json["outputs"]?[0]?["data"] : answer.json["error"]
    }

    private func refusal(_ counter: Counter, _ inputs: String) throws -> String? {
        let answer = try counter.post(path, #"{"inputs": [\#(inputs)]}"#)
        #expect(answer.status.code == 400)
        #expect(answer.json.keys == ["error"])
        return answer.message
    }

    private func tensor(_ name: String, _ type: String, _ shape: String, _ data: String) -> String {
        #"{"name": "\#(name)", "shape": \#(shape), "datatype": "\#(type)", "data": \#(data)}"#
    }

    @Test func oneTensorMayHoldAllFeatures() throws {
        let counter = try summing([Field("a"), Field("b")])
        #expect(try sums(counter, tensor("x", "FP64", "[2,2]", "[1,2,3,4]")) == [3, 7])
        #expect(try sums(counter, tensor("x", "FP64", "[2,2]", "[[1,2],[3,4]]")) == [3, 7])
        #expect(try sums(counter, tensor("features", "INT32", "[2]", "[1,2]")) == [3])
        #expect(try sums(counter, tensor("input", "FP64", "[1,2]", "[null,2]")) == [1002])
    }

    @Test func featuresMayComeAsATensorEach() throws {
        let counter = try summing(fields)
        let a = tensor("a", "FP64", "[2]", "[1,2]")
        let b = tensor("b", "INT64", "[2,1]", "[[10],[20]]")
        let c = tensor("c", "BYTES", "[2]", #"["NL","DE"]"#)
        #expect(try sums(counter, "\(a),\(b),\(c)") == [11, 23])
        #expect(try sums(counter, "\(c),\(a),\(b)") == [11, 23])
        #expect(try sums(counter, "\(a),\(c)") == [1001, 1003])
        #expect(try sums(counter, tensor("b", "INT64", "[2,1]", "[10,20]")) == [2010, 2020])
    }

    @Test func mistypedTensorsGetTheOnesThatWereMeant() throws {
        let counter = try summing([Field("amount"), Field("country")])
        let input = try refusal(counter, tensor("amuont", "FP64", "[1]", "[1]"))
        #expect(input?.hasSuffix("or its name that of a feature; did you mean 'amount'?") == true)
        let data = tensor("amount", "FP64", "[1]", "[1]")
        func output(_ name: String) throws -> String? {
            try counter.post(path, #"{"inputs": [\#(data)], "outputs": [{"name": "\#(name)"}]}"#).message
        }
        #expect(try output("predicton") == "the model has no output 'predicton'; did you mean 'prediction'?")
        #expect(try output("zzzzzzzz")?.hasPrefix("the model has no output 'zzzzzzzz'; it has prediction") == true)
        let long = String(repeating: "x", count: 60)
        #expect(try output(long) == "the model has no output '\(long)'", "long names are not compared")
    }

    @Test func aModelWithOneInputTakesItByNameOrNot() throws {
        let counter = try summing([Field("a")])
        #expect(try sums(counter, tensor("a", "FP64", "[3]", "[1,2,3]")) == [1, 2, 3])
        #expect(try sums(counter, tensor("input", "FP64", "[3,1]", "[1,2,3]")) == [1, 2, 3])
        #expect(try sums(counter, tensor("input", "FP64", "[1]", "[5]")) == [5])
    }

    @Test func membersOfATensorMayStandInAnyOrder() throws {
        let counter = try summing([Field("a"), Field("b")])
        let tensor =
            #"{"data": [[1,2],[3,null]], "datatype": "FP64", "parameters": {"content_type": "np"}, "shape": [2,2], "name": "x"}"#
        #expect(try sums(counter, tensor) == [3, 1003])
        let wrong = try refusal(counter, #"{"data": [1,"x"], "datatype": "FP64", "shape": [2], "name": "x"}"#)
        #expect(wrong == "row 0 of tensor 'x' has a string where its datatype is FP64")
    }

    @Test func floatsAreRoundedToFloats() throws {
        let counter = try summing([Field("a")])
        #expect(try sums(counter, tensor("a", "FP32", "[1]", "[0.1]")) == [.number(Double(Float(0.1)))])
        #expect(try sums(counter, tensor("a", "FP64", "[1]", "[0.1]")) == [0.1])
    }

    @Test(arguments: [
        ("UINT8", "255", "256"), ("UINT8", "0", "-1"), ("INT8", "-128", "128"), ("INT8", "127", "-129"),
        (
            "UINT16",
            "65535", "65536"
        ),
        ("INT16", "-32768", "32768"), ("UINT32", "4294967295", "4294967296"), ("INT32", "2147483647", "-2147483649"),
        ("INT64", "9223372036854775807", "9223372036854775808"), ("UINT64", "18446744073709551615", "18446744073709551616"),
        ("UINT64", "0", "-1"), ("INT32", "5", "5.0"), ("BOOL", "true", "1"), ("FP32", "3e38", "1e39"),
        (
            "FP64", "1e308",
            "1e309"
        ),
        ("FP64", "1", "true"), ("INT64", "1", #""1""#), ("BYTES", "null", "1"),
    ])
    func valuesOutsideTheirDatatypeAreRefused(type: String, good: String, bad: String) throws {
        let counter = try summing([Field("a")])
        #expect(try counter.post(path, #"{"inputs": [\#(tensor("a", type, "[1]", "[\(good)]"))]}"#).status.code == 200)
        _ = try refusal(counter, tensor("a", type, "[1]", "[\(bad)]"))
    }

    @Test func shapesMustFitDataAndModel() throws {
        let counter = try summing([Field("a"), Field("b")])
        let cases = [
            ("[2,2]", "[1,2,3]"), ("[2,2]", "[1,2,3,4,5]"), ("[2,2]", "[[1,2],[3]]"), ("[2,2]", "[[1,2],[3,4],[5,6]]"),
            ("[2,2]", "[[1,2],3]"), ("[2,2]", "[[[1],2],[3,4]]"), ("[2]", "[[1,2]]"), ("[3]", "[1,2,3]"),
            (
                "[2,3]",
                "[1,2,3,4,5,6]"
            ),
            ("[0,2]", "[]"), ("[-1,2]", "[1,2]"), ("[]", "[]"), ("[1,1,2]", "[1,2]"), ("[4611686018427387904,4]", "[1]"),
            ("[9223372036854775807,2]", "[1]"), ("[1000000,2]", "[1,2]"), ("2", "[1,2]"), ("[1.5,2]", "[1,2]"), ("[1,2]", "{}"),
        ]
        for (shape, data) in cases {
            #expect(try refusal(counter, tensor("x", "FP64", shape, data)) != nil, "\(shape) \(data)")
        }
    }

    @Test func tensorsMustAgreeAndBeKnown() throws {
        let counter = try summing([Field("a"), Field("b")])
        let a = tensor("a", "FP64", "[2]", "[1,2]")
        #expect(
            try refusal(
                counter,
                "\(a),\(tensor("b", "FP64", "[1]", "[1]"))")?.contains("1 rows where others have 2") == true)
        #expect(try refusal(counter, "\(a),\(a)") == "two tensors are named 'a'")
        #expect(try refusal(counter, "\(a),\(tensor("z", "FP64", "[2]", "[1,2]"))")?.contains("'z'") == true)
        #expect(try refusal(counter, "\(tensor("x", "FP64", "[1,2]", "[1,2]")),\(a)")?.contains("only input") == true)
        #expect(try refusal(counter, "") != nil)
        let lenient = try summing([Field("a"), Field("b")], ignoresUnknownFeatures: true)
        #expect(try sums(lenient, "\(a),\(tensor("z", "FP64", "[2]", "[1,2]"))") == [1001, 1002])
        #expect(try sums(lenient, "\(tensor("z", "FP64", "[7]", "[1,2]")),\(a)") == [1001, 1002])
    }

    @Test(arguments: [
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP16", "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP128", "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "datatype": "FP64", "data": [1]}]}"#,
        #"{"inputs": [{"shape": [1], "datatype": "FP64", "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64"}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1], "extra": 1}]}"#, "{}", "[]", "",
        #"{"inputs": {}}"#, #"{"inputs": [1]}"#,
        #"{"id": 7, "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}]}"#,
        #"{"parameters": [], "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}"#,
        #"{"parameters": {"x": {}}, "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}"#,
        #"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}], "outputs": [{"name": "nope"}]}"#,
        #"{"outputs": [{"name": "raw"}], "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}"#,
        #"{"outputs": [{"name": "prediction"}, {"name": "prediction"}], "inputs": []}"#,
    ])
    func badRequestsAreRefusedInTheProtocolsWords(body: String) throws {
        let counter = try summing([Field("a")])
        let answer = try counter.post(path, body)
        #expect(answer.status.code == 400)
        #expect(answer.json.keys == ["error"])
        #expect(counter.predictor.endings.count == 1 && counter.predictor.endings[0] != nil)
    }

    @Test func theUsualOutputsAreAllButTheMargins() throws {
        let counter = Counter([try serve("m", version: 7, .classifier(), rule: FakeRule())])
        let body = #"{"id": "r1", "model_name": "m", "inputs": [\#(tensor("x", "FP64", "[2,2]", "[0.25,0,0.75,0]"))]}"#
        let json = try counter.post(path, body).json
        #expect(json.keys == ["model_name", "model_version", "id", "outputs"])
        #expect(json["model_name"] == "m")
        #expect(json["model_version"] == "7")
        #expect(json["id"] == "r1")
        #expect(
            json["outputs"] == [
                ["name": "prediction", "datatype": "FP64", "shape": [2], "data": [0.25, 0.75]],
                ["name": "label", "datatype": "BYTES", "shape": [2], "data": ["0", "1"]],
                ["name": "probabilities", "datatype": "FP64", "shape": [2, 2], "data": [0.75, 0.25, 0.25, 0.75]],
                ["name": "decision", "datatype": "BYTES", "shape": [2], "data": ["ALLOW", "REVIEW"]],
                [
                    "name": "reasons", "datatype": "BYTES", "shape": [2, 2],
                    "data": [nil, nil, "NEW_DEVICE", "quote \"here\""],
                ],
                ["name": "points", "datatype": "INT64", "shape": [2], "data": [640, 640]],
                ["name": "band", "datatype": "BYTES", "shape": [2], "data": ["B", "B"]],
                ["name": "flag", "datatype": "BOOL", "shape": [2], "data": [true, true]],
            ])
    }

    @Test func requestedOutputsComeInTheRequestsOrder() throws {
        let counter = Counter([try serve("m", .classifier())])
        let input = tensor("x", "FP64", "[1,2]", "[0.25,0]")
        let outputs = #"[{"name": "raw", "parameters": {"binary_data": false}}, {"name": "probability(0)"}, {"name": "label"}]"#
        let json = try counter.post(path, #"{"outputs": \#(outputs), "inputs": [\#(input)]}"#).json
        #expect(json["outputs"]?.count == 3)
        #expect(json["outputs"]?[0] == ["name": "raw", "datatype": "FP64", "shape": [1], "data": [2.5]])
        #expect(json["outputs"]?[1]?["data"] == [0.75])
        #expect(json["outputs"]?[2]?["name"] == "label")
        let decision = try counter.post(path, #"{"outputs": [{"name": "decision"}], "inputs": [\#(input)]}"#)
        #expect(decision.status.code == 400)
    }

    @Test func errorsHaveTheStatusesOfTheProtocol() throws {
        let served = try serve("m", .classifier())
        let body = #"{"inputs": [\#(tensor("x", "FP64", "[1,2]", "[0.25,0]"))]}"#
        #expect(try Counter([served]).post("/v2/models/other/infer", body).status.code == 404)
        #expect(try Counter([served]).post("/v2/models/m/versions/9/infer", body).status.code == 404)
        let shed = try Counter(FakePredictor([served], failure: .overloaded(retryAfter: .seconds(3)))).post(path, body)
        #expect(shed.status == WireStatus(code: 503, retryAfter: 3))
        let unlucky = #"{"inputs": [\#(tensor("x", "FP64", "[2,2]", "[0.25,0,13,0]"))]}"#
        #expect(try Counter([served]).post(path, unlucky).json == ["error": "unlucky"])
    }

    @Test func timeoutsOfEitherKindCount() throws {
        let counter = try summing([Field("a")])
        let early = Moment(nanoseconds: Moment.now.nanoseconds - 5_000_000)
        let input = tensor("a", "FP64", "[1]", "[1]")
        for (body, header, status) in [
            (#"{"parameters": {"timeout": 2000}, "inputs": [\#(input)]}"#, String?.none, 503),
            (#"{"parameters": {"timeout": 18446744073709551615}, "inputs": [\#(input)]}"#, nil, 200),
            (#"{"inputs": [\#(input)]}"#, "2", 503), (#"{"inputs": [\#(input)]}"#, "60000", 200),
        ] {
            #expect(try counter.post(path, body, timeout: header, arrival: early).status.code == status)
        }
    }

    @Test func requiredFeaturesAndRowLimitsHoldHereToo() throws {
        let counter = try summing([Field("a"), Field("b", isRequired: true)])
        #expect(try refusal(counter, tensor("a", "FP64", "[1]", "[1]")) == "feature 'b': is required (row 0)")
        var limits = WireLimits()
        limits.maxRows = 2
        let limited = Counter([try serve("m", .summing([Field("a")]))], limits: limits)
        let three = try limited.post(path, #"{"inputs": [\#(tensor("a", "FP64", "[3]", "[1,2,3]"))]}"#)
        #expect(three.status.code == 413)
    }

    @Test func fallbacksAndCachedResultsSaySo() throws {
        let predictor = FakePredictor([try serve("m", .classifier())], degradation: .breakerOpen, isCached: true)
        let json = try Counter(predictor).post(path, #"{"inputs": [\#(tensor("x", "FP64", "[2]", "[0.25,0]"))]}"#).json
        #expect(json["parameters"] == ["cached": true, "degraded": true, "degraded_reason": "breaker open"])
    }
}
