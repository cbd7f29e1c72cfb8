internal import HTTPFront
internal import Testing

/// What a well-meaning client sees of the predict routes.
@Suite struct LaneTests {
    @Test(arguments: [
        "/predict", "/predict/echo", "/predict/echo/versions/3", "/predict/echo?trace=1", "http://elsewhere/predict/echo",
    ])
    func predictionsAreAnsweredOnTheirPaths(_ path: String) async throws {
        try await TestServer.with { server in
            let answer = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(7, path: path))
                return try connection.answer()
            }
            #expect(answer.status == 200)
            #expect(answer.identity == 7)
            #expect(answer.field("Content-Type") == "application/json")
            #expect(answer.field("Connection") == nil)
            #expect(answer.field("Date")?.hasSuffix(" GMT") == true)
        }
    }

    @Test func batchesAndInferencesAreAnsweredOnTheLane() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/predict/batch/echo", "[{\"features\":[1,0]},{\"features\":[2,0]}]"))
                let batch = try connection.answer()
                let tensor = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[5,0]}]}"
                try connection.send(Ask.post("/v2/models/echo/infer", tensor))
                return [batch, try connection.answer()]
            }
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers[0].body.contains("\"count\":2"))
            #expect(server.predictor.predictions == 2)
        }
    }

    @Test func errorsHaveTheStyleOfTheirAPI() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/predict/nobody", "{\"features\":[1,2]}"))
                let unknown = try connection.answer()
                try connection.send(Ask.post("/v2/models/nobody/infer", "{}"))
                let inference = try connection.answer()
                try connection.send(Ask.post("/predict/echo", "{"))
                return [unknown, inference, try connection.answer()]
            }
            #expect(answers.map(\.status) == [404, 404, 400])
            #expect(answers[0].body.hasPrefix("{\"success\":false,\"error\":{\"code\":\"UNKNOWN_MODEL\""))
            #expect(answers[1].body.hasPrefix("{\"error\":\""))
        }
    }

    @Test(arguments: [
        "/predict", "/predict/echo", "/predict/batch/echo", "/v2/models/echo/infer", "/v2/models/echo/versions/3/infer",
    ])
    func otherMethodsAreRefusedAndTheConnectionGoesOn(_ path: String) async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                try connection.send(Ask.get(path))
                let get = try connection.answer()
                try connection.send(Ask.get(path, method: "HEAD"))
                let head = try connection.answer(toHead: true)
                try connection.send("PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd")
                let put = try connection.answer()
                try connection.send(Ask.predict(1))
                return [get, head, put, try connection.answer()]
            }
            #expect(answers.map(\.status) == [405, 405, 405, 200])
            #expect(answers.prefix(3).allSatisfy { $0.field("Allow") == "POST" })
            #expect(answers[0].body.contains("this path takes POST only"))
        }
    }

    @Test func aRequestMayComeInPiecesOfAnySize() async throws {
        try await TestServer.with { server in
            let request = Array(Ask.predict(1234).utf8)
            let statuses = try await client {
                let connection = try server.connect()
                var statuses: [Int] = []
                for cut in stride(from: 1, to: request.count, by: 3) {
                    try connection.send(Array(request[..<cut]))
                    // Nothing can come yet: this only lets the first piece travel alone.
                    if connection.hasInput(within: 1) { statuses.append(0) }
                    try connection.send(Array(request[cut...]))
                    statuses.append(try connection.answer().identity ?? 0)
                }
                for byte in request { try connection.send([byte]) }
                statuses.append(try connection.answer().identity ?? 0)
                return statuses
            }
            #expect(statuses.allSatisfy { $0 == 1234 })
        }
    }

    @Test func chunkedBodiesArePutTogether() async throws {
        try await TestServer.with { server in
            let identities = try await client {
                let connection = try server.connect()
                let head = "POST /predict/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                try connection.send(head + "5\r\n{\"fea\r\nD;name=value\r\ntures\":[42,1]\r\n1\r\n}\r\n0\r\n\r\n")
                let whole = try connection.answer().identity
                try connection.send(head)
                for chunk in ["{\"features\"", ":[", "43", ",1", "]}"] {
                    try connection.send("\(String(chunk.utf8.count, radix: 16))\r\n")
                    try connection.send("\(chunk)\r\n")
                }
                try connection.send("0\r\nTrailer: x\r\n\r\n")
                return [whole, try connection.answer().identity]
            }
            #expect(identities == [42, 43])
        }
    }

    @Test func aBodyUpToTheLimitIsTaken() async throws {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 300_000
        try await TestServer.with(limits) { server in
            let answers = try await client {
                let connection = try server.connect()
                let features = "{\"features\":[9,1]"
                let full = features + String(repeating: " ", count: 300_000 - features.utf8.count - 1) + "}"
                try connection.send(Ask.post("/predict/echo", full))
                let exact = try connection.answer()
                try connection.send(Ask.post("/predict/echo", full + " "))
                return [exact, try connection.answer()]
            }
            #expect(answers[0].identity == 9)
            #expect(answers[1].status == 413)
        }
    }

    @Test func oldClientsAreServedTheirWay() async throws {
        try await TestServer.with { server in
            let body = "{\"features\":[5,1]}"
            let request = "POST /predict HTTP/1.0\r\nContent-Length: \(body.utf8.count)\r\n"
            let (kept, last, rest, routed) = try await client {
                let connection = try server.connect()
                try connection.send("\(request)Connection: keep-alive\r\n\r\n\(body)")
                let kept = try connection.answer()
                try connection.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let routed = try connection.answer()
                try connection.send("\(request)\r\n\(body)")
                let last = try connection.answer()
                return (kept, last, try connection.rest(), routed)
            }
            #expect(kept.identity == 5)
            #expect(kept.field("Connection") == "keep-alive")
            #expect(routed.status == 200)
            #expect(routed.field("Connection") == "keep-alive")
            #expect(last.identity == 5)
            #expect(last.field("Connection") == "close")
            #expect(rest.isEmpty)
        }
    }

    @Test(arguments: [Ask.predict(3, fields: "Connection: close\r\n"), Ask.get("/health", fields: "Connection: close\r\n")])
    func theConnectionEndsAfterTheAnswerIfTheClientAsksForIt(_ request: String) async throws {
        try await TestServer.with { server in
            let (answer, rest) = try await client {
                let connection = try server.connect()
                // What follows a last request is not looked at.
                try connection.send(request + Ask.predict(4))
                return (try connection.answer(), try connection.rest())
            }
            #expect(answer.status == 200)
            #expect(answer.field("Connection") == "close")
            #expect(rest.isEmpty)
        }
    }

    @Test func aClientThatHasClosedItsSideStillGetsItsAnswers() async throws {
        try await TestServer.with { server in
            let (answers, rest) = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(1) + Ask.get("/health") + Ask.predict(2))
                connection.endSending()
                return ([try connection.answer(), try connection.answer(), try connection.answer()], try connection.rest())
            }
            #expect(answers.map(\.status) == [200, 200, 200])
            #expect(answers.map(\.identity) == [1, nil, 2])
            #expect(answers[2].field("Connection") == "close")
            #expect(rest.isEmpty)
        }
    }

    @Test func theIdentifierOfTheHeaderComesBack() async throws {
        try await TestServer.with { server in
            let answer = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(1, fields: "X-Request-Id: req-77\r\n"))
                return try connection.answer()
            }
            #expect(answer.body.contains("\"request_id\":\"req-77\""))
        }
    }

    @Test func aTakenAddressIsSaidToBeTaken() async throws {
        try await TestServer.with { server in
            let failure = await #expect(throws: HTTPService.ListenFailure.self) {
                try await TestServer.with(port: server.port) { _ in }
            }
            #expect(failure?.description.contains("127.0.0.1:\(server.port)") == true)
        }
    }

    @Test func limitsOfNothingStillServe() async throws {
        var limits = HTTPLimits()
        limits.maxPipelined = 0
        limits.maxConnections = 0
        limits.idleTimeout = .seconds(1 << 62)
        try await TestServer.with(limits) { server in
            let identity = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(1) + Ask.predict(2))
                _ = try connection.answer()
                return try connection.answer().identity
            }
            #expect(identity == 2)
        }
    }
}
