internal import Scoring

/// Decides who computes when several want the same: the first one leads, the others wait for what it finds. Pure.
///
/// - A score or an error is for all who wait.
/// - A leader that gives up for reasons of its own (its deadline, its client gone) makes the one who has waited longest
///   the leader; the others go on waiting. Those whose own time is over by then are late, and lead no more.
/// - Nobody waits for one whose deadline is later than its own by more than `tolerance`: it computes alone. So the
///   deadlines of those who wait come in the order of the line, and no wait ends later than its deadline and `tolerance`.
/// - Who waits can leave at any time, and hears nothing more.
///
/// Each event takes constant time for each request that it concerns, averaged over a flight.
struct FlightPlan<Key: Hashable, Waiter> {
    enum Role: Equatable {
        case lead
        case wait
        case alone
    }

    struct Seat {
        let number: UInt64
        let deadline: Moment
        let waiter: Waiter
    }

    /// What follows from a leader's giving up.
    struct Handover {
        /// Whose time is over.
        var late: [Waiter] = []
        /// Who leads now.
        var next: Seat?
    }

    private struct Flight {
        var leader: UInt64
        /// Of all who have joined.
        var latestDeadline: Moment
        var seats: [UInt64: Seat] = [:]
        /// Numbers in the order they came, among them of some who have left.
        var line: [UInt64] = []
        var lineStart = 0

        mutating func append(_ seat: Seat) {
            seats[seat.number] = seat
            line.append(seat.number)
        }

        mutating func removeFirst() -> Seat? {
            while lineStart < line.count {
                lineStart += 1
                if let seat = seats.removeValue(forKey: line[lineStart - 1]) { return seat }
            }
            return nil
        }

        mutating func remove(_ number: UInt64) -> Bool {
            guard seats.removeValue(forKey: number) != nil else { return false }
            if line.count > 2 * seats.count + 32 {
                line = line[lineStart...].filter { seats[$0] != nil }
                lineStart = 0
            }
            return true
        }
    }

    /// By how much requests may come in another order than that of their deadlines, in nanoseconds: event loops read
    /// requests at one time and get to them a little later.
    static var tolerance: UInt64 { 50_000_000 }

    private var flights: [Key: Flight] = [:]

    var count: Int { flights.count }

    /// Somebody with a number of its own wants `key`. `waiter` is kept if it is to wait.
    mutating func join(_ key: Key, number: UInt64, deadline: Moment, waiter: @autoclosure () -> Waiter) -> Role {
        guard let latest = flights[key]?.latestDeadline else {
            flights[key] = Flight(leader: number, latestDeadline: deadline)
            return .lead
        }
        guard deadline.advanced(byNanoseconds: Self.tolerance) >= latest else { return .alone }
        flights[key]?.latestDeadline = max(latest, deadline)
        flights[key]?.append(Seat(number: number, deadline: deadline, waiter: waiter()))
        return .wait
    }

    /// The leader has a result. Returns who is to hear it; nobody if it does not lead any more.
    mutating func land(_ key: Key, leader: UInt64) -> [Waiter] {
        guard flights[key]?.leader == leader, var flight = flights.removeValue(forKey: key) else { return [] }
        var waiters: [Waiter] = []
        waiters.reserveCapacity(flight.seats.count)
        while let seat = flight.removeFirst() { waiters.append(seat.waiter) }
        return waiters
    }

    /// The leader gives up. Nothing follows if it does not lead any more.
    mutating func abandon(_ key: Key, leader: UInt64, now: Moment) -> Handover {
        var handover = Handover()
        guard flights[key]?.leader == leader else { return handover }
        while let seat = flights[key]?.removeFirst() {
            if seat.deadline > now {
                flights[key]?.leader = seat.number
                handover.next = seat
                return handover
            }
            handover.late.append(seat.waiter)
        }
        flights[key] = nil
        return handover
    }

    /// One who waits leaves; false if it does not wait any more.
    mutating func leave(_ key: Key, number: UInt64) -> Bool { flights[key]?.remove(number) ?? false }
}

extension FlightPlan.Seat: Sendable where Key: Sendable, Waiter: Sendable {}
extension FlightPlan.Handover: Sendable where Key: Sendable, Waiter: Sendable {}
