internal import Batching
internal import Glibc
internal import Scoring
internal import ScoringTestKit
internal import Testing

/// No request ever sees another's data: every request's features say whose they are, results are made of features
/// alone, and each answer has to be its own request's, in buffers that are used again and again as fronts do.
///
/// `VERDICT_LEAKAGE_REQUESTS` sets how many requests there are; default 1,000,000 in release builds, 50,000 in debug builds.
@Suite(.timeLimit(.minutes(5))) struct LeakageTests {
    @Test func everyAnswerIsItsOwnRequestsOverMixedSizesErrorsExpiriesAndCancellations() throws {
        var total = 1_000_000
        assert(
            {
                total = 50_000
                return true
            }())
        if let setting = getenv("VERDICT_LEAKAGE_REQUESTS"), let number = Int(String(cString: setting)) { total = number }
        var limits = BatchLimits()
        limits.maxBatchRows = 16
        limits.engines = 2
        limits.queuedRows = 1300
        let batcher = try Batcher(ScriptedModel(), limits: limits)
        let clients = (0..<4).map { Client(batcher, first: $0 * (total / 4), count: total / 4) }
        for client in clients { #expect(NamedThread.start(name: "client") { client.run() }) }
        let tally = clients.reduce(into: Tally()) { $0.add($1.finish()) }
        #expect(tally.wrong == 0)
        #expect(tally.answered == total / 4 * 4)
        // The test is worth something only if all of this happened.
        #expect(tally.scored > total / 2, "\(tally)")
        for (name, count) in [
            ("failed rows", tally.failedRows), ("failed calls", tally.failedCalls), ("expired", tally.expired),
            ("cancelled", tally.cancelled), ("split", tally.split),
            ("texts", tally.texts), ("shared calls", batcher.statistics.sharedCalls),
            ("repeated", batcher.statistics.repeatedRequests),
        ] { #expect(count > 0, "\(name)") }
    }
}

private struct Tally {
    var answered = 0
    var scored = 0
    var wrong = 0
    var failedRows = 0
    var failedCalls = 0
    var expired = 0
    var cancelled = 0
    var refused = 0
    var split = 0
    var texts = 0

    mutating func add(_ other: Tally) {
        answered += other.answered
        scored += other.scored
        wrong += other.wrong
        failedRows += other.failedRows
        failedCalls += other.failedCalls
        expired += other.expired
        cancelled += other.cancelled
        refused += other.refused
        split += other.split
        texts += other.texts
    }
}

/// What a request is made of, and so what its answer has to be.
private struct Order: Sendable {
    let number: Int
    let rows: Int
    /// The row in which there is trouble, and which.
    let trouble: (row: Int, kind: ScriptedModel.Trouble)?
    let hasTexts: Bool

    func id(_ row: Int) -> Double { trouble?.row == row ? trouble?.kind.rawValue ?? 0 : Double(number) }
    func other(_ row: Int) -> Double { Double(number * 64 + row) }
    func text(_ row: Int) -> String? { hasTexts && row % 3 != 1 ? "\(number)/\(row)" : nil }

    func fill(_ features: FeatureBatch) {
        for row in 0..<rows {
            features.addRow()
            features.set(id(row), row: row, column: 0)
            features.set(other(row), row: row, column: 1)
            if let text = text(row) { features.setText(text, row: row, column: 2) }
        }
    }

    /// Whether these scores are right in every cell.
    func isAnswered(by scores: ScoreBatch) -> Bool {
        guard scores.count == rows, scores.width == 2, trouble?.kind != .call, trouble?.kind != .shape else { return false }
        for row in 0..<rows {
            if trouble?.row == row {
                guard scores.failure(row: row) == .invalidFeature(name: "id", reason: "scripted \(other(row))") else {
                    return false
                }
                continue
            }
            guard scores.failure(row: row) == nil, scores[row, 0] == ScriptedModel.answer(id(row), other(row)),
                scores.text(row: row, column: 1) == text(row).map({ "\($0)!" })
            else { return false }
        }
        return true
    }
}

/// A thread that submits requests as a front does: it has so many exchanges and waits for one to come back.
///
/// Unchecked: the semaphores are made for any thread; what completions and the thread share is behind the mutex, an
/// exchange in it being nobody's.
private final class Client: @unchecked Sendable {
    private struct Shared {
        var free: [BatchRows] = []
        var outstanding = 0
        /// The client's thread waits until half of its requests are answered.
        var isWaiting = false
        var resumeAt = 0
        var tally = Tally()
    }

    private static let window = 50

    private let batcher: Batcher
    private let numbers: Range<Int>
    private let slots: UnsafeMutablePointer<sem_t>
    private let done = Gate()
    private let lock = Gatekeeper<Shared>(Shared())

    init(_ batcher: Batcher, first: Int, count: Int) {
        self.batcher = batcher
        numbers = first..<first + count
        slots = .allocate(capacity: 1)
        sem_init(slots, 0, 0)
    }

    deinit {
        sem_destroy(slots)
        slots.deallocate()
    }

    func run() {
        var random = SeededRandom(seed: UInt64(numbers.lowerBound) &+ 1)
        var mayCancel: BatchJob?
        for number in numbers {
            wait(for: Self.window - 1, until: Self.window / 2)
            let order = order(number, &random)
            let exchange =
                lock.with { shared in
                    shared.outstanding += 1
                    return shared.free.popLast()
                } ?? BatchRows()
            let isHurried = random.below(20) == 0
            let deadline = isHurried ? Moment(nanoseconds: Moment.now.nanoseconds + random.below(300_000)) : nil
            exchange.features.reset(width: 3)
            order.fill(exchange.features)
            let job = BatchJob(exchange, deadline: deadline, priority: random.below(8) == 0 ? .bulk : .interactive) { outcome in
                self.take(outcome, order)
            }
            batcher.submit(job)
            if let cancelled = mayCancel, random.below(2) == 0 { batcher.cancel(cancelled) }
            mayCancel = random.below(15) == 0 ? job : nil
        }
        wait(for: 0, until: 0)
        done.open()
    }

    /// Returns at once if at most `most` requests are unanswered, else once no more than `few` are.
    private func wait(for most: Int, until few: Int) {
        let mustWait = lock.with { shared in
            shared.resumeAt = few
            shared.isWaiting = shared.outstanding > most
            return shared.isWaiting
        }
        guard mustWait else { return }
        while sem_wait(slots) != 0 {}
    }

    func finish() -> Tally {
        done.wait()
        return lock.with { $0.tally }
    }

    private func order(_ number: Int, _ random: inout SeededRandom) -> Order {
        let rows: Int
        switch random.below(40) {
        case 0..<30: rows = 1
        case 30..<38: rows = 2 + Int(random.below(6))
        case 38: rows = 16
        default: rows = 17 + Int(random.below(40))
        }
        let kind: ScriptedModel.Trouble?
        switch random.below(10_000) {
        case 0: kind = .shape
        case 1..<50: kind = .call
        case 50..<400: kind = .row
        default: kind = nil
        }
        let row = Int(random.below(UInt64(rows)))
        return Order(number: number, rows: rows, trouble: kind.map { (row, $0) }, hasTexts: random.below(10) == 0)
    }

    private func take(_ outcome: BatchOutcome, _ order: Order) {
        var tally = Tally()
        let returned: BatchRows?
        tally.answered = 1
        switch outcome {
        case .scored(let exchange):
            tally.scored = 1
            tally.split = order.rows > 16 ? 1 : 0
            tally.texts = order.hasTexts ? 1 : 0
            tally.failedRows = order.trouble?.kind == .row ? 1 : 0
            if !order.isAnswered(by: exchange.scores) { tally.wrong = 1 }
            returned = exchange
        case .failed(let error, let exchange):
            switch error {
            case .engineFailure:
                tally.failedCalls = 1
                // A call that fails for one request fails nobody else.
                if order.trouble?.kind != .call { tally.wrong = 1 }
            case .deadlineExceeded: tally.expired = 1
            case .overloaded: tally.refused = 1
            case .invalidModel: break
            default: tally.wrong = 1
            }
            returned = exchange
        case .cancelled(let exchange):
            tally.cancelled = 1
            returned = exchange
        }
        let mustWake = lock.with { shared in
            shared.tally.add(tally)
            if let returned { shared.free.append(returned) }
            shared.outstanding -= 1
            guard shared.isWaiting, shared.outstanding <= shared.resumeAt else { return false }
            shared.isWaiting = false
            return true
        }
        if mustWake { sem_post(slots) }
    }
}

/// A value behind a lock that may hold what is not sendable: whoever takes something out has it alone.
///
/// Unchecked: the value is accessed under the lock only, which has a fixed address.
private final class Gatekeeper<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func with<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
