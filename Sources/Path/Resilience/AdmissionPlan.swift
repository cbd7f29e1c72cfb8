package import Scoring

/// A request that wants in.
package struct AdmissionRequest: Sendable, Equatable {
    package var rows: Int
    package var deadline: Moment?
    package var priority: Priority
    package var queueDelay: QueueDelay

    package init(
        rows: Int, deadline: Moment? = nil, priority: Priority = .interactive, queueDelay: QueueDelay = .none
    ) {
        self.rows = rows
        self.deadline = deadline
        self.priority = priority
        self.queueDelay = queueDelay
    }
}

/// A request that is in, to be handed back exactly once. A ticket that is lost takes its place for good.
package struct AdmissionTicket: Sendable, Equatable {
    package let rows: Int
    /// Rows in the system when this one came, its own included.
    let rowsAhead: Int
    let isBulk: Bool
    package let began: Moment
}

/// How a request that was in ended.
package enum AdmissionOutcome: Sendable, Equatable {
    /// Scored, or its deadline passed while it waited or was computed: how long it took says how loaded the model is.
    case finished
    /// The engine refused it at once, or its client went away: how long it took says nothing.
    case dropped
}

/// Why a request is not let in.
package struct AdmissionRefusal: Sendable, Equatable {
    package enum Cause: String, Sendable, CaseIterable {
        /// The adaptive limit on requests is reached.
        case concurrency
        /// The limit on rows is reached.
        case queuedRows = "queued_rows"
        /// Bulk requests have their share.
        case bulkShare = "bulk_share"
        /// The answer would come after the request's deadline, for what is in the queue.
        case deadline
        /// The whole server is full, or this model has its share of it.
        case serverShare = "server_share"
        /// The request came after its own deadline.
        case expired
        /// The request had waited too long before it was looked at.
        case queueDelay = "queue_delay"
    }

    package let cause: Cause
    /// When there should be room, in nanoseconds from now.
    package let retryAfter: UInt64

    package init(cause: Cause, retryAfter: UInt64) {
        self.cause = cause
        self.retryAfter = retryAfter
    }

    /// A deadline that cannot be met because of the queue is `.overloaded` too: the load is the cause, and another try
    /// may well succeed. Only a request that was late already gets `.deadlineExceeded`.
    ///
    /// - Parameter model: The name of the model that takes on no more.
    package func error(model: String) -> ScoringError {
        let what: Overload
        switch cause {
        case .expired: return .deadlineExceeded
        case .concurrency: what = .requests(model: model)
        case .queuedRows: what = .rows(model: model)
        case .bulkShare: what = .batches(model: model)
        case .deadline: what = .deadline(model: model)
        case .serverShare: what = .serverShare(model: model)
        case .queueDelay: what = .unread(model: model)
        }
        return .overloaded(what, retryAfter: .nanoseconds(Int64(clamping: retryAfter)))
    }
}

/// Decides which requests a model takes on. Pure: no clock, lock or thread. All of it is O(1) and allocates nothing.
///
/// Counts what is in: requests against a limit that adapts (`ConcurrencyLimit`), rows against a fixed one, bulk requests
/// against their share of both. A request with a deadline is let in only if what is ahead of it leaves time enough.
package struct AdmissionPlan: Sendable {
    package enum Step: Sendable, Equatable {
        case admitted(AdmissionTicket)
        case refused(AdmissionRefusal)
    }

    private let queuedRows: Int
    private let bulkShare: Double
    private let delayRule: QueueDelayRule
    private var limit: ConcurrencyLimit
    private var state = AdmissionState()

    package init(_ limits: ResilienceLimits) {
        queuedRows = limits.queuedRows
        bulkShare = limits.bulkShare
        delayRule = QueueDelayRule(deadline: limits.deadline)
        limit = ConcurrencyLimit(
            floor: limits.leastConcurrency, ceiling: limits.concurrency, deadline: limits.deadline?.nanoseconds)
    }

    /// What a view of the model and the metrics show.
    package var snapshot: AdmissionState {
        var state = state
        state.limit = limit.value
        state.latency = UInt64(limit.latency)
        state.noLoadLatency = UInt64(limit.noLoadLatency)
        return state
    }

    package var requestsInFlight: Int { state.requests }

    /// Lets the request in or says why not. `room` is asked last, with the requests this model has in flight, and takes
    /// the request's place in the whole server if it answers true.
    @inline(__always)
    package mutating func enter(
        _ request: AdmissionRequest, now: Moment, room: (_ own: Int) -> Bool = { _ in true }
    ) -> Step {
        limit.requested()
        if let cause = objection(to: request, now: now) { return .refused(refuse(request, cause)) }
        guard room(state.requests) else { return .refused(refuse(request, .serverShare)) }
        state.requests += 1
        state.rows += request.rows
        let isBulk = request.priority == .bulk
        if isBulk {
            state.bulkRequests += 1
            state.bulkRows += request.rows
        }
        state.admitted &+= 1
        limit.entered(inFlight: state.requests)
        return .admitted(AdmissionTicket(rows: request.rows, rowsAhead: state.rows, isBulk: isBulk, began: now))
    }

    /// Refuses what `enter` would refuse for the load, as things stand; lets nothing in.
    package mutating func screen(_ request: AdmissionRequest, now: Moment) -> AdmissionRefusal? {
        guard let cause = objection(to: request, now: now), cause != .expired else { return nil }
        limit.requested()
        return refuse(request, cause)
    }

    /// Hands a ticket back.
    @inline(__always)
    package mutating func leave(_ ticket: AdmissionTicket, _ outcome: AdmissionOutcome, now: Moment) {
        state.requests -= 1
        state.rows -= ticket.rows
        if ticket.isBulk {
            state.bulkRequests -= 1
            state.bulkRows -= ticket.rows
        }
        precondition(state.requests >= 0 && state.rows >= 0 && state.bulkRequests >= 0, "a ticket was handed back twice")
        limit.leaves()
        if outcome == .finished {
            limit.observe(
                latency: now.nanoseconds(since: ticket.began), rowsAhead: ticket.rowsAhead, inFlight: state.requests,
                now: now)
        }
    }

    @inline(__always)
    private func objection(to request: AdmissionRequest, now: Moment) -> AdmissionRefusal.Cause? {
        if let deadline = request.deadline, deadline <= now { return .expired }
        if delayRule.refuses(request.queueDelay) { return .queueDelay }
        // Whatever was measured before: an idle model is tried, or a bad estimate could last for ever.
        guard state.requests > 0 else { return nil }
        if state.requests >= limit.value { return .concurrency }
        if state.rows + request.rows > queuedRows { return .queuedRows }
        if request.priority == .bulk, state.bulkRequests > 0 {
            let requests = Int(bulkShare * Double(limit.value))
            let rows = Int(bulkShare * Double(queuedRows))
            if state.bulkRequests >= requests || state.bulkRows + request.rows > rows { return .bulkShare }
        }
        if let deadline = request.deadline {
            let needed = limit.timePerRow * Double(state.rows + request.rows)
            if needed > Double(deadline.nanoseconds(since: now)) { return .deadline }
        }
        return nil
    }

    private mutating func refuse(_ request: AdmissionRequest, _ cause: AdmissionRefusal.Cause) -> AdmissionRefusal {
        state.refused[cause] &+= 1
        return AdmissionRefusal(cause: cause, retryAfter: cause == .expired ? 0 : wait(for: request, cause))
    }

    /// When there should be room: when what is too much has left, at the rate at which requests leave, and longer by as
    /// much as more want in than can be served. At least a millisecond, at most a minute.
    private func wait(for request: AdmissionRequest, _ cause: AdmissionRefusal.Cause) -> UInt64 {
        let perRequest = limit.latency / Double(max(1, state.requests))
        let excess: Double
        switch cause {
        case .concurrency: excess = perRequest * Double(state.requests + 1 - limit.value)
        case .queuedRows: excess = limit.timePerRow * Double(state.rows + request.rows - queuedRows)
        case .bulkShare:
            // One bulk request's way through, shared by those that are on it.
            excess = limit.latency / Double(max(1, state.bulkRequests))
        case .deadline, .serverShare, .expired: excess = limit.latency
        case .queueDelay: excess = Double(request.queueDelay.waited)
        }
        return UInt64(min(60e9, max(1e6, excess * limit.pressure)))
    }
}

/// What a model has in flight and what it has refused.
package struct AdmissionState: Sendable, Equatable {
    /// Requests and rows in flight, bulk ones included.
    package var requests = 0
    package var rows = 0
    package var bulkRequests = 0
    package var bulkRows = 0
    package var admitted: UInt64 = 0
    package var refused = RefusalCounts()
    /// The adaptive limit on requests.
    package var limit = 0
    /// Recent mean and no-load latency in nanoseconds; 0 before the first were measured.
    package var latency: UInt64 = 0
    package var noLoadLatency: UInt64 = 0
}

/// Refusals by cause, since the start.
package struct RefusalCounts: Sendable, Equatable {
    private var concurrency: UInt64 = 0
    private var queuedRows: UInt64 = 0
    private var bulkShare: UInt64 = 0
    private var deadline: UInt64 = 0
    private var serverShare: UInt64 = 0
    private var expired: UInt64 = 0
    private var queueDelay: UInt64 = 0

    package var total: UInt64 {
        concurrency &+ queuedRows &+ bulkShare &+ deadline &+ serverShare &+ expired &+ queueDelay
    }

    package subscript(cause: AdmissionRefusal.Cause) -> UInt64 {
        get {
            switch cause {
            case .concurrency: concurrency
            case .queuedRows: queuedRows
            case .bulkShare: bulkShare
            case .deadline: deadline
            case .serverShare: serverShare
            case .expired: expired
            case .queueDelay: queueDelay
            }
        }
        set {
            switch cause {
            case .concurrency: concurrency = newValue
            case .queuedRows: queuedRows = newValue
            case .bulkShare: bulkShare = newValue
            case .deadline: deadline = newValue
            case .serverShare: serverShare = newValue
            case .expired: expired = newValue
            case .queueDelay: queueDelay = newValue
            }
        }
    }
}
