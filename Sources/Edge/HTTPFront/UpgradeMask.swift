internal import NIOCore

/// Hides a wish to change the protocol from NIO's parser, which would take no further request from the
/// connection after it. Java's own HTTP client wishes for HTTP/2 at the start of every connection, so without
/// this it would connect anew for every request. A server may pass over the wish (RFC 9110 section 7.8).
///
/// Looks at a connection's first bytes and then leaves the pipeline. A wish it misses, in a head that comes in
/// pieces or in a later request, costs the connection and nothing else.
final class UpgradeMask: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        Self.mask(&bytes)
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// Renames the first request's field `Upgrade`, if it has one: it keeps its length and loses its meaning.
    static func mask(_ bytes: inout ByteBuffer) {
        let name: StaticString = "upgrade:"
        let length = name.utf8CodeUnitCount
        let found: Int? = bytes.withUnsafeReadableBytes { bytes in
            var index = 0
            while index + 1 + length <= bytes.count {
                guard bytes[index] == UInt8(ascii: "\n") else {
                    index += 1
                    continue
                }
                index += 1
                // A blank line: the body is nobody's business.
                if bytes[index] == UInt8(ascii: "\r") || bytes[index] == UInt8(ascii: "\n") { return nil }
                if (0..<length).allSatisfy({ bytes[index + $0] | 0x20 == name.utf8Start[$0] | 0x20 }) { return index }
            }
            return nil
        }
        if let found { _ = bytes.setStaticString("X-Upgra:", at: bytes.readerIndex + found) }
    }
}
