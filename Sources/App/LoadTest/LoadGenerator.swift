internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Sends the requests of a load test over its connections and counts what comes back. Everything happens on
/// one event loop, so nothing is locked; nothing that grows with the number of requests is kept.
final class LoadGenerator: NIOScheduledCallbackHandler {
    /// How often timeouts and progress are looked at.
    private static let tickInterval = TimeAmount.milliseconds(100)
    /// How long after a connection could not be opened it is tried again.
    private static let reopenDelay = TimeAmount.milliseconds(100)

    let settings: LoadSettings
    private let loop: any EventLoop
    private let watch: LoadWatch
    private let completion: EventLoopPromise<LoadReport>
    private var plan: LoadPlan
    private var tally: LoadTally
    private var address: SocketAddress?
    private var origin: UInt64 = 0
    private var startedAt: Int64 = 0
    private var phase = Phase.opening

    /// Open connections by slot.
    private var connections: [LoadConnection?]
    private var openCount = 0
    private var pendingCount = 0
    private var free: SlotQueue
    private var wake: NIOScheduledCallback?
    /// When there last was an open connection.
    private var lastOpen: UInt64 = 0

    private enum Phase { case opening, running, ended }

    init(_ settings: LoadSettings, on loop: any EventLoop, watch: LoadWatch, completion: EventLoopPromise<LoadReport>) {
        self.settings = settings
        self.loop = loop
        self.watch = watch
        self.completion = completion
        plan = LoadPlan(
            pace: settings.pace, warmup: settings.warmup, duration: settings.duration, grace: settings.timeout,
            patience: settings.patience)
        tally = LoadTally(interval: settings.interval, deadline: settings.deadline)
        connections = Array(repeating: nil, count: settings.concurrency)
        free = SlotQueue(slots: settings.concurrency)
    }

    /// Nanoseconds since the load began.
    private var now: UInt64 { NIODeadline.now().uptimeNanoseconds &- origin }

    // MARK: Connections

    /// Opens all connections, then begins. The generator keeps itself alive until it has completed.
    func start() {
        // The name is resolved once: the first connection tries all its addresses, the others take the one that answered.
        let first = bootstrap.connect(host: settings.target.host, port: settings.target.port)
        first.assumeIsolated().whenComplete { [self] result in
            if case .success(let channel) = result {
                address = channel.remoteAddress
                for slot in connections.indices.dropFirst() { open(slot) }
            }
            take(result, slot: 0)
        }
    }

    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: loop)
            .connectTimeout(.nanoseconds(Int64(min(settings.timeout, 60_000_000_000))))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16384))
    }

    private func open(_ slot: Int) {
        guard let address, phase != .ended else { return }
        bootstrap.connect(to: address).assumeIsolated().whenComplete { [self] result in take(result, slot: slot) }
    }

    /// A connection was opened, or was not.
    private func take(_ result: Result<any Channel, any Error>, slot: Int) {
        do {
            let channel = try result.get()
            guard phase != .ended else { return channel.close(promise: nil) }
            let connection = LoadConnection(slot: slot, generator: self)
            try channel.pipeline.syncOperations.addHandler(connection)
            connections[slot] = connection
            openCount += 1
        } catch {
            switch phase {
            case .opening: fail(error)
            case .running: loop.assumeIsolated().scheduleTask(in: Self.reopenDelay) { [self] in open(slot) }
            case .ended: break
            }
            return
        }
        if phase == .running {
            tally.recordReconnection()
            free.append(slot)
            dispatch()
        } else if openCount == settings.concurrency {
            begin()
        }
    }

    /// A connection is gone; its pending request was reported before.
    func closed(_ connection: LoadConnection) {
        guard connections[connection.slot] === connection else { return }
        connections[connection.slot] = nil
        openCount -= 1
        switch phase {
        case .opening: fail(ChannelError.eof)
        case .running:
            lastOpen = now
            open(connection.slot)
        case .ended: break
        }
    }

    // MARK: Requests

    private func begin() {
        phase = .running
        origin = NIODeadline.now().uptimeNanoseconds
        startedAt = WallClock.now
        for slot in connections.indices { free.append(slot) }
        scheduleTick()
        dispatch()
    }

    /// Sends what is due over the connections that are free.
    private func dispatch() {
        guard phase == .running else { return }
        while let slot = free.first {
            guard let connection = connections[slot] else {
                free.removeFirst()
                continue
            }
            let now = now
            let index = plan.sent
            switch plan.step(at: now) {
            case .send(let due):
                free.removeFirst()
                pendingCount += 1
                connection.send(settings.requests.message(index), LoadConnection.Request(due: due, sent: now))
            case .abandon(let due): lose(.abandoned, due: due)
            case .wait(let due): return wakeUp(at: due)
            case .finished: return endIfDone(at: now)
            }
        }
    }

    private func wakeUp(at due: UInt64) {
        guard wake == nil else { return }
        let deadline = NIODeadline.uptimeNanoseconds(origin + due)
        // Fails only where the loop is shutting down.
        wake = try? loop.assumeIsolated().scheduleCallback(at: deadline, handler: self)
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        wake = nil
        dispatch()
    }

    /// The response to a request is complete.
    func answered(_ request: LoadConnection.Request, _ reader: borrowing ResponseReader) {
        pendingCount -= 1
        let isMeasured = plan.measures(due: request.due)
        tally.record(
            status: reader.status, due: request.due, sent: request.sent, now: now, stage: plan.stage(at: request.due),
            isMeasured: isMeasured)
        if !(200..<300).contains(reader.status) {
            tally.recordFirstFailure(status: reader.status, excerpt: reader.excerpt)
        }
    }

    /// A request will have no response.
    func lost(_ request: LoadConnection.Request, _ loss: LoadTally.Loss) {
        pendingCount -= 1
        lose(loss, due: request.due)
    }

    private func lose(_ loss: LoadTally.Loss, due: UInt64) {
        tally.record(loss, due: due, stage: plan.stage(at: due), isMeasured: plan.measures(due: due))
    }

    func becameFree(_ connection: LoadConnection) {
        free.append(connection.slot)
        dispatch()
    }

    // MARK: The end

    private func scheduleTick() {
        loop.assumeIsolated().scheduleTask(in: Self.tickInterval) { [self] in tick() }
    }

    private func tick() {
        guard phase == .running else { return }
        let now = now
        for connection in connections {
            guard let pending = connection?.pending else { continue }
            let isOverdue = settings.patience.map { now - pending.due >= $0 } ?? false
            if isOverdue || now - pending.sent >= settings.timeout { connection?.close(.timeout) }
        }
        if openCount > 0 { lastOpen = max(lastOpen, now) }
        let progress = LoadProgress(
            elapsed: min(now, plan.end), total: plan.end, answered: tally.answered + tally.warmUp.answered,
            failed: tally.failed + tally.warmUp.failed)
        watch.progress?(progress)
        if watch.shouldStop?() == true { return end(.stopped) }
        if now >= lastOpen + settings.timeout { return end(.serverGone) }
        endIfDone(at: now)
        if phase == .running { scheduleTick() }
    }

    private func endIfDone(at now: UInt64) {
        if pendingCount == 0, plan.isFinished(at: now) { end(.completed) }
    }

    private func end(_ ending: LoadReport.Ending) {
        guard phase == .running else { return }
        phase = .ended
        let report = LoadReport(settings, plan: plan, tally: tally, startedAt: startedAt, ended: now, ending: ending)
        release()
        completion.succeed(report)
    }

    private func fail(_ error: any Error) {
        guard phase == .opening else { return }
        phase = .ended
        let message = Self.explain(error, target: settings.target, opened: openCount, of: settings.concurrency)
        release()
        completion.fail(LoadError.unreachable(message))
    }

    private func release() {
        wake?.cancel()
        for connection in connections { connection?.close(nil) }
    }

    static func explain(_ error: any Error, target: LoadTarget, opened: Int, of wanted: Int) -> String {
        let place = "\(target.host):\(target.port)"
        if opened > 0 {
            return "only \(opened) of \(wanted) connections to \(place) could be opened (\(reason(error))); "
                + "ask for a lower --concurrency, or raise the limits of open files"
        }
        return "cannot connect to \(place): \(reason(error)); is the server running there?"
    }

    /// The innermost reason, without the types around it.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return reason(first.error) }
            return error.dnsAError != nil || error.dnsAAAAError != nil ? "the host name is unknown" : "the connection failed"
        case let error as IOError: return error.reasonText
        case ChannelError.connectTimeout: return "no answer in time"
        case ChannelError.eof: return "the server closed the connection at once"
        default: return "\(error)"
        }
    }
}

extension IOError {
    /// "connection refused"
    fileprivate var reasonText: String {
        switch errnoCode {
        case ECONNREFUSED: "connection refused"
        case EMFILE, ENFILE: "too many open files"
        case EADDRNOTAVAIL: "no local port is left"
        case ENETUNREACH, EHOSTUNREACH: "no route to the host"
        case ETIMEDOUT: "no answer in time"
        default: String(cString: strerror(errnoCode))
        }
    }
}
