internal import NIOCore

/// One request on its way through a connection: its head's verdict and its body so far.
struct Exchange {
    var classification: RequestClassification
    /// nil as long as there is none.
    var body: ByteBuffer?
    var bodyBytes = 0

    init(_ classification: RequestClassification) { self.classification = classification }
}

/// Decides what one connection does next, so that answers leave in the order of the requests, nothing is
/// lost at the end, and no client makes the server hold more than a little. Pure: no channel, clock or lock.
///
/// Requests are taken in whole and wait in line; one at a time is answered, here or by the router. Events
/// come in through the mutating functions; after each, the owner asks `next()` until it says `.wait`.
struct ConnectionPlan {
    enum Step {
        /// Answer the request, or report `answerPends()` now and `answered()` when its answer is out. `isLast`: the
        /// answer says so and the connection ends after it.
        case answer(Exchange, isLast: Bool)
        /// Give the request to the router and report `answered()` when its answer is out.
        case route(Exchange)
        /// Answer with a refusal; `exchange` is the request refused, nil if its head was never read.
        case refuse(Refusal, Exchange?, isLast: Bool)
        /// Tell the client to go on and send the body.
        case sendContinue
        /// All answers are out: end the connection.
        case close
        /// Cut the connection: it is being abused.
        case abort
        case wait
    }

    /// What the connection is waiting for from its client; each has its own timeout.
    enum Awaited: Equatable {
        case nothing, request, head, body, farewell
    }

    private enum Input {
        /// Between requests.
        case idle
        /// Within a head.
        case head
        /// Within the body of `receiving`.
        case body
        /// No more requests are taken; whatever still comes is dropped.
        case over
    }

    private enum Place {
        case complete(Exchange)
        case refused(Refusal, Exchange?)
    }

    let maxBodyBytes: Int
    let maxPipelined: Int
    private var input = Input.idle
    private var receiving: Exchange?
    private var owesContinue = false
    private var waiting = CircularBuffer<Place>(initialCapacity: 2)
    /// Of the bodies of the requests that wait.
    private(set) var waitingBytes = 0
    /// Whether the request that was taken last still waits for its answer, from the router or from a model.
    private(set) var isAnswering = false
    private var isDraining = false
    private(set) var isClosing = false
    private var isAborted = false
    /// Counts heads, so that two waits for a body can be told apart.
    private(set) var headCount = 0

    init(maxBodyBytes: Int, maxPipelined: Int) {
        self.maxBodyBytes = maxBodyBytes
        self.maxPipelined = maxPipelined
    }

    // MARK: Events

    /// Bytes came, but not yet a head. (The beginning of a head that comes with the end of the request before
    /// it goes unnoticed until more of it comes.)
    mutating func headBegan() {
        if input == .idle { input = .head }
    }

    mutating func headArrived(_ classification: RequestClassification) {
        guard input != .over else { return }
        headCount &+= 1
        if case .refused(let refusal) = classification.target, refusal.endsConnection || classification.expectsContinue {
            enqueue(.refused(refusal, Exchange(classification)))
            input = .over
            return
        }
        receiving = Exchange(classification)
        owesContinue = classification.expectsContinue
        input = .body
    }

    mutating func bodyArrived(_ bytes: inout ByteBuffer) {
        guard input == .body, receiving != nil else { return }
        owesContinue = false
        receiving!.bodyBytes += bytes.readableBytes
        guard receiving!.bodyBytes <= maxBodyBytes else {
            enqueue(.refused(.bodyTooLarge(limit: maxBodyBytes), Exchange(receiving!.classification)))
            receiving = nil
            input = .over
            return
        }
        if case .refused = receiving!.classification.target { return }
        if receiving!.body == nil {
            receiving!.body = bytes
        } else {
            receiving!.body!.writeBuffer(&bytes)
        }
    }

    mutating func requestEnded() {
        guard input == .body, let exchange = receiving.take() else { return }
        owesContinue = false
        input = exchange.classification.isKeptAlive ? .idle : .over
        if case .refused(let refusal) = exchange.classification.target {
            enqueue(.refused(refusal, exchange))
        } else {
            enqueue(.complete(exchange))
        }
        if waiting.count > maxPipelined + HeadLimits.pipelineSlack { isAborted = true }
    }

    /// What came is not HTTP, or did not come in time.
    mutating func inputFailed(_ refusal: Refusal) {
        guard input != .over else { return }
        enqueue(.refused(refusal, receiving.take()))
        input = .over
    }

    /// The client has closed its side.
    mutating func inputEnded() {
        // Within a request this is a failure, which the parser has reported before.
        receiving = nil
        input = .over
    }

    /// The server is shutting down: what has begun is answered, then the connection ends.
    mutating func drain() { isDraining = true }

    mutating func answered() { isAnswering = false }

    mutating func answerPends() { isAnswering = true }

    /// Whether the answer that is about to be given is the connection's last. If so, later requests
    /// are not taken any more.
    mutating func sealIfLast() -> Bool {
        let isLast = waiting.isEmpty && (input == .over || (isDraining && input == .idle))
        if isLast { input = .over }
        return isLast
    }

    // MARK: Decisions

    mutating func next() -> Step {
        if isClosing { return .wait }
        if isAborted {
            isClosing = true
            return .abort
        }
        if isAnswering { return .wait }
        if let place = waiting.popFirst() {
            switch place {
            case .refused(let refusal, let exchange):
                return .refuse(refusal, exchange, isLast: sealIfLast())
            case .complete(let exchange):
                waitingBytes -= exchange.body?.readableBytes ?? 0
                if case .prediction = exchange.classification.target { return .answer(exchange, isLast: sealIfLast()) }
                isAnswering = true
                return .route(exchange)
            }
        }
        if owesContinue {
            owesContinue = false
            return .sendContinue
        }
        if input == .over || (isDraining && input == .idle) {
            input = .over
            isClosing = true
            return .close
        }
        return .wait
    }

    /// Of the bodies of the requests that wait, and of the one that is arriving.
    var bodyBytes: Int { waitingBytes + (receiving?.body?.readableBytes ?? 0) }

    /// Whether more may be read. While it is closing, a connection reads to throw away.
    var takesInput: Bool {
        if isClosing { return true }
        return input != .over && waiting.count < maxPipelined && waitingBytes <= maxBodyBytes
    }

    /// Whether the next bytes belong to a head.
    var expectsHead: Bool { input == .idle || input == .head }

    var awaited: Awaited {
        if isClosing { return .farewell }
        if isAnswering || !waiting.isEmpty { return .nothing }
        switch input {
        case .idle: return .request
        case .head: return .head
        case .body: return .body
        case .over: return .nothing
        }
    }

    private mutating func enqueue(_ place: Place) {
        if case .complete(let exchange) = place { waitingBytes += exchange.body?.readableBytes ?? 0 }
        waiting.append(place)
    }
}
