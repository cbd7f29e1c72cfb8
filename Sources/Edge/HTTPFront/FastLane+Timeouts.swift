internal import NIOCore

/// How long a connection waits for its client, with at most one timer, which is only touched when the wait
/// gets shorter than the timer: a request that comes and goes in one read costs a look at the clock.
struct ConnectionTimeouts {
    enum Wait: Equatable {
        /// The next move is the server's.
        case none
        /// Between requests.
        case idle
        case head
        case body
        /// Answers lie unread.
        case output
        /// The last answer is out; the client may hang up.
        case farewell
    }

    private(set) var wait = Wait.none
    private var headCount = 0
    private(set) var deadline: NIODeadline?
    fileprivate var timer: Scheduled<Void>?
    fileprivate var timerDeadline = NIODeadline.distantFuture

    /// Starts waiting, or goes on with the wait that has begun. Each request's body is a wait of its own,
    /// and the time between requests begins anew with every event.
    fileprivate mutating func await(_ wait: Wait, headCount: Int, limits: ConnectionTimeoutLimits) {
        if wait == self.wait, headCount == self.headCount, wait != .idle { return }
        self.wait = wait
        self.headCount = headCount
        let now = NIODeadline.now()
        switch wait {
        case .none: deadline = nil
        case .idle, .output: deadline = now + limits.idle
        case .head: deadline = now + limits.head
        case .body: deadline = now + limits.body
        case .farewell: deadline = now + limits.farewell
        }
    }

    /// The client has read something: the wait for it to read more is another one.
    mutating func outputProgressed() {
        if wait == .output { wait = .none }
    }

    mutating func end() {
        timer?.cancel()
        timer = nil
        wait = .none
        deadline = nil
    }
}

/// The timeouts of `HTTPLimits` in the unit of the event loop.
struct ConnectionTimeoutLimits {
    let idle: TimeAmount
    let head: TimeAmount
    let body: TimeAmount
    let farewell = TimeAmount(HeadLimits.farewell)

    init(_ limits: HTTPLimits) {
        idle = TimeAmount(limits.idleTimeout)
        head = TimeAmount(limits.headerTimeout)
        body = TimeAmount(limits.bodyTimeout)
    }
}

extension FastLane {
    /// Sees to it that the connection is not forgotten, whatever the client does or does not do next.
    func settle(_ context: ChannelHandlerContext) {
        timeouts.await(currentWait, headCount: plan.headCount, limits: state.timeouts)
        guard let deadline = timeouts.deadline, deadline < timeouts.timerDeadline else { return }
        schedule(context, at: deadline)
    }

    private var currentWait: ConnectionTimeouts.Wait {
        if plan.isClosing { return hasSaidFarewell ? .farewell : .output }
        if !isWritable { return .output }
        switch plan.awaited {
        case .nothing: return .none
        case .request: return .idle
        case .head: return .head
        case .body: return .body
        case .farewell: return .farewell
        }
    }

    private func schedule(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        timeouts.timer?.cancel()
        timeouts.timerDeadline = deadline
        timeouts.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timeouts.timer = nil
            timeouts.timerDeadline = .distantFuture
            guard let context = self.context, let deadline = timeouts.deadline else { return }
            if deadline <= .now() { giveUp(context) } else { schedule(context, at: deadline) }
        }
    }

    private func giveUp(_ context: ChannelHandlerContext) {
        switch timeouts.wait {
        case .none: return
        case .idle, .output, .farewell: context.close(promise: nil)
        case .head:
            plan.inputFailed(.tooSlow(part: "head"))
            turn(context)
        case .body:
            plan.inputFailed(.tooSlow(part: "body"))
            turn(context)
        }
    }
}
