internal import HTTPFront
internal import Scoring
internal import Testing

/// The routes beside the predict routes.
@Suite struct ManagementRoutesTests {
    private func ask(_ server: TestServer, _ request: String) async throws -> RawClient.Answer {
        try await client {
            let connection = try server.connect()
            try connection.send(request)
            return try connection.answer(toHead: request.hasPrefix("HEAD"))
        }
    }

    @Test(arguments: [
        ("/health", "\"status\":\"ok\""), ("/health/live", "{\"live\":true}"), ("/health/ready", "{\"ready\":true}"),
        ("/v2/health/live", "{\"live\":true}"), ("/v2/health/ready", "{\"ready\":true}"),
        ("/models", "\"name\":\"echo\""), ("/metrics", "up 1\n"), ("/v2", "\"name\":\"verdict\",\"version\":\"9.8\""),
        ("/v2/models/echo", "\"versions\":[\"3\"]"), ("/v2/models/echo/versions/3", "\"name\":\"identity\""),
        ("/v2/models/echo/ready", "{\"name\":\"echo\",\"ready\":true}"),
        ("/v2/models/echo/versions/3/ready", "{\"name\":\"echo\",\"ready\":true}"),
    ])
    func whatCanBeAskedIsAnswered(_ path: String, _ part: String) async throws {
        try await TestServer.with { server in
            let get = try await ask(server, Ask.get(path))
            #expect(get.status == 200)
            #expect(get.body.contains(part))
            let type = path == "/metrics" ? "text/plain; version=0.0.4" : "application/json"
            #expect(get.field("Content-Type") == type)
            let head = try await ask(server, Ask.get(path, method: "HEAD"))
            #expect(head.status == 200)
            #expect(head.field("Content-Length") == "\(get.body.utf8.count)")
            let post = try await ask(server, Ask.post(path, ""))
            #expect(post.status == 405)
            #expect(post.field("Allow") == "GET, HEAD")
        }
    }

    @Test func healthShowsThatTheRepositoryCannotBeRead() async throws {
        try await TestServer.with { server in
            server.repository.setProblem("the disk is away")
            let lost = try await ask(server, Ask.get("/health"))
            #expect(lost.status == 200 && lost.body.contains("\"warning\":\"the disk is away\""))
            server.repository.setProblem(nil)
            #expect(try await ask(server, Ask.get("/health")).body.contains("warning") == false)
        }
    }

    @Test func connectionsAndErrorsBeforePredictionAreMetrics() async throws {
        try await TestServer.with { server in
            let text = try await client {
                let others = [try server.connect(), try server.connect()]
                let connection = try server.connect()
                try connection.send(
                    Ask.get("/nothing") + Ask.get("/predict") + Ask.post("/predict", "{}", fields: "Content-Encoding: gzip\r\n")
                        + Ask.post("/predict", "{}") + Ask.predict(1) + Ask.get("//"))
                for _ in 0..<6 { _ = try connection.answer() }
                for other in others {
                    try other.send("nonsense\r\n\r\n")
                    _ = try other.answer()
                }
                try connection.send(Ask.get("/metrics"))
                return try connection.answer().body
            }
            let lines = text.split(separator: "\n")
            for (status, count) in [(404, 2), (405, 1), (415, 1), (400, 2), (413, 0)] {
                #expect(lines.contains("verdict_http_errors_total{status=\"\(status)\"} \(count)"))
            }
            #expect(lines.contains("verdict_http_connections_total 3"))
            let open = try required(lines.first { $0.hasPrefix("verdict_http_open_connections ") })
            #expect((1...3).contains(Int(open.split(separator: " ")[1]) ?? 0))
        }
    }

    @Test func readinessFollowsTheRepository() async throws {
        try await TestServer.with { server in
            server.repository.setReady(false)
            for path in ["/health", "/health/ready", "/v2/health/ready"] {
                let answer = try await ask(server, Ask.get(path))
                #expect(answer.status == 503)
            }
            let live = try await ask(server, Ask.get("/health/live"))
            #expect(live.status == 200)
        }
    }

    @Test(arguments: [
        "/", "/nothing", "/predict/echo/versions", "/predict/a/b/c/d", "/v3", "/models/echo", "*",
        "/%00", "/..%2f..", "/predict%2fecho", "/predict//echo", "//models", "/models//", "/predict/echo//",
    ])
    func unknownPathsAreNotFound(_ path: String) async throws {
        try await TestServer.with { server in
            for request in [Ask.get(path), Ask.post(path, "{}")] {
                let answer = try await ask(server, request)
                #expect(answer.status == 404)
                #expect(answer.body.hasPrefix("{"))
            }
        }
    }

    @Test(arguments: [
        "/models", "/health/live", "/v2/models/echo", "/v2/models/echo/versions/3/ready", "/metrics", "/v2",
    ])
    func aSlashAtTheEndIsPassedOver(_ path: String) async throws {
        try await TestServer.with { server in
            let plain = try await ask(server, Ask.get(path))
            let slashed = try await ask(server, Ask.get(path + "/?from=probe"))
            #expect(plain.status == 200)
            #expect(slashed.status == 200)
            // Numbers go on counting in between.
            #expect(slashed.body.prefix(20) == plain.body.prefix(20))
        }
    }

    @Test func aSlashAtTheEndOfAPredictRouteIsPassedOverToo() async throws {
        try await TestServer.with { server in
            for path in ["/predict/", "/predict/echo/", "/predict/echo/versions/3/"] {
                let answer = try await ask(server, Ask.predict(4, path: path))
                #expect(answer.identity == 4)
            }
            #expect(try await ask(server, Ask.post("/predict/batch/echo/", "[]")).status == 200)
            let infer = #"{"inputs":[{"name":"all","shape":[1,2],"datatype":"FP64","data":[4,1]}]}"#
            #expect(try await ask(server, Ask.post("/v2/models/echo/infer/", infer)).status == 200)
        }
    }

    @Test(arguments: [
        "/v2/models/%65cho", "/v2/models/ech%6F/versions/%33", "/v2/models/%65cho/ready", "/v2/%6dodels/echo",
        "http://other/v2/models/ech%6f/",
    ])
    func namesMayBePercentEncoded(_ path: String) async throws {
        try await TestServer.with { server in
            let answer = try await ask(server, Ask.get(path))
            #expect(answer.status == 200)
            #expect(answer.body.contains("\"name\":\"echo\""))
        }
    }

    @Test func ordersTakePercentEncodedNames() async throws {
        try await TestServer.with { server in
            let load = try await ask(server, Ask.post("/v2/repository/models/%65cho/load", ""))
            let unload = try await ask(server, Ask.post("/v2/repository/models/ech%6f/unload", ""))
            #expect([load.status, unload.status] == [200, 200])
            #expect(server.repository.loads == ["echo"])
            #expect(server.repository.unloads == ["echo"])
            let prediction = try await ask(server, Ask.predict(3, path: "/%70redict/%65cho"))
            #expect(prediction.identity == 3)
        }
    }

    @Test(arguments: [("%zz", 400), ("a%2fb", 404), ("%2e%2e", 404), ("a%", 400), ("a%0d%0ab", 404), ("%C3%A9", 404)])
    func whatCannotBeANameIsRefusedAlikeOnEveryRoute(_ name: String, _ status: Int) async throws {
        try await TestServer.with { server in
            let answers = [
                try await ask(server, Ask.get("/v2/models/\(name)")),
                try await ask(server, Ask.get("/v2/models/\(name)/ready")),
                try await ask(server, Ask.post("/v2/repository/models/\(name)/load", "")),
                try await ask(server, Ask.predict(1, path: "/predict/\(name)")),
                try await ask(server, Ask.post("/v2/models/\(name)/infer", "{}")),
            ]
            #expect(answers.map(\.status) == Array(repeating: status, count: 5))
            #expect(server.repository.loads.isEmpty)
        }
    }

    @Test func errorsOfTheInferenceAPIHaveItsShape() async throws {
        try await TestServer.with { server in
            for path in [
                "/v2/nothing", "/v2/models/nobody", "/v2/models/echo/versions/4", "/v2/models/echo/versions/x",
                "/v2/models/.x/ready",
            ] {
                let answer = try await ask(server, Ask.get(path))
                #expect(answer.status == 404)
                #expect(answer.body.hasPrefix("{\"error\":\""))
            }
            let wrong = try await ask(server, Ask.get("/v2/repository/index"))
            #expect(wrong.status == 405)
            #expect(wrong.field("Allow") == "POST")
            #expect(wrong.body.hasPrefix("{\"error\":\""))
        }
    }

    @Test func theIndexListsEveryVersionOrTheReadyOnes() async throws {
        try await TestServer.with { server in
            for body in ["", "{}", "{\"ready\":false}"] {
                let all = try await ask(server, Ask.post("/v2/repository/index", body))
                #expect(all.body.contains("\"broken\"") && all.body.contains("\"echo\""))
            }
            let ready = try await ask(server, Ask.post("/v2/repository/index", "{\"ready\":true}"))
            #expect(!ready.body.contains("\"broken\"") && ready.body.contains("\"echo\""))
            #expect(try await ask(server, Ask.post("/v2/repository/index", "{\"ready\":")).status == 400)
        }
    }

    @Test func ordersReachTheRepositoryAndTheirErrorsTheOperator() async throws {
        try await TestServer.with { server in
            #expect(try await ask(server, Ask.post("/v2/repository/models/echo/load", "")).status == 200)
            #expect(try await ask(server, Ask.post("/v2/repository/models/echo/load", "{}")).status == 200)
            #expect(try await ask(server, Ask.post("/v2/repository/models/echo/unload", "")).status == 200)
            #expect(server.repository.loads == ["echo", "echo"])
            #expect(server.repository.unloads == ["echo"])
            #expect(try await ask(server, Ask.post("/v2/repository/models/nobody/unload", "")).status == 404)
            #expect(try await ask(server, Ask.post("/v2/repository/models/echo/load", "[")).status == 400)
            server.repository.failLoads(with: .refusedModel("golden.csv row 3 disagrees"))
            let refused = try await ask(server, Ask.post("/v2/repository/models/echo/load", ""))
            #expect(refused.status == 400)
            #expect(refused.body == "{\"error\":\"golden.csv row 3 disagrees\"}")
            #expect(server.repository.loads.count == 3)
        }
    }
}
