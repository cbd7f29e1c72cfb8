package import Scoring
package import TextFormats

/// Answers prediction requests of every wire API: resolve, admit, read, run, finish, write. A front makes one for each of its threads and uses it
/// again, so that a request allocates next to nothing. The codecs read and write; how a request goes is decided here only.
///
/// Used on its front's thread only. Where a model answers later, other requests are answered in between.
package final class PredictionDriver {
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

    /// Runs a closure on the driver's thread, soon.
    package typealias Resume = @Sendable (_ body: @escaping @Sendable () -> Void) -> Void

    private let predictor: any Predictor
    private let tools: CodecTools
    /// The one of the request that is being read.
    private var prediction: Prediction
    /// Whether a model was asked for that wants to know of `WireRequest.queueDelay`, which costs something to measure.
    package private(set) var asksForQueueDelay = false
    private let completion: RowGroup.Completion?
    private let waiting: WaitingAnswers
    private var spare: [Prediction] = []

    /// Predictions that are kept for the next requests that wait.
    private static let maxSpare = 64

    /// - Parameter resume: How the thread of the driver is reached from others; nil where nobody can wait, so that every
    ///   request is answered at once.
    package init(predictor: any Predictor, limits: WireLimits, resume: Resume? = nil) {
        self.predictor = predictor
        tools = CodecTools(limits: limits)
        let waiting = WaitingAnswers()
        self.waiting = waiting
        if let resume {
            completion = { group in resume { waiting.arrived(group) } }
        } else {
            completion = nil
        }
        prediction = Prediction(completion: completion)
    }

    /// Appends the body of the answer to `response` and returns its status, or says that it comes later. Whatever the
    /// request is, the body is what the codec says.
    package func answer(_ request: WireRequest, into response: inout ByteSink) -> Reply {
        var info = RequestInfo(
            model: request.route.model, version: request.route.version, arrival: request.arrival, queueDelay: request.queueDelay)
        var progress = Progress()
        predictor.begin()
        do throws(ScoringError) {
            let form = try read(request, &info, &progress)
            if run() {
                return unsafe .written(
                    finish(request.route.codec, request.head, form, requestBody: request.body, into: &response))
            }
            return .later(wait(request, form))
        } catch {
            predictor.finish(info, error, by: prediction.served ?? progress.served)
            let body = unsafe progress.isUnread || request.body.count > tools.limits.maxBodyBytes ? nil : request.body
            let status = unsafe write(error, request.route.codec, request.head, requestBody: body, into: &response)
            prediction.end()
            return .written(.done(status))
        }
    }

    /// How far a request has come; what an error has to know.
    private struct Progress {
        var served: ServedModel?
        /// Whether the request was refused before anybody looked into its body.
        var isUnread = true

    }

    /// Everything before the rows are put to the model.
    private func read(
        _ request: WireRequest, _ info: inout RequestInfo, _ progress: inout Progress
    ) throws(ScoringError) -> AnswerForm {
        guard unsafe request.body.count <= tools.limits.maxBodyBytes else {
            throw .tooLarge(limit: "a body has at most \(tools.limits.maxBodyBytes) bytes")
        }
        progress.isUnread = false
        if let error = request.route.error { throw error }
        let resolved = try predictor.resolve(info)
        progress.served = resolved.served
        if let header = request.deadlineHeader {
            let limit = request.arrival.advanced(byMilliseconds: try Self.milliseconds(header))
            guard Moment.now < limit else { throw .deadlineExceeded }
            info.deadline = limit
        }
        if let stages = resolved.served.stages, stages.isLimited {
            // Reading the body is most of what a refusal would cost. All versions of a model share its limits, so that the default
            // stands for the one to be chosen.
            asksForQueueDelay = true
            progress.isUnread = true
            try predictor.admit(info, to: resolved.served)
            progress.isUnread = false
        }
        prediction.begin(info, resolved)
        let form = try request.route.codec.read(request, into: prediction, tools)
        if let timeout = form.timeout {
            let (end, carry) = request.arrival.nanoseconds.addingReportingOverflow(timeout)
            let limit = Moment(nanoseconds: carry ? .max : end)
            prediction.limitDeadline(to: limit)
            guard Moment.now < limit else { throw .deadlineExceeded }
        }
        return form
    }

    /// Puts the rows to their models; true if all results are there.
    private func run() -> Bool {
        var isAnswered = true
        for group in prediction.groups {
            guard group.features.count > 0 else {
                group.scores.reset(rows: 0, width: group.served.signature.outputs.count)
                continue
            }
            if case .pending = predictor.run(group) {
                waiting.expect(group)
                isAnswered = false
            }
        }
        return isAnswered
    }

    /// Writes the answer of the current prediction, which is over then.
    private func finish(
        _ codec: any PredictionCodec, _ head: RequestHead, _ form: AnswerForm, requestBody: UnsafeBufferPointer<UInt8>?,
        into response: inout ByteSink
    ) -> Written {
        prediction.nanoseconds = Moment.now.nanoseconds(since: prediction.info.arrival)
        for group in prediction.groups { group.checkResults() }
        let error = prediction.error ?? codec.failure(of: prediction)
        predictor.finish(prediction.info, error ?? prediction.failure, by: prediction.served)
        if let error {
            let status = unsafe write(error, codec, head, requestBody: requestBody, into: &response)
            prediction.end()
            return .done(status)
        }
        var position = AnswerPosition()
        let isComplete = codec.write(prediction, form, from: &position, into: &response)
        let stream = isComplete ? nil : AnswerStream(codec, prediction.takeResults(), form, at: position)
        prediction.end()
        return stream.map { .begun($0) } ?? .done(WireStatus(code: 200))
    }

    private func write(
        _ error: ScoringError, _ codec: any PredictionCodec, _ head: RequestHead, requestBody: UnsafeBufferPointer<UInt8>?,
        into response: inout ByteSink
    ) -> WireStatus {
        let document = ErrorDocument(error, style: codec.errorStyle)
        unsafe codec.withErrorID(of: prediction, head, requestBody: requestBody, tools) { id in
            unsafe document.write(utf8ID: id, into: &response)
        }
        return document.status
    }

    // MARK: Answers that come later

    /// Leaves the prediction to the answer that waits for it, and takes another one for the next request.
    private func wait(_ request: WireRequest, _ form: AnswerForm) -> PendingAnswer {
        let pending = PendingAnswer(prediction, request.route.codec, request.head, form)
        waiting.add(pending)
        prediction = spare.popLast() ?? Prediction(completion: completion)
        return pending
    }

    /// Appends the body of a late answer, or its beginning, just as if it had come at once. Once, after `onReady`.
    package func write(_ answer: PendingAnswer, into response: inout ByteSink) -> Written {
        let current = prediction
        prediction = answer.prediction
        defer {
            if spare.count < Self.maxSpare { spare.append(prediction) }
            prediction = current
        }
        return unsafe finish(answer.codec, answer.head, answer.form, requestBody: nil, into: &response)
    }

    /// Takes back what an answer leaves that nobody reads any more.
    package func drop(_ answer: PendingAnswer) {
        predictor.finish(answer.prediction.info, .cancelled, by: answer.prediction.served)
        answer.prediction.end()
        if spare.count < Self.maxSpare { spare.append(answer.prediction) }
    }

    private static func milliseconds(_ header: String) throws(ScoringError) -> UInt64 {
        let digits = header.utf8
        guard (1...18).contains(digits.count), digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let value = UInt64(header), value > 0
        else { throw .invalidRequest("X-Request-Timeout-Ms must be a positive integer") }
        return value
    }
}
