/// Decides who computes when several want the same: the first one leads, the others wait for what it finds. Pure.
///
/// - A score or an error of the engine is for all who wait.
/// - A leader that gives up for reasons of its own (its deadline, its client gone) makes the one who has waited longest
///   the leader; the others go on waiting.
/// - Who waits can leave at any time, and hears nothing more.
struct FlightPlan<Key: Hashable, Waiter> {
    enum Role: Equatable {
        case lead
        case wait
    }

    private struct Flight {
        var leader: UInt64
        /// In the order they came.
        var waiters: [(number: UInt64, waiter: Waiter)] = []
    }

    private var flights: [Key: Flight] = [:]

    var count: Int { flights.count }

    /// Somebody with a number of its own wants `key`. `waiter` is kept if it is to wait.
    mutating func join(_ key: Key, number: UInt64, waiter: @autoclosure () -> Waiter) -> Role {
        guard flights[key] != nil else {
            flights[key] = Flight(leader: number)
            return .lead
        }
        flights[key]?.waiters.append((number, waiter()))
        return .wait
    }

    /// The leader has a result. Returns who is to hear it; nobody if it does not lead any more.
    mutating func land(_ key: Key, leader: UInt64) -> [Waiter] {
        guard let flight = flights[key], flight.leader == leader else { return [] }
        flights[key] = nil
        return flight.waiters.map(\.waiter)
    }

    /// The leader gives up. Returns who leads now.
    mutating func abandon(_ key: Key, leader: UInt64) -> (number: UInt64, waiter: Waiter)? {
        guard var flight = flights[key], flight.leader == leader else { return nil }
        guard !flight.waiters.isEmpty else {
            flights[key] = nil
            return nil
        }
        let next = flight.waiters.removeFirst()
        flight.leader = next.number
        flights[key] = flight
        return next
    }

    /// One who waits leaves; false if it does not wait any more.
    mutating func leave(_ key: Key, number: UInt64) -> Bool {
        guard let position = flights[key]?.waiters.firstIndex(where: { $0.number == number }) else { return false }
        flights[key]?.waiters.remove(at: position)
        return true
    }
}
