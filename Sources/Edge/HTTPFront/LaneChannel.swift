internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Hummingbird's HTTP/1 connection with the fast lane in front of it, between NIO's request decoder and
/// everything that Hummingbird adds.
struct LaneChannel: ServerChildChannel {
    let http: HTTP1Channel
    let states: LoopStates

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<AcceptedConnection> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let encoder = try pipeline.context(handlerType: HTTPResponseEncoder.self)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            // One buffer at a time: what a client pipelines waits in the kernel, not as requests that are decoded already.
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            // Where the system knows it, answers wait here instead of in the kernel, which would take megabytes of them.
            try? channel.syncOptions?.setOption(HeadLimits.unsentInKernel.option, value: HeadLimits.unsentInKernel.bytes)
            try channel.syncOptions?.setOption(.writeBufferWaterMark, value: HeadLimits.unsentHere)
            let lane = FastLane(state: states.state(on: channel.eventLoop), encoder: encoder)
            try pipeline.addHandler(lane, position: .after(decoder))
            try pipeline.addHandler(UpgradeHeaderFilter(lane: lane), position: .before(decoder))
            return AcceptedConnection(value)
        }
    }

    func handle(value: AcceptedConnection, logger: Logger) async {
        await http.handle(value: value.take(), logger: logger)
    }
}

/// A connection on its way from the listener to the task that handles it. One that arrives while the listener
/// closes is dropped on the way; it is then closed here, because NIO traps when a `NIOAsyncChannel` is let go of
/// that nobody has finished.
final class AcceptedConnection: ServerChildChannelValue {
    private let value: HTTP1Channel.Value
    private let isTaken = Atomic(false)

    init(_ value: HTTP1Channel.Value) { self.value = value }

    var channel: any Channel { value.channel }

    /// The connection for the one who handles it, and closes it in the end.
    func take() -> HTTP1Channel.Value {
        isTaken.store(true, ordering: .relaxed)
        return value
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        Task { [value] in try? await value.executeThenClose { _, _ in } }
    }
}
