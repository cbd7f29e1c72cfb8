internal import NIOCore
internal import Scoring
internal import TextFormats
internal import WireFormat

/// What the connections of one event loop share: the driver that answers predictions, the memory that an
/// answer's body is written into, and the roll of open connections. Touched on its loop only.
final class LoopState {
    let limits: HTTPLimits
    let timeouts: ConnectionTimeoutLimits
    let driver: PredictionDriver
    let accessLog: AccessLog?
    let metrics: HTTPMetrics
    /// The body of the answer that is being made; nothing of it outlives the call that makes it.
    var sink = ByteSink()
    var date = HTTPDate()
    private let loop: any EventLoop
    private var backlog = LoopBacklog()
    let line = FairQueue()
    private var lanes: [ObjectIdentifier: FastLane] = [:]

    init(limits: HTTPLimits, predictor: any Predictor, accessLog: AccessLog?, metrics: HTTPMetrics, on loop: any EventLoop) {
        self.limits = limits
        self.metrics = metrics
        timeouts = ConnectionTimeoutLimits(limits)
        self.accessLog = accessLog
        self.loop = loop
        var wire = WireLimits()
        wire.maxBodyBytes = limits.maxBodyBytes
        driver = PredictionDriver(predictor: predictor, limits: wire, resume: { loop.execute($0) })
    }

    /// How long the request that is being looked at lay unread; measured once a model that wants to know was asked for.
    func queueDelay(at now: Moment) -> QueueDelay {
        guard driver.asksForQueueDelay else { return .none }
        if !backlog.isInPass {
            backlog.passBegins(now)
            // Runs when the loop has been through the sockets that are ready.
            loop.assumeIsolated().execute { [self] in backlog.passEnds(.now) }
        }
        return backlog.delay(at: now)
    }

    func opened(_ lane: FastLane) {
        lanes[ObjectIdentifier(lane)] = lane
        metrics.connectionOpened()
    }

    func closed(_ lane: FastLane) {
        lanes[ObjectIdentifier(lane)] = nil
        metrics.connectionClosed()
    }

    /// What the clients of all loops leave unread.
    var unread: HeldBytes { metrics.unread }
    /// Large bodies that have not arrived whole.
    var unfinished: HeldBytes { metrics.unfinished }
    var openConnections: Int { lanes.count }

    /// Ends every connection, answered or not.
    func cutConnections() {
        for lane in Array(lanes.values) { lane.cut() }
    }
}

/// The state of every event loop of a group, found by loop. Each state is used on its own loop only, so the
/// table, which never changes, may be shared: that is why it is safe to call it Sendable.
struct LoopStates: @unchecked Sendable {
    private let states: [ObjectIdentifier: LoopState]
    private let loops: [any EventLoop]

    init(_ group: any EventLoopGroup, make: (any EventLoop) -> LoopState) {
        loops = Array(group.makeIterator())
        states = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0), make($0)) })
    }

    /// The state of the loop that is running.
    func state(on loop: any EventLoop) -> LoopState {
        loop.preconditionInEventLoop()
        guard let state = states[ObjectIdentifier(loop)] else { preconditionFailure("a channel of another group") }
        return state
    }

    /// Runs `body` with each state on its loop, and forgets it.
    func each(_ body: @escaping @Sendable (LoopState) -> Void) {
        for loop in loops {
            loop.execute { body(state(on: loop)) }
        }
    }
}
