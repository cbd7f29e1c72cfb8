internal import Glibc
internal import Logging
internal import NIOCore

/// Stops accepting for a moment where the system has no file or memory for another connection. Connections wait in the
/// kernel's queue meanwhile; those that are open are served.
///
/// NIO by itself tries again at once, for ever, as long as a connection waits: its own pause only follows upon a
/// pass that accepted something before it failed. First handler of the listening channel, used on its event loop.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// Between two attempts.
    static let pause = TimeAmount.milliseconds(100)
    /// Between two lines in the log.
    private static let silence = TimeAmount.minutes(1)

    private let logger: Logger
    private var resumption: Scheduled<Void>?
    private var nextLine = NIODeadline.uptimeNanoseconds(0)

    init(logger: Logger) { self.logger = logger }

    func handlerRemoved(context: ChannelHandlerContext) { resumption?.cancel() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode),
            let options = context.channel.syncOptions
        else { return context.fireErrorCaught(error) }
        if nextLine <= .now() {
            nextLine = .now() + Self.silence
            logger.warning("no connection can be accepted now; those that are open are served", metadata: ["reason": "\(error)"])
        }
        guard resumption == nil else { return }
        do {
            try options.setOption(.autoRead, value: false)
        } catch {
            // The channel is closed: there is nothing left to accept.
            return
        }
        resumption = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
            resumption = nil
            try? options.setOption(.autoRead, value: true)
        }
    }
}
