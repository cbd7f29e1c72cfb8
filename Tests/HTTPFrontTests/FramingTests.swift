internal import HTTPFront
internal import Testing

/// Requests that are not what they say, or say two things at once.
@Suite struct FramingTests {
    /// Sends bytes and returns everything that comes back until the server closes.
    private func exchange(_ server: TestServer, _ bytes: String, endSending: Bool = false) async throws -> String {
        try await client {
            let connection = try server.connect()
            try connection.send(bytes)
            if endSending { connection.endSending() }
            return try connection.rest()
        }
    }

    private static let predictBody = "{\"features\":[1,1]}"

    @Test(arguments: [
        // Two lengths, or a length and chunks: the openings of request smuggling.
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        // The parser does not strip a tab.
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \t\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\t\r\n\r\n{}",
        // Not exactly one host.
        "POST /predict HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        // Not HTTP at all, or not of this kind.
        "hello\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}", "GET / HTTP/9.1\r\nHost: a\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n : b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nbad\u{0}name: b\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func whatCannotBeReadInOneWayIsRefusedAndTheConnectionClosed(_ bytes: String) async throws {
        try await TestServer.with { server in
            let received = try await exchange(server, bytes + Ask.predict(1))
            #expect(received.hasPrefix("HTTP/1.1 400 ") || received.hasPrefix("HTTP/1.1 501 "))
            #expect(received.contains("\r\nConnection: close\r\n"))
            #expect(received.components(of: "HTTP/1.1 ") == 1)
            #expect(server.predictor.predictions == 0)
        }
    }

    @Test func whatWasAskedBeforeTheGarbageIsStillAnswered() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(1) + Ask.get("/health") + Ask.predict(2) + "garbage\r\n\r\n")
                return (try (0..<4).map { _ in try connection.answer() }, try connection.rest())
            }
            #expect(answers.0.map(\.status) == [200, 200, 200, 400])
            #expect(answers.1.isEmpty)
        }
    }

    @Test func anUnknownTransferCodingIsNotImplemented() async throws {
        try await TestServer.with { server in
            let received = try await exchange(
                server, "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
            #expect(received.hasPrefix("HTTP/1.1 501 "))
        }
    }

    @Test func aCompressedBodyIsRefusedAndTheConnectionGoesOn() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                let requests = [
                    Ask.predict(1, fields: "Content-Encoding: gzip\r\n"),
                    Ask.predict(1, fields: "Content-Encoding: identity , gzip\r\n"),
                    Ask.post("/v2/repository/index", "{}", fields: "Content-Encoding: gzip\r\n"),
                    Ask.post("/v2/repository/models/echo/load", "", fields: "Content-Encoding: br \r\n"),
                    Ask.post("/v2/repository/index", "{}", fields: "Content-Encoding: identity\r\n"),
                    Ask.predict(2),
                ]
                try connection.send(requests.joined())
                return try requests.map { _ in try connection.answer() }
            }
            #expect(answers.map(\.status) == [415, 415, 415, 415, 200, 200])
            #expect(answers[5].identity == 2)
            #expect(server.repository.loads.isEmpty)
        }
    }

    @Test func anAnnouncedBodyOverTheLimitIsRefusedBeforeItComes() async throws {
        try await TestServer.with { server in
            // The body is never sent: an answer proves that it was not waited for.
            let received = try await exchange(
                server, "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n")
            #expect(received.hasPrefix("HTTP/1.1 413 "))
            #expect(received.contains("\r\nConnection: close\r\n"))
            #expect(received.contains("at most 4194304 bytes"))
        }
    }

    @Test func chunksOverTheLimitAreRefusedBeforeTheyHaveAllCome() async throws {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 10_000
        try await TestServer.with(limits) { server in
            let chunk = "3e8\r\n\(String(repeating: "x", count: 1000))\r\n"
            let received = try await exchange(
                server,
                "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + String(repeating: chunk, count: 11))
            #expect(received.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func aRefusedClientThatGoesOnSendingStillGetsItsAnswer() async throws {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 1_000
        try await TestServer.with(limits) { server in
            let received = try await client {
                let connection = try server.connect()
                try connection.send("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
                // A reset instead of an orderly end would lose the answer.
                _ = try? connection.sendWhatFits([UInt8](repeating: 120, count: 2_000_000), milliseconds: 500)
                return try connection.rest()
            }
            #expect(received.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func headsOverTheLimitsAreRefused() async throws {
        try await TestServer.with { server in
            let long = "X-Long: \(String(repeating: "x", count: 17_000))\r\n"
            let many = (0..<101).map { "X-\($0): y\r\n" }.joined()
            let much = (0..<20).map { "X-\($0): \(String(repeating: "y", count: 4_000))\r\n" }.joined()
            for fields in [long, many, much] {
                let received = try await exchange(server, Ask.get("/health", fields: fields))
                #expect(received.hasPrefix("HTTP/1.1 431 "))
            }
            let target = try await exchange(server, Ask.get("/" + String(repeating: "a", count: 70_000)))
            #expect(target.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func anEndWithinARequestIsAnsweredWithAnError() async throws {
        try await TestServer.with { server in
            let inBody = try await exchange(
                server, "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n{\"feat", endSending: true)
            #expect(inBody.hasPrefix("HTTP/1.1 400 "))
            let inHead = try await exchange(server, "POST /predict HTTP/1.1\r\nHost:", endSending: true)
            #expect(inHead.hasPrefix("HTTP/1.1 400 "))
            let none = try await exchange(server, "", endSending: true)
            #expect(none.isEmpty)
            #expect(server.predictor.predictions == 0)
        }
    }

    @Test func aClientThatWaitsIsToldToGoOn() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                let head = "HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n"
                var answers: [RawClient.Answer] = []
                for path in ["/predict", "/v2/repository/index"] {
                    try connection.send("POST \(path) \(head)")
                    answers.append(try connection.answer())
                    try connection.send(path == "/predict" ? "{\"features\":[6,1]}" : "{\"ready\":   false}")
                    answers.append(try connection.answer())
                }
                // A client that does not wait gets no 100.
                try connection.send("POST /predict \(head){\"features\":[7,1]}")
                return answers + [try connection.answer()]
            }
            #expect(answers.map(\.status) == [100, 200, 100, 200, 200])
            #expect(answers[1].identity == 6)
            #expect(answers[4].identity == 7)
        }
    }

    @Test func aClientThatWaitsInVainIsToldSoAtOnce() async throws {
        try await TestServer.with { server in
            for (line, fields, status) in [
                ("POST /predict", "Expect: 100-continue\r\nContent-Length: 5000000\r\n", 413),
                ("PUT /predict", "Expect: 100-continue\r\nContent-Length: 5\r\n", 405),
                ("POST /predict", "Expect: miracles\r\nContent-Length: 5\r\n", 417),
            ] {
                let received = try await exchange(server, "\(line) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
                #expect(received.hasPrefix("HTTP/1.1 \(status) "))
                #expect(received.contains("\r\nConnection: close\r\n"))
            }
        }
    }

    @Test func theGoAheadComesAfterTheAnswersBeforeIt() async throws {
        try await TestServer.with { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(
                    Ask.post("/v2/repository/models/echo/load", "")
                        + "POST /predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n")
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            #expect(try await client { !connection.value.hasInput(within: 50) })
            server.repository.gate.open()
            let statuses = try await client {
                let before = [try connection.value.answer().status, try connection.value.answer().status]
                try connection.value.send(Self.predictBody)
                return before + [try connection.value.answer().status]
            }
            #expect(statuses == [200, 100, 200])
        }
    }

    @Test func aWishForAnUpgradeIsPassedOverAndTheConnectionGoesOn() async throws {
        try await TestServer.with { server in
            let wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
            let (identities, pipelined, rest) = try await client {
                let connection = try server.connect()
                var identities: [Int?] = []
                // Java's client repeats it with every request.
                for identity in 1...5 {
                    try connection.send(Ask.predict(identity, fields: wish))
                    identities.append(try connection.answer().identity)
                }
                try connection.send(
                    Ask.predict(6, fields: wish) + Ask.get("/health") + Ask.predict(7, fields: wish) + Ask.predict(8))
                // In the third of a pipeline the wish costs the connection, but not the answer.
                return (identities, try (0..<3).map { _ in try connection.answer() }, try connection.rest())
            }
            #expect(identities == [1, 2, 3, 4, 5])
            #expect(pipelined.map(\.identity) == [6, nil, 7])
            #expect(pipelined[2].field("Connection") == "close")
            #expect(rest.isEmpty)
        }
    }

    @Test func aTunnelIsRefused() async throws {
        try await TestServer.with { server in
            let received = try await exchange(server, "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")
            #expect(received.hasPrefix("HTTP/1.1 40"))
        }
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
