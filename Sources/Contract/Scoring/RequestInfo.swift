/// What a request says beside its rows: which model, until when, how urgent, from whom. Made once, before the rows are read, and
/// handed on by value.
package struct RequestInfo: Sendable {
    /// nil for the server's only or default model.
    package var model: ModelName?
    /// nil for the version that answers by default, or that a key chooses.
    package var version: VersionReference?
    /// When the request's last byte was read; `latency_ms` and deadlines count from here.
    package var arrival: Moment
    /// When the caller stops waiting; nil where it does not say.
    package var deadline: Moment?
    /// How long the request lay unread before `arrival`; `.none` where its front does not measure it.
    package var queueDelay: QueueDelay
    /// nil for the usual one: `.interactive` for one row, `.bulk` for several.
    package var priority: Priority?
    package var caller: Caller

    package init(
        model: ModelName? = nil, version: VersionReference? = nil, arrival: Moment, deadline: Moment? = nil,
        queueDelay: QueueDelay = .none, priority: Priority? = nil, caller: Caller = .anonymous
    ) {
        self.model = model
        self.version = version
        self.arrival = arrival
        self.deadline = deadline
        self.queueDelay = queueDelay
        self.priority = priority
        self.caller = caller
    }

    package func priority(rows: Int) -> Priority { priority ?? (rows > 1 ? .bulk : .interactive) }
}

/// How urgent a request is. Admission, queues and batches all go by it.
package enum Priority: Sendable, Equatable {
    /// Somebody waits for the answer of this one transaction.
    case interactive
    /// Jobs over many rows; held to a share of the limits.
    case bulk
}

/// Who asks, and what it may do.
package struct Caller: Sendable, Equatable {
    package enum Identity: Sendable, Equatable {
        /// Nobody asked who it is.
        case anonymous
        /// By the name of its key.
        case key(String)
        /// By the subject of its token.
        case subject(String)
        /// By the name in its certificate.
        case certificate(String)
        /// A message of a stream, by the stream's name.
        case stream(String)
    }

    package var identity: Identity
    package var scopes: Scopes

    package init(_ identity: Identity, scopes: Scopes) {
        self.identity = identity
        self.scopes = scopes
    }

    /// Where callers are not told apart: it may do everything.
    package static let anonymous = Caller(.anonymous, scopes: .all)
}

/// What callers may do. Each route asks for one of these.
package struct Scopes: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Ask for scores.
    package static let predict = Scopes(rawValue: 1)
    /// Read names, signatures and states of models.
    package static let read = Scopes(rawValue: 2)
    /// Load, unload, purge, and give orders to canaries.
    package static let admin = Scopes(rawValue: 4)
    /// Ask whether the server is healthy, and for its metrics.
    package static let observe = Scopes(rawValue: 8)

    package static let all: Scopes = [.predict, .read, .admin, .observe]
}
