package import Scoring

/// Decides which waiting rows become the next call. Pure: no clock, lock, thread or engine.
///
/// Requests are admitted while the queue has room. An engine that has nothing to do asks for the `next` run: it
/// is told to run what has gathered, at once, or to wait until a request comes or (with a `maxDelay`) until the
/// first of those waiting has waited enough. So a request that meets an idle engine is run alone and immediately, and
/// what comes while all engines are busy gathers.
///
/// - Interactive requests go before bulk ones; after `bulkPatience` runs without any of their rows the bulk
///   requests go first once.
/// - Within a priority requests go in their order. One that does not fit into what is left of a run waits for the next,
///   and those behind it with it, so that rows of a request stay together.
/// - A request with more rows than a call takes is cut into pieces, one of them running at a time; between
///   pieces it goes to the end of its line, so that it does not hold up the small ones.
/// - What is left of a call that failed is called again with half as many rows, and so on down to a row alone, so that a row
///   that makes calls fail is found. Such calls hold only retries, and where others wait every second run is theirs.
/// - A request whose deadline has come is never handed out.
package struct BatchPlan<Request> {
    /// Consecutive rows of one request in a run.
    package struct Piece {
        package let request: Request
        package let rows: Range<Int>
        /// All rows of the request.
        package let total: Int
        package let deadline: Moment
        package let priority: Priority
        /// Most rows of the call.
        let callRows: Int

        package var isLast: Bool { rows.upperBound == total }
        package var isWhole: Bool { rows.count == total }
    }

    package enum Step {
        /// Call the model with the rows of these pieces, in this order. There is at least one.
        case run([Piece])
        /// Nothing to do before this moment or the next request; nil for no such moment.
        case wait(until: Moment?)
    }

    package static var bulkPatience: Int { 8 }

    private let limits: BatchLimits
    /// Most rows of a call.
    private let callRows: Int
    private let sharesCalls: Bool
    private var interactive = PriorityLine<Request>()
    private var bulk = PriorityLine<Request>()
    /// Runs since the last that bulk rows were part of, while some waited.
    private var runsWithoutBulk = 0
    /// How long a call takes, smoothed over about eight of them; nil before the first.
    private var callNanoseconds: UInt64?

    package init(limits: BatchLimits, calls: CallProfile) {
        self.limits = limits
        sharesCalls = calls.mayShareCalls
        // Where rows of a call depend on each other, only what the model itself cannot take is cut.
        let most = calls.maxRows ?? .max
        callRows = max(1, sharesCalls ? min(limits.maxBatchRows, most) : most)
    }

    package var isEmpty: Bool { interactive.isEmpty && bulk.isEmpty }
    package var waitingRequests: Int { interactive.count + bulk.count }
    package var waitingRows: Int { interactive.rows + bulk.rows }

    /// Admits a request of `rows` rows, 1 or more, or returns after which time it is worth trying again. O(1).
    package mutating func admit(
        _ request: Request, rows: Int, deadline: Moment, priority: Priority, now: Moment
    ) -> Duration? {
        guard isEmpty || waitingRows + rows <= limits.queuedRows else { return retryAfter() }
        let half = Moment(nanoseconds: now.nanoseconds + deadline.nanoseconds(since: now) / 2)
        let startBy = sharesCalls ? min(now.advanced(by: limits.maxDelay), half) : now
        let entry = BatchLine.Entry(
            request: request, rows: rows, nextRow: 0, deadline: deadline, startBy: startBy, callRows: callRows)
        self[priority].fresh.append(entry)
        return nil
    }

    /// Takes back what is left of a request after one of its pieces, which is not the last. O(1).
    ///
    /// - Parameter hasAnswers: Whether some row of the piece was scored: then a retry goes on with twice as many rows.
    package mutating func resume(after piece: Piece, hasAnswers: Bool = true) {
        let grown = piece.callRows > callRows / 2 ? callRows : piece.callRows * 2
        put(piece, nextRow: piece.rows.upperBound, callRows: hasAnswers ? grown : piece.callRows)
    }

    /// Takes back a piece of a call of so many rows, two or more, that failed for what one of them may have done. O(1).
    package mutating func retry(_ piece: Piece, after rows: Int) {
        put(piece, nextRow: piece.rows.lowerBound, callRows: rows / 2)
    }

    private mutating func put(_ piece: Piece, nextRow: Int, callRows: Int) {
        let entry = BatchLine.Entry(
            request: piece.request, rows: piece.total, nextRow: nextRow, deadline: piece.deadline,
            startBy: Moment(nanoseconds: 0), callRows: callRows)
        if callRows < self.callRows {
            self[piece.priority].retries.append(entry)
        } else {
            self[piece.priority].fresh.append(entry)
        }
    }

    /// When the next run is due: a moment that has come means at once, nil that nobody waits. O(1) without `maxDelay`,
    /// else O(`maxBatchRows`).
    package var due: Moment? {
        interactive.retries.isEmpty && bulk.retries.isEmpty ? freshDue : Moment(nanoseconds: 0)
    }

    private var freshDue: Moment? {
        guard !interactive.fresh.isEmpty || !bulk.fresh.isEmpty else { return nil }
        guard limits.maxDelay > .zero, interactive.fresh.rows + bulk.fresh.rows < callRows else { return Moment(nanoseconds: 0) }
        return [interactive, bulk].compactMap { $0.fresh.earliest(\.startBy) }.min()
    }

    /// What an engine without work is to do. Requests whose deadline has come are taken out and added to `expired`.
    package mutating func next(now: Moment, expired: inout [Request]) -> Step {
        while let due, due <= now {
            let bulkIsFirst = runsWithoutBulk >= Self.bulkPatience
            let order = bulkIsFirst ? [Priority.bulk, .interactive] : [.interactive, .bulk]
            var pieces = takeRetries(order, now: now, expired: &expired)
            if pieces.isEmpty, let freshDue, freshDue <= now {
                var room = callRows
                for priority in order {
                    takeFresh(priority, now: now, room: &room, pieces: &pieces, expired: &expired)
                    self[priority].hasJustRetried = false
                }
            }
            // All that were looked at had expired.
            guard !pieces.isEmpty else { continue }
            let isWithoutBulk = !bulk.isEmpty && !pieces.contains { $0.priority == .bulk }
            runsWithoutBulk = isWithoutBulk ? runsWithoutBulk + 1 : 0
            return .run(pieces)
        }
        return .wait(until: due)
    }

    /// Learns how long a call took.
    package mutating func record(callNanoseconds: UInt64) {
        self.callNanoseconds = self.callNanoseconds.map { $0 - $0 / 8 + callNanoseconds / 8 } ?? callNanoseconds
    }

    /// Takes out the requests whose deadline has come. O(n).
    package mutating func expire(now: Moment) -> [Request] {
        remove { $0.deadline <= now }
    }

    /// Takes out the requests that `isGone` names: their clients have gone. O(n).
    package mutating func cancel(where isGone: (Request) -> Bool) -> [Request] {
        remove { isGone($0.request) }
    }

    package mutating func removeAll() -> [Request] {
        remove { _ in true }
    }

    /// The earliest deadline of those waiting. O(n).
    package var earliestDeadline: Moment? {
        [interactive, bulk].compactMap(\.earliestDeadline).min()
    }

    /// When there will be room, going by the calls so far: at least a millisecond, at most a minute.
    private func retryAfter() -> Duration {
        let shared = waitingRows / callRows + (waitingRows % callRows > 0 ? 1 : 0)
        let calls = UInt64((sharesCalls ? shared : waitingRequests) / max(1, limits.engines) + 1)
        let (span, overflow) = (callNanoseconds ?? 100_000_000).multipliedReportingOverflow(by: calls)
        return .nanoseconds(Int64(overflow ? 60_000_000_000 : min(max(span, 1_000_000), 60_000_000_000)))
    }

    private subscript(priority: Priority) -> PriorityLine<Request> {
        get {
            switch priority {
            case .interactive: interactive
            case .bulk: bulk
            }
        }
        _modify {
            switch priority {
            case .interactive: yield &interactive
            case .bulk: yield &bulk
            }
        }
    }

    /// The pieces of a run of retries, if it is their turn.
    private mutating func takeRetries(_ order: [Priority], now: Moment, expired: inout [Request]) -> [Piece] {
        var pieces: [Piece] = []
        let freshIsDue = freshDue.map { $0 <= now } ?? false
        for priority in order {
            let freshWaits = freshIsDue && !self[priority].fresh.isEmpty
            if !freshWaits || !self[priority].hasJustRetried {
                takeRetries(priority, now: now, pieces: &pieces, expired: &expired)
            }
            guard pieces.isEmpty else {
                self[priority].hasJustRetried = true
                break
            }
            if freshWaits { break }
        }
        return pieces
    }

    private mutating func takeRetries(_ priority: Priority, now: Moment, pieces: inout [Piece], expired: inout [Request]) {
        var room = callRows
        var taken = 0
        while room > 0, let entry = self[priority].retries.first {
            let isExpired = entry.deadline <= now
            let own = min(room, entry.callRows - taken)
            guard isExpired || pieces.isEmpty || entry.waitingRows <= own else { return }
            self[priority].retries.removeFirst()
            guard !isExpired else {
                expired.append(entry.request)
                continue
            }
            let count = min(entry.waitingRows, own)
            pieces.append(Piece(entry, rows: count, priority))
            taken += count
            room = sharesCalls ? own - count : 0
        }
    }

    private mutating func takeFresh(
        _ priority: Priority, now: Moment, room: inout Int, pieces: inout [Piece], expired: inout [Request]
    ) {
        while room > 0, let entry = self[priority].fresh.first {
            let isExpired = entry.deadline <= now
            guard isExpired || entry.rows > callRows || entry.rows <= room else { return }
            self[priority].fresh.removeFirst()
            guard !isExpired else {
                expired.append(entry.request)
                continue
            }
            let count = min(entry.waitingRows, room)
            pieces.append(Piece(entry, rows: count, priority))
            room = sharesCalls ? room - count : 0
        }
    }

    private mutating func remove(where isGone: (BatchLine<Request>.Entry) -> Bool) -> [Request] {
        (interactive.removeAll(where: isGone) + bulk.removeAll(where: isGone)).map(\.request)
    }
}

extension BatchPlan.Piece {
    /// The next rows of a request that waits.
    fileprivate init(_ entry: BatchLine<Request>.Entry, rows count: Int, _ priority: Priority) {
        self.init(
            request: entry.request, rows: entry.nextRow..<entry.nextRow + count, total: entry.rows, deadline: entry.deadline,
            priority: priority, callRows: entry.callRows)
    }
}

extension BatchPlan.Piece: Sendable where Request: Sendable {}
extension BatchPlan.Step: Sendable where Request: Sendable {}
