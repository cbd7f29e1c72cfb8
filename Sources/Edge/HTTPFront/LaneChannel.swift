internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Hummingbird's HTTP/1 connection with the fast lane in front of it, between NIO's request decoder and
/// everything that Hummingbird adds.
struct LaneChannel: ServerChildChannel {
    let http: HTTP1Channel
    let states: LoopStates

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let encoder = try pipeline.context(handlerType: HTTPResponseEncoder.self)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let lane = FastLane(state: states.state(on: channel.eventLoop), encoder: encoder)
            try pipeline.addHandler(lane, position: .after(decoder))
            try pipeline.addHandler(UpgradeMask(lane: lane), position: .before(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}
