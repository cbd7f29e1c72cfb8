internal import HTTPFront
internal import Testing

/// Predictions whose scores come from another thread.
@Suite struct LateAnswerTests {
    @Test func lateAndPromptAnswersLeaveInTheOrderOfTheRequests() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                let requests = (0..<400).map { turn in
                    switch turn % 4 {
                    case 0: Ask.predict(turn)
                    case 1, 2: Ask.late(turn)
                    default: Ask.get("/health")
                    }
                }
                let bytes = Array(requests.joined().utf8)
                for start in stride(from: 0, to: bytes.count, by: 777) {
                    try connection.send(Array(bytes[start..<min(start + 777, bytes.count)]))
                }
                return try (0..<400).map { _ in try connection.answer() }
            }
            for (turn, answer) in answers.enumerated() {
                #expect(answer.status == 200)
                if turn % 4 < 3 { #expect(answer.identity == turn) }
            }
        }
    }

    @Test func otherConnectionsAreAnsweredWhileOneWaits() async throws {
        try await TestServer.with { server in
            server.predictor.gate.shut()
            let waiting = try await client {
                let connection = try server.connect()
                try connection.send(Ask.late(1) + Ask.predict(2))
                return Box(connection)
            }
            await server.predictor.lateBegan.wait()
            let (prompt, isEarly) = try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(3))
                return (try connection.answer().identity, waiting.value.hasInput(within: 50))
            }
            #expect(prompt == 3)
            #expect(!isEarly)
            server.predictor.gate.open()
            let late = try await client { [try waiting.value.answer().identity, try waiting.value.answer().identity] }
            #expect(late == [1, 2])
        }
    }

    @Test func aShutdownAnswersWhatWaits() async throws {
        try await TestServer.with { server in
            server.predictor.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.late(9))
                return Box(connection)
            }
            await server.predictor.lateBegan.wait()
            await server.beginShutdown()
            server.predictor.gate.open()
            let (answer, rest) = try await client { (try connection.value.answer(), try connection.value.rest()) }
            #expect(answer.identity == 9)
            #expect(rest.isEmpty)
        }
    }

    @Test func aClientThatGoesAwayCancelsWhatItWaitedFor() async throws {
        try await TestServer.with { server in
            server.predictor.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.late(4))
                return Box(connection)
            }
            await server.predictor.lateBegan.wait()
            try await client { connection.value.abort() }
            await server.predictor.cancelled.wait()
            server.predictor.gate.open()
            let identity = try await client {
                let connection = try server.connect()
                try connection.send(Ask.late(5))
                return try connection.answer().identity
            }
            #expect(identity == 5)
        }
    }
}
