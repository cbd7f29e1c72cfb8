internal import HTTPFront
internal import Logging
internal import Synchronization
internal import Testing

/// Keeps the lines that are logged.
final class KeptLines: LogHandler, Sendable {
    private let kept = Mutex<[(message: String, metadata: Logger.Metadata)]>([])

    var lines: [(message: String, metadata: Logger.Metadata)] { kept.withLock { $0 } }

    func log(event: LogEvent) {
        kept.withLock { $0.append((event.message.description, event.metadata ?? [:])) }
    }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
}

@Suite struct AccessLogTests {
    private func makeLog(_ lines: KeptLines, capacity: Int = 100) -> AccessLog {
        AccessLog(logger: Logger(label: "access") { _ in lines }, capacity: capacity)
    }

    @Test func everyRequestLeavesOneLine() async throws {
        let lines = KeptLines()
        try await TestServer.with(accessLog: makeLog(lines)) { server in
            try await client {
                let connection = try server.connect()
                try connection.send(Ask.predict(31337, fields: "X-Request-Id: req-7\r\n", path: "/predict/echo?user=alice"))
                try connection.send(
                    Ask.get("/health/live") + Ask.get("/predict")
                        + "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n")
                for _ in 0..<4 { _ = try connection.answer() }
            }
        }
        let logged = lines.lines
        #expect(logged.map(\.message) == ["request", "request", "request", "request"])
        #expect(logged.map { $0.metadata["status"] } == [200, 200, 405, 413].map { .stringConvertible($0) })
        #expect(logged.map { $0.metadata["path"] } == ["/predict/echo", "/health/live", "/predict", "/predict"])
        #expect(logged.map { $0.metadata["method"] } == ["POST", "GET", "GET", "POST"])
        #expect(logged.allSatisfy { $0.metadata["remote"] == "127.0.0.1" })
        #expect(logged[1].metadata["bytes"] == .stringConvertible(13))
        #expect(logged.map { $0.metadata["request_id"] } == ["req-7", nil, nil, nil])
        for line in logged {
            #expect(!"\(line.metadata)".contains("31337"))
            #expect(!"\(line.metadata)".contains("alice"))
        }
    }

    @Test func whatDoesNotFitIsDroppedAndCounted() {
        let lines = KeptLines()
        let log = makeLog(lines, capacity: 3)
        for number in 0..<10 {
            log.add(AccessLog.Record(method: "GET", target: "/\(number)", status: 200, bytes: 0, nanoseconds: 1_500))
        }
        log.writeOut()
        log.writeOut()
        let logged = lines.lines
        #expect(logged.map(\.message) == ["request", "request", "request", "access log lines were dropped"])
        #expect(logged[2].metadata["path"] == "/2")
        #expect(logged[2].metadata["duration_ms"] == .stringConvertible(0.001))
        #expect(logged[3].metadata["count"] == .stringConvertible(7))
        #expect(log.droppedRecords == 7)
    }

    @Test func anEndlessTargetIsCutShort() {
        let lines = KeptLines()
        let log = makeLog(lines)
        log.add(
            AccessLog.Record(
                method: "GET", target: "/" + String(repeating: "a", count: 10_000), status: 404, bytes: 0, nanoseconds: 0))
        log.writeOut()
        #expect(lines.lines.first?.metadata["path"]?.description.utf8.count == 512)
    }
}
