internal import HTTPFront
internal import Testing

/// Fields of a request's head that the front reads.
@Suite struct HeadFieldsTests {
    private func send(_ server: TestServer, _ bytes: String, answers: Int) async throws -> [RawClient.Answer] {
        try await client {
            let connection = try server.connect()
            try connection.send(bytes)
            return try (0..<answers).map { _ in try connection.answer() }
        }
    }

    private static let body = "{\"features\":[5,1]}"

    @Test(arguments: [
        "Content-Length: 18 \r\n", "Content-Length: 18  \r\n", "Content-Length:  18\r\n",
        "Content-Length: 18\r\nContent-Encoding: identity \r\n", "Content-Length: 18\r\nContent-Encoding:\t identity\t\r\n",
        "Content-Length: 18\r\nX-Request-Timeout-Ms: 60000 \r\n", "Content-Length: 18\r\nX-Request-Timeout-Ms:\t60000\t\r\n",
    ])
    func whiteSpaceAroundAValueIsNoPartOfIt(_ fields: String) async throws {
        try await TestServer.with { server in
            let answers = try await send(
                server, "POST /predict HTTP/1.1\r\nHost: test \t\r\n\(fields)\r\n\(Self.body)" + Ask.predict(6), answers: 2)
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers.map(\.identity) == [5, 6])
        }
    }

    @Test(arguments: ["chunked ", " chunked", "\tchunked", "Chunked  "])
    func whiteSpaceAroundATransferCodingIsNoPartOfIt(_ coding: String) async throws {
        try await TestServer.with { server in
            let answers = try await send(
                server,
                "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\(coding)\r\n\r\n12\r\n\(Self.body)\r\n0\r\n\r\n"
                    + Ask.predict(6), answers: 2)
            #expect(answers.map(\.identity) == [5, 6])
        }
    }

    @Test(arguments: ["100-continue ", "100-continue\t", "\t100-Continue \t"])
    func whiteSpaceAroundAnExpectationIsNoPartOfIt(_ expectation: String) async throws {
        try await TestServer.with { server in
            let statuses = try await client {
                let connection = try server.connect()
                try connection.send("POST /predict HTTP/1.1\r\nHost: a\r\nExpect:\(expectation)\r\nContent-Length: 18\r\n\r\n")
                let first = try connection.answer().status
                try connection.send(Self.body)
                return [first, try connection.answer().status]
            }
            #expect(statuses == [100, 200])
        }
    }

    @Test(arguments: [
        "Connection: close ", "Connection: close\t", "Connection:\tclose", "Connection: keep-alive, close \t",
        "Connection: x\r\nConnection: CLOSE ", "Connection: , close ,",
    ])
    func aWishToCloseIsReadWhateverIsAroundIt(_ field: String) async throws {
        try await TestServer.with { server in
            for request in [Ask.predict(1, fields: "\(field)\r\n"), Ask.get("/health/live", fields: "\(field)\r\n")] {
                let received = try await client {
                    let connection = try server.connect()
                    try connection.send(request)
                    return try connection.rest()
                }
                #expect(received.hasPrefix("HTTP/1.1 200 "))
                #expect(received.contains("\r\nConnection: close\r\n"))
            }
        }
    }

    @Test(arguments: ["keep-alive", "keep-alive ", "Keep-Alive , x"])
    func anOldClientMayAskToGoOn(_ value: String) async throws {
        try await TestServer.with { server in
            let request = Ask.predict(1, fields: "Connection: \(value)\r\n").replacing("HTTP/1.1", with: "HTTP/1.0")
            let answers = try await send(server, request + request, answers: 2)
            #expect(answers.map(\.status) == [200, 200])
        }
    }

    @Test(arguments: [
        "", "localhost", "a.example:8080", "a.example:", "127.0.0.1:80", "[::1]", "[::1]:8080", "[::ffff:1.2.3.4]", "[v1.a:b]",
        "my_service", "xn--caf-dma.example", "a%20b", " padded.example ",
    ])
    func aHostIsTaken(_ host: String) async throws {
        try await TestServer.with { server in
            let answers = try await send(server, "GET /health/live HTTP/1.1\r\nHost: \(host)\r\n\r\n", answers: 1)
            #expect(answers[0].status == 200)
        }
    }

    @Test(arguments: [
        "a b", "a/b", "a@b", "user:secret@a", "a:b", "a:80:81", ":80", "a,b/c", "[::1", "::1", "[::1]x", "[]", "[1]", "[v1]",
        "[v.a]", "a%2", "a%zz", "a\\b", "a?b", "a#b", "caf\u{e9}", "http://a", "a\"b", "<a>", "[fe80::1%25eth0]", "[::1]8080",
    ])
    func whatIsNoHostIsRefused(_ host: String) async throws {
        try await TestServer.with { server in
            for version in ["1.1", "1.0"] {
                let received = try await client {
                    let connection = try server.connect()
                    try connection.send("GET /health/live HTTP/\(version)\r\nHost: \(host)\r\n\r\n")
                    return try connection.rest()
                }
                #expect(received.hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test func anOldClientNeedsNoHostButMayNotSendTwo() async throws {
        try await TestServer.with { server in
            let none = try await send(server, "GET /health/live HTTP/1.0\r\n\r\n", answers: 1)
            #expect(none[0].status == 200)
            let two = try await send(server, "GET /health/live HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", answers: 1)
            #expect(two[0].status == 400)
            #expect(two[0].body.contains("exactly one Host field"))
        }
    }

    @Test func anIdentifierComesBackInTheHeadOfEveryAnswer() async throws {
        try await TestServer.with { server in
            let field = "X-Request-Id: req 77/a \r\n"
            let requests = [
                Ask.predict(1, fields: field), Ask.late(2).replacing("Host: test\r\n", with: "Host: test\r\n\(field)"),
                Ask.get("/models", fields: field), Ask.get("/nothing", fields: field), Ask.get("/predict", fields: field),
                Ask.predict(1, fields: field, path: "/predict/nobody"),
                Ask.post("/v2/models/echo/infer", "{", fields: field),
                Ask.post("/predict", "{}", fields: field + "Content-Encoding: gzip\r\n"),
            ]
            let answers = try await send(server, requests.joined(), answers: requests.count)
            #expect(answers.map(\.status) == [200, 200, 200, 404, 405, 404, 400, 415])
            #expect(answers.allSatisfy { $0.field("X-Request-Id") == "req 77/a" })
            #expect(answers[0].body.contains("\"request_id\":\"req 77/a\""))
        }
    }

    @Test func theFirstUsableIdentifierCounts() async throws {
        try await TestServer.with { server in
            let answers = try await send(
                server, Ask.predict(1, fields: "X-Request-Id: \r\nX-Request-Id: a\r\nX-Request-Id: b\r\n"), answers: 1)
            #expect(answers[0].field("X-Request-Id") == "a")
        }
    }

    @Test(arguments: ["", "a\tb", "caf\u{e9}", String(repeating: "x", count: 257)])
    func anIdentifierThatCannotBeRepeatedIsPassedOver(_ identifier: String) async throws {
        try await TestServer.with { server in
            let field = "X-Request-Id: \(identifier)\r\n"
            let answers = try await send(
                server, Ask.predict(1, fields: field) + Ask.get("/models", fields: field) + Ask.predict(2), answers: 3)
            #expect(answers.map(\.status) == [200, 200, 200])
            #expect(answers.allSatisfy { $0.field("X-Request-Id") == nil })
            #expect(!answers[0].body.contains("request_id"))
        }
    }
}
