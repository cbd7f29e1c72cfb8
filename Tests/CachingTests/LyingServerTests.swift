internal import Caching
internal import NIOCore
internal import NIOPosix
internal import Scoring
internal import Synchronization
internal import Testing

/// A server that speaks Redis' protocol as a test wants it to: it keeps what is stored, and lies in its replies to MGET.
private final class LyingServer: Sendable {
    /// What to send instead of the honest reply; nil for nothing. Gets the values asked for.
    typealias Lie = @Sendable (_ honest: [UInt8], _ number: Int) -> [UInt8]?

    private struct State {
        var values: [String: [UInt8]] = [:]
        var lie: Lie?
        var asked = 0
    }

    private let state = Mutex(State())
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let port: Int
    private let channel: any Channel

    init() async throws {
        let box = NIOLockedState()
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Commands { box.server?.reply(to: $0) ?? [] })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        box.server = self
    }

    deinit {
        channel.close(promise: nil)
        group.shutdownGracefully { _ in }
    }

    func lie(_ lie: Lie?) {
        state.withLock {
            $0.lie = lie
            $0.asked = 0
        }
    }

    var asked: Int { state.withLock { $0.asked } }

    private func reply(to words: [[UInt8]]) -> [UInt8]? {
        let texts = words.map { String(decoding: $0, as: UTF8.self) }
        return state.withLock { state in
            switch texts[0] {
            case "SET":
                state.values[texts[1]] = words[2]
                return Array("+OK\r\n".utf8)
            case "MGET":
                var honest = Array("*\(texts.count - 1)\r\n".utf8)
                for text in texts.dropFirst() {
                    if let value = state.values[text] {
                        honest += Array("$\(value.count)\r\n".utf8) + value + [13, 10]
                    } else {
                        honest += Array("$-1\r\n".utf8)
                    }
                }
                state.asked += 1
                guard let lie = state.lie else { return honest }
                return lie(honest, state.asked)
            default: return Array("+PONG\r\n".utf8)
            }
        }
    }

    /// The server, known to its channels once it is made.
    private final class NIOLockedState: Sendable {
        private let held = Mutex<Weak>(Weak())

        private struct Weak: Sendable {
            weak var server: LyingServer?
        }

        var server: LyingServer? {
            get { held.withLock { $0.server } }
            set { held.withLock { $0.server = newValue } }
        }
    }

    /// Takes commands off a channel.
    private final class Commands: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let reply: ([[UInt8]]) -> [UInt8]?
        private var buffer = ByteBuffer()

        init(_ reply: @escaping ([[UInt8]]) -> [UInt8]?) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            buffer.writeBuffer(&bytes)
            while let words = next() {
                guard let reply = reply(words) else { continue }
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: reply)), promise: nil)
            }
        }

        private func next() -> [[UInt8]]? {
            var rest = buffer
            guard let count = number("*", &rest) else { return nil }
            var words: [[UInt8]] = []
            for _ in 0..<count {
                guard let size = number("$", &rest), let word = rest.readBytes(length: size),
                    rest.readBytes(length: 2) != nil
                else { return nil }
                words.append(word)
            }
            buffer = rest
            return words
        }

        private func number(_ kind: String, _ rest: inout ByteBuffer) -> Int? {
            guard let end = rest.readableBytesView.firstIndex(of: 10),
                let line = rest.readString(length: end - rest.readerIndex + 1)
            else { return nil }
            return line.hasPrefix(kind) ? Int(line.dropFirst().dropLast()) : nil
        }
    }
}

@Suite(.serialized) struct LyingServerTests {
    private static let lies: [(String, @Sendable ([UInt8], Int) -> [UInt8]?)] = [
        (
            "nonsense", { _, number in (0..<64).map { UInt8(truncatingIfNeeded: $0 * 37 + number * 11) } }
        ),
        ("an answer of HTTP", { _, _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) }),
        ("a huge string", { _, _ in Array("*2\r\n$2000000000\r\n".utf8) }),
        ("a huge array", { _, _ in Array("*2147483647\r\n".utf8) }),
        ("arrays in arrays", { _, _ in Array("*2\r\n*2\r\n*2\r\n".utf8) }),
        ("half a reply", { honest, _ in Array(honest.prefix(honest.count / 2)) }),
        ("no reply", { _, _ in nil }),
        ("two replies", { honest, _ in honest + honest }),
        ("too few values", { _, _ in Array("*1\r\n$-1\r\n".utf8) }),
        ("too many values", { _, _ in Array("*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n".utf8) }),
        ("a status", { _, _ in Array("+OK\r\n".utf8) }),
        ("a number", { _, _ in Array(":1\r\n".utf8) }),
        ("an error", { _, _ in Array("-LOADING wait\r\n".utf8) }),
        (
            "a damaged value",
            { honest, number in
                var damaged = honest
                // Within the row's cells.
                damaged[damaged.count - 5 - number % 8] ^= 1
                return damaged
            }
        ),
    ]

    @Test(arguments: lies.indices)
    func aLieCostsAHitAndNothingElse(index: Int) async throws {
        let (name, lie) = Self.lies[index]
        let server = try await LyingServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1), "\(name)")
        server.lie(lie)
        let hasLied = await eventually {
            let found = await fixture.lookBounded([1])
            // Two replies to one question: the first one may still be taken.
            #expect(found == nil || found == [nil] || name == "two replies", "\(name)")
            return server.asked >= 3
        }
        #expect(hasLied, "\(name)")
        server.lie(nil)
        #expect(await fixture.works(2), "\(name)")
        #expect(await eventually { await fixture.look([1]) == [1] }, "\(name)")
    }

    /// Replies of two requests that are under way together come in each other's place: nobody gets the other's score.
    @Test func swappedRepliesAreNobodysScore() async throws {
        let server = try await LyingServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        for number in 1...4 { #expect(await fixture.works(number)) }
        let held = Mutex<[UInt8]?>(nil)
        server.lie { honest, _ in
            held.withLock { first in
                guard let earlier = first else {
                    first = honest
                    return nil
                }
                first = nil
                return honest + earlier
            }
        }
        for _ in 0..<20 {
            async let one = fixture.lookBounded([1])
            async let two = fixture.lookBounded([2])
            let (first, second) = await (one, two)
            #expect(first != [2] && second != [1])
        }
        let isNoticed = await eventually {
            async let one = fixture.lookBounded([3])
            async let two = fixture.lookBounded([4])
            _ = await (one, two)
            return fixture.tier.statistics.wrongValues > 0
        }
        #expect(isNoticed)
        #expect(fixture.tier.statistics.violations > 0)
        server.lie(nil)
        #expect(await fixture.works(5))
    }
}
