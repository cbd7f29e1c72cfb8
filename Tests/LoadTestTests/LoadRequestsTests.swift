import LoadTest
import NIOCore
import Testing

/// What goes out: URLs taken apart, requests laid out.
@Suite struct LoadTargetTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080/predict/fraud?x=1", "127.0.0.1", 8080, "/predict/fraud?x=1"),
        ("http://localhost", "localhost", 80, "/"),
        ("HTTP://example/a#part", "example", 80, "/a"),
        ("http://[::1]:9000/v2", "::1", 9000, "/v2"),
        ("http://[::1]", "::1", 80, "/"),
        ("http://host:81?q", "host", 81, "/?q"),
    ])
    func urlsAreTakenApart(url: String, host: String, port: Int, path: String) throws {
        let target = try LoadTarget(url)
        #expect(target.host == host)
        #expect(target.port == port)
        #expect(target.path == path)
    }

    @Test func theHostHeaderHasBracketsAndThePortWhereNeeded() throws {
        #expect(try LoadTarget("http://[::1]:9000/").authority == "[::1]:9000")
        #expect(try LoadTarget("http://a/").authority == "a")
    }

    @Test(arguments: [
        ("https://127.0.0.1/", "https"), ("ftp://a/", "ftp"), ("127.0.0.1:8080", "http://"), ("http://", "host"),
        ("http://:80/", "host"), ("http://a:0/", "port"), ("http://a:65536/", "port"), ("http://a:x/", "port"),
        ("http://a:-1/", "port"), ("http://u:p@a/", "Authorization"), ("http://[::1/", "bracket"), ("http://[::1]x/", "bracket"),
        ("http://a/b c", "%XX"), ("http://a/\u{e9}", "%XX"), ("http://a/\r\nX: y", "%XX"), ("", "http://"),
    ])
    func otherUrlsAreRefusedWithWhatToWriteInstead(url: String, hint: String) {
        let error = #expect(throws: LoadError.self) { try LoadTarget(url) }
        #expect(error?.description.contains(hint) == true)
    }
}

@Suite struct LoadRequestsTests {
    private func text(_ requests: LoadRequests, _ index: UInt64 = 0) -> String {
        String(decoding: requests.message(index).readableBytesView, as: UTF8.self)
    }

    @Test func aBodyIsPostedAsJSONWithItsLength() throws {
        let requests = try LoadRequests(to: LoadTarget("http://h:81/p"), bodies: [Array("{\"a\":1}".utf8)])
        #expect(
            text(requests)
                == "POST /p HTTP/1.1\r\nHost: h:81\r\nUser-Agent: verdict-bench\r\nContent-Type: application/json\r\n"
                + "Content-Length: 7\r\n\r\n{\"a\":1}")
    }

    @Test func withoutABodyItIsAGet() throws {
        let requests = try LoadRequests(to: LoadTarget("http://h/p"))
        #expect(text(requests) == "GET /p HTTP/1.1\r\nHost: h\r\nUser-Agent: verdict-bench\r\n\r\n")
    }

    @Test func bodiesAreSentInTurn() throws {
        let requests = try LoadRequests(to: LoadTarget("http://h/p"), bodies: ["a", "b", "c"].map { Array($0.utf8) })
        #expect((0..<7).map { String(text(requests, $0).last ?? "?") }.joined() == "abcabca")
    }

    @Test func headersReplaceTheDefaultsAndAreOtherwiseAdded() throws {
        let requests = try LoadRequests(
            to: LoadTarget("http://h/p"), method: "PUT", headers: ["content-type: text/csv", "X-A:1", "X-A: 2"],
            bodies: [Array("x".utf8)])
        let head = text(requests)
        #expect(head.hasPrefix("PUT /p HTTP/1.1\r\n"))
        #expect(head.contains("\r\ncontent-type: text/csv\r\nX-A: 1\r\nX-A: 2\r\n"))
        #expect(!head.contains("application/json"))
    }

    @Test(arguments: ["no colon", ": x", "a b: c", "A: b\r\nInjected: c", "Content-Length: 3", "Transfer-Encoding: chunked"])
    func headersThatWouldBreakTheRequestAreRefused(header: String) throws {
        let target = try LoadTarget("http://h/p")
        #expect(throws: LoadError.self) { try LoadRequests(to: target, headers: [header]) }
    }

    @Test(arguments: ["", "GET /x HTTP/1.1\r\n", "G T"]) func methodsThatAreNoTokensAreRefused(method: String) throws {
        let target = try LoadTarget("http://h/p")
        #expect(throws: LoadError.self) { try LoadRequests(to: target, method: method) }
    }

    @Test func aFileOfLinesHasABodyALine() throws {
        let lines = try BodyFile(bytes: Array("{\"a\":1}\r\n\n{\"b\":2}\n{\"c\":3}".utf8)).lines()
        #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"])
    }

    @Test func aFileWithoutBodiesAndAFileThatIsNotThereAreRefused() {
        #expect(throws: LoadError.self) { try BodyFile(bytes: Array("\n\r\n".utf8)).lines() }
        let error = #expect(throws: LoadError.self) { try BodyFile("/does/not/exist.json") }
        #expect(error?.description == "cannot open '/does/not/exist.json': No such file or directory")
    }

    @Test func anEndlessFileIsNotReadToItsEnd() {
        #expect(throws: LoadError.self) { try BodyFile("/dev/zero") }
    }
}

/// Times as text.
@Suite struct TimeTextTests {
    @Test(arguments: [
        ("10s", 10_000_000_000), ("1.5s", 1_500_000_000), ("250us", 250_000), ("250ms", 250_000_000), ("2m", 120_000_000_000),
        ("0s", 0),
    ])
    func spansAreRead(text: String, nanoseconds: UInt64) {
        #expect(TimeText.nanoseconds(text) == nanoseconds)
    }

    @Test(arguments: ["", "10", "s", "-1s", "1 s", "1e3s", "nan", "inf", "25h", "1..2", "10x", "99999999999999999999"])
    func otherSpansAreRefused(text: String) {
        #expect(TimeText.nanoseconds(text) == nil)
    }

    @Test(arguments: [
        (999.0, "1.00 us"), (41_300, "41.3 us"), (412_345, "412 us"), (999_499, "999 us"), (999_500, "1.00 ms"),
        (12_340_000, "12.3 ms"), (999_600_000, "1.00 s"), (61_000_000_000, "61.0 s"),
    ])
    func latenciesHaveThreeDigitsThatMatter(nanoseconds: Double, text: String) {
        #expect(TimeText.latency(nanoseconds) == text)
    }

    @Test func numbersAreGroupedAndRounded() {
        #expect(TimeText.count(1_234_567) == "1,234,567")
        #expect(TimeText.count(12) == "12")
        #expect(TimeText.rate(999.96) == "1000.0")
        #expect(TimeText.rate(1000) == "1,000")
        #expect(TimeText.rate(40_312.4) == "40,312")
        #expect(TimeText.fixed(-0.05, decimals: 1) == "-0.1")
        #expect(TimeText.fixed(2.0049, decimals: 2) == "2.00")
        #expect(TimeText.span(1_500_000_000) == "1.5 s")
        #expect(TimeText.span(250_000_000) == "250 ms")
    }
}
