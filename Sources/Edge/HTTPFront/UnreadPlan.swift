/// Decides which connections are closed when clients leave too much unread, so that what the server holds for them is bounded,
/// however many they are. Pure.
///
/// Closed are those that have gone longest without reading: a client that reads slowly outlives one that does not read.
package struct UnreadPlan<ID: Hashable> {
    private struct Holding {
        var bytes: Int
        /// The turn of its latest progress.
        var progress: UInt64
    }

    package let limit: Int
    package private(set) var total = 0
    private var holdings: [ID: Holding] = [:]
    private var turn: UInt64 = 0

    package init(limit: Int) { self.limit = limit }

    package var count: Int { holdings.count }

    /// Says how much a connection holds now; 0 for nothing. O(1) unless somebody has to go.
    /// - Parameter hasProgressed: Whether its client has read something since the last time.
    /// - Returns: The connections to close, which are forgotten here. A connection that is alone is never among them.
    package mutating func hold(_ bytes: Int, by id: ID, hasProgressed: Bool) -> [ID] {
        turn += 1
        let known = holdings[id]
        total += bytes - (known?.bytes ?? 0)
        if bytes == 0 {
            holdings[id] = nil
            return []
        }
        holdings[id] = Holding(bytes: bytes, progress: hasProgressed ? turn : known?.progress ?? turn)
        var victims: [ID] = []
        while total > limit, holdings.count > 1, let victim = holdings.min(by: { $0.value.progress < $1.value.progress }) {
            total -= victim.value.bytes
            holdings[victim.key] = nil
            victims.append(victim.key)
        }
        return victims
    }
}
