internal import NIOCore

/// One connection of a load test: sends a request, reads its response to the end, tells its generator.
/// Lives on the generator's event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A request on its way, in nanoseconds since the load began.
    struct Request {
        let due: UInt64
        let sent: UInt64
    }

    let slot: Int
    /// The request that waits for its response.
    private(set) var pending: Request?
    private(set) var reader: ResponseReader
    private let generator: LoadGenerator
    private var context: ChannelHandlerContext?
    /// Why the connection is being closed, where that was decided here.
    private var loss: LoadTally.Loss?

    init(slot: Int, generator: LoadGenerator) {
        self.slot = slot
        self.generator = generator
        reader = ResponseReader(answersHaveNoBody: generator.settings.requests.answersHaveNoBody)
    }

    func send(_ message: ByteBuffer, _ request: Request) {
        pending = request
        context?.writeAndFlush(wrapOutboundOut(message), promise: nil)
    }

    /// Closes the connection; a pending request is lost for this reason.
    func close(_ loss: LoadTally.Loss?) {
        if self.loss == nil { self.loss = loss }
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        guard pending != nil else {
            // Nobody asked: a server's complaint before it closes an idle connection.
            return close(nil)
        }
        let result: Result<Bool, ResponseReader.Malformed> = buffer.withUnsafeReadableBytes { bytes in
            do throws(ResponseReader.Malformed) {
                return .success(try reader.read(bytes))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(true): finish()
        case .success(false): break
        case .failure: close(.malformed)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if pending != nil, loss == nil, reader.readEnd() { finish() }
        if let request = pending {
            pending = nil
            generator.lost(request, loss ?? .closed)
        }
        generator.closed(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close(.closed) }

    private func finish() {
        guard let request = pending else { return }
        pending = nil
        let keepsAlive = reader.keepsAlive
        generator.answered(request, reader)
        reader.reset()
        if keepsAlive { generator.becameFree(self) } else { close(nil) }
    }
}
