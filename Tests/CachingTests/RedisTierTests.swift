internal import Caching
internal import Foundation
internal import Scoring
internal import Synchronization
internal import Testing

/// Against a real redis-server.
@Suite(.serialized) struct RedisTierTests {
    @Test func scoresAreStoredFoundAndMissed() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)/3", timeout: .seconds(2))
        #expect(await fixture.works(1))
        for number in 2...300 { fixture.store(number) }
        #expect(await eventually { await fixture.look([300]) == [300] })
        // More rows than one command takes, with gaps.
        let numbers = (0..<600).map { $0 % 2 == 0 ? $0 / 2 + 1 : -$0 }
        let found = try #require(await fixture.look(numbers))
        #expect(found == numbers.map { $0 > 0 ? Double($0) : nil })
        #expect(await fixture.look([]) == [])
        #expect(try server.command("DBSIZE") == ":0\r\n", "they are in database 3")
        // Another process with the same model finds them, another content does not.
        let other = try TierFixture("redis://127.0.0.1:\(server.port)/3", timeout: .seconds(2))
        #expect(await eventually { await other.look([7]) == [7] })
        let changed = try TierFixture(
            "redis://127.0.0.1:\(server.port)/3", scope: makeScope(content: [9]), timeout: .seconds(2))
        #expect(await eventually { changed.tier.isAvailable })
        #expect(await changed.look([7]) == [nil])
    }

    @Test func scoresEndWithTheirTime() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture(
            "redis://127.0.0.1:\(server.port)", scope: makeScope(life: .milliseconds(300)),
            timeout: .seconds(2))
        #expect(await fixture.works(1))
        #expect(await eventually { await fixture.look([1]) == [nil] })
    }

    @Test func aPurgeReachesEveryProcessAtOnceAndOneModelOnly() async throws {
        let server = try RedisServer()
        let url = "redis://127.0.0.1:\(server.port)"
        let purged = Mutex<[String]>([])
        let first = try TierFixture(url, timeout: .seconds(2))
        let second = try TierFixture(
            url, timeout: .seconds(2), onPurge: { name in purged.withLock { $0.append(name.text) } })
        let other = try TierFixture(url, scope: makeScope("other"), timeout: .seconds(2))
        #expect(await first.works(1))
        #expect(await other.works(1))
        #expect(await eventually { await second.look([1]) == [1] })
        let isDone = await withCheckedContinuation { continuation in
            first.tier.purge(first.scope.model) { continuation.resume(returning: $0) }
        }
        #expect(isDone)
        #expect(await first.look([1]) == [nil])
        #expect(await second.look([1]) == [nil])
        #expect(await other.look([1]) == [1])
        #expect(purged.withLock { $0 } == ["fraud"])
        #expect(await second.works(2))
        #expect(await first.look([1, 2]) == [nil, 2])
    }

    @Test func aLostGenerationFindsNothingOld() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)", timeout: .seconds(2))
        #expect(await fixture.works(1))
        for change in [["DEL"], ["SET", "not a generation"]] {
            if change.count == 1 {
                try server.command("DEL", "verdict:generation:fraud")
            } else {
                try server.command("SET", "verdict:generation:fraud", change[1])
            }
            #expect(await fixture.look([1]) == [nil])
            #expect(await fixture.works(2))
            #expect(await fixture.look([1]) == [nil])
            #expect(await fixture.works(1))
        }
    }

    @Test func passwordsAndUsersAreSent() async throws {
        let server = try RedisServer(["--requirepass", "s:e@c"])
        let fixture = try TierFixture(
            "redis://:s%3Ae%40c@127.0.0.1:\(server.port)", timeout: .seconds(2))
        #expect(await fixture.works(1))
        let lists = try RedisServer([
            "--user", "verdict", "on", ">secret", "~verdict:*", "+@all", "--user", "default", "off",
        ])
        let named = try TierFixture(
            "redis://verdict:secret@127.0.0.1:\(lists.port)", timeout: .seconds(2))
        #expect(await named.works(1))
    }

    @Test func aWrongPasswordCostsHitsOnlyAndIsTriedAgain() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://:right@127.0.0.1:\(server.port)")
        // The server has no password yet: AUTH is refused.
        #expect(await fixture.lookBounded([1]) == nil)
        try server.command("CONFIG", "SET", "requirepass", "right")
        #expect(await fixture.works(1))
    }

    @Test func tlsIsSpokenAndAStrangersCertificateRefused() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "verdict-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["own", "strange"] {
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            openssl.arguments =
                [
                    "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=\(name)",
                ]
                + ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
                + ["-keyout", "\(folder.path)/\(name).key", "-out", "\(folder.path)/\(name).pem"]
            openssl.standardError = FileHandle.nullDevice
            try openssl.run()
            openssl.waitUntilExit()
            try #require(openssl.terminationStatus == 0)
        }
        let server = try RedisServer(tls: ("\(folder.path)/own.pem", "\(folder.path)/own.key"))
        for host in ["127.0.0.1", "localhost"] {
            let fixture = try TierFixture(
                "rediss://\(host):\(server.port)", certificates: "\(folder.path)/own.pem",
                timeout: .seconds(2))
            #expect(await fixture.works(1))
        }
        let stranger = try TierFixture(
            "rediss://127.0.0.1:\(server.port)", certificates: "\(folder.path)/strange.pem")
        let plain = try TierFixture("redis://127.0.0.1:\(server.port)")
        for _ in 0..<50 {
            #expect(await stranger.lookBounded([1]) == nil)
            #expect(await plain.lookBounded([1]) == nil)
        }
        #expect(throws: RedisURLError.self) {
            try TierFixture("rediss://127.0.0.1:1", certificates: "\(folder.path)/absent.pem")
        }
    }
}
