internal import Batching
internal import Scoring
internal import ScoringTestKit
internal import Testing

/// The plan against a slow reference that keeps one plain list, over random events.
@Suite struct BatchPlanPropertyTests {
    @Test(arguments: 0..<24) func thePlanDoesWhatTheSlowReferenceDoes(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let sharesCalls = random.below(5) > 0
        let maxRows: Int? = random.below(3) == 0 ? 3 : nil
        var queue = Queue(CallProfile(isBlocking: true, mayShareCalls: sharesCalls, maxRows: maxRows)) {
            $0.maxBatchRows = 1 + Int(random.below(8))
            $0.queuedRows = 5 + Int(random.below(200))
            $0.maxDelay = .nanoseconds(Int64([0, 0, 20][Int(random.below(3))]))
        }
        var reference = Reference(queue.limits, sharesCalls, maxRows)
        var running: [BatchPlan<Int>.Piece] = []
        var handedOut: [Int: Int] = [:]
        for id in 0..<1500 {
            queue.now += random.below(8)
            switch random.below(10) {
            case 0..<5:
                let rows = random.below(6) == 0 ? 1 + Int(random.below(30)) : 1 + Int(random.below(3))
                let deadline = queue.now + 1 + random.below(random.below(4) == 0 ? 40 : 4000)
                let priority: Priority = random.below(3) == 0 ? .bulk : .interactive
                let isRefused = queue.refusal(id, rows: rows, deadline: deadline, priority: priority) != nil
                #expect(isRefused == !reference.admit(id, rows, deadline, priority, queue.now))
            case 5..<8:
                let pieces = queue.take()
                #expect(pieces.map(\.text) == reference.next(queue.now))
                #expect(pieces.reduce(0) { $0 + $1.rows.count } <= reference.callRows)
                for piece in pieces {
                    #expect(piece.deadline.nanoseconds > queue.now)
                    // Rows are handed out in order, each once.
                    #expect(handedOut[piece.request, default: 0] == piece.rows.lowerBound)
                }
                let count = pieces.reduce(0) { $0 + $1.rows.count }
                if count > 1, random.below(3) == 0 {
                    queue.retry(pieces)
                    for piece in pieces { reference.retry(piece, count) }
                    continue
                }
                for piece in pieces {
                    handedOut[piece.request] = piece.rows.upperBound
                    if !piece.isLast { running.append(piece) }
                }
            case 8:
                if let piece = running.popLast() {
                    let hasAnswers = random.below(3) > 0
                    queue.plan.resume(after: piece, hasAnswers: hasAnswers)
                    reference.resume(piece, hasAnswers)
                }
            default:
                if random.below(2) == 0 {
                    let gone = Int(random.below(UInt64(id + 1)))
                    #expect(queue.plan.cancel { $0 == gone } == reference.remove { $0.id == gone })
                } else {
                    let now = queue.now
                    #expect(queue.plan.expire(now: Moment(nanoseconds: now)) == reference.remove { $0.deadline <= now })
                }
            }
            #expect(queue.plan.waitingRows == reference.waitingRows)
            #expect(queue.plan.waitingRequests == reference.entries.count)
            #expect(queue.plan.earliestDeadline?.nanoseconds == reference.entries.map(\.deadline).min())
        }
    }
}

/// What the plan is to do, said as plainly as possible: one list of all that wait, searched from its start each time.
private struct Reference {
    struct Entry {
        var id: Int
        var rows: Int
        var next: Int
        var deadline: UInt64
        var startBy: UInt64
        var isBulk: Bool
        /// Most rows of its call.
        var limit: Int
    }

    let callRows: Int
    private let sharesCalls: Bool
    private let queuedRows: Int
    private let delay: UInt64
    private(set) var entries: [Entry] = []
    private var runsWithoutBulk = 0
    /// Whether the last run was of retries, for interactive and bulk ones.
    private var hasJustRetried = [false: false, true: false]
    /// How large the calls that unfinished requests were part of may have been.
    private var limits: [Int: Int] = [:]

    init(_ limits: BatchLimits, _ sharesCalls: Bool, _ maxRows: Int?) {
        callRows = min(sharesCalls ? limits.maxBatchRows : .max, maxRows ?? .max)
        self.sharesCalls = sharesCalls
        queuedRows = limits.queuedRows
        delay = sharesCalls ? UInt64(limits.maxDelay / .nanoseconds(1)) : 0
    }

    var waitingRows: Int { entries.reduce(0) { $0 + $1.rows - $1.next } }

    mutating func admit(_ id: Int, _ rows: Int, _ deadline: UInt64, _ priority: Priority, _ now: UInt64) -> Bool {
        guard entries.isEmpty || waitingRows + rows <= queuedRows else { return false }
        let startBy = min(now + delay, now + (deadline - now) / 2)
        entries.append(
            Entry(
                id: id, rows: rows, next: 0, deadline: deadline, startBy: startBy, isBulk: priority == .bulk, limit: callRows))
        return true
    }

    mutating func resume(_ piece: BatchPlan<Int>.Piece, _ hasAnswers: Bool) {
        let limit = limits[piece.request] ?? callRows
        put(piece, next: piece.rows.upperBound, limit: hasAnswers && limit < callRows ? min(callRows, limit * 2) : limit)
    }

    mutating func retry(_ piece: BatchPlan<Int>.Piece, _ rows: Int) { put(piece, next: piece.rows.lowerBound, limit: rows / 2) }

    private mutating func put(_ piece: BatchPlan<Int>.Piece, next: Int, limit: Int) {
        entries.append(
            Entry(
                id: piece.request, rows: piece.total, next: next, deadline: piece.deadline.nanoseconds, startBy: 0,
                isBulk: piece.priority == .bulk, limit: limit))
    }

    private func isRetry(_ entry: Entry) -> Bool { entry.limit < callRows }

    /// In the plan's order: interactive ones first, and of each those first that never failed.
    mutating func remove(_ isGone: (Entry) -> Bool) -> [Int] {
        let gone = entries.filter(isGone)
        entries.removeAll(where: isGone)
        return [false, true].flatMap { isBulk in
            let own = gone.filter { $0.isBulk == isBulk }
            return (own.filter { !isRetry($0) } + own.filter(isRetry)).map(\.id)
        }
    }

    mutating func next(_ now: UInt64) -> [String] {
        while true {
            let fresh = entries.filter { !isRetry($0) }
            let freshIsDue =
                !fresh.isEmpty
                && (delay == 0 || fresh.reduce(0) { $0 + $1.rows - $1.next } >= callRows || fresh.contains { $0.startBy <= now })
            guard freshIsDue || entries.contains(where: isRetry) else { return [] }
            let order = runsWithoutBulk >= BatchPlan<Int>.bulkPatience ? [true, false] : [false, true]
            var run: [(text: String, isBulk: Bool)] = []
            for isBulk in order {
                let othersWait = freshIsDue && fresh.contains { $0.isBulk == isBulk }
                if !othersWait || hasJustRetried[isBulk] == false { run = retries(isBulk, now) }
                if !run.isEmpty { hasJustRetried[isBulk] = true }
                if !run.isEmpty || othersWait { break }
            }
            if run.isEmpty, freshIsDue {
                run = freshRun(order, now)
                hasJustRetried = [false: false, true: false]
            }
            guard !run.isEmpty else { continue }
            let waits = entries.contains(where: \.isBulk) && !run.contains(where: \.isBulk)
            runsWithoutBulk = waits ? runsWithoutBulk + 1 : 0
            return run.map(\.text)
        }
    }

    /// Hands out rows of the entry at an index, which leaves the list.
    private mutating func hand(_ index: Int, rows: Int) -> (text: String, isBulk: Bool) {
        let entry = entries.remove(at: index)
        limits[entry.id] = entry.limit
        return ("\(entry.id)[\(entry.next..<entry.next + rows)]", entry.isBulk)
    }

    private mutating func retries(_ isBulk: Bool, _ now: UInt64) -> [(text: String, isBulk: Bool)] {
        var run: [(text: String, isBulk: Bool)] = []
        var (taken, most) = (0, Int.max)
        while taken < most, let index = entries.firstIndex(where: { $0.isBulk == isBulk && isRetry($0) }) {
            let entry = entries[index]
            guard entry.deadline > now else {
                entries.remove(at: index)
                continue
            }
            most = min(most, entry.limit)
            let waiting = entry.rows - entry.next
            if !run.isEmpty, taken + waiting > most { break }
            let count = min(waiting, most)
            taken += count
            run.append(hand(index, rows: count))
            if !sharesCalls { break }
        }
        return run
    }

    private mutating func freshRun(_ order: [Bool], _ now: UInt64) -> [(text: String, isBulk: Bool)] {
        var run: [(text: String, isBulk: Bool)] = []
        var room = callRows
        for isBulk in order {
            while room > 0, let index = entries.firstIndex(where: { $0.isBulk == isBulk && !isRetry($0) }) {
                let entry = entries[index]
                guard entry.deadline > now else {
                    entries.remove(at: index)
                    continue
                }
                if entry.rows <= callRows, entry.rows > room { break }
                let count = min(room, entry.rows - entry.next)
                run.append(hand(index, rows: count))
                room = sharesCalls ? room - count : 0
            }
        }
        return run
    }
}
