/// Bounds what the server holds for its connections, however many they are. Pure. There is one for answers that clients do not read, and one
/// for bodies of requests that have not arrived whole ("reading" is then sending).
///
/// A large answer reserves its bytes before it begins, or does not begin. So an answer on its way is only cut off when its client has read
/// nothing for `patience` and others need the room. What was not reserved (small answers that pile up, requests behind them) has what
/// large answers leave, at least a quarter of the limit; there, those are closed that have gone longest without reading.
package struct HeldBytesPlan<ID: Hashable> {
    private struct Holding {
        var bytes: Int
        var reserved: Int
        /// The turn of its latest progress, and the time, in nanoseconds.
        var progress: UInt64
        var time: UInt64
    }

    /// Who has read nothing for so long makes room for the answers of others.
    package static var patience: UInt64 { 10_000_000_000 }

    package let limit: Int
    private let maxReserved: Int
    package private(set) var total = 0
    private var reservedTotal = 0
    private var holdings: [ID: Holding] = [:]
    private var turn: UInt64 = 0

    /// - Parameter maxReserved: What can be reserved of the limit; three quarters by default.
    package init(limit: Int, maxReserved: Int? = nil) {
        self.limit = limit
        self.maxReserved = maxReserved ?? limit - limit / 4
    }

    package var count: Int { holdings.count }

    /// Reserves the bytes of a large answer for a connection; one that is alone may reserve any number. O(1) while there is room.
    /// - Parameter now: In nanoseconds.
    /// - Returns: The connections to close, which are forgotten here; nil if there is no room, and then nothing has changed.
    package mutating func reserve(_ bytes: Int, for id: ID, now: UInt64) -> [ID]? {
        var others = reservedTotal - (holdings[id]?.reserved ?? 0)
        var victims: [ID] = []
        if others > 0, others + bytes > maxReserved {
            let deaf = holdings.filter { $0.value.reserved > 0 && $0.key != id && isDeaf($0.value, now: now) }
            for (victim, holding) in deaf.sorted(by: { $0.value.progress < $1.value.progress })
            where others > 0 && others + bytes > maxReserved {
                others -= holding.reserved
                victims.append(victim)
            }
            guard others == 0 || others + bytes <= maxReserved else { return nil }
            for victim in victims { forget(victim) }
        }
        return victims
            + record(Holding(bytes: bytes, reserved: bytes, progress: 0, time: 0), by: id, hasProgressed: true, now: now)
    }

    /// Says how much a connection holds now; 0 for nothing. O(1) unless somebody has to go.
    /// - Parameter keepsReservation: Whether that for which bytes were reserved is still on its way. It holds no less until its end.
    /// - Parameter hasProgressed: Whether its client has read something since the last time.
    /// - Parameter now: In nanoseconds.
    /// - Returns: The connections to close, which are forgotten here. A connection that is alone is never among them.
    package mutating func hold(
        _ bytes: Int, by id: ID, keepsReservation: Bool = false, hasProgressed: Bool, now: UInt64 = 0
    ) -> [ID] {
        let reserved = keepsReservation ? holdings[id]?.reserved ?? 0 : 0
        guard bytes > 0 || reserved > 0 else {
            forget(id)
            return []
        }
        let holding = Holding(bytes: max(bytes, reserved), reserved: reserved, progress: 0, time: 0)
        return record(holding, by: id, hasProgressed: hasProgressed, now: now)
    }

    private mutating func record(_ new: Holding, by id: ID, hasProgressed: Bool, now: UInt64) -> [ID] {
        turn += 1
        var new = new
        (new.progress, new.time) = (turn, now)
        if let known = holdings[id], !hasProgressed { (new.progress, new.time) = (known.progress, known.time) }
        forget(id)
        holdings[id] = new
        total += new.bytes
        reservedTotal += new.reserved
        var victims: [ID] = []
        while total > limit, holdings.count > 1, let victim = first(now: now) {
            forget(victim)
            victims.append(victim)
        }
        return victims
    }

    /// Who goes first: one that is deaf, else one that holds more than it reserved; of these the one that has gone longest without reading.
    private func first(now: UInt64) -> ID? {
        func rank(_ holding: Holding) -> Int { isDeaf(holding, now: now) ? 0 : holding.bytes > holding.reserved ? 1 : 2 }
        return holdings.min { one, other in
            let (first, second) = (rank(one.value), rank(other.value))
            return first == second ? one.value.progress < other.value.progress : first < second
        }?.key
    }

    private func isDeaf(_ holding: Holding, now: UInt64) -> Bool { holding.time &+ Self.patience <= now }

    private mutating func forget(_ id: ID) {
        guard let known = holdings.removeValue(forKey: id) else { return }
        total -= known.bytes
        reservedTotal -= known.reserved
    }
}
