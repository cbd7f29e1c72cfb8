internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// Large answers, which are written in pieces, and the limits on how large one may be.
@Suite struct AnswerStreamTests {
    /// Every value is of every kind, with characters that need escapes.
    private static func counter(_ limits: WireLimits = WireLimits(), answersLater: Bool = false) throws -> Counter {
        let model = try serve("risk", .classifier(), rule: FakeRule())
        return Counter(
            FakePredictor([model], degradation: .engineFailed, isCached: true, answersLater: answersLater), limits: limits)
    }

    private static let values = [0.9, 0.25, -1, 0.6, 13, 0.1]

    /// Rows that are right, fail singly, or are wrong; some with an identifier.
    private static func row(_ number: Int) -> String {
        if number % 7 == 3 { return "{\"features\": \"none\"\(number % 2 == 0 ? "" : ", \"request_id\": \"wrong \(number)\"")}" }
        let id = number % 3 == 0 ? "" : ", \"request_id\": \"\(number % 3 == 1 ? "" : "r\\u00e9 \(number)")\""
        return "{\"features\": [\(values[number % values.count]), \(number)]\(id)}"
    }

    private static func batch(_ count: Int) -> [UInt8] { Array("[\((0..<count).map(row).joined(separator: ","))]".utf8) }

    private static func inference(_ count: Int) -> [UInt8] {
        let data = (0..<count).map { "\([0.9, 0.25, 0.6, 0.1, 0.7][$0 % 5]), \($0)" }.joined(separator: ", ")
        return Array(
            #"{"id": "i\t1", "inputs": [{"name": "all", "shape": [\#(count), 2], "datatype": "FP64", "data": [\#(data)]}]}"#.utf8)
    }

    private static func untimed(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).replacing(#/latency_ms":[0-9.]+/#, with: "latency_ms\":0")
    }

    /// The pieces of an answer, told apart.
    private static func pieces(_ counter: Counter, _ path: String, _ body: [UInt8]) throws -> (pieces: [[UInt8]], again: [UInt8])
    {
        var sink = ByteSink()
        var written: PredictionDriver.Written
        switch try counter.ask(path, body, into: &sink) {
        case .written(let now): written = now
        case .later(let pending):
            counter.predictor.answerWaiting()
            written = counter.driver.write(pending, into: &sink)
        }
        var pieces = [sink.array]
        guard case .begun(let stream) = written else { return (pieces, sink.array) }
        // Others are answered in between.
        var other = ByteSink()
        var isComplete = false
        while !isComplete {
            _ = try counter.ask("/predict/risk", Array(#"{"features": [0.75, 1]}"#.utf8), into: &other)
            counter.predictor.answerWaiting()
            sink.removeAll()
            isComplete = stream.writePiece(into: &sink)
            pieces.append(sink.array)
        }
        stream.rewind()
        sink.removeAll()
        while !stream.writePiece(into: &sink) {}
        return (pieces, sink.array)
    }

    @Test(arguments: [false, true])
    func theAnswerToALargeBatchIsThatOfItsRows(answersLater: Bool) throws {
        let counter = try Self.counter(answersLater: answersLater)
        let count = 3000
        let found = try Self.pieces(counter, "/predict/batch/risk", Self.batch(count))
        #expect(found.pieces.count > 5)
        for piece in found.pieces.dropLast() { #expect(AnswerStream.pieceBytes..<AnswerStream.pieceBytes + 600 ~= piece.count) }
        let whole = Array(found.pieces.joined())
        #expect(whole == found.again)
        var rows: [String] = []
        var failed = 0
        for number in 0..<count {
            // A batch of one row, without what is around its result.
            let one = Self.untimed(try counter.post("/predict/batch/risk", Array("[\(Self.row(number))]".utf8)).bytes)
            if one.hasPrefix("{\"success\":true") {
                rows.append(String(one.dropFirst(27).replacing(#/\],"count":1,"failed":.*/#, with: "")))
                failed += one.contains("\"failed\":1") ? 1 : 0
            } else {
                failed += 1
                // The only row failed, and so did the request: its error is the row's.
                rows.append("{\(one.dropFirst(17))")
            }
        }
        #expect(failed > count / 7)
        let end = "],\"count\":\(count),\"failed\":\(failed),\"total_latency_ms\":0}"
        let expected = "{\"success\":true,\"results\":[" + rows.joined(separator: ",") + end
        #expect(Self.untimed(whole) == expected)
    }

    @Test(arguments: [false, true])
    func theAnswerToALargeInferenceIsThatOfItsParts(answersLater: Bool) throws {
        let counter = try Self.counter(answersLater: answersLater)
        let count = 5000
        let found = try Self.pieces(counter, "/v2/models/risk/infer", Self.inference(count))
        #expect(found.pieces.count > 3)
        let whole = Array(found.pieces.joined())
        #expect(whole == found.again)
        let outputs = try #require(try JSONValue(whole)["outputs"])
        let small = try #require(try counter.post("/v2/models/risk/infer", Self.inference(5)).json["outputs"])
        for tensor in 0..<8 {
            #expect(outputs[tensor]?["name"] == small[tensor]?["name"])
            guard case .array(let values)? = outputs[tensor]?["data"], case .array(let five)? = small[tensor]?["data"] else {
                Issue.record("tensor \(tensor) has no data")
                return
            }
            #expect(values.count == count / 5 * five.count)
            for start in stride(from: 0, to: values.count, by: five.count) {
                #expect(Array(values[start..<start + five.count]) == five)
            }
        }
    }

    @Test func aStreamHoldsScoresAndNotText() throws {
        let counter = Counter([try serve("sum", .summing([Field("x")]))])
        let body = Array("[\(repeatElement("{\"features\":[0.1]}", count: 10_000).joined(separator: ","))]".utf8)
        var sink = ByteSink()
        guard case .written(.begun(let stream)) = try counter.ask("/predict/batch/sum", body, into: &sink) else {
            Issue.record("the answer is not written in pieces")
            return
        }
        // A score, a position and an entry for each row; its text is ten times as much.
        #expect(stream.heldBytes == 10_000 * (8 + 8))
        #expect(sink.count < AnswerStream.pieceBytes + 200)
    }

    @Test func answersAreLimitedByCellsAndBytesBeforeAnyRowIsScored() throws {
        var limits = WireLimits()
        // The classifier has two inputs and nine outputs.
        limits.maxCells = 35
        let row = #"{"features": [0.5, 0]}"#
        let counter = try Self.counter(limits)
        #expect(try counter.post("/predict/batch/risk", "[\(row),\(row),\(row)]").status.code == 200)
        let before = counter.predictor.predictions
        for (path, body) in [
            ("/predict/batch/risk", Array("[\(row),\(row),\(row),\(row)]".utf8)), ("/v2/models/risk/infer", Self.inference(4)),
        ] {
            let answer = try counter.post(path, body)
            #expect(answer.status.code == 413)
            #expect(answer.message?.contains("at most 3 rows: rows times outputs are at most 35; send several") == true)
        }
        #expect(counter.predictor.predictions == before)
        limits = WireLimits()
        limits.maxAnswerBytes = 3000
        let narrow = try Self.counter(limits)
        let batch = try narrow.post("/predict/batch/risk", Self.batch(50))
        let inference = try narrow.post("/v2/models/risk/infer", Self.inference(50))
        for answer in [batch, inference] {
            #expect(answer.status.code == 413)
            #expect(answer.message?.contains("an answer has at most 3000 bytes, and a row takes up to") == true)
        }
        #expect(narrow.predictor.predictions == 0)
        // A tensor of one output is smaller.
        let text = String(decoding: Self.inference(50), as: UTF8.self)
        let some = try narrow.post("/v2/models/risk/infer", text.dropLast() + #", "outputs": [{"name": "prediction"}]}"#)
        #expect(some.status.code == 200)
    }

    @Test func aSingleRowIsAnsweredWhateverItsSize() throws {
        var limits = WireLimits()
        (limits.maxCells, limits.maxAnswerBytes) = (1, 1)
        let counter = try Self.counter(limits)
        let row = #"{"features": [0.5, 0]}"#
        #expect(try counter.post("/predict/risk", row).status.code == 200)
        #expect(try counter.post("/predict/batch/risk", "[\(row)]").status.code == 200)
        #expect(try counter.post("/v2/models/risk/infer", Self.inference(1)).status.code == 200)
        #expect(try counter.post("/predict/batch/risk", "[\(row),\(row)]").status.code == 413)
    }

    /// What the text of a row takes is never more than what the limit reckons with.
    @Test func estimatesAreNotBelowWhatIsWritten() throws {
        var limits = WireLimits()
        limits.maxAnswerBytes = 1
        let counter = try Self.counter(limits)
        let free = try Self.counter()
        for (path, body, one) in [
            ("/predict/batch/risk", Self.batch(2), Self.batch(1)),
            ("/v2/models/risk/infer", Self.inference(2), Self.inference(1)),
        ] {
            let message = try #require(try counter.post(path, body).message)
            let estimate = try #require(message.firstMatch(of: #/takes up to ([0-9]+) of them/#).flatMap { Int($0.1) })
            let most = try free.post(path, one).bytes.count
            let fixed = path.hasPrefix("/v2") ? 700 : 70
            #expect(most <= estimate + fixed, "\(path)")
            #expect(most * 4 >= estimate, "\(path)")
        }
    }
}
