package import Scoring

/// How much one request may ask for.
package struct WireLimits: Sendable {
    /// Bytes of a request's body. Default 4 MiB.
    package var maxBodyBytes = 4_194_304
    /// Rows of a batch. Default 10,000.
    package var maxRows = 10_000
    /// Rows times features, and rows times outputs: what bounds the memory of a batch, 8 bytes a cell. Default 4,194,304.
    package var maxCells = 4_194_304
    /// Bytes of the answer to several rows, estimated from the model's outputs before the rows are scored. Default 64 MiB.
    package var maxAnswerBytes = 64 << 20

    package init() {}
}

/// A prediction as it came over a wire, whole.
@safe package struct WireRequest {
    package var route: PredictionRoute
    /// Need not outlive the call that answers it.
    package var body: UnsafeBufferPointer<UInt8>
    /// The value of `X-Request-Timeout-Ms`.
    package var deadlineHeader: String?
    package var head: RequestHead
    /// When the last byte was read.
    package var arrival: Moment
    /// How long it lay unread before.
    package var queueDelay: QueueDelay

    package init(
        route: PredictionRoute, body: UnsafeBufferPointer<UInt8>, deadlineHeader: String? = nil, requestID: String? = nil,
        arrival: Moment, queueDelay: QueueDelay = .none
    ) {
        self.route = route
        unsafe self.body = unsafe body
        self.deadlineHeader = deadlineHeader
        head = RequestHead(requestID: requestID)
        self.arrival = arrival
        self.queueDelay = queueDelay
    }
}

/// What codecs know of a request's head.
package struct RequestHead: Sendable {
    /// The value of `X-Request-Id`: the request's identifier where the body names none. As it is or not at all.
    private let requestID: String?

    package init(requestID: String?) {
        let isUsable = requestID.map { (1...RowDecoder.maxRequestID).contains($0.utf8.count) } ?? false
        self.requestID = isUsable ? requestID : nil
    }

    func withID<Result>(_ body: (UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        guard var requestID else { return body(nil) }
        return requestID.withUTF8 { unsafe body($0) }
    }
}

/// What a front puts into the head of its answer.
package struct WireStatus: Sendable, Equatable {
    /// The HTTP status.
    package var code: Int
    /// Seconds, for `Retry-After`.
    package var retryAfter: Int?

    package init(code: Int, retryAfter: Int? = nil) {
        self.code = code
        self.retryAfter = retryAfter
    }
}
