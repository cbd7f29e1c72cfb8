internal import Scoring

/// Requests of one priority, first come first served. Adding and taking are O(1) amortised, removing from the middle
/// is O(n).
struct BatchLine<Request> {
    struct Entry {
        let request: Request
        /// All rows of the request.
        let rows: Int
        /// Rows before this one have been handed out.
        let nextRow: Int
        let deadline: Moment
        /// When to stop waiting for company.
        let startBy: Moment

        var waitingRows: Int { rows - nextRow }
    }

    // Taken entries leave nil behind, so that nothing keeps their requests alive, until enough of them are gone.
    private var entries: [Entry?] = []
    private var head = 0

    var isEmpty: Bool { head == entries.count }
    var count: Int { entries.count - head }
    var first: Entry? { isEmpty ? nil : entries[head] }

    mutating func append(_ entry: Entry) {
        entries.append(entry)
    }

    mutating func removeFirst() {
        entries[head] = nil
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// Takes out the entries that `isGone` names, in order. The others keep theirs.
    mutating func removeAll(where isGone: (Entry) -> Bool) -> [Entry] {
        var gone: [Entry] = []
        guard entries[head...].contains(where: { $0.map(isGone) ?? false }) else { return gone }
        entries = entries[head...].filter { entry in
            guard let entry, isGone(entry) else { return true }
            gone.append(entry)
            return false
        }
        head = 0
        return gone
    }

    /// The earliest of the moments that `moment` names, or nil if nobody waits. O(n).
    func earliest(_ moment: (Entry) -> Moment) -> Moment? {
        entries[head...].reduce(nil) { least, entry in
            entry.map { min(least ?? .never, moment($0)) } ?? least
        }
    }
}
