import NIOCore
import NIOPosix

/// A server that answers each request as a script says: the stand-in for what is measured. Counts what
/// arrives. Requests are told apart by the blank line after their head; a body, if any, must be `body`.
final class StubServer: Sendable {
    enum Answer: Sendable {
        case text(String)
        /// The text, so many milliseconds later: a server that stalls.
        case late(String, milliseconds: Int64)
        case close
        /// The text, then the end of the connection.
        case last(String)
        case silence
    }

    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    let port: Int

    /// - Parameter answer: called with the number of the request, from 0, in the order of arrival, and with its bytes.
    init(_ answer: @escaping @Sendable (Int, String) -> Answer) async throws {
        let counter = Counter()
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StubHandler(counter: counter, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async throws {
        try await channel.close()
        try await group.shutdownGracefully()
    }
}

/// Used on the server's one event loop only.
private final class Counter: @unchecked Sendable {
    var requests = 0
}

private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let counter: Counter
    private let answer: @Sendable (Int, String) -> StubServer.Answer
    private var received = ""

    init(counter: Counter, answer: @escaping @Sendable (Int, String) -> StubServer.Answer) {
        self.counter = counter
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        // The client sends its next request only after the answer, so a head's end is a request's end (the
        // bodies of these tests arrive with their heads).
        guard received.contains("\r\n\r\n") else { return }
        let request = received
        received = ""
        counter.requests += 1
        switch answer(counter.requests - 1, request) {
        case .text(let text): write(text, context)
        case .late(let text, let milliseconds):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { bound.value.0.write(text, bound.value.1) }
        case .close: context.close(promise: nil)
        case .last(let text):
            write(text, context)
            context.close(promise: nil)
        case .silence: break
        }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
