internal import Batching
internal import Scoring
internal import Testing

/// The plan against a slow reference that keeps one plain list, over random events.
@Suite struct BatchPlanPropertyTests {
    @Test(arguments: 0..<24) func thePlanDoesWhatTheSlowReferenceDoes(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        let sharesCalls = random.below(5) > 0
        let mostRows: Int? = random.below(3) == 0 ? 3 : nil
        var queue = Queue(CallProfile(isBlocking: true, mayShareCalls: sharesCalls, mostRows: mostRows)) {
            $0.maxBatchRows = 1 + Int(random.below(8))
            $0.queuedRows = 5 + Int(random.below(200))
            $0.maxDelay = .nanoseconds(Int64([0, 0, 20][Int(random.below(3))]))
        }
        var reference = Reference(queue.limits, sharesCalls, mostRows)
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
                    handedOut[piece.request] = piece.rows.upperBound
                    if !piece.isLast { running.append(piece) }
                }
            case 8:
                if let piece = running.popLast() {
                    queue.resume(piece)
                    reference.resume(piece)
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
    }

    let callRows: Int
    private let sharesCalls: Bool
    private let queuedRows: Int
    private let delay: UInt64
    private(set) var entries: [Entry] = []
    private var runsWithoutBulk = 0

    init(_ limits: BatchLimits, _ sharesCalls: Bool, _ mostRows: Int?) {
        callRows = min(sharesCalls ? limits.maxBatchRows : .max, mostRows ?? .max)
        self.sharesCalls = sharesCalls
        queuedRows = limits.queuedRows
        delay = sharesCalls ? UInt64(limits.maxDelay / .nanoseconds(1)) : 0
    }

    var waitingRows: Int { entries.reduce(0) { $0 + $1.rows - $1.next } }

    mutating func admit(_ id: Int, _ rows: Int, _ deadline: UInt64, _ priority: Priority, _ now: UInt64) -> Bool {
        guard entries.isEmpty || waitingRows + rows <= queuedRows else { return false }
        let startBy = min(now + delay, now + (deadline - now) / 2)
        entries.append(
            Entry(id: id, rows: rows, next: 0, deadline: deadline, startBy: startBy, isBulk: priority == .bulk))
        return true
    }

    mutating func resume(_ piece: BatchPlan<Int>.Piece) {
        entries.append(
            Entry(
                id: piece.request, rows: piece.total, next: piece.rows.upperBound, deadline: piece.deadline.nanoseconds,
                startBy: 0, isBulk: piece.priority == .bulk))
    }

    /// In the plan's order: interactive ones first.
    mutating func remove(_ isGone: (Entry) -> Bool) -> [Int] {
        let gone = entries.filter(isGone)
        entries.removeAll(where: isGone)
        return (gone.filter { !$0.isBulk } + gone.filter(\.isBulk)).map(\.id)
    }

    mutating func next(_ now: UInt64) -> [String] {
        guard waitingRows >= callRows || entries.contains(where: { $0.startBy <= now }) || delay == 0 else { return [] }
        var run: [(text: String, isBulk: Bool)] = []
        var room = callRows
        for isBulk in runsWithoutBulk >= BatchPlan<Int>.bulkPatience ? [true, false] : [false, true] {
            while room > 0, let index = entries.firstIndex(where: { $0.isBulk == isBulk }) {
                let entry = entries[index]
                if entry.deadline > now {
                    if entry.rows <= callRows, entry.rows > room { break }
                    let count = min(room, entry.rows - entry.next)
                    run.append(("\(entry.id)[\(entry.next..<entry.next + count)]", isBulk))
                    room = sharesCalls ? room - count : 0
                }
                entries.remove(at: index)
            }
        }
        if !run.isEmpty {
            let waits = entries.contains(where: \.isBulk) && !run.contains(where: \.isBulk)
            runsWithoutBulk = waits ? runsWithoutBulk + 1 : 0
        }
        return run.map(\.text)
    }
}
