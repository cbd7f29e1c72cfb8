internal import Scoring
package import TextFormats

/// An answer whose scores come later: what is left of its request. Belongs to the desk's thread.
package final class PendingAnswer {
    /// A request of a batch; see `PredictionDesk.BatchRow`.
    struct Row {
        var row: Int?
        var error: ScoringError?
        var requestID: [UInt8]?
    }

    /// What was asked, with copies of what the answer repeats.
    enum Question {
        case single(requestID: [UInt8]?)
        case batch([Row])
        case inference(id: [UInt8]?, outputs: [InferenceOutput])
    }

    let exchange: PredictionExchange
    private let served: ServedModel
    private let question: Question
    private let errorStyle: ErrorStyle
    private let headerID: String?
    private let arrival: Moment
    private var error: ScoringError?
    private var isReady = false
    /// Called on the desk's thread when the answer can be written, which may be before it is set.
    package var onReady: (() -> Void)? {
        didSet { if isReady { onReady?() } }
    }

    init(_ exchange: PredictionExchange, _ served: ServedModel, _ request: WireRequest, _ question: Question) {
        self.exchange = exchange
        self.served = served
        self.question = question
        errorStyle = request.route.errorStyle
        headerID = PredictionDesk.usable(request.requestID)
        arrival = request.arrival
    }

    func arrived(_ error: ScoringError?) {
        self.error = error
        isReady = true
        onReady?()
        onReady = nil
    }

    /// Tells the predictor that nobody waits any more. `onReady` is called all the same.
    package func cancel() {
        if !isReady { exchange.cancel?() }
    }

    /// Appends the body of the answer and returns its status. Once, after `onReady`.
    package func write(into response: inout ByteSink) -> WireStatus {
        let start = response.count
        do throws(ScoringError) {
            if let error { throw error }
            try AnswerEncoder.check(exchange, served)
            try writeResult(AnswerEncoder(served, exchange, latency: Moment.now.nanoseconds(since: arrival)), &response)
            return WireStatus(code: 200)
        } catch {
            response.truncate(to: start)
            return writeError(error, into: &response)
        }
    }

    private func writeResult(_ encoder: AnswerEncoder, _ response: inout ByteSink) throws(ScoringError) {
        switch question {
        case .single(let requestID):
            if let failure = exchange.scores.failure(row: 0) { throw failure }
            Self.withBytes(requestID) { encoder.write(row: 0, requestID: $0, into: &response) }
        case .batch(let rows):
            encoder.writeBatch(count: rows.count, into: &response) { position, response in
                let entry = rows[position]
                Self.withBytes(entry.requestID) { requestID in
                    if let error = entry.error ?? entry.row.flatMap({ exchange.scores.failure(row: $0) }) {
                        AnswerEncoder.write(error, requestID: requestID, into: &response)
                    } else if let row = entry.row {
                        encoder.write(row: row, requestID: requestID, into: &response)
                    }
                }
            }
        case .inference(let id, let outputs):
            if let failure = exchange.scores.failures.min(by: { $0.row < $1.row }) { throw failure.error }
            Self.withBytes(id) { encoder.writeInference(id: $0, outputs, into: &response) }
        }
    }

    private func writeError(_ error: ScoringError, into response: inout ByteSink) -> WireStatus {
        let document = ErrorDocument(error, style: errorStyle)
        if case .single(let requestID?) = question {
            Self.withBytes(requestID) { document.write(utf8ID: $0, into: &response) }
        } else {
            document.write(requestID: headerID, into: &response)
        }
        return document.status
    }

    private static func withBytes(_ bytes: [UInt8]?, _ body: (UnsafeBufferPointer<UInt8>?) -> Void) {
        guard let bytes else { return body(nil) }
        bytes.withUnsafeBufferPointer { body($0) }
    }
}

/// The answers of one desk that wait for their scores.
///
/// `@unchecked Sendable` is safe: it is handed to other threads only inside of closures that bring it back to the
/// desk's own.
final class WaitingAnswers: @unchecked Sendable {
    private var answers: [ObjectIdentifier: PendingAnswer] = [:]

    func add(_ answer: PendingAnswer) { answers[ObjectIdentifier(answer.exchange)] = answer }

    func arrived(_ exchange: PredictionExchange, _ error: ScoringError?) {
        answers.removeValue(forKey: ObjectIdentifier(exchange))?.arrived(error)
    }
}
