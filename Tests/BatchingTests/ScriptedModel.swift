internal import Batching
internal import Glibc
internal import Scoring
internal import Synchronization

/// A model whose answer to a row is made of the row alone, so that an answer tells whose it is: column 0 is a number
/// made of both features, column 1 is the text of the row, if it has one, with a mark.
///
/// The first feature of a row can ask for trouble; see `Trouble`. The model counts and notes its calls.
final class ScriptedModel: ScoringModel {
    enum Trouble: Double {
        /// The row fails.
        case row = -1
        /// The whole call fails.
        case call = -2
        /// The results have a row too few.
        case shape = -3
        /// The call does not return until `release` is called.
        case hang = -4
        /// The whole call fails as too late.
        case late = -5
        /// The call fails, as that of an engine that does not say for which row. By itself the row fails.
        case refused = -6
    }

    let signature: Signature
    let description = ModelDescription(format: "scripted", memoryBytes: 0)
    let calls: CallProfile
    private let gate = Gate()
    private let noted = Mutex([[Double]]())
    private let callWork: UInt64

    /// - Parameter callWork: Nanoseconds that a call takes, whatever its rows.
    init(calls: CallProfile = CallProfile(isBlocking: true), callWork: UInt64 = 0) {
        self.calls = calls
        self.callWork = callWork
        signature = Signature(
            inputs: [Field("id"), Field("other"), Field("name", .text)],
            outputs: [OutputColumn("score"), OutputColumn("name", .text)], roles: Roles(score: 0..<1))
    }

    /// The first features of the rows of each call, in order, up to the 10,000th call.
    var seen: [[Double]] { noted.withLock { $0 } }

    static func answer(_ id: Double, _ other: Double) -> Double { id * 3 + other }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        let ids = (0..<rows.count).map { rows[$0, 0] }
        noted.withLock { if $0.count < 10_000 { $0.append(ids) } }
        if callWork > 0 {
            let start = Moment.now
            while Moment.now.nanoseconds(since: start) < callWork {}
        }
        if ids.contains(Trouble.hang.rawValue) { gate.wait() }
        if ids.contains(Trouble.call.rawValue) { throw .engineFailure("scripted") }
        if ids.contains(Trouble.late.rawValue) { throw .deadlineExceeded }
        if rows.count > 1, ids.contains(Trouble.refused.rawValue) { throw .rowRefused("scripted") }
        scores.reset(rows: rows.count - (ids.contains(Trouble.shape.rawValue) ? 1 : 0), width: 2)
        for row in 0..<scores.count {
            if ids[row] == Trouble.row.rawValue || ids[row] == Trouble.refused.rawValue {
                scores.fail(row: row, .invalidFeature(name: "id", reason: "scripted \(rows[row, 1])"))
                continue
            }
            scores[row, 0] = Self.answer(ids[row], rows[row, 1])
            if let text = rows.text(row: row, column: 2) { scores.setText("\(text)!", row: row, column: 1) }
        }
    }

    /// Lets all hanging calls return, now and later.
    func release() { gate.open() }
    /// Returns once so many calls have come to the gate.
    func waitForHanging(_ count: Int) { gate.waitForArrivals(count) }
}

/// A gate that threads wait at until it is opened. Unchecked: semaphores are made for any thread.
final class Gate: @unchecked Sendable {
    private let passed: UnsafeMutablePointer<sem_t>
    private let arrived: UnsafeMutablePointer<sem_t>

    init() {
        passed = .allocate(capacity: 1)
        arrived = .allocate(capacity: 1)
        sem_init(passed, 0, 0)
        sem_init(arrived, 0, 0)
    }

    deinit {
        sem_destroy(passed)
        sem_destroy(arrived)
        passed.deallocate()
        arrived.deallocate()
    }

    func wait() {
        sem_post(arrived)
        while sem_wait(passed) != 0 {}
        sem_post(passed)
    }

    func open() { sem_post(passed) }

    func waitForArrivals(_ count: Int) {
        for _ in 0..<count { while sem_wait(arrived) != 0 {} }
    }
}

/// What became of one request, to be waited for. Unchecked: written once, before the gate opens.
final class Answer: @unchecked Sendable {
    enum Result: Equatable {
        case scored
        case failed(ScoringError)
        case cancelled
    }

    private let gate = Gate()
    private var result: Result?
    private var returned: BatchRows?

    /// Blocks until the answer is there.
    var value: Result {
        gate.wait()
        return result ?? .cancelled
    }

    /// The rows, if they came back. Blocks until the answer is there.
    var rows: BatchRows? {
        gate.wait()
        return returned
    }

    func take(_ outcome: BatchOutcome) {
        precondition(result == nil, "answered twice")
        switch outcome {
        case .scored(let exchange): (result, returned) = (.scored, exchange)
        case .failed(let error, let exchange): (result, returned) = (.failed(error), exchange)
        case .cancelled(let exchange): (result, returned) = (.cancelled, exchange)
        }
        gate.open()
    }

    func scores() -> [Double] {
        guard let scores = rows?.scores else { return [] }
        return (0..<scores.count).map { scores[$0, 0] }
    }
}

/// Rows of these ids, their position as the second feature, and texts for even positions.
func rows(_ ids: [Double]) -> BatchRows {
    let exchange = BatchRows()
    exchange.features.reset(width: 3)
    for (position, id) in ids.enumerated() {
        let row = exchange.features.addRow()
        exchange.features.set(id, row: row, column: 0)
        exchange.features.set(Double(position), row: row, column: 1)
        if position % 2 == 0 { exchange.features.setText("row \(id) \(position)", row: row, column: 2) }
    }
    return exchange
}

extension Batcher {
    func submit(
        _ ids: [Double], in time: Duration? = nil, priority: Priority = .interactive
    ) -> (job: BatchJob, answer: Answer) {
        let answer = Answer()
        let deadline = time.map { Moment.now.advanced(byMilliseconds: UInt64($0 / .milliseconds(1))) }
        let job = BatchJob(rows(ids), deadline: deadline, priority: priority) { answer.take($0) }
        submit(job)
        return (job, answer)
    }
}

/// What the scores of `rows(ids)` have to be.
func expected(_ ids: [Double]) -> [Double] {
    ids.enumerated().map { ScriptedModel.answer($1, Double($0)) }
}
