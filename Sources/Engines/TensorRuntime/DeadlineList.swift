package import Scoring

/// Which runs have a deadline and when the one who watches has to look again. Pure: no clock, lock or thread.
package struct DeadlineList {
    private struct Entry {
        var id: Int
        var deadline: Moment
        var hasPassed = false
    }

    /// Few: one a run that is under way.
    private var entries: [Entry] = []
    /// When the watcher looks next by itself; nil while it waits to be woken.
    private var nextLook: Moment?

    package init() {}

    /// Adds a run. Returns whether the watcher must be woken: it would look too late by itself. As a rule it would not,
    /// since the deadline of an earlier run, long ended, makes it look sooner.
    package mutating func add(_ id: Int, deadline: Moment) -> Bool {
        entries.append(Entry(id: id, deadline: deadline))
        guard let nextLook, nextLook <= deadline else {
            nextLook = deadline
            return true
        }
        return false
    }

    /// Takes a run out that has ended. Returns whether its deadline passed before.
    package mutating func remove(_ id: Int) -> Bool {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return false }
        let hasPassed = entries[index].hasPassed
        entries.swapAt(index, entries.count - 1)
        entries.removeLast()
        return hasPassed
    }

    /// The runs whose deadline has passed since the last look, and when to look next, nil for when woken.
    package mutating func look(at now: Moment) -> (passed: [Int], next: Moment?) {
        var passed: [Int] = []
        nextLook = nil
        for index in entries.indices where !entries[index].hasPassed {
            let deadline = entries[index].deadline
            if deadline <= now {
                entries[index].hasPassed = true
                passed.append(entries[index].id)
            } else if nextLook.map({ deadline < $0 }) ?? true {
                nextLook = deadline
            }
        }
        return (passed, nextLook)
    }
}
