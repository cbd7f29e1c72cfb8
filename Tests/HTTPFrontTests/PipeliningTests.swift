internal import HTTPFront
internal import Testing

/// Answers leave in the order of the requests, whoever makes them.
@Suite struct PipeliningTests {
    @Test func pipelinedPredictionsAreAnsweredInOrder() async throws {
        try await TestServer.with { server in
            let identities = try await client {
                let connection = try server.connect()
                try connection.send((1...500).map { Ask.predict($0) }.joined())
                return try (1...500).map { _ in try connection.answer().identity }
            }
            #expect(identities == (1...500).map { $0 })
        }
    }

    @Test func aPredictionWaitsForTheRouterAnswerBeforeIt() async throws {
        try await TestServer.with { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/v2/repository/models/echo/load", "") + Ask.predict(8))
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            let isEarly = try await client { connection.value.hasInput(within: 100) }
            #expect(!isEarly)
            #expect(server.predictor.predictions == 0)
            server.repository.gate.open()
            let answers = try await client { [try connection.value.answer(), try connection.value.answer()] }
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers.map(\.identity) == [nil, 8])
        }
    }

    @Test func routerAndLaneTakeTurns() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try server.connect()
                let requests = (0..<300).map { turn in
                    switch turn % 4 {
                    case 0: Ask.predict(turn)
                    case 1: Ask.get("/health")
                    case 2: Ask.post("/v2/repository/index", "{}")
                    default: Ask.get("/predict/echo")
                    }
                }
                // In pieces that do not end where requests end.
                let bytes = Array(requests.joined().utf8)
                for start in stride(from: 0, to: bytes.count, by: 777) {
                    try connection.send(Array(bytes[start..<min(start + 777, bytes.count)]))
                }
                return try (0..<300).map { _ in try connection.answer() }
            }
            for (turn, answer) in answers.enumerated() {
                switch turn % 4 {
                case 0: #expect(answer.identity == turn)
                case 1: #expect(answer.status == 200 && answer.body.contains("ok"))
                case 2: #expect(answer.status == 200 && answer.body.contains("golden.csv"))
                default: #expect(answer.status == 405)
                }
            }
        }
    }

    @Test func aConnectionIsNotReadFromWhileTooManyRequestsWait() async throws {
        var limits = HTTPLimits()
        limits.maxPipelined = 8
        try await TestServer.with(limits) { server in
            server.repository.gate.shut()
            // Large requests, so that the kernel's buffers hold few of them.
            let request = Array(Ask.predict(5, fields: "X-Padding: \(String(repeating: "x", count: 8_000))\r\n").utf8)
            let count = 4_000
            let flood = Array(repeatElement(request, count: count).joined())
            let (connection, sent) = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/v2/repository/models/echo/load", ""))
                return (Box(connection), try connection.sendWhatFits(flood, milliseconds: 300))
            }
            #expect(sent < flood.count)
            #expect(server.predictor.predictions == 0)
            server.repository.gate.open()
            let sender = Task { try await client { try connection.value.send(Array(flood[sent...])) } }
            let (first, others) = try await client {
                (try connection.value.answer(), try (0..<count).map { _ in try connection.value.answer().identity })
            }
            try await sender.value
            #expect(first.status == 200)
            #expect(others.allSatisfy { $0 == 5 })
        }
    }

    @Test func aClientThatDoesNotReadIsNotReadFrom() async throws {
        try await TestServer.with { server in
            let rows = (0..<500).map { "{\"features\":[\($0),0]}" }.joined(separator: ",")
            let request = Array(Ask.post("/predict/batch/echo", "[\(rows)]").utf8)
            let count = 600
            let flood = Array(repeatElement(request, count: count).joined())
            let (connection, sent) = try await client {
                let connection = try RawClient(port: server.port, receiveBuffer: 4_096)
                return (Box(connection), try connection.sendWhatFits(flood, milliseconds: 300))
            }
            #expect(sent < flood.count)
            let answered = server.predictor.predictions
            #expect(answered < count)
            let sender = Task { try await client { try connection.value.send(Array(flood[sent...])) } }
            let statuses = try await client { try (0..<count).map { _ in try connection.value.answer().status } }
            try await sender.value
            #expect(statuses.allSatisfy { $0 == 200 })
            #expect(server.predictor.predictions == count)
        }
    }

    @Test func othersAreServedWhileOneClientFloods() async throws {
        try await TestServer.with { server in
            let flood = (0..<20_000).map { Ask.predict($0) }.joined()
            let flooder = Task {
                try await client {
                    let connection = try server.connect()
                    let bytes = Array(flood.utf8)
                    var sent = 0
                    var answered = 0
                    while answered < 20_000 {
                        if sent < bytes.count {
                            sent += try connection.sendWhatFits(Array(bytes[sent...].prefix(50_000)), milliseconds: 0)
                        }
                        while answered < 20_000, connection.hasInput(within: sent < bytes.count ? 0 : 5_000) {
                            guard try connection.answer().identity == answered else { return false }
                            answered += 1
                        }
                    }
                    return true
                }
            }
            let identities = try await client {
                let connection = try server.connect()
                return try (0..<200).map { turn in
                    try connection.send(Ask.predict(turn))
                    return try connection.answer().identity
                }
            }
            #expect(identities == (0..<200).map { $0 })
            #expect(try await flooder.value)
        }
    }
}

/// Carries a client from one thread to the next; never used by two at a time, but for one that sends while
/// the other receives.
final class Box: @unchecked Sendable {
    let value: RawClient
    init(_ value: RawClient) { self.value = value }
}
