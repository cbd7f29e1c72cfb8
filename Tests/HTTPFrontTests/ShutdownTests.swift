internal import HTTPFront
internal import Testing

/// A shutdown answers what has begun and takes nothing new.
@Suite struct ShutdownTests {
    @Test func idleConnectionsCloseAtOnce() async throws {
        try await TestServer.with { server in
            let (fresh, used) = try await client {
                let (fresh, used) = (try server.connect(), try server.connect())
                // Both are accepted once the second has an answer.
                try used.send(Ask.predict(1))
                _ = try used.answer()
                return (Box(fresh), Box(used))
            }
            await server.beginShutdown()
            let rest = try await client { [try fresh.value.rest(), try used.value.rest()] }
            #expect(rest == ["", ""])
        }
    }

    @Test func requestsWithTheRouterAndBehindThemAreAnswered() async throws {
        try await TestServer.with { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(
                    Ask.post("/v2/repository/models/echo/load", "") + Ask.predict(5) + Ask.get("/health/ready")
                        + Ask.get("/v2/health/ready") + Ask.predict(6))
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            await server.beginShutdown()
            // New connections are refused, or accepted by the kernel and closed.
            let isClosed = try await client { () -> Bool in
                for _ in 0..<200 {
                    guard let late = try? server.connect() else { return true }
                    try? late.send(Ask.predict(9))
                    if let rest = try? late.rest(), rest.isEmpty { return true }
                }
                return false
            }
            #expect(isClosed)
            server.repository.gate.open()
            let (answers, rest) = try await client {
                (try (0..<5).map { _ in try connection.value.answer() }, try connection.value.rest())
            }
            #expect(answers.map(\.status) == [200, 200, 503, 503, 200])
            #expect(answers.map(\.identity) == [nil, 5, nil, nil, 6])
            #expect(answers.map { $0.field("Connection") } == [nil, nil, nil, nil, "close"])
            #expect(rest.isEmpty)
        }
    }

    @Test func aRequestThatIsHalfHereIsAnswered() async throws {
        try await TestServer.with { server in
            let request = Array(Ask.predict(77).utf8)
            let (inBody, inHead, last) = try await client {
                let (inBody, inHead) = (try server.connect(), try server.connect())
                try inBody.send(Array(request.dropLast(5)))
                try inHead.send(Array(request.prefix(20)))
                // Once a later connection is answered, both pieces have arrived.
                let last = try server.connect()
                try last.send(Ask.predict(1))
                _ = try last.answer()
                return (Box(inBody), Box(inHead), Box(last))
            }
            await server.beginShutdown()
            let answers = try await client {
                // The shutdown has reached the connections when an idle one is closed.
                _ = try last.value.rest()
                try inBody.value.send(Array(request.suffix(5)))
                try inHead.value.send(Array(request.dropFirst(20)))
                return [try inBody.value.answer(), try inHead.value.answer()]
            }
            #expect(answers.map(\.identity) == [77, 77])
            #expect(answers.allSatisfy { $0.field("Connection") == "close" })
        }
    }

    @Test func whatTakesLongerThanTheDrainIsCutOff() async throws {
        var limits = HTTPLimits()
        limits.drain = .milliseconds(200)
        try await TestServer.with(limits) { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/v2/repository/models/echo/load", ""))
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            await server.beginShutdown()
            let rest = try await client { try connection.value.rest() }
            #expect(rest.isEmpty)
        }
    }

    @Test func theServerStopsAlthoughAnOrderDoesNotEnd() async throws {
        var limits = HTTPLimits()
        limits.drain = .milliseconds(100)
        let repository = try await TestServer.with(limits, opensGate: false) { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/v2/repository/models/echo/load", ""))
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            await server.beginShutdown()
            _ = try await client { try connection.value.rest() }
            return server.repository
        }
        // The order is still waiting; the server is gone.
        #expect(repository.loads.isEmpty)
        repository.gate.open()
    }
}
