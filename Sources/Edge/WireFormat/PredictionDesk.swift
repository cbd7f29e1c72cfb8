package import Scoring
package import TextFormats

/// Answers prediction requests of every protocol that HTTP carries: decodes the body, has it predicted and
/// encodes the answer. A front makes one per event loop and reuses it, so that a request allocates next to nothing.
///
/// Used on its front's thread only. Where a model answers later, other requests are answered in between.
package final class PredictionDesk {
    /// What is written of an answer.
    package enum Written {
        /// Its body.
        case done(WireStatus)
        /// The first piece of the body of a large one, whose status is 200.
        case begun(AnswerStream)
    }

    /// What becomes of a request.
    package enum Reply {
        case written(Written)
        /// The answer comes later, and nothing is written yet.
        case later(PendingAnswer)
    }

    /// What of a request is still to do after its rows were put to the model.
    enum Unfinished {
        case pending(PendingAnswer)
        case begun(AnswerStream)
    }

    /// Runs a closure on the desk's thread, soon.
    package typealias Resume = @Sendable (_ body: @escaping @Sendable () -> Void) -> Void

    let predictor: any Predictor
    let limits: WireLimits
    /// The exchange of the request that is being read.
    private(set) var exchange: PredictionExchange
    /// Whether a model was asked for that wants to know of `WireRequest.queueDelay`, which costs something to measure.
    package private(set) var asksForQueueDelay = false
    let memory = JSONMemory()
    /// For tensors whose data stands before their shape.
    let secondMemory = JSONMemory()
    /// The requests of the batch that is being answered.
    var batchRows: [BatchRow] = []
    private let completion: PredictionExchange.Completion?
    private let waiting: WaitingAnswers
    private var spare: [PredictionExchange] = []

    /// Exchanges that are kept for the next requests that wait, and the most cells that such a one has grown to.
    private static let mostSpare = 64
    private static let mostSpareCells = 8192
    private static let mostSpareRows = 1024

    /// How far a request has come; what an error has to know.
    struct Progress {
        var served: ServedModel?
        /// The predictor counts what fails in it; the desk tells it of what fails before.
        var reachedPredictor = false
        /// Whether the request was refused before anybody looked into its body.
        var isUnread = false
    }

    /// - Parameter resume: How the thread of the desk is reached from others; nil where nobody can wait, so that every
    ///   request is answered at once.
    package init(predictor: any Predictor, limits: WireLimits, resume: Resume? = nil) {
        self.predictor = predictor
        self.limits = limits
        let waiting = WaitingAnswers()
        self.waiting = waiting
        if let resume {
            completion = { exchange, error in resume { waiting.arrived(exchange, error) } }
        } else {
            completion = nil
        }
        exchange = PredictionExchange(completion: completion)
    }

    /// Appends the body of the answer to `response` and returns its status, or says that it comes later. Whatever the
    /// request is, the body is valid JSON.
    package func answer(_ request: WireRequest, into response: inout ByteSink) -> Reply {
        let start = response.count
        var progress = Progress()
        defer { letGoOfLarge() }
        do throws(ScoringError) {
            guard request.body.count <= limits.maxBodyBytes else {
                throw .tooLarge(limit: "a body has at most \(limits.maxBodyBytes) bytes")
            }
            let unfinished: Unfinished? =
                switch request.route {
                case .predict(let name, let version): try predict(request, name, version, &progress, into: &response)
                case .batch(let name, let version): try predictBatch(request, name, version, &progress, into: &response)
                case .infer(let name, let version): try infer(request, name, version, &progress, into: &response)
                case .invalid(let error, _): throw error
                }
            switch unfinished {
            case nil: return .written(.done(WireStatus(code: 200)))
            case .begun(let stream): return .written(.begun(stream))
            case .pending(let pending): return .later(wait(pending))
            }
        } catch {
            // What was read may hold a version that is to be freed.
            exchange.experiment = nil
            if !progress.reachedPredictor { predictor.recordRejection(error, of: progress.served, named: request.route.model) }
            response.truncate(to: start)
            return .written(.done(writeError(error, of: request, isUnread: progress.isUnread, into: &response)))
        }
    }

    /// Leaves the exchanges to the answer that waits for them, and takes another one for the next request.
    private func wait(_ pending: PendingAnswer) -> PendingAnswer {
        waiting.add(pending)
        exchange = spareExchange()
        return pending
    }

    /// One beside that of the request that is being read.
    func spareExchange() -> PredictionExchange { spare.popLast() ?? PredictionExchange(completion: completion) }

    /// Takes back what an answer that was written leaves behind.
    package func reuse(_ answer: PendingAnswer) {
        for part in answer.parts { reuse(part.exchange) }
    }

    func reuse(_ exchange: PredictionExchange) {
        guard spare.count < Self.mostSpare, !Self.isLarge(exchange) else { return }
        exchange.cancel = nil
        spare.append(exchange)
    }

    /// Whether more memory belongs to it than is kept for the next request.
    private static func isLarge(_ exchange: PredictionExchange) -> Bool {
        exchange.features.count * exchange.features.width > mostSpareCells
            || exchange.scores.count * exchange.scores.width > mostSpareCells
    }

    /// Frees what an unusually large request has grown. One that was refused halfway keeps its rows, and so counts.
    private func letGoOfLarge() {
        if Self.isLarge(exchange) { exchange = spareExchange() }
        if !batchRows.isEmpty { batchRows.removeAll(keepingCapacity: batchRows.capacity <= Self.mostSpareRows) }
    }

    /// Looks the model up, and how long the request may take. The version may still be to be chosen.
    func lookUp(
        _ request: WireRequest, _ name: ModelName?, _ version: VersionReference?, _ progress: inout Progress
    ) throws(ScoringError) -> Inquiry {
        let serving = try predictor.served(name, version: version)
        progress.served = serving.model
        var deadline: Moment?
        if let header = request.deadlineHeader {
            let limit = request.arrival.advanced(byMilliseconds: try Self.milliseconds(header))
            guard Moment.now < limit else { throw .deadlineExceeded }
            deadline = limit
        }
        let inquiry = Inquiry(serving, isVersionGiven: version != nil, request, deadline: deadline)
        if let stages = serving.model.stages, stages.isLimited { try screen(request, inquiry, &progress) }
        return inquiry
    }

    /// Looks the model up, lets a key choose the version where an experiment divides the requests, and makes the exchange
    /// ready.
    func begin(
        _ request: WireRequest, _ name: ModelName?, _ version: VersionReference?, _ progress: inout Progress,
        key: (StickyKey, inout RequestReader) throws(ScoringError) -> StickyKey.Value
    ) throws(ScoringError) -> ServedModel {
        let inquiry = try lookUp(request, name, version, &progress)
        var choice = Inquiry.Choice(served: inquiry.serving.model, isChosen: false)
        if inquiry.isDivided {
            var value = StickyKey.Value.none
            if let sticky = inquiry.stickyKey(in: request.body) {
                var reader = RequestReader(request.body, memory: memory)
                value = try key(sticky, &reader)
            }
            choice = inquiry.choice(for: value)
            progress.served = choice.served
        }
        inquiry.begin(exchange, choice)
        return choice.served
    }

    /// Has a request refused before its body is read, which is most of what a refusal would cost.
    /// All versions of a model share its limits, so that the default stands for the one to be chosen.
    private func screen(_ request: WireRequest, _ inquiry: Inquiry, _ progress: inout Progress) throws(ScoringError) {
        asksForQueueDelay = true
        let served = inquiry.serving.model
        inquiry.begin(exchange, Inquiry.Choice(served: served, isChosen: false))
        progress.isUnread = true
        try predictor.screen(exchange, with: served)
        progress.isUnread = false
    }

    func score(with served: ServedModel, _ progress: inout Progress) throws(ScoringError) -> PredictionProgress {
        progress.reachedPredictor = true
        return try score(exchange, with: served)
    }

    func score(_ exchange: PredictionExchange, with served: ServedModel) throws(ScoringError) -> PredictionProgress {
        let result = try predictor.predict(exchange, with: served)
        if case .answered = result { try AnswerEncoder.check(exchange, served) }
        return result
    }

    private func predict(
        _ request: WireRequest, _ name: ModelName?, _ version: VersionReference?, _ progress: inout Progress,
        into response: inout ByteSink
    ) throws(ScoringError) -> Unfinished? {
        let served = try begin(request, name, version, &progress) { key, reader throws(ScoringError) in
            try key.find(inRow: &reader)
        }
        let decoder = RowDecoder(served, exchange.features)
        var reader = RequestReader(request.body, memory: memory)
        let requestID = try decoder.readRow(&reader)
        try reader.end()
        if let experiment = exchange.experiment, experiment.keepsAnswers {
            exchange.requestID = requestID?.string ?? Self.usable(request.requestID)
        }
        if case .pending = try score(with: served, &progress) {
            let identifier = requestID.map { Array($0.bytes) } ?? Self.usable(request.requestID).map { Array($0.utf8) }
            return .pending(PendingAnswer([AnswerPart(served, exchange)], request, .single(requestID: identifier)))
        }
        if let failure = exchange.scores.failure(row: 0) { throw failure }
        let encoder = AnswerEncoder(served, exchange, latency: Moment.now.nanoseconds(since: request.arrival))
        if let requestID {
            encoder.write(row: 0, requestID: requestID.bytes, into: &response)
        } else if var header = Self.usable(request.requestID) {
            header.withUTF8 { encoder.write(row: 0, requestID: $0, into: &response) }
        } else {
            encoder.write(row: 0, requestID: nil, into: &response)
        }
        return nil
    }

    /// An identifier from a header is taken as it is or not at all.
    static func usable(_ requestID: String?) -> String? {
        guard let requestID, !requestID.isEmpty, requestID.utf8.count <= RowDecoder.maxRequestID else { return nil }
        return requestID
    }

    private static func milliseconds(_ header: String) throws(ScoringError) -> UInt64 {
        let digits = header.utf8
        guard (1...18).contains(digits.count), digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let value = UInt64(header), value > 0
        else { throw .invalidRequest("X-Request-Timeout-Ms must be a positive integer") }
        return value
    }

    private func writeError(
        _ error: ScoringError, of request: WireRequest, isUnread: Bool, into response: inout ByteSink
    ) -> WireStatus {
        let document = ErrorDocument(error, style: request.route.errorStyle)
        if !isUnread, case .predict = request.route, request.body.count <= limits.maxBodyBytes,
            let found = salvagedID(of: request.body)
        {
            document.write(utf8ID: found.bytes, into: &response)
        } else {
            document.write(requestID: Self.usable(request.requestID), into: &response)
        }
        return document.status
    }

    /// The `request_id` of a body that was found wrong, if there is one before the place where it stops being
    /// JSON.
    private func salvagedID(of body: UnsafeBufferPointer<UInt8>) -> JSONString? {
        var reader = RequestReader(body, memory: memory)
        var found: JSONString?
        try? RowDecoder.salvageRequestID(&reader, into: &found)
        return found
    }
}
