internal import Glibc
internal import HTTPFront
internal import ScoringTestKit
internal import Testing

/// Bytes that no client would send. Whatever comes, every connection gets HTTP or an end, and the server
/// goes on. `VERDICT_FUZZ_ROUNDS` asks for more rounds than the default.
@Suite struct FuzzTests {
    private static let samples: [String] = [
        Ask.predict(1) + Ask.get("/health") + Ask.predict(2),
        Ask.get("/v2/models/echo") + Ask.post("/v2/repository/index", "{\"ready\":true}"),
        "POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"fea\r\nd\r\ntures\":[42,1]}\r\n0\r\nTrailer: x\r\n\r\n",
        "POST /predict/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n{\"features\":[1,1]}",
        "POST /predict HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 18\r\n\r\n{\"features\":[1,1]}"
            + Ask.get("/metrics"),
        Ask.predict(3, fields: "Connection: Upgrade\r\nUpgrade: h2c\r\n") + Ask.predict(4),
        Ask.post("/v2/models/echo/infer", "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[5,0]}]}"),
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + Ask.predict(1),
    ]

    private static let words: [String] = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\0", ":", " ", "\t", "Content-Length: 5\r\n", "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Upgrade: x\r\n", "Host: b\r\n", "ffffffffffffffff\r\n",
        "0\r\n\r\n",
        "HTTP/1.1", "HTTP/2.0", "POST /predict HTTP/1.1\r\n", "\u{fffd}", "Expect: 100-continue\r\n", "%00", "?", "#", "http://",
    ]

    private static var rounds: Int { getenv("VERDICT_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 4_000 }

    @Test(arguments: [11, 22, 33, 44])
    func anyBytesGetHTTPOrAnEnd(_ seed: Int) async throws {
        var limits = HTTPLimits()
        limits.headerTimeout = .milliseconds(500)
        limits.bodyTimeout = .milliseconds(500)
        limits.idleTimeout = .milliseconds(500)
        try await TestServer.with(limits) { server in
            try await client {
                var random = SeededRandom(seed: UInt64(seed))
                for _ in 0..<(Self.rounds / 4) {
                    let bytes = Self.mutated(&random)
                    let connection = try server.connect()
                    let cut = Int(random.next() % UInt64(bytes.count + 1))
                    // The server may have closed already.
                    _ = try? connection.send(Array(bytes[..<cut]))
                    _ = try? connection.send(Array(bytes[cut...]))
                    connection.endSending()
                    let received = try connection.rest()
                    if !received.isEmpty && !received.hasPrefix("HTTP/1.1 ") {
                        Issue.record("not HTTP: \(received.prefix(100)) for \(bytes)")
                    }
                }
                let survivor = try server.connect()
                try survivor.send(Ask.predict(99))
                #expect(try survivor.answer().identity == 99)
            }
        }
    }

    private static func mutated(_ random: inout SeededRandom) -> [UInt8] {
        var bytes = Array(samples[random.below(samples.count)].utf8)
        for _ in 0...random.below(4) {
            let place = random.below(bytes.count + 1)
            switch random.below(6) {
            case 0 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
            case 2: bytes.insert(contentsOf: words[random.below(words.count)].utf8, at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(20)))
            case 4: bytes.insert(contentsOf: bytes[..<min(place, 200)], at: place)
            default: bytes = Array(bytes[..<place])
            }
            if bytes.isEmpty { bytes = [UInt8(truncatingIfNeeded: random.next())] }
        }
        return bytes
    }
}
