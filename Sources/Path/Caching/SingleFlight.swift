package import Scoring
internal import Synchronization

/// Has equal rows that are asked for at the same time computed once; `FlightPlan` has the rules. Safe for threads.
///
/// Pays where computing takes long, for a model that blocks or behind a shared cache; a model of microseconds is
/// quicker computed twice.
package final class SingleFlight: Sendable {
    /// What one who waits hears, exactly once unless it leaves.
    package enum Outcome: Sendable {
        case score(CachedScore)
        /// What keeps every request for this row from a score; for one whose time is over, `.deadlineExceeded`.
        case failed(ScoringError)
        /// The leader gave up: compute, and tell the ticket.
        case lead(Ticket)
    }

    package enum Role: Sendable {
        /// Compute, and tell the ticket.
        case lead(Ticket)
        /// `waiter` will be called.
        case wait(Seat)
        /// Compute: the others may take longer than this one has. There is nobody to tell.
        case alone
    }

    /// The duty to compute. Ends with `land`, `fail` or `abandon`; dropped without one of them it abandons.
    package final class Ticket: Sendable {
        private let flights: SingleFlight
        private let key: CacheKey
        private let number: UInt64

        init(flights: SingleFlight, key: CacheKey, number: UInt64) {
            self.flights = flights
            self.key = key
            self.number = number
        }

        deinit { flights.abandon(key, leader: number) }

        /// Hands the score to all who wait: to a few on the calling thread, to the others from a thread of its own.
        package func land(_ score: CachedScore) { flights.land(key, leader: number, .score(score)) }

        /// Hands an error that others would get too to all who wait, as `land` does. A deadline of the leader's own is a
        /// reason to `abandon`.
        package func fail(_ error: ScoringError) { flights.land(key, leader: number, .failed(error)) }

        /// Leaves the duty to the one who has waited longest, whose `waiter` is called later, on another thread.
        package func abandon() { flights.abandon(key, leader: number) }
    }

    /// The place of one who waits.
    package struct Seat: Sendable {
        fileprivate let flights: SingleFlight
        fileprivate let key: CacheKey
        fileprivate let number: UInt64

        /// Stops waiting: at the deadline, or because nobody wants the answer any more. False if the outcome has been
        /// handed over or is being handed over.
        package func leave() -> Bool { flights.leave(key, number: number) }
    }

    package typealias Waiter = @Sendable (Outcome) -> Void
    /// Has something done later, outside of whatever else it was given.
    package typealias Runner = @Sendable (@escaping @Sendable () -> Void) -> Void

    /// How many waiters are called in one go.
    package static let slice = 32

    private let shards: [Shard]
    private let runner: Runner
    private let numbers = Atomic<UInt64>(0)

    private final class Shard: Sendable {
        let plan = Mutex(FlightPlan<CacheKey, Waiter>())
    }

    package convenience init() {
        let thread = FlightThread()
        self.init { thread.run($0) }
    }

    package init(runner: @escaping Runner) {
        self.runner = runner
        shards = (0..<16).map { _ in Shard() }
    }

    /// Asks to lead or to wait for `key`. `waiter` is called on another thread, outside of locks, and must not take long.
    /// Memory is bounded by the callers' own bound on requests: one place each.
    /// - Parameter deadline: By when whoever asks gives up as a leader, and is to hear something as a waiter.
    package func join(
        _ key: CacheKey, deadline: Moment = Moment(nanoseconds: .max), waiter: @escaping Waiter
    ) -> Role {
        let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
        switch shard(of: key).plan.withLock({ $0.join(key, number: number, deadline: deadline, waiter: waiter) }) {
        case .lead: return .lead(Ticket(flights: self, key: key, number: number))
        case .wait: return .wait(Seat(flights: self, key: key, number: number))
        case .alone: return .alone
        }
    }

    /// Keys being computed now.
    package var count: Int { shards.reduce(0) { $0 + $1.plan.withLock { $0.count } } }

    private func land(_ key: CacheKey, leader: UInt64, _ outcome: Outcome) {
        let waiters = shard(of: key).plan.withLock { $0.land(key, leader: leader) }
        tell(waiters[...], outcome)
    }

    private func abandon(_ key: CacheKey, leader: UInt64) {
        let now = Moment.now
        let handover = shard(of: key).plan.withLock { $0.abandon(key, leader: leader, now: now) }
        if let next = handover.next {
            let ticket = Ticket(flights: self, key: key, number: next.number)
            // Never here: it may give up at once, and so on through all who wait.
            runner { next.waiter(.lead(ticket)) }
        }
        tell(handover.late[...], .failed(.deadlineExceeded))
    }

    /// Calls waiters slice by slice, others' in between.
    private func tell(_ waiters: ArraySlice<Waiter>, _ outcome: Outcome) {
        for waiter in waiters.prefix(Self.slice) { waiter(outcome) }
        let rest = waiters.dropFirst(Self.slice)
        if !rest.isEmpty { runner { self.tell(rest, outcome) } }
    }

    private func leave(_ key: CacheKey, number: UInt64) -> Bool {
        shard(of: key).plan.withLock { $0.leave(key, number: number) }
    }

    private func shard(of key: CacheKey) -> Shard { shards[Int(truncatingIfNeeded: key.low >> 60)] }
}
