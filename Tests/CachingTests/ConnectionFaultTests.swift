internal import Caching
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Testing

/// Why Redis is away, in words.
@Suite struct ConnectionFaultTests {
    @Test(arguments: [
        (ECONNREFUSED, "connection refused: nothing listens on that port"), (ECONNRESET, "cut off from the other side"),
        (EPIPE, "cut off from the other side"), (EHOSTUNREACH, "no route to the host"), (ETIMEDOUT, "no answer in time"),
        (EMFILE, "raise the limit on open files"),
    ])
    func theSystemsErrorsAreExplained(code: Int32, sentence: String) {
        let reason = ConnectionFault.reason(IOError(errnoCode: code, reason: "read(descriptor:pointer:size:)"))
        #expect(reason.contains(sentence) && !reason.contains("(descriptor"))
    }

    @Test func whatConnectingThrowsIsExplained() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let refused = await #expect(throws: (any Error).self) {
            // Port 1 of the loopback is nobody's.
            _ = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: 1).get()
        }
        #expect(refused.map(ConnectionFault.reason) == "connection refused: nothing listens on that port")
        let unknown = await #expect(throws: (any Error).self) {
            _ = try await ClientBootstrap(group: group).connect(host: "no-such-host.invalid", port: 1).get()
        }
        #expect(unknown.map(ConnectionFault.reason) == "the host name is unknown; check redis.url")
        #expect(ConnectionFault.reason(ChannelError.connectTimeout(.seconds(1))).hasPrefix("no answer in time"))
    }
}
