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
    private var interactive = BatchLine<Request>()
    private var bulk = BatchLine<Request>()
    /// Rows in both lines.
    package private(set) var waitingRows = 0
    /// Runs since the last that bulk rows were part of, while some waited.
    private var runsWithoutBulk = 0
    /// How long a call takes, smoothed over about eight of them; nil before the first.
    private var callNanoseconds: UInt64?

    package init(limits: BatchLimits, calls: CallProfile) {
        self.limits = limits
        sharesCalls = calls.mayShareCalls
        // Where rows of a call depend on each other, only what the model itself cannot take is cut.
        let most = calls.mostRows ?? .max
        callRows = max(1, sharesCalls ? min(limits.maxBatchRows, most) : most)
    }

    package var isEmpty: Bool { interactive.isEmpty && bulk.isEmpty }
    package var waitingRequests: Int { interactive.count + bulk.count }

    /// Admits a request of `rows` rows, 1 or more, or returns after which time it is worth trying again. O(1).
    package mutating func admit(
        _ request: Request, rows: Int, deadline: Moment, priority: Priority, now: Moment
    ) -> Duration? {
        guard isEmpty || waitingRows + rows <= limits.queuedRows else { return retryAfter() }
        let half = Moment(nanoseconds: now.nanoseconds + deadline.nanoseconds(since: now) / 2)
        let startBy = sharesCalls ? min(now.advanced(by: limits.maxDelay), half) : now
        append(
            BatchLine.Entry(request: request, rows: rows, nextRow: 0, deadline: deadline, startBy: startBy), priority)
        return nil
    }

    /// Takes back what is left of a request after one of its pieces, which is not the last. O(1).
    package mutating func resume(after piece: Piece) {
        let rest = BatchLine.Entry(
            request: piece.request, rows: piece.total, nextRow: piece.rows.upperBound, deadline: piece.deadline,
            startBy: Moment(nanoseconds: 0))
        append(rest, piece.priority)
    }

    /// When the next run is due: a moment that has come means at once, nil that nobody waits. O(1) without `maxDelay`,
    /// else O(`maxBatchRows`).
    package var due: Moment? {
        guard !isEmpty else { return nil }
        guard limits.maxDelay > .zero, waitingRows < callRows else { return Moment(nanoseconds: 0) }
        return [interactive, bulk].compactMap { $0.earliest(\.startBy) }.min()
    }

    /// What an engine without work is to do. Requests whose deadline has come are taken out and added to `expired`.
    package mutating func next(now: Moment, expired: inout [Request]) -> Step {
        guard let due else { return .wait(until: nil) }
        guard due <= now else { return .wait(until: due) }
        let bulkIsFirst = runsWithoutBulk >= Self.bulkPatience
        var pieces: [Piece] = []
        var room = callRows
        for priority in bulkIsFirst ? [Priority.bulk, .interactive] : [.interactive, .bulk] {
            take(priority, now: now, room: &room, pieces: &pieces, expired: &expired)
        }
        guard !pieces.isEmpty else { return .wait(until: nil) }
        let isWithoutBulk = !bulk.isEmpty && !pieces.contains { $0.priority == .bulk }
        runsWithoutBulk = isWithoutBulk ? runsWithoutBulk + 1 : 0
        return .run(pieces)
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
        [interactive, bulk].compactMap { $0.earliest(\.deadline) }.min()
    }

    /// When there will be room, going by the calls so far: at least a millisecond, at most a minute.
    private func retryAfter() -> Duration {
        let shared = waitingRows / callRows + (waitingRows % callRows > 0 ? 1 : 0)
        let calls = UInt64((sharesCalls ? shared : waitingRequests) / max(1, limits.engines) + 1)
        let (span, overflow) = (callNanoseconds ?? 100_000_000).multipliedReportingOverflow(by: calls)
        return .nanoseconds(Int64(overflow ? 60_000_000_000 : min(max(span, 1_000_000), 60_000_000_000)))
    }

    private mutating func append(_ entry: BatchLine<Request>.Entry, _ priority: Priority) {
        waitingRows += entry.waitingRows
        switch priority {
        case .interactive: interactive.append(entry)
        case .bulk: bulk.append(entry)
        }
    }

    private mutating func take(
        _ priority: Priority, now: Moment, room: inout Int, pieces: inout [Piece], expired: inout [Request]
    ) {
        while room > 0, let entry = priority == .interactive ? interactive.first : bulk.first {
            let isExpired = entry.deadline <= now
            guard isExpired || entry.rows > callRows || entry.rows <= room else { return }
            switch priority {
            case .interactive: interactive.removeFirst()
            case .bulk: bulk.removeFirst()
            }
            waitingRows -= entry.waitingRows
            guard !isExpired else {
                expired.append(entry.request)
                continue
            }
            let count = min(entry.waitingRows, room)
            pieces.append(
                Piece(
                    request: entry.request, rows: entry.nextRow..<entry.nextRow + count, total: entry.rows,
                    deadline: entry.deadline, priority: priority))
            room = sharesCalls ? room - count : 0
        }
    }

    private mutating func remove(where isGone: (BatchLine<Request>.Entry) -> Bool) -> [Request] {
        let gone = interactive.removeAll(where: isGone) + bulk.removeAll(where: isGone)
        waitingRows -= gone.reduce(0) { $0 + $1.waitingRows }
        return gone.map(\.request)
    }
}

extension BatchPlan.Piece: Sendable where Request: Sendable {}
extension BatchPlan.Step: Sendable where Request: Sendable {}
