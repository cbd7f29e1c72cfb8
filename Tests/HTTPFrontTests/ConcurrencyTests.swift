internal import HTTPFront
internal import Testing

/// Many clients at once: every answer belongs to its question.
@Suite struct ConcurrencyTests {
    @Test(arguments: [1, 3])
    func everyAnswerBelongsToItsQuestion(_ eventLoops: Int) async throws {
        try await TestServer.with(eventLoops: eventLoops) { server in
            let connections = 48
            let turns = 150
            try await withThrowingTaskGroup(of: Bool.self) { tasks in
                for number in 0..<connections {
                    tasks.addTask {
                        try await client { try Self.converse(try server.connect(), number, turns) }
                    }
                }
                for try await areRight in tasks { #expect(areRight) }
            }
            #expect(server.predictor.predictions == connections * turns)
        }
    }

    /// Asks in bursts of changing size, with router requests between, and compares identities.
    private static func converse(_ connection: RawClient, _ number: Int, _ turns: Int) throws -> Bool {
        var turn = 0
        while turn < turns {
            let burst = min(1 + (turn + number) % 5, turns - turn)
            let identities = (0..<burst).map { number * 1_000_000 + turn + $0 }
            try connection.send(Ask.get("/health/live") + identities.map { Ask.predict($0) }.joined())
            guard try connection.answer().body == "{\"live\":true}" else { return false }
            for identity in identities {
                guard try connection.answer().identity == identity else { return false }
            }
            turn += burst
        }
        return true
    }

    @Test func aThousandConnectionsThatComeAndGoAreServed() async throws {
        try await TestServer.with(eventLoops: 2) { server in
            try await withThrowingTaskGroup(of: Int.self) { tasks in
                for worker in 0..<10 {
                    tasks.addTask {
                        try await client {
                            var right = 0
                            for turn in 0..<100 {
                                let connection = try server.connect()
                                let identity = worker * 1_000 + turn
                                try connection.send(Ask.predict(identity, fields: turn % 2 == 0 ? "Connection: close\r\n" : ""))
                                if try connection.answer().identity == identity { right += 1 }
                            }
                            return right
                        }
                    }
                }
                for try await right in tasks { #expect(right == 100) }
            }
        }
    }

    @Test func connectionsOverTheLimitWaitUntilOneCloses() async throws {
        var limits = HTTPLimits()
        limits.maxConnections = 2
        try await TestServer.with(limits) { server in
            let (first, second, third) = try await client {
                let pair = [try server.connect(), try server.connect()]
                for connection in pair {
                    try connection.send(Ask.predict(1))
                    _ = try connection.answer()
                }
                let third = try server.connect()
                try third.send(Ask.predict(3))
                return (Box(pair[0]), Box(pair[1]), Box(third))
            }
            #expect(try await client { !third.value.hasInput(within: 100) })
            let identity = try await client {
                first.value.close()
                return try third.value.answer().identity
            }
            #expect(identity == 3)
            second.value.close()
        }
    }
}
