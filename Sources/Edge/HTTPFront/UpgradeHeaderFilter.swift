internal import NIOCore

/// Hides wishes to change the protocol from NIO's parser, which would take no further request from the
/// connection after one. Java's own HTTP client wishes for HTTP/2 with every request, so without this it would
/// connect anew for each. A server may pass over the wish (RFC 9110 section 7.8).
///
/// Looks at the first bytes of a connection and leaves the pipeline if they hold no wish. One that it misses,
/// in a head that comes in pieces or behind another, costs the connection and nothing else.
final class UpgradeHeaderFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Knows whether the next bytes belong to a head.
    private let lane: FastLane
    private var isFirst = true

    init(lane: FastLane) { self.lane = lane }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let hasWish = lane.plan.expectsHead && Self.mask(&bytes)
        context.fireChannelRead(wrapInboundOut(bytes))
        if isFirst && !hasWish { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
        isFirst = false
    }

    /// Renames the field `Upgrade` of the head that the bytes begin with, or begin within, and returns true, if
    /// there is one: the field keeps its length and loses its meaning.
    private static func mask(_ bytes: inout ByteBuffer) -> Bool {
        let name: StaticString = "upgrade:"
        let length = name.utf8CodeUnitCount
        let found: Int? = unsafe bytes.withUnsafeReadableBytes { bytes in
            var index = 0
            while index + 1 + length <= bytes.count {
                guard unsafe bytes[index] == UInt8(ascii: "\n") else {
                    index += 1
                    continue
                }
                index += 1
                // A blank line: the body is nobody's business.
                if unsafe bytes[index] == UInt8(ascii: "\r") || bytes[index] == UInt8(ascii: "\n") { return nil }
                if (0..<length).allSatisfy({ unsafe bytes[index + $0] | 0x20 == name.utf8Start[$0] | 0x20 }) { return index }
            }
            return nil
        }
        guard let found else { return false }
        _ = bytes.setStaticString("X-Upgra:", at: bytes.readerIndex + found)
        return true
    }
}
