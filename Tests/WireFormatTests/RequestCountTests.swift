internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// However many versions answer a request's rows, and whatever becomes of them, it begins once and ends once.
@Suite struct RequestCountTests {
    private static let failure = ScoringError.engineFailure("always")

    /// Version 1 sums; version 2 fails rows above 100; version 3 fails as a whole.
    private func counter(answersLater: Bool) throws -> Counter {
        let fields = [Field("x")]
        let signature = Signature(inputs: fields, outputs: [OutputColumn("prediction")], roles: Roles(score: 0..<1))
        let picky = FakeModel(signature) { rows, scores in
            for row in 0..<rows.count {
                if rows[row, 0] > 100 { scores.fail(row: row, .invalidRequest("over 100")) } else { scores[row, 0] = 1 }
            }
        }
        let failing = FakeModel(signature) { _, _ throws(ScoringError) in throw Self.failure }
        let versions = [
            try serve("m", version: 3, failing), try serve("m", version: 2, picky), try serve("m", version: 1, .summing(fields)),
        ]
        let division = LastByteDivision(versions, key: "user")
        return Counter(FakePredictor(versions, answersLater: answersLater, division: division))
    }

    /// A batch of rows by their user and value; a user "bad" makes a row that cannot be read.
    private static func batch(_ rows: [(user: String, value: Int)]) -> String {
        let texts = rows.map { row in
            row.user == "bad"
                ? #"{"features": "none"}"# : #"{"features": [\#(row.value)], "context": {"user": "\#(row.user)"}}"#
        }
        return "[" + texts.joined(separator: ",") + "]"
    }

    private static let batches: [(rows: [(user: String, value: Int)], ending: ScoringError?)] = [
        ([], nil), ([("1", 1)], nil), ([("1", 1), ("2", 1), ("3", 1)], nil), ([("3", 1), ("2", 1)], nil),
        ([("3", 1), ("3", 2)], failure), ([("2", 200), ("1", 1)], nil), ([("2", 200), ("3", 1)], .invalidRequest("over 100")),
        ([("3", 1), ("2", 200)], failure), ([("2", 200), ("2", 300)], .invalidRequest("over 100")),
        ([("bad", 0), ("1", 1)], nil),
        ([("2", 200), ("bad", 0)], .invalidRequest("over 100")),
    ]

    @Test(arguments: [false, true]) func aBatchIsOneRequestWhateverAnswersIt(answersLater: Bool) throws {
        for (rows, ending) in Self.batches {
            let counter = try counter(answersLater: answersLater)
            _ = try counter.post("/predict/batch/m", Self.batch(rows))
            #expect(counter.predictor.endings == [ending], "\(rows)")
            #expect(counter.predictor.openRequests == 0)
        }
    }

    @Test func aBatchOfWhichNothingCanBeReadCountsAsItsFirstError() throws {
        let counter = try counter(answersLater: false)
        let answer = try counter.post("/predict/batch/m", Self.batch([("bad", 0), ("3", 1)]))
        #expect(answer.status.code == 200)
        guard case .invalidRequest? = try #require(counter.predictor.endings.first) else {
            Issue.record("it counted as \(counter.predictor.endings)")
            return
        }
        #expect(counter.predictor.endings.count == 1)
    }

    /// An answer that is an error because of one row counts as that error.
    @Test(arguments: [false, true]) func aRequestWhoseAnswerIsAnErrorIsNoSuccess(answersLater: Bool) throws {
        let counter = try counter(answersLater: answersLater)
        let input = #"{"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [1, 200]}"#
        let answer = try counter.post("/v2/models/m/versions/2/infer", #"{"inputs": [\#(input)]}"#)
        #expect(answer.status.code == 400)
        #expect(counter.predictor.endings == [.invalidRequest("over 100")])
    }

    @Test func whatIsNotReadOrNotFoundEndsOnceToo() throws {
        for (path, body) in [
            ("/predict/m", "{"), ("/predict/nobody", #"{"features": [1]}"#), ("/predict/batch/m", #"[{"features": [1]}"#),
        ] {
            let counter = try counter(answersLater: false)
            _ = try counter.post(path, body)
            #expect(counter.predictor.endings.count == 1 && counter.predictor.openRequests == 0)
            #expect(counter.predictor.endings[0] != nil)
        }
    }

    @Test func anAnswerThatNobodyReadsCountsAsCancelled() throws {
        let counter = try counter(answersLater: true)
        var sink = ByteSink()
        let body = Array(Self.batch([("1", 1), ("2", 1)]).utf8)
        guard case .later(let pending) = try counter.ask("/predict/batch/m", body, into: &sink) else {
            Issue.record("an answer came at once")
            return
        }
        #expect(counter.predictor.openRequests == 1)
        pending.cancel()
        #expect(counter.predictor.cancellations == 2)
        counter.predictor.answerWaiting()
        counter.driver.drop(pending)
        #expect(counter.predictor.endings == [.cancelled])
        #expect(counter.predictor.openRequests == 0)
    }
}
