import LoadTest
import Synchronization
import Testing

/// Whole load tests against a server whose behaviour is known.
@Suite(.serialized) struct LoadRunTests {
    private let millisecond: UInt64 = 1_000_000

    private func settings(_ server: StubServer, bodies: [[UInt8]] = []) throws -> LoadSettings {
        let target = try LoadTarget("http://127.0.0.1:\(server.port)/predict")
        var settings = LoadSettings(target: target, requests: try LoadRequests(to: target, bodies: bodies))
        settings.concurrency = 1
        settings.warmup = 0
        settings.duration = 300 * millisecond
        settings.pace = .perSecond(200)
        return settings
    }

    /// The share of values above the limit, in percent.
    private func share(of summary: LatencySummary?, above nanoseconds: UInt64) -> Double {
        guard let first = summary?.curve.first(where: { $0.nanoseconds > nanoseconds }) else { return 0 }
        return 100 - first.percentile
    }

    @Test func aStallIsChargedToEveryRequestItHeldUp() async throws {
        let server = try await StubServer { number, _ in
            number == 20 ? .late(StubServer.ok, milliseconds: 500) : .text(StubServer.ok)
        }
        var settings = try settings(server)
        settings.duration = 1000 * millisecond
        let report = try await LoadRun(settings).report()
        // 100 requests came due while the server held one answer; those of the first half waited over 250 ms.
        #expect(share(of: report.latency, above: 250 * millisecond) > 15)
        #expect(share(of: report.service, above: 250 * millisecond) < 2)
        #expect(report.answered == 200)
        #expect(report.isClean)
        try await server.stop()
    }

    @Test func aClosedLoopIsBlindToTheStallAndSaysNothingOfDueTimes() async throws {
        let server = try await StubServer { number, _ in
            number == 20 ? .late(StubServer.ok, milliseconds: 100) : .text(StubServer.ok)
        }
        var settings = try settings(server)
        settings.pace = .unlimited
        let report = try await LoadRun(settings).report()
        #expect(report.latency == nil)
        #expect(report.answered > 100)
        #expect(report.sent == report.answered)
        #expect(share(of: report.service, above: 90 * millisecond) < 2)
        try await server.stop()
    }

    @Test func theRateIsKeptOverSeveralConnections() async throws {
        let server = try await StubServer { _, _ in .late(StubServer.ok, milliseconds: 20) }
        var settings = try settings(server)
        settings.concurrency = 16
        settings.duration = 500 * millisecond
        settings.pace = .perSecond(400)
        let report = try await LoadRun(settings).report()
        // One connection could do 50 a second.
        #expect(report.answered == 200)
        #expect(report.throughput > 300 && report.throughput <= 401)
        #expect(report.service.least >= 19 * millisecond)
        try await server.stop()
    }

    @Test func failuresAreCountedByStatusAndTheFirstIsQuoted() async throws {
        let server = try await StubServer { number, _ in
            switch number % 4 {
            case 0: .text("HTTP/1.1 429 Busy\r\nContent-Length: 8\r\n\r\nbu\u{1b}[2Jsy")
            case 1: .text("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
            default: .text(StubServer.ok)
            }
        }
        var settings = try settings(server)
        settings.duration = 200 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.failed == 20)
        #expect(report.answered == 20)
        #expect(Set(report.failures.map { "\($0.count) \($0.reason)" }) == ["10 status 429", "10 status 500"])
        #expect(report.service.count == 20)
        #expect(!report.isClean)
        #expect(report.firstFailure == "status 429: bu [2Jsy")
        try await server.stop()
    }

    @Test func everyRequestIsCountedOnceByStageAndByInterval() async throws {
        let server = try await StubServer { number, _ in
            switch number % 4 {
            case 0: .text("HTTP/1.1 429 Busy\r\nContent-Length: 0\r\n\r\n")
            case 1: .text("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
            case 2: .late(StubServer.ok, milliseconds: 30)
            default: .text(StubServer.ok)
            }
        }
        var settings = try settings(server)
        settings.concurrency = 8
        settings.pace = .stages([
            LoadStage(rate: 200, duration: 200 * millisecond), LoadStage(rate: 400, duration: 200 * millisecond),
        ])
        settings.duration = 400 * millisecond
        settings.deadline = 25 * millisecond
        settings.interval = 100 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.stages.map { $0.good + $0.late + $0.refused + $0.failed + $0.lost } == [40, 80])
        #expect(report.timeline.map { $0.good + $0.late + $0.refused + $0.failed + $0.lost } == [20, 20, 40, 40])
        #expect(report.stages.map(\.refused).reduce(0, +) == 30)
        #expect(report.stages.map(\.failed).reduce(0, +) == 30)
        #expect(report.stages.map(\.late).reduce(0, +) >= 30)
        #expect(try #require(report.stages[0].accepted(100)) >= 29_000)
        #expect(try #require(report.stages[0].refusals(50)) < 29_000)
        #expect(report.json.contains(#""timeline": {"interval_ms": 100, "good": ["#))
        try await server.stop()
    }

    @Test func clientsLosePatienceWithWhatIsSentAndWithWhatIsNot() async throws {
        let server = try await StubServer { number, _ in number == 3 ? .silence : .text(StubServer.ok) }
        var settings = try settings(server)
        settings.duration = 1000 * millisecond
        settings.patience = 250 * millisecond
        let report = try await LoadRun(settings).report()
        let failures = Dictionary(uniqueKeysWithValues: report.failures.map { ($0.reason, $0.count) })
        #expect(failures["no answer in time"] == 1)
        #expect(try #require(failures["given up before it could be sent"]) >= 1)
        #expect(report.answered + report.failed == 200)
        #expect(report.unsent == 0)
        try await server.stop()
    }

    @Test func aConnectionThatClosesBeforeItsAnswerIsAFailureAndIsReplaced() async throws {
        let server = try await StubServer { number, _ in number == 5 ? .close : .text(StubServer.ok) }
        let report = try await LoadRun(try settings(server)).report()
        #expect(report.failures.map { "\($0.count) \($0.reason)" } == ["1 connection closed before the answer"])
        #expect(report.answered == 59)
        #expect(report.reconnections == 1)
        try await server.stop()
    }

    @Test func aServerThatClosesAfterEachAnswerCostsReconnectionsButNoFailure() async throws {
        let server = try await StubServer { number, _ in
            number % 2 == 0
                ? .last("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
                : .last("HTTP/1.1 200 OK\r\n\r\nok")
        }
        let report = try await LoadRun(try settings(server)).report()
        #expect(report.failed == 0)
        #expect(report.answered == 60)
        #expect(report.reconnections >= 59)
        try await server.stop()
    }

    @Test func anAnswerThatNeverComesIsATimeout() async throws {
        let server = try await StubServer { number, _ in number == 3 ? .silence : .text(StubServer.ok) }
        var settings = try settings(server)
        settings.timeout = 200 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.failures.map(\.reason) == ["no answer in time"])
        #expect(report.failed == 1)
        #expect(report.answered + report.unsent == 59)
        try await server.stop()
    }

    @Test func whatIsNotHTTPIsSaidToBeNone() async throws {
        let server = try await StubServer { _, _ in .text("SSH-2.0-OpenSSH\r\n") }
        let report = try await LoadRun(try settings(server)).report()
        #expect(report.answered == 0)
        #expect(report.failures.map(\.reason) == ["answer that is not HTTP/1.1"])
        #expect(report.text.contains("No answer was measured."))
        try await server.stop()
    }

    @Test func requestsThatAServerNeverGetsRoundToAreReportedAsUnsent() async throws {
        let server = try await StubServer { _, _ in .late(StubServer.ok, milliseconds: 50) }
        var settings = try settings(server)
        settings.pace = .perSecond(1000)
        settings.timeout = 200 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.failed == 0)
        #expect(report.unsent > 250)
        #expect(report.sent + report.unsent == 300)
        #expect(!report.isClean)
        #expect(report.text.contains("lower --rate"))
        // All the time that the answers took counts, also that after the end.
        #expect(report.throughput < 22)
        try await server.stop()
    }

    @Test func theWarmUpIsSentButNotMeasured() async throws {
        let server = try await StubServer { number, _ in
            number < 10 ? .late(StubServer.ok, milliseconds: 20) : .text(StubServer.ok)
        }
        var settings = try settings(server)
        settings.pace = .perSecond(50)
        settings.warmup = 200 * millisecond
        settings.duration = 200 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.sent == 10 && report.answered == 10 && report.service.count == 10)
        #expect(report.warmUp.sent == 10 && report.warmUp.answered == 10 && report.warmUp.failed == 0)
        #expect(report.isClean && report.text.contains("\n10 answered, 0 failed; "))
        #expect(share(of: report.service, above: 19 * millisecond) < 20)
        try await server.stop()
    }

    @Test func failuresOfTheWarmUpAreCountedApart() async throws {
        let server = try await StubServer { number, _ in
            switch number {
            case 3: .text("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            case 4: .close
            default: .text(StubServer.ok)
            }
        }
        var settings = try settings(server)
        settings.pace = .perSecond(50)
        settings.warmup = 200 * millisecond
        settings.duration = 200 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.answered == 10 && report.failed == 0 && report.failures.isEmpty)
        #expect(report.warmUp.sent == 10 && report.warmUp.failed == 2)
        #expect(!report.isClean)
        #expect(report.text.contains("Of the 10 requests of the warm-up 2 failed."))
        #expect(report.json.contains("\"warmup\": {\"sent\": 10, \"answered\": 8, \"failed\": 2}"))
        try await server.stop()
    }

    @Test func bodiesArriveWholeAndInTurn() async throws {
        let seen = Mutex<[String]>([])
        let server = try await StubServer { _, request in
            seen.withLock { $0.append(String(request.suffix(7))) }
            return .text(StubServer.ok)
        }
        var settings = try settings(server, bodies: ["{\"a\":1}", "{\"b\":2}"].map { Array($0.utf8) })
        settings.duration = 50 * millisecond
        let report = try await LoadRun(settings).report()
        #expect(report.method == "POST")
        #expect(seen.withLock { $0 } == (0..<10).map { $0 % 2 == 0 ? "{\"a\":1}" : "{\"b\":2}" })
        try await server.stop()
    }

    @Test func aServerThatIsNotThereIsSaidToBeMissing() async throws {
        let server = try await StubServer { _, _ in .silence }
        let settings = try settings(server)
        try await server.stop()
        let error = await #expect(throws: LoadError.self) { try await LoadRun(settings).report() }
        #expect(
            error == .unreachable("cannot connect to 127.0.0.1:\(server.port): connection refused; is the server running there?"))
    }

    @Test func aTestCanBeStoppedEarlyAndReportsWhatItMeasured() async throws {
        let server = try await StubServer { _, _ in .text(StubServer.ok) }
        var settings = try settings(server)
        settings.duration = 60_000 * millisecond
        var watch = LoadWatch()
        let latest = Mutex<LoadProgress?>(nil)
        watch.progress = { progress in latest.withLock { $0 = progress } }
        watch.shouldStop = { latest.withLock { ($0?.answered ?? 0) >= 20 } }
        let report = try await LoadRun(settings, watch: watch).report()
        #expect(report.ending == .stopped)
        #expect(report.answered >= 20)
        #expect(report.isClean)
        #expect(report.duration < 30_000 * millisecond)
        #expect(latest.withLock { $0 }?.total == 60_000 * millisecond)
        try await server.stop()
    }

    @Test(arguments: [0.0, -1, .nan, .infinity, 1e9]) func ratesThatMakeNoSenseAreRefused(rate: Double) async throws {
        let target = try LoadTarget("http://127.0.0.1:1/")
        var settings = LoadSettings(target: target, requests: try LoadRequests(to: target))
        settings.pace = .perSecond(rate)
        #expect(throws: LoadError.self) { try settings.validate() }
    }
}
