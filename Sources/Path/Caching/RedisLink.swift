internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Scoring
internal import Synchronization

/// The connection of a `RedisTier`: makes it, logs in, sends, matches replies to commands by their order, and drops it
/// at the first reply that cannot be. What to do when is decided by `RedisBreaker`, `ReconnectBackoff`, `PendingReplies` and
/// `RESPParser`; here it is done.
///
/// `@unchecked Sendable` is safe: everything but `gate` is touched on the event loop only, which each entry checks.
final class RedisLink: @unchecked Sendable {
    enum Command {
        /// A step of logging in, with the status it has to be answered by.
        case greeting(expected: StaticString, isLast: Bool)
        case probe(number: UInt64)
        case fetch(RedisLookup, positions: Range<Int>)
        case store
        /// Sets a generation where there was none.
        case generation(ModelName, UInt64)
        case purge(ModelName, UInt64, RedisPurge)
    }

    enum State {
        case idle
        /// Not yet logged in; the number tells attempts apart.
        case connecting(attempt: Int, (any Channel)?)
        case ready(attempt: Int, any Channel)
        case stopped
    }

    /// Unanswered for so long, with a probe unanswered too, the connection counts as lost.
    static let maxSilence: UInt64 = 1_000_000_000
    /// Most bytes that wait to be written.
    static let maxOutgoing = 1 << 20

    let gate = RedisGate()
    let settings: RedisSettings
    let eventLoop: any EventLoop
    private let tls: NIOSSLContext?
    private let logger: Logger
    let onPurge: @Sendable (ModelName) -> Void

    private(set) var state = State.idle
    private var attempts = 0
    /// When the newest attempt has become a connection, or failed.
    private var attemptEnd: EventLoopFuture<Void>?
    private var backoff = ReconnectBackoff()
    var breaker = RedisBreaker()
    var line = PendingReplies<Command>()
    private var parser = RESPParser()
    private var incoming = ByteBuffer()
    private var outgoing = ByteBuffer()
    private var isFlushDue = false
    private var isOutage = false
    var probes: UInt64 = 0
    /// The generation of each model that was last seen.
    var generations: [ModelName: UInt64] = [:]
    /// Models whose generation is not in Redis, or on its way there.
    var unset: Set<ModelName> = []
    /// Until when nothing is stored, because Redis has refused it.
    var storesAgain = Moment(nanoseconds: 0)

    init(
        settings: RedisSettings, tls: NIOSSLContext?, eventLoop: any EventLoop, logger: Logger,
        onPurge: @escaping @Sendable (ModelName) -> Void
    ) {
        self.settings = settings
        self.tls = tls
        self.eventLoop = eventLoop
        self.logger = logger
        self.onPurge = onPurge
    }

    // MARK: Connecting

    func start() {
        eventLoop.preconditionInEventLoop()
        guard case .idle = state else { return }
        connect()
    }

    /// The result comes when nothing of the connection is left, nor of an attempt to make one.
    func stop() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        let open = channel
        // First, so that the end of the connection is not taken for an outage.
        state = .stopped
        let closed = open?.close().recover { _ in } ?? eventLoop.makeSucceededVoidFuture()
        endEverything()
        return closed.and(attemptEnd ?? eventLoop.makeSucceededVoidFuture()).map { _ in }
    }

    private var channel: (any Channel)? {
        switch state {
        case .idle, .stopped: nil
        case .connecting(_, let channel): channel
        case .ready(_, let channel): channel
        }
    }

    private func connect() {
        attempts += 1
        let attempt = attempts
        state = .connecting(attempt: attempt, nil)
        parser = RESPParser()
        incoming.clear()
        outgoing.clear()
        let patience = TimeAmount.nanoseconds(Int64(clamping: settings.connectTimeout.nanoseconds))
        eventLoop.scheduleTask(in: patience) { [weak self] in
            guard let self, case .connecting(attempt, _) = self.state else { return }
            self.lose(attempt, "no answer within \(self.settings.connectTimeout); is it Redis, and may this machine reach it?")
        }
        let connecting = ClientBootstrap(group: eventLoop)
            .connectTimeout(patience)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, attempt) }
            }
            .connect(host: settings.host, port: settings.port)
        attemptEnd = connecting.flatMap { [self] channel in
            // The attempt may have been given up meanwhile.
            guard case .connecting(attempt, _) = state else { return channel.close() }
            greet(channel, attempt)
            return eventLoop.makeSucceededVoidFuture()
        }.recover { [self] error in lose(attempt, ConnectionFault.reason(error)) }
    }

    private func prepare(_ channel: any Channel, _ attempt: Int) throws {
        if let tls {
            // A certificate for an address is compared with the socket's own; there is no name to send then.
            let isAddress = (try? SocketAddress(ipAddress: settings.host, port: 0)) != nil
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : settings.host))
        }
        try channel.pipeline.syncOperations.addHandler(RedisReplies(link: self, attempt: attempt))
    }

    private func greet(_ channel: any Channel, _ attempt: Int) {
        state = .connecting(attempt: attempt, channel)
        let steps = RedisCommand.handshake(settings, to: &outgoing)
        for step in 1...steps {
            line.append(.greeting(expected: step == steps ? "PONG" : "OK", isLast: step == steps), sent: .now)
        }
        flush()
    }

    /// Logged in.
    func becomeReady() {
        guard case .connecting(let attempt, .some(let channel)) = state else { return }
        state = .ready(attempt: attempt, channel)
        backoff.reset()
        breaker.reset()
        generations = [:]
        unset = []
        storesAgain = Moment(nanoseconds: 0)
        gate.statistics.withLock { $0.connections += 1 }
        logger.info("redis is connected", metadata: ["host": "\(settings.host)", "port": .stringConvertible(settings.port)])
        isOutage = false
        gate.isAvailable.store(true, ordering: .releasing)
    }

    /// Ends the connection or the attempt to make it, and makes another one later.
    func lose(_ attempt: Int, _ reason: String) {
        eventLoop.preconditionInEventLoop()
        switch state {
        case .connecting(attempt, _), .ready(attempt, _): break
        default: return
        }
        let channel = self.channel
        let pause = backoff.next(chance: .random(in: 0...1))
        state = .connecting(attempt: -1, nil)
        endEverything()
        channel?.close(promise: nil)
        if !isOutage {
            isOutage = true
            logger.warning(
                "redis is away; rows that are not in memory are scored until it is back",
                metadata: ["host": "\(settings.host)", "port": .stringConvertible(settings.port), "reason": "\(reason)"])
        }
        eventLoop.scheduleTask(in: .nanoseconds(Int64(pause))) { [weak self] in
            guard let self, case .connecting(-1, _) = self.state else { return }
            self.connect()
        }
    }

    private func endEverything() {
        gate.isAvailable.store(false, ordering: .releasing)
        let commands = line.removeAll()
        for command in commands { forget(command) }
    }

    // MARK: Sending and receiving

    /// The buffer for a command that is sent now, or nil if nothing can be sent.
    func send(_ command: Command, _ write: (inout ByteBuffer) -> Void) -> Bool {
        guard case .ready(_, let channel) = state, channel.isWritable, outgoing.readableBytes < Self.maxOutgoing else {
            return false
        }
        write(&outgoing)
        line.append(command, sent: .now)
        if !isFlushDue {
            // What else is asked in this turn of the loop leaves with it.
            isFlushDue = true
            eventLoop.execute { [self] in
                isFlushDue = false
                flush()
            }
        }
        return true
    }

    private func flush() {
        guard let channel, outgoing.readableBytes > 0 else { return }
        channel.writeAndFlush(outgoing, promise: nil)
        outgoing = ByteBuffer()
    }

    func receive(_ bytes: inout ByteBuffer, _ attempt: Int) {
        switch state {
        case .connecting(attempt, _), .ready(attempt, _): break
        default: return
        }
        incoming.writeBuffer(&bytes)
        do throws(RESPViolation) {
            while let reply = try parser.next(&incoming) {
                guard let command = line.answer() else { throw RESPViolation(reason: "a reply to nothing") }
                try answer(command, reply)
                // The answer may have ended the connection.
                switch state {
                case .connecting(attempt, _), .ready(attempt, _): continue
                default: return
                }
            }
        } catch {
            gate.statistics.withLock { $0.violations += 1 }
            lose(attempt, "it sent \(error.reason)")
            return
        }
        // Keeps the buffer from growing with what was read.
        if incoming.readableBytes == 0 { incoming.clear() } else { incoming.discardReadBytes() }
    }

    /// The current attempt, to end the connection by.
    var attempt: Int {
        switch state {
        case .connecting(let attempt, _), .ready(let attempt, _): attempt
        case .idle, .stopped: -1
        }
    }
}

/// Hands a channel's bytes and end to the link.
private final class RedisReplies: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let link: RedisLink
    private let attempt: Int

    init(link: RedisLink, attempt: Int) {
        self.link = link
        self.attempt = attempt
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        link.receive(&bytes, attempt)
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.lose(attempt, "it closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.lose(attempt, ConnectionFault.reason(error))
        context.close(promise: nil)
    }
}
