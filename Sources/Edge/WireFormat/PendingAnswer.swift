internal import Scoring

/// An answer whose scores come later: what is left of its request. Belongs to the driver's thread.
package final class PendingAnswer {
    let prediction: Prediction
    let codec: any PredictionCodec
    let head: RequestHead
    let form: AnswerForm
    fileprivate var missing = 0
    /// Called on the driver's thread when the answer can be written, which may be before it is set.
    package var onReady: (() -> Void)? {
        didSet { if missing == 0 { onReady?() } }
    }

    init(_ prediction: Prediction, _ codec: any PredictionCodec, _ head: RequestHead, _ form: AnswerForm) {
        self.prediction = prediction
        self.codec = codec
        self.head = head
        self.form = form
    }

    /// Tells the predictor that nobody waits any more. `onReady` is called all the same.
    package func cancel() {
        guard missing > 0 else { return }
        for group in prediction.groups { group.cancellation?.cancel() }
    }

    fileprivate func arrived() {
        missing -= 1
        guard missing == 0 else { return }
        onReady?()
        onReady = nil
    }
}

/// The answers of one driver that wait for their scores.
///
/// `@unchecked Sendable` is safe: it is handed to other threads only inside of closures that bring it back to the
/// driver's own.
final class WaitingAnswers: @unchecked Sendable {
    private var answers: [ObjectIdentifier: PendingAnswer] = [:]
    /// Groups of the request that is being put to its models.
    private var expected: [ObjectIdentifier] = []

    func expect(_ group: RowGroup) { expected.append(ObjectIdentifier(group)) }

    func add(_ answer: PendingAnswer) {
        for group in expected { answers[group] = answer }
        answer.missing = expected.count
        expected.removeAll(keepingCapacity: true)
    }

    func arrived(_ group: RowGroup) {
        answers.removeValue(forKey: ObjectIdentifier(group))?.arrived()
    }
}
