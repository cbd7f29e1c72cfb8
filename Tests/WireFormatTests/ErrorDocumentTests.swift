internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

@Suite struct ErrorDocumentTests {
    private static let all: [(ScoringError, Int, String)] = [
        (.invalidRequest("m"), 400, "INVALID_REQUEST"), (.invalidFeature(name: "a", reason: "b"), 400, "INVALID_FEATURE"),
        (.unknownModel("m"), 404, "UNKNOWN_MODEL"), (.unknownVersion(model: "m", version: "1"), 404, "UNKNOWN_VERSION"),
        (.notReady("m"), 503, "NOT_READY"), (.tooLarge(limit: "1"), 413, "TOO_LARGE"),
        (.overloaded(retryAfter: .seconds(1)), 429, "OVERLOADED"), (.deadlineExceeded, 504, "DEADLINE_EXCEEDED"),
        (.invalidModel(reason: "r", place: "p"), 400, "INVALID_MODEL"), (.unsupportedModel("m"), 400, "UNSUPPORTED_MODEL"),
        (.refusedModel("m"), 400, "REFUSED_MODEL"), (.engineFailure("m"), 500, "ENGINE_FAILURE"),
    ]

    @Test func everyErrorHasItsStatusAndCode() throws {
        for (error, status, code) in Self.all {
            let document = ErrorDocument(error)
            #expect(document.status.code == status)
            var sink = ByteSink()
            document.write(requestID: "r\"1", into: &sink)
            let json = try JSONValue(sink.array)
            #expect(json["success"] == false)
            #expect(json["error"] == ["code": .string(code), "message": .string(error.description), "request_id": "r\"1"])
        }
    }

    @Test func openInferenceErrorsAreOneString() throws {
        for (error, _, _) in Self.all {
            var sink = ByteSink()
            ErrorDocument(error, style: .inference).write(requestID: "r", into: &sink)
            #expect(try JSONValue(sink.array) == ["error": .string(error.description)])
        }
        #expect(ErrorDocument(.deadlineExceeded, style: .inference).status.code == 503)
    }

    @Test func retryAfterIsWholeSecondsAndAtLeastOne() {
        for (wait, seconds) in [(Duration.zero, 1), (.milliseconds(1), 1), (.milliseconds(1001), 2), (.seconds(5), 5)] {
            #expect(ErrorDocument(.overloaded(retryAfter: wait)).status.retryAfter == seconds)
        }
        #expect(ErrorDocument(.notReady("")).status.retryAfter == nil)
    }

    @Test func frontsWriteTheirOwnErrorsInTheSameShape() throws {
        var sink = ByteSink()
        let document = ErrorDocument(status: 405, code: "METHOD_NOT_ALLOWED", message: "this path takes POST only")
        document.write(into: &sink)
        #expect(document.status == WireStatus(code: 405))
        let expected: JSONValue = [
            "success": false, "error": ["code": "METHOD_NOT_ALLOWED", "message": "this path takes POST only"],
        ]
        #expect(try JSONValue(sink.array) == expected)
    }
}
