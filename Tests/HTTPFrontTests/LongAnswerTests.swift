internal import HTTPFront
internal import Testing

/// Answers that are sent in pieces: their framing, their order among others, and what becomes of them when they are not read.
@Suite struct LongAnswerTests {
    /// 5,000 rows, whose answer is about a megabyte. Rows with `second` 2 are answered late.
    private static func batch(
        from first: Int, count: Int = 5000, second: Int = 0, version: String = "HTTP/1.1", fields: String = ""
    ) -> [UInt8] {
        let rows = (0..<count).map { "{\"features\":[\(first + $0),\(second)]}" }.joined(separator: ",")
        return Array(
            "POST /predict/batch/echo \(version)\r\nHost: test\r\n\(fields)Content-Length: \(rows.utf8.count + 2)\r\n\r\n[\(rows)]"
                .utf8)
    }

    private static func isRight(_ answer: RawClient.Answer, from first: Int, count: Int = 5000) -> Bool {
        guard answer.status == 200, answer.body.hasSuffix("}") else { return false }
        let found = answer.body.matches(of: #/"prediction":\[([0-9]+)/#).map { Int($0.1) ?? -1 }
        return found == (first..<first + count).map { $0 } && answer.body.contains("],\"count\":\(count),")
    }

    @Test func largeAnswersAreChunkedAndKeepTheirPlace() async throws {
        try await TestServer.with { server in
            let answers = try await client {
                let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                let sender = [
                    Array(Ask.predict(1).utf8), Self.batch(from: 10), Array(Ask.get("/health").utf8), Self.batch(from: 20),
                    Array(Ask.late(2).utf8), Self.batch(from: 30, second: 2), Array(Ask.predict(3).utf8),
                    Self.batch(from: 40, count: 2),
                ].flatMap { $0 }
                var sent = 0
                var answers: [RawClient.Answer] = []
                while answers.count < 8 {
                    sent += try connection.sendWhatFits(Array(sender[sent...].prefix(60_000)), milliseconds: 0)
                    if sent == sender.count || connection.hasInput(within: 0) { answers.append(try connection.answer()) }
                }
                return answers
            }
            #expect(answers.map(\.status) == [Int](repeating: 200, count: 8))
            #expect([0, 4, 6].map { answers[$0].identity } == [1, 2, 3])
            for (place, first) in [(1, 10), (3, 20), (5, 30)] {
                #expect(Self.isRight(answers[place], from: first))
                #expect(answers[place].field("Transfer-Encoding") == "chunked")
                #expect(answers[place].field("Content-Length") == nil)
            }
            #expect(Self.isRight(answers[7], from: 40, count: 2))
            #expect(answers[7].field("Transfer-Encoding") == nil)
        }
    }

    @Test(arguments: [0, 2])
    func clientsOfHTTP10AreToldTheLength(second: Int) async throws {
        try await TestServer.with { server in
            let (answers, rest) = try await client {
                let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                let keep = "Connection: keep-alive\r\n"
                try connection.send(Self.batch(from: 7, second: second, version: "HTTP/1.0", fields: keep))
                let first = try connection.answer()
                try connection.send(Self.batch(from: 9, second: second, version: "HTTP/1.0"))
                return ([first, try connection.answer()], try connection.rest())
            }
            for (answer, first) in zip(answers, [7, 9]) {
                #expect(Self.isRight(answer, from: first))
                #expect(answer.field("Content-Length") == "\(answer.body.utf8.count)")
                #expect(answer.field("Transfer-Encoding") == nil)
            }
            #expect(answers.map { $0.field("Connection") } == ["keep-alive", "close"])
            #expect(rest.isEmpty)
        }
    }

    @Test func aConnectionThatEndsAfterALargeAnswerSendsItWhole() async throws {
        try await TestServer.with { server in
            let (answers, rests) = try await client {
                let (asked, halfClosed) = (try server.connect(), try server.connect())
                try asked.send(Self.batch(from: 1, fields: "Connection: close\r\n"))
                try halfClosed.send(Self.batch(from: 2))
                halfClosed.endSending()
                return ([try asked.answer(), try halfClosed.answer()], [try asked.rest(), try halfClosed.rest()])
            }
            #expect(Self.isRight(answers[0], from: 1) && answers[0].field("Connection") == "close")
            #expect(Self.isRight(answers[1], from: 2))
            #expect(rests == ["", ""])
        }
    }

    @Test func aShutdownSendsTheRestOfWhatHasBegun() async throws {
        try await TestServer.with { server in
            let connection = try await client {
                let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                try connection.send(Self.batch(from: 3))
                _ = connection.hasInput(within: 10_000)
                return Box(connection)
            }
            await server.beginShutdown()
            let (answer, rest) = try await client { (try connection.value.answer(), try connection.value.rest()) }
            #expect(Self.isRight(answer, from: 3))
            #expect(rest.isEmpty)
        }
    }

    @Test func othersAreAnsweredBetweenThePieces() async throws {
        try await TestServer.with { server in
            let identities = try await client {
                let slow = try RawClient(port: server.port, receiveBuffer: 4096)
                try slow.send(Self.batch(from: 1))
                _ = slow.hasInput(within: 10_000)
                let other = try server.connect()
                let identities = try (0..<100).map { turn in
                    try other.send(Ask.predict(turn))
                    return try other.answer().identity
                }
                return Self.isRight(try slow.answer(), from: 1) ? identities : []
            }
            #expect(identities == (0..<100).map { $0 })
        }
    }

    @Test func largeAnswersAreRefusedOrCutOffWhenTooMuchIsHeld() async throws {
        var limits = HTTPLimits()
        // An answer of 5,000 rows holds 80,000 bytes of scores and places.
        limits.maxUnreadBytes = 1 << 20
        try await TestServer.with(limits, eventLoops: 2) { server in
            let (cut, told, whole, metrics) = try await client {
                let deaf = try (0..<40).map { number in
                    let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                    try connection.send(Self.batch(from: number))
                    _ = connection.hasInput(within: 10_000)
                    return connection
                }
                let asking = try server.connect()
                try asking.send(Ask.get("/metrics"))
                let metrics = try asking.answer().body
                var (cut, told, whole) = (0, 0, 0)
                for (number, connection) in deaf.enumerated() {
                    if let answer = try? connection.answer() {
                        guard answer.status != 503 else {
                            told += 1
                            continue
                        }
                        whole += Self.isRight(answer, from: number) ? 1 : 1000
                    } else {
                        cut += 1
                    }
                }
                return (cut, told, whole, metrics)
            }
            #expect(cut + told + whole == 40)
            #expect(1...6 ~= whole && told > 0)
            #expect(metrics.contains("verdict_http_unread_closed_total \(cut)\n"))
        }
    }

    @Test func aReaderThatGoesOnReadingIsNotGivenUpAsSilent() async throws {
        var limits = HTTPLimits()
        limits.idleTimeout = .seconds(1)
        try await TestServer.with(limits) { server in
            let (answer, waits) = try await client {
                let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                try connection.send(Self.batch(from: 5))
                var received: [UInt8] = []
                var waits = 0
                // Takes a part every 300 ms, for longer in all than the timeout.
                while let piece = try connection.part(of: 80_000) {
                    received += piece
                    waits += 1
                    if received.suffix(5) == [48, 13, 10, 13, 10] { break }
                    connection.pause(milliseconds: 300)
                }
                return (String(decoding: received, as: UTF8.self), waits)
            }
            #expect(answer.hasSuffix("\r\n0\r\n\r\n"))
            #expect(answer.contains("],\"count\":5000,"))
            #expect(waits > 4)
        }
    }

    @Test func aClientThatGoesAwayInTheMiddleLeavesNothing() async throws {
        try await TestServer.with { server in
            let isGone = try await client {
                let asking = try server.connect()
                for number in 0..<20 {
                    let connection = try RawClient(port: server.port, receiveBuffer: 4096)
                    try connection.send(Self.batch(from: number))
                    _ = connection.hasInput(within: 10_000)
                    connection.abort()
                }
                for _ in 0..<10_000 {
                    try asking.send(Ask.get("/metrics"))
                    let metrics = try asking.answer().body
                    if metrics.contains("verdict_http_unread_bytes 0\n"), metrics.contains("verdict_http_open_connections 1\n") {
                        return true
                    }
                }
                return false
            }
            #expect(isGone)
        }
    }
}
