internal import Scoring
package import TextFormats

/// An answer whose scores come later: what is left of its request. Belongs to the desk's thread.
package final class PendingAnswer {
    /// What was asked, with copies of what the answer repeats.
    enum Question {
        case single(requestID: [UInt8]?)
        case batch(BatchEntries)
        case inference(id: [UInt8]?, outputs: [InferenceOutput])
    }

    /// At least one.
    let parts: [AnswerPart]
    private let question: Question
    private let errorStyle: ErrorStyle
    private let headerID: String?
    private let arrival: Moment
    private var isReady: Bool { parts.allSatisfy(\.isReady) }
    /// Called on the desk's thread when the answer can be written, which may be before it is set.
    package var onReady: (() -> Void)? {
        didSet { if isReady { onReady?() } }
    }

    init(_ parts: [AnswerPart], _ request: WireRequest, _ question: Question) {
        self.parts = parts
        self.question = question
        errorStyle = request.route.errorStyle
        headerID = PredictionDesk.usable(request.requestID)
        arrival = request.arrival
    }

    func arrived(_ exchange: PredictionExchange, _ error: ScoringError?) {
        guard let part = parts.first(where: { $0.exchange === exchange }) else { return }
        part.error = error
        part.isReady = true
        guard isReady else { return }
        onReady?()
        onReady = nil
    }

    /// Tells the predictor that nobody waits any more. `onReady` is called all the same.
    package func cancel() {
        for part in parts where !part.isReady { part.exchange.cancel?() }
    }

    /// Appends the body of the answer, or its beginning. Once, after `onReady`.
    package func write(into response: inout ByteSink) -> PredictionDesk.Written {
        let start = response.count
        do throws(ScoringError) {
            if let stream = try writeResult(&response) { return .begun(stream) }
            return .done(WireStatus(code: 200))
        } catch {
            response.truncate(to: start)
            return .done(writeError(error, into: &response))
        }
    }

    private func writeResult(_ response: inout ByteSink) throws(ScoringError) -> AnswerStream? {
        for part in parts where part.error == nil {
            do throws(ScoringError) {
                try AnswerEncoder.check(part.exchange, part.served)
            } catch {
                part.error = error
            }
        }
        let (exchange, first) = (parts[0].exchange, parts[0])
        if let error = first.error, parts.allSatisfy({ $0.error != nil }) { throw error }
        let latency = Moment.now.nanoseconds(since: arrival)
        let encoder = AnswerEncoder(first.served, exchange, latency: latency)
        switch question {
        case .single(let requestID):
            if let failure = exchange.scores.failure(row: 0) { throw failure }
            requestID.withBytes { encoder.write(row: 0, requestID: $0, into: &response) }
            return nil
        case .batch(let entries):
            let batch = BatchEncoder(parts, latency: latency)
            var position = BatchPosition()
            if batch.writePiece(from: &position, entries, into: &response) { return nil }
            return AnswerStream(batch.takingResults(), entries, position)
        case .inference(let id, let outputs):
            if let failure = exchange.scores.failures.min(by: { $0.row < $1.row }) { throw failure.error }
            var position = InferencePosition()
            let isComplete = id.withBytes { id in
                encoder.writeInference(id: id, outputs, from: &position, into: &response)
            }
            return isComplete ? nil : AnswerStream(encoder.takingResults(), id: id, outputs: outputs, position)
        }
    }

    private func writeError(_ error: ScoringError, into response: inout ByteSink) -> WireStatus {
        let document = ErrorDocument(error, style: errorStyle)
        if case .single(let requestID) = question, requestID != nil {
            requestID.withBytes { document.write(utf8ID: $0, into: &response) }
        } else {
            document.write(requestID: headerID, into: &response)
        }
        return document.status
    }
}

/// The answers of one desk that wait for their scores.
///
/// `@unchecked Sendable` is safe: it is handed to other threads only inside of closures that bring it back to the
/// desk's own.
final class WaitingAnswers: @unchecked Sendable {
    private var answers: [ObjectIdentifier: PendingAnswer] = [:]

    func add(_ answer: PendingAnswer) {
        for part in answer.parts where !part.isReady { answers[ObjectIdentifier(part.exchange)] = answer }
    }

    func arrived(_ exchange: PredictionExchange, _ error: ScoringError?) {
        answers.removeValue(forKey: ObjectIdentifier(exchange))?.arrived(exchange, error)
    }
}
