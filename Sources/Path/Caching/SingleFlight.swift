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
        /// The engine's error for this row.
        case failed(ScoringError)
        /// The leader gave up: compute, and tell the ticket.
        case lead(Ticket)
    }

    package enum Role: Sendable {
        /// Compute, and tell the ticket.
        case lead(Ticket)
        /// `waiter` will be called.
        case wait(Seat)
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

        /// Hands the score to all who wait, on the calling thread.
        package func land(_ score: CachedScore) { flights.land(key, leader: number, .score(score)) }

        /// Hands an error of the engine to all who wait. A deadline of the leader's own is a reason to `abandon`.
        package func fail(_ error: ScoringError) { flights.land(key, leader: number, .failed(error)) }

        /// Leaves the duty to the one who has waited longest, whose `waiter` is called on this thread.
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

    private let shards: [Shard]
    private let numbers = Atomic<UInt64>(0)

    private final class Shard: Sendable {
        let plan = Mutex(FlightPlan<CacheKey, Waiter>())
    }

    package init() { shards = (0..<16).map { _ in Shard() } }

    /// Asks to lead or to wait for `key`. `waiter` is called on the thread of whoever leads, outside of locks, and
    /// must not take long. Memory is bounded by the callers' own bound on requests: one place each.
    package func join(_ key: CacheKey, waiter: @escaping Waiter) -> Role {
        let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
        switch shard(of: key).plan.withLock({ $0.join(key, number: number, waiter: waiter) }) {
        case .lead: return .lead(Ticket(flights: self, key: key, number: number))
        case .wait: return .wait(Seat(flights: self, key: key, number: number))
        }
    }

    /// Keys being computed now.
    package var count: Int { shards.reduce(0) { $0 + $1.plan.withLock { $0.count } } }

    private func land(_ key: CacheKey, leader: UInt64, _ outcome: Outcome) {
        let waiters = shard(of: key).plan.withLock { $0.land(key, leader: leader) }
        for waiter in waiters { waiter(outcome) }
    }

    private func abandon(_ key: CacheKey, leader: UInt64) {
        guard let next = shard(of: key).plan.withLock({ $0.abandon(key, leader: leader) }) else { return }
        next.waiter(.lead(Ticket(flights: self, key: key, number: next.number)))
    }

    private func leave(_ key: CacheKey, number: UInt64) -> Bool {
        shard(of: key).plan.withLock { $0.leave(key, number: number) }
    }

    private func shard(of key: CacheKey) -> Shard { shards[Int(truncatingIfNeeded: key.low >> 60)] }
}
