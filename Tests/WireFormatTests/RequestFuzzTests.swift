internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// Whatever comes in, something valid goes out: mutated requests of every kind against one driver.
@Suite struct RequestFuzzTests {
    /// A small generator with a fixed seed: a failing case can be run again.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
            return word ^ word >> 31
        }
    }

    private static let samples: [(path: String, body: String)] = [
        ("/predict/m", #"{"features": [0.25, -1e3], "request_id": "r\u00e9", "context": {"user": ["u", {"x": null}]}}"#),
        ("/predict/m", #"{"request_id": "é€𝄞", "features": {"amount": 0.75, "\u0061ge": true}}"#),
        ("/predict/wide", #"{"features": {"n": 1.5, "i": 7, "b": true, "c": "NL", "z": 2, "t": "te\"xt"}}"#),
        ("/predict/wide", #"{"features": [123456789012345678901234567890e-20, null, 0, "DE", "1", "x"]}"#),
        (
            "/predict/batch/m",
            #"[{"features": [0.25, 0]}, {"features": {"amount": 13}, "request_id": "a"}, 7, {"features": []}]"#
        ),
        ("/predict/batch/wide", #"{"requests": [{"features": {"t": "x", "c": "XX"}}, {"features": {}, "context": {}}]}"#),
        (
            "/v2/models/m/infer",
            #"{"id": "1", "inputs": [{"name": "x", "shape": [2,2], "datatype": "FP64", "data": [[0.1,2],[null,4]]}]}"#
        ),
        (
            "/v2/models/wide/infer",
            #"{"inputs": [{"name": "n", "shape": [2], "datatype": "FP32", "data": [1,2]}, "#
                + #"{"data": ["NL","DE"], "name": "c", "shape": [2,1], "datatype": "BYTES"}], "#
                + #""outputs": [{"name": "prediction"}], "parameters": {"timeout": 5000000}}"#
        ),
    ]

    private static let pieces = [
        "null", "true", "[", "]", "{", "}", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "1e999", "-", "0", "99999999999999999999",
        "\u{0}", "é", #""features""#, #""request_id""#, #""amount""#, #""inputs""#, #""shape""#, #""data""#, "[[", "{}", "[]",
        #"{"features":[1,2]}"#, " ", "-1", "1.5", #""BYTES""#, #""INT64""#,
    ].map { Array($0.utf8) }

    /// - Parameter isDivided: Whether the value of `amount` chooses among versions of both models.
    private func counter(isDivided: Bool) throws -> Counter {
        var limits = WireLimits()
        limits.maxRows = 50
        let levels = CategoryLevels(["NL", "DE"])
        let fields = [
            Field("n"), Field("i", .integer), Field("b", .boolean), Field("c", .category(levels), unknownLevel: .passed),
            Field("z", .category(CategoryLevels(["1", "2"], numbers: [1, 2])), unknownLevel: .missing), Field("t", .text),
        ]
        let models = [try serve("m", .classifier(), rule: FakeRule()), try serve("wide", .summing(fields))]
        guard isDivided else { return Counter(models, limits: limits) }
        let others = [
            try serve("m", version: 5, .classifier(), rule: FakeRule()), try serve("wide", version: 2, .summing(fields)),
            try serve("wide", version: 9, .summing(fields)),
        ]
        let experiment = LastByteDivision(others + models, key: "amount")
        return Counter(FakePredictor(models, division: experiment), limits: limits)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout Generator) {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !bytes.isEmpty else { return }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
            case 2: bytes.remove(at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)], at: place)
            case 5:
                let end = min(bytes.count, place + Int.random(in: 1...12, using: &random))
                bytes.replaceSubrange(place..<end, with: Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)])
            default:
                let end = min(bytes.count, place + Int.random(in: 1...30, using: &random))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
    }

    @Test(arguments: [false, true])
    func mutatedRequestsGetAnAnswerOrAnErrorThatIsValidJSON(isDivided: Bool) throws {
        let counter = try counter(isDivided: isDivided)
        var random = Generator(state: 42)
        var statuses: [Int: Int] = [:]
        for round in 0..<160_000 {
            let sample = Self.samples[round % Self.samples.count]
            var body = Array(sample.body.utf8)
            mutate(&body, &random)
            // Throws where the answer is no valid JSON.
            let answer = try counter.post(sample.path, body)
            statuses[answer.status.code, default: 0] += 1
            let isError = answer.status.code != 200
            guard isError == (answer.code != nil || answer.json["error"]?.text != nil) else {
                Issue.record("\(sample.path) \(String(decoding: body, as: UTF8.self))")
                return
            }
        }
        // Both sides were reached, and nothing that a client sends is our failure but the row that is told to fail.
        #expect((statuses[200] ?? 0) > 5000)
        #expect((statuses[400] ?? 0) > 50_000)
        #expect(Set(statuses.keys).isSubset(of: [200, 400, 413, 500, 503]))
        // What went before has left nothing behind.
        #expect(try counter.post("/predict/m", #"{"features": [0.25, 0]}"#).json["prediction"] == [0.25])
    }

    @Test func mutatedPathsAreRoutesOrNot() {
        var random = Generator(state: 43)
        let paths = ["/predict/fraud/versions/12", "/predict/batch/fraud", "/v2/models/fraud/versions/3/infer", "/predict/%66"]
        for round in 0..<40_000 {
            var path = Array(paths[round % paths.count].utf8)
            mutate(&path, &random)
            path.withUnsafeBufferPointer { bytes in
                if let route = RouteTable.standard.route(path: bytes), let error = route.error {
                    var sink = ByteSink()
                    ErrorDocument(error, style: route.codec.errorStyle).write(into: &sink)
                    #expect((try? JSONValue(sink.array)) != nil)
                }
            }
        }
    }
}
