/// Decides which connections are closed when clients leave too much unread, so that what the server holds for them is bounded,
/// however many they are. Pure.
///
/// Closed are those that have gone longest without reading: a client that reads slowly outlives one that does not read.
package struct UnreadPlan<ID: Hashable> {
    private struct Holding {
        var bytes: Int
        /// The turn of its latest progress, and the time, in nanoseconds.
        var progress: UInt64
        var time: UInt64
    }

    /// Who has read nothing for so long makes room for the answers of others.
    package static var patience: UInt64 { 2_000_000_000 }

    package let limit: Int
    package private(set) var total = 0
    private var holdings: [ID: Holding] = [:]
    private var turn: UInt64 = 0

    package init(limit: Int) { self.limit = limit }

    package var count: Int { holdings.count }

    /// Says how much a connection holds now; 0 for nothing. O(1) unless somebody has to go.
    /// - Parameter hasProgressed: Whether its client has read something since the last time.
    /// - Returns: The connections to close, which are forgotten here. A connection that is alone is never among them.
    /// - Parameter now: In nanoseconds.
    package mutating func hold(_ bytes: Int, by id: ID, hasProgressed: Bool, now: UInt64 = 0) -> [ID] {
        turn += 1
        let known = holdings[id]
        total += bytes - (known?.bytes ?? 0)
        if bytes == 0 {
            holdings[id] = nil
            return []
        }
        let progress = hasProgressed ? (turn, now) : known.map { ($0.progress, $0.time) } ?? (turn, now)
        holdings[id] = Holding(bytes: bytes, progress: progress.0, time: progress.1)
        var victims: [ID] = []
        while total > limit, holdings.count > 1, let victim = holdings.min(by: { $0.value.progress < $1.value.progress }) {
            total -= victim.value.bytes
            holdings[victim.key] = nil
            victims.append(victim.key)
        }
        return victims
    }

    /// Whether a large answer may begin: an eighth of the limit stays free for what those that have begun still need, so that a client
    /// that reads is never cut off for another one's sake. O(1) while there is room.
    package func hasRoom(for bytes: Int, now: UInt64) -> Bool {
        let most = limit - limit / 8
        if total + bytes <= most || holdings.isEmpty { return true }
        let deaf = holdings.values.reduce(0) { $1.time &+ Self.patience <= now ? $0 + $1.bytes : $0 }
        return total - deaf + bytes <= most || deaf == total
    }
}
