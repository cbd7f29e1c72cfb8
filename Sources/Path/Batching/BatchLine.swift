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
        /// Most rows of a call that it is part of.
        let callRows: Int

        var waitingRows: Int { rows - nextRow }
    }

    // Taken entries leave nil behind, so that nothing keeps their requests alive, until enough of them are gone.
    private var entries: [Entry?] = []
    private var head = 0
    /// Rows of all entries that wait.
    private(set) var rows = 0

    var isEmpty: Bool { head == entries.count }
    var count: Int { entries.count - head }
    var first: Entry? { isEmpty ? nil : entries[head] }

    mutating func append(_ entry: Entry) {
        rows += entry.waitingRows
        entries.append(entry)
    }

    mutating func removeFirst() {
        rows -= entries[head]?.waitingRows ?? 0
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
            rows -= entry.waitingRows
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

/// The requests of one priority that wait.
struct PriorityLine<Request> {
    /// Those of whose calls none has failed.
    var fresh = BatchLine<Request>()
    /// Those whose call failed, to be called again with fewer rows.
    var retries = BatchLine<Request>()
    /// Whether the last run with requests of this priority was of retries.
    var hasJustRetried = false

    var isEmpty: Bool { fresh.isEmpty && retries.isEmpty }
    var count: Int { fresh.count + retries.count }
    var rows: Int { fresh.rows + retries.rows }

    mutating func removeAll(where isGone: (BatchLine<Request>.Entry) -> Bool) -> [BatchLine<Request>.Entry] {
        fresh.removeAll(where: isGone) + retries.removeAll(where: isGone)
    }

    var earliestDeadline: Moment? { [fresh, retries].compactMap { $0.earliest(\.deadline) }.min() }
}
