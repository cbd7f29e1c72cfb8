internal import NIOCore
internal import NIOHTTP1
internal import Scoring
internal import TextFormats
internal import WireFormat

/// Answers predict requests on the event loop and passes all others on to the router, one at a time and in
/// order; owns everything that goes wrong between a client and the router: framing, limits, timeouts,
/// backpressure, shutdown. What happens next is decided by `ConnectionPlan`; this handler carries it out.
///
/// One a connection, used on its event loop only. It sits between NIO's decoder and the handlers of
/// Hummingbird, which see whole requests, none of the timeouts, and no end of the input.
final class FastLane: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Answers are sent once so much has gathered, or when the client's requests so far are dealt with.
    private static let sendAt = 64 << 10
    /// What a connection keeps of the memory of `output`, and the loop of that of its sink, for the next answers.
    private static let keptOutput = 4 << 10
    private static let keptSink = 256 << 10

    let state: LoopState
    /// Where finished bytes are written, past the encoder.
    private let encoder: ChannelHandlerContext
    private(set) var context: ChannelHandlerContext?
    var plan: ConnectionPlan
    var timeouts = ConnectionTimeouts()
    /// Answers that are not sent yet.
    var output = ByteBuffer()
    private var routes = RouteMemory()
    /// Whether the client takes what is sent to it; while it does not, nothing is answered or read.
    private(set) var isWritable = true
    private var isBusy = false
    private var isReadHeld = false
    private(set) var hasInputEnded = false
    /// Whether the last answer is out and the sending side closed.
    private(set) var hasSaidFarewell = false
    /// Whether anything was decoded since the last `channelReadComplete`.
    private var hasDecoded = false
    private var answersThisTurn = 0
    var pieceBytesThisTurn = 0
    private var isTurnScheduled = false
    /// The request that is with the router, and its answer as far as it is out.
    private var routed: Routed?
    /// The prediction whose scores come later.
    private var pending: PendingAnswer?
    /// The answer that is on its way in pieces.
    var long: LongAnswer?
    /// What `state.unread` knows of the connection, and whether its client has read something since.
    private var heldBytes = 0
    private var hasProgressed = false
    /// What `state.unfinished` knows of the connection.
    private var unfinishedBytes = 0
    private var remoteAddress: String?

    private struct Routed {
        let classification: RequestClassification
        let start: Moment
        var status = 0
        var bytes = 0
    }

    init(state: LoopState, encoder: ChannelHandlerContext) {
        self.state = state
        self.encoder = encoder
        plan = ConnectionPlan(maxBodyBytes: state.limits.maxBodyBytes, maxPipelined: state.limits.maxPipelined)
    }

    // MARK: The connection's life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        state.opened(self)
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timeouts.end()
        letGo(context)
        state.closed(self)
        self.context = nil
    }

    /// Handlers are removed only when the event loop has been through all its sockets; what is held is let go of at once.
    func channelInactive(context: ChannelHandlerContext) {
        letGo(context)
        context.fireChannelInactive()
    }

    private func letGo(_ context: ChannelHandlerContext) {
        pending?.cancel()
        long = nil
        if unfinishedBytes > 0 {
            unfinishedBytes = 0
            state.unfinished.hold(0, by: context.channel, keepsReservation: false, hasProgressed: false)
        }
        guard heldBytes > 0 else { return }
        heldBytes = 0
        state.unread.hold(0, by: context.channel, keepsReservation: false, hasProgressed: false)
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        if state.accessLog != nil { remoteAddress = context.remoteAddress?.ipAddress }
        settle(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // Not passed on: Hummingbird would take it for the end of the connection.
            hasInputEnded = true
            plan.inputEnded()
            turn(context)
        case is ChannelShouldQuiesceEvent:
            // Not passed on: Hummingbird cannot see what the lane still has to answer. A request whose bytes came
            // before the order, but were not read yet, is in flight too: the loop reads once more first.
            context.eventLoop.assumeIsolated().scheduleTask(in: HeadLimits.lastLook) { [self] in
                guard let context = self.context else { return }
                plan.drain()
                turn(context)
            }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            // The socket failed; nobody is left to be told.
            context.close(promise: nil)
            return
        }
        switch error {
        case .headerOverflow: plan.inputFailed(.headTooLarge)
        case .invalidEOFState: plan.inputFailed(.malformed("the connection ended within it"))
        default: plan.inputFailed(.malformed("\(error)"))
        }
        turn(context)
    }

    /// Ends the connection, whatever it is doing.
    func cut() { context?.close(promise: nil) }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasDecoded = true
        switch unwrapInboundIn(data) {
        case .head(let head):
            plan.headArrived(RequestClassification(head, maxBodyBytes: state.limits.maxBodyBytes, routes: &routes))
        case .body(var bytes):
            plan.bodyArrived(&bytes)
        case .end:
            plan.requestEnded()
            guard !isBusy else { return }
            isBusy = true
            pump(context)
            isBusy = false
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !hasDecoded { plan.headBegan() }
        hasDecoded = false
        (answersThisTurn, pieceBytesThisTurn) = (0, 0)
        if plan.bodyBytes > HeadLimits.smallBody, plan.bodyBytes > unfinishedBytes {
            unfinishedBytes = plan.bodyBytes
            if !state.unfinished.reserve(unfinishedBytes, for: context.channel) { plan.inputFailed(.tooManyUnfinishedBodies) }
        }
        turn(context)
    }

    func read(context: ChannelHandlerContext) {
        if mayRead {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    private var mayRead: Bool { plan.takesInput && isWritable }

    // MARK: The router's answer

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable {
            hasProgressed = true
            timeouts.outputProgressed()
        }
        turn(context)
        context.fireChannelWritabilityChanged()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard routed != nil else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            routed?.status = Int(head.status.code)
            state.metrics.answered(Int(head.status.code))
            if let requestID = routed?.classification.requestID {
                head.headers.replaceOrAdd(name: "X-Request-Id", value: requestID)
            }
            if plan.sealIfLast() {
                head.headers.replaceOrAdd(name: "Connection", value: "close")
            } else if routed?.classification.isVersion10 == true {
                head.headers.replaceOrAdd(name: "Connection", value: "keep-alive")
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body(let bytes):
            routed?.bytes += bytes.readableBytes
            context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            if let routed { log(routed.classification, status: routed.status, bytes: routed.bytes, since: routed.start) }
            routed = nil
            plan.answered()
            turn(context)
        }
    }

    // MARK: Carrying out the plan

    /// Does what can be done now, sends the answers, and waits for what comes next.
    func turn(_ context: ChannelHandlerContext) {
        guard !isBusy else { return }
        isBusy = true
        repeat { pump(context) } while send()
        isBusy = false
        guard self.context != nil else { return }
        if heldBytes > 0 || long != nil || !isWritable { account(context) }
        if unfinishedBytes > 0 { accountBodies(context) }
        guard self.context != nil else { return }
        settle(context)
        if isReadHeld, mayRead {
            isReadHeld = false
            context.read()
        }
    }

    private func pump(_ context: ChannelHandlerContext) {
        while self.context != nil, isWritable {
            if answersThisTurn >= state.limits.maxPipelined || pieceBytesThisTurn >= Self.pieceBytesPerTurn {
                return scheduleTurn(context)
            }
            if long != nil {
                continueLongAnswer()
            } else {
                switch plan.next() {
                case .answer(let exchange, let isLast): answer(exchange, isLast: isLast)
                case .route(let exchange): route(exchange, context)
                case .refuse(let refusal, let exchange, let isLast): refuse(refusal, exchange?.classification, isLast: isLast)
                case .sendContinue: output.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
                case .close: close(context)
                case .abort: context.close(promise: nil)
                case .wait: return
                }
            }
            if output.readableBytes >= Self.sendAt { send() }
        }
    }

    /// Tells the server how much lies here because the client does not read: what is encoded, the scores of an answer on its
    /// way, and the requests behind it.
    private func account(_ context: ChannelHandlerContext) {
        var bytes = long?.stream.heldBytes ?? 0
        if !isWritable {
            bytes += plan.waitingBytes
            bytes += (try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
        }
        guard bytes != heldBytes || (bytes > 0 && hasProgressed) else { return }
        heldBytes = bytes
        state.unread.hold(bytes, by: context.channel, keepsReservation: long != nil, hasProgressed: hasProgressed)
        hasProgressed = false
    }

    /// Reserves the bytes of a large answer; false if there is no room for it.
    func reserve(_ bytes: Int) -> Bool {
        guard let context, state.unread.reserve(bytes, for: context.channel) else { return false }
        heldBytes = bytes
        // So that `account` closes those that made room, at the end of the turn.
        hasProgressed = true
        return true
    }

    /// Lets go of the bodies of the requests that are answered.
    private func accountBodies(_ context: ChannelHandlerContext) {
        let bytes = plan.bodyBytes > HeadLimits.smallBody ? plan.bodyBytes : 0
        if bytes == 0 {
            state.unfinished.hold(0, by: context.channel, keepsReservation: false, hasProgressed: false)
        } else if bytes != unfinishedBytes {
            _ = state.unfinished.reserve(bytes, for: context.channel)
        }
        unfinishedBytes = bytes
        state.unfinished.closeDoomed(on: context.eventLoop)
    }

    /// Goes on with a long pipeline or answer after other connections had their turn.
    private func scheduleTurn(_ context: ChannelHandlerContext) {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        state.line.append(self, on: context.eventLoop)
    }

    /// The turn that `scheduleTurn` asked for.
    func continueTurn() {
        isTurnScheduled = false
        (answersThisTurn, pieceBytesThisTurn) = (0, 0)
        if let context { turn(context) }
    }

    private func answer(_ exchange: Exchange, isLast: Bool) {
        guard case .prediction(let route) = exchange.classification.target else { return }
        answersThisTurn += 1
        let arrival = Moment.now
        state.sink.removeAll()
        let reply = unsafe withBytes(of: exchange.body) { body in
            unsafe state.driver.answer(
                WireRequest(
                    route: route, body: body, deadlineHeader: exchange.classification.deadline,
                    requestID: exchange.classification.requestID, arrival: arrival, queueDelay: state.queueDelay(at: arrival)),
                into: &state.sink)
        }
        switch reply {
        case .written(.done(let status)): write(status, to: exchange.classification, isLast: isLast, since: arrival)
        case .written(.begun(let stream)): begin(stream, to: exchange.classification, isLast: isLast, since: arrival)
        case .later(let answer): awaitScores(answer, to: exchange.classification, since: arrival)
        }
    }

    private func awaitScores(_ answer: PendingAnswer, to classification: RequestClassification, since arrival: Moment) {
        pending = answer
        plan.answerPends()
        answer.onReady = { [self] in
            pending = nil
            // The connection may be gone; what was scored for it is then let go of.
            if let context {
                state.sink.removeAll()
                let written = state.driver.write(answer, into: &state.sink)
                plan.answered()
                let isLast = plan.sealIfLast()
                switch written {
                case .done(let status): write(status, to: classification, isLast: isLast, since: arrival)
                case .begun(let stream): begin(stream, to: classification, isLast: isLast, since: arrival)
                }
                turn(context)
            } else {
                state.driver.drop(answer)
            }
        }
    }

    /// Writes the answer whose body lies in the sink.
    private func write(_ status: WireStatus, to classification: RequestClassification, isLast: Bool, since arrival: Moment) {
        var head = AnswerHead(status: status.code, bodyBytes: state.sink.count, isLast: isLast)
        head.confirmsKeepAlive = classification.isVersion10
        head.retryAfter = status.retryAfter
        head.requestID = classification.requestID
        write(head)
        log(classification, status: status.code, bytes: state.sink.count, since: arrival)
        if state.sink.count > Self.keptSink { state.sink = ByteSink() }
    }

    func refuse(_ refusal: Refusal, _ classification: RequestClassification?, isLast: Bool) {
        answersThisTurn += 1
        state.metrics.answered(refusal.status)
        state.sink.removeAll()
        refusal.document(target: classification?.head.uri ?? "").write(requestID: classification?.requestID, into: &state.sink)
        var head = AnswerHead(status: refusal.status, bodyBytes: state.sink.count, isLast: isLast)
        if case .methodNotAllowed(let allow) = refusal { head.allow = allow }
        if refusal.status == 503 { head.retryAfter = 1 }
        head.confirmsKeepAlive = classification?.isVersion10 ?? false
        head.requestID = classification?.requestID
        write(head, withoutBody: classification?.head.method == .HEAD)
        if let classification { log(classification, status: refusal.status, bytes: state.sink.count, since: .now) }
    }

    private func write(_ head: AnswerHead, withoutBody: Bool = false) {
        state.date.refresh()
        head.write(into: &output, date: state.date)
        if !withoutBody { unsafe output.writeBytes(UnsafeRawBufferPointer(state.sink.bytes)) }
    }

    private func withBytes<Result>(of body: ByteBuffer?, _ use: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        guard let body else { return unsafe use(UnsafeBufferPointer(start: nil, count: 0)) }
        return unsafe body.withUnsafeReadableBytes { unsafe use($0.bindMemory(to: UInt8.self)) }
    }

    /// Hands a whole request to the router.
    private func route(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        send()
        answersThisTurn += 1
        routed = Routed(classification: exchange.classification, start: .now)
        var head = exchange.classification.head
        if case .management(let target) = exchange.classification.target { head.uri = target }
        // The connection is the lane's business; Hummingbird would close it by itself.
        head.headers.remove(name: "Connection")
        head.headers.remove(name: "Expect")
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if let body = exchange.body { context.fireChannelRead(wrapInboundOut(.body(body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    /// Sends the answers made so far; false if there are none.
    @discardableResult
    private func send() -> Bool {
        guard output.readableBytes > 0 else { return false }
        encoder.write(NIOAny(output), promise: nil)
        encoder.flush()
        if output.capacity > Self.keptOutput { output = ByteBuffer() } else { output.clear() }
        return true
    }

    /// Ends the connection after its last answer: closes the sending side once everything is out; the rest
    /// ends when the client closes its own or has had its time to.
    private func close(_ context: ChannelHandlerContext) {
        send()
        let sent = context.eventLoop.makePromise(of: Void.self)
        encoder.write(NIOAny(ByteBuffer()), promise: sent)
        encoder.flush()
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in
            guard let context = self.context else { return }
            hasSaidFarewell = true
            context.close(mode: hasInputEnded ? .all : .output, promise: nil)
            if self.context != nil { settle(context) }
        }
    }

    func log(_ classification: RequestClassification, status: Int, bytes: Int, since start: Moment) {
        guard let accessLog = state.accessLog else { return }
        accessLog.add(
            AccessLog.Record(
                method: classification.head.method.rawValue, target: classification.head.uri, status: status, bytes: bytes,
                nanoseconds: Moment.now.nanoseconds(since: start), remoteAddress: remoteAddress,
                requestID: classification.requestID))
    }
}
