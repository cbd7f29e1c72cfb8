internal import HTTPFront
internal import Testing

/// Clients that are slow, on purpose or not.
@Suite struct ConnectionTimeoutsTests {
    private static func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
        var limits = HTTPLimits()
        change(&limits)
        return limits
    }

    /// Sends one byte after the other until the server says something or closes; returns what it said.
    private static func trickle(_ connection: RawClient, _ bytes: [UInt8]) throws -> String {
        for byte in bytes {
            if connection.hasInput(within: 10) { break }
            do { try connection.send([byte]) } catch { break }
        }
        return try connection.rest()
    }

    @Test func aSilentConnectionIsClosedWithoutAWord() async throws {
        try await TestServer.with(Self.limits { $0.idleTimeout = .milliseconds(150) }) { server in
            let (fresh, used, answer) = try await client {
                let fresh = try server.connect()
                let used = try server.connect()
                try used.send(Ask.predict(1))
                let answer = try used.answer()
                return (try fresh.rest(), try used.rest(), answer)
            }
            #expect(fresh.isEmpty)
            #expect(used.isEmpty)
            #expect(answer.status == 200)
        }
    }

    @Test func aBusyConnectionIsNotClosedAsIdle() async throws {
        try await TestServer.with(Self.limits { $0.idleTimeout = .seconds(1) }) { server in
            let answered = try await client {
                let connection = try server.connect()
                var answered = 0
                for turn in 0..<30 {
                    try connection.send(Ask.predict(turn))
                    if try connection.answer().identity == turn { answered += 1 }
                    // Far longer in all than the timeout.
                    if connection.hasInput(within: 60) { break }
                }
                return answered
            }
            #expect(answered == 30)
        }
    }

    @Test(arguments: ["POST /predict HTTP/1.1\r\nHost: a\r\n", "GET /health HTTP/1.1\r\nHost: a\r\n"])
    func aHeadThatTricklesIsCutOff(_ start: String) async throws {
        try await TestServer.with(Self.limits { $0.headerTimeout = .milliseconds(200) }) { server in
            let received = try await client {
                let fields = String(repeating: "X-Field: value\r\n", count: 90)
                return try Self.trickle(try server.connect(), Array((start + fields).utf8))
            }
            #expect(received.hasPrefix("HTTP/1.1 408 "))
            #expect(received.contains("\r\nConnection: close\r\n"))
        }
    }

    @Test(arguments: ["/predict", "/v2/repository/index"])
    func aBodyThatTricklesIsCutOff(_ path: String) async throws {
        try await TestServer.with(Self.limits { $0.bodyTimeout = .milliseconds(200) }) { server in
            let received = try await client {
                let connection = try server.connect()
                try connection.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
                return try Self.trickle(connection, [UInt8](repeating: 32, count: 4_999))
            }
            #expect(received.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func aBodyThatNeverEndsIsCutOff() async throws {
        try await TestServer.with(Self.limits { $0.bodyTimeout = .milliseconds(150) }) { server in
            let received = try await client {
                let connection = try server.connect()
                try connection.send("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"features\":[1,1]}")
                return try connection.rest()
            }
            #expect(received.hasPrefix("HTTP/1.1 408 "))
            #expect(server.predictor.predictions == 0)
        }
    }

    @Test func theTimeOfOneRequestDoesNotCountForTheNext() async throws {
        try await TestServer.with(Self.limits { $0.bodyTimeout = .seconds(1) }) { server in
            let answered = try await client {
                let connection = try server.connect()
                var answered = 0
                let request = Array(Ask.predict(1).utf8)
                for _ in 0..<10 {
                    // The end of one request and the beginning of the next body travel together.
                    try connection.send(Array(request.dropLast(4)))
                    if connection.hasInput(within: 150) { break }
                    try connection.send(Array(request.suffix(4)))
                    if try connection.answer().status == 200 { answered += 1 }
                }
                return answered
            }
            #expect(answered == 10)
        }
    }

    @Test func aClientThatNeverReadsIsDropped() async throws {
        try await TestServer.with(Self.limits { $0.idleTimeout = .milliseconds(300) }) { server in
            let isDropped = try await client {
                let rows = (0..<500).map { "{\"features\":[\($0),0]}" }.joined(separator: ",")
                let flood = Array(String(repeating: Ask.post("/predict/batch/echo", "[\(rows)]"), count: 1_000).utf8)
                let connection = try RawClient(port: server.port, receiveBuffer: 4_096)
                var sent = 0
                do {
                    // Once dropped, sending fails; until then it stalls.
                    for _ in 0..<100 where sent < flood.count {
                        sent += try connection.sendWhatFits(Array(flood[sent...]), milliseconds: 100)
                    }
                } catch {
                    return true
                }
                return false
            }
            #expect(isDropped)
        }
    }

    @Test func waitingForTheRouterIsNotTheClientsFault() async throws {
        let limits = Self.limits {
            $0.idleTimeout = .milliseconds(100)
            $0.headerTimeout = .milliseconds(100)
            $0.bodyTimeout = .milliseconds(100)
        }
        try await TestServer.with(limits) { server in
            server.repository.gate.shut()
            let connection = try await client {
                let connection = try server.connect()
                try connection.send(Ask.post("/v2/repository/models/echo/load", ""))
                return Box(connection)
            }
            await server.repository.loadBegan.wait()
            try await client { try connection.value.send("POST /predict HTTP/1.1\r\nHost") }
            #expect(try await client { !connection.value.hasInput(within: 400) })
            server.repository.gate.open()
            let answers = try await client {
                let load = try connection.value.answer()
                return [load, try connection.value.answer()]
            }
            #expect(answers.map(\.status) == [200, 408])
        }
    }
}
