/// One request on its way: its rows, in a group for each version that answers some of them, and which row each of its entries is.
/// A front's driver makes it and uses it again, so that a request allocates nothing. Used on the driver's thread.
package final class Prediction {
    /// A request of a batch: a row of a group, or an error.
    private struct Entry {
        var group: Int32
        /// For an error -1 less its place among the errors.
        var row: Int32
    }

    /// What is known of an entry.
    package enum Place {
        case row(Int, ofGroup: Int)
        /// `number` is its identifier's place in `errorIDs`.
        case error(ScoringError, number: Int)
    }

    package private(set) var info = RequestInfo(arrival: Moment(nanoseconds: 0))
    package private(set) var resolved: ResolvedModel?
    package private(set) var groups: [RowGroup] = []
    /// The identifiers of the entries that are errors.
    package private(set) var errorIDs = RowIDs()
    /// From the request's last byte to the moment when its answer was written; set once, by the driver.
    package var nanoseconds: UInt64 = 0
    private var entries: [Entry] = []
    private var errors: [ScoringError] = []
    private var spare: [RowGroup] = []
    private let completion: RowGroup.Completion?

    /// Groups that are kept for the next request, and entries that are.
    private static let maxSpare = 8
    private static let maxSpareEntries = 1024

    /// - Parameter completion: How groups come back that are answered later; nil where nobody can wait.
    package init(completion: RowGroup.Completion? = nil) { self.completion = completion }

    package func begin(_ info: RequestInfo, _ resolved: ResolvedModel) {
        end()
        self.info = info
        self.resolved = resolved
    }

    /// Lets go of the versions, and of memory that is more than usual.
    package func end() {
        resolved = nil
        for group in groups {
            group.end()
            if spare.count < Self.maxSpare, !group.isLarge { spare.append(group) }
        }
        groups.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: entries.capacity <= Self.maxSpareEntries)
        errors.removeAll(keepingCapacity: errors.capacity <= Self.maxSpareEntries)
        errorIDs.removeAll()
    }

    // MARK: Groups

    /// Whether a key chooses the version of each row.
    package var isDivided: Bool { resolved?.division != nil }

    /// The version to name where nothing is known of a row's key.
    package var served: ServedModel? { groups.first?.target?.served ?? resolved?.served }

    /// The place of the group that a key's rows belong to, made where there is none yet.
    /// - Parameter key: The bytes of the key as text. nil or empty draws.
    package func group(forKey key: UnsafeRawBufferPointer? = nil) -> Int {
        guard let resolved else { preconditionFailure("the request has no model") }
        let target = unsafe isDivided ? resolved.target(forKey: key) : resolved.standardTarget
        for (place, group) in groups.enumerated()
        where group.target?.served === target.served && group.target?.isChosen == target.isChosen { return place }
        let group = spare.popLast() ?? RowGroup(completion: completion)
        group.begin(info, target)
        groups.append(group)
        return groups.count - 1
    }

    /// Makes the deadline earlier, for a protocol that has it in the body.
    package func limitDeadline(to limit: Moment) {
        info.deadline = min(info.deadline ?? limit, limit)
        for group in groups { group.limitDeadline(to: limit) }
    }

    /// Why no row has an answer; nil where some may have one.
    package var error: ScoringError? {
        guard let first = groups.first?.outcome.error, groups.allSatisfy({ $0.outcome.error != nil }) else { return nil }
        return first
    }

    /// Why none of its rows has an answer: the first one's error. nil where one has, and for a request without rows. What the request
    /// counts as, also where its answer is a list of errors.
    package var failure: ScoringError? {
        guard !groups.contains(where: \.hasAnswers) else { return nil }
        guard !entries.isEmpty else {
            guard let group = groups.first(where: { $0.features.count > 0 }) else { return nil }
            return group.error(row: 0)
        }
        switch place(0) {
        case .error(let error, _): return error
        case .row(let row, let group): return groups[group].error(row: row)
        }
    }

    // MARK: Entries

    package var count: Int { entries.count }

    package func append(row: Int, ofGroup group: Int) {
        entries.append(Entry(group: Int32(truncatingIfNeeded: group), row: Int32(truncatingIfNeeded: row)))
    }

    package func append(_ error: ScoringError, id: UnsafeBufferPointer<UInt8>?) {
        unsafe errorIDs.set(id, row: errors.count)
        errors.append(error)
        entries.append(Entry(group: 0, row: -Int32(truncatingIfNeeded: errors.count)))
    }

    package func place(_ entry: Int) -> Place {
        let entry = entries[entry]
        if entry.row >= 0 { return .row(Int(entry.row), ofGroup: Int(entry.group)) }
        let number = Int(-entry.row) - 1
        return .error(errors[number], number: number)
    }

    // MARK: Results

    /// Moves the results to a prediction of their own, so that this one can be used again while they are written.
    package func takeResults() -> Prediction {
        let taken = Prediction()
        taken.info = info
        taken.resolved = resolved
        taken.nanoseconds = nanoseconds
        taken.groups = groups.map { $0.takeResults() }
        swap(&taken.entries, &entries)
        swap(&taken.errors, &errors)
        swap(&taken.errorIDs, &errorIDs)
        return taken
    }

    /// Memory that the results take, nearly.
    package var heldBytes: Int {
        groups.reduce(0) { $0 + $1.heldBytes } + entries.count * MemoryLayout<Entry>.stride + errors.count * 256
            + errorIDs.byteCount
    }
}

extension RowGroup {
    /// The most cells and rows that a group has grown to which is kept.
    private static let maxSpareCells = 8192

    fileprivate var isLarge: Bool {
        features.count * features.width > Self.maxSpareCells || scores.count * scores.width > Self.maxSpareCells
    }

    fileprivate func takeResults() -> RowGroup {
        let taken = RowGroup()
        if let target { taken.begin(info, target) }
        taken.scores.swapContents(with: scores)
        swap(&taken.outcome, &outcome)
        swap(&taken.ids, &ids)
        return taken
    }

    fileprivate var heldBytes: Int {
        let (text, failure) = (48, 128)
        return scores.count * scores.width * MemoryLayout<Double>.stride + scores.texts.count * text
            + scores.failures.count * failure + outcome.decisions.count + ids.byteCount
    }
}
