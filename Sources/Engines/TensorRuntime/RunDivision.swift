package import Scoring

/// Which rows a run may hold.
package enum RowGrouping: Sendable {
    /// Any: a row's scores do not depend on the others.
    case any
    /// One: its scores might depend on others beside it.
    case alone
    /// All of a request: model.yaml wants them to depend on one another.
    case together
}

/// Divides the rows of a call into runs of a library, so that a row that cannot be scored fails alone.
package struct RunDivision: Sendable {
    /// Most rows of one run: a run can only be ended between nodes, so none may take long.
    package static let maxRows = 1024
    /// Most rows of a call where each is a run: others wait for as many runs at most.
    private static let maxRowRuns = 8

    /// What must be true of a cell that is no plain number.
    private struct Check: Sendable {
        var column: Int
        var name: String
        var element: TensorElement
    }

    private let checks: [Check]
    private let grouping: RowGrouping
    private let rowsPerRun: Int

    /// - Parameter fields: The features, in the order of the inputs' columns.
    /// - Parameter isFixed: Whether the library takes one row at a time.
    package init(_ inputs: [TensorInput], _ fields: [Field], isFixed: Bool, _ grouping: RowGrouping) {
        checks = inputs.filter { !$0.element.isReal }.flatMap { input in
            input.columns.map { Check(column: $0, name: fields[$0].name, element: input.element) }
        }
        self.grouping = grouping
        rowsPerRun = isFixed || grouping == .alone ? 1 : Self.maxRows
    }

    package var calls: CallProfile {
        let maxRows = rowsPerRun == 1 ? Self.maxRowRuns : Self.maxRows
        return CallProfile(
            isBlocking: true, mayShareCalls: grouping == .any, maxRows: grouping == .together ? nil : maxRows,
            keepsRowsApart: grouping != .together)
    }

    /// Calls `run` for ranges of `memory.rows`, which are the rows without a problem. Where a run fails for what may lie in one row, halves
    /// are tried, unless the caller does that. Throws where no row has a score, and where an error is of no row.
    package func score(
        _ rows: FeatureBatch, into scores: ScoreBatch, _ memory: RunMemory, retriesRows: Bool,
        run: (Range<Int>) throws(ScoringError) -> Void
    ) throws(ScoringError) {
        guard grouping != .together || rows.count <= Self.maxRows else {
            throw .invalidRequest(
                "the model computes the rows of a request together, at most \(Self.maxRows) of them; this one has \(rows.count)")
        }
        memory.rows.removeAll(keepingCapacity: true)
        for row in 0..<rows.count {
            if let error = problem(rows, row) { scores.fail(row: row, error) } else { memory.rows.append(row) }
        }
        var (first, failed) = (0, 0)
        while first < memory.rows.count {
            let end = min(first + rowsPerRun, memory.rows.count)
            failed += try score(first..<end, into: scores, memory, retriesRows, run)
            first = end
        }
        // Nothing could be scored: whether the rows are to blame is for others to judge.
        if failed > 0, failed == memory.rows.count, let error = scores.failure(row: memory.rows[0]) { throw error }
    }

    /// Returns how many rows failed.
    private func score(
        _ range: Range<Int>, into scores: ScoreBatch, _ memory: RunMemory, _ retriesRows: Bool,
        _ run: (Range<Int>) throws(ScoringError) -> Void
    ) throws(ScoringError) -> Int {
        do throws(ScoringError) {
            try run(range)
            return 0
        } catch {
            guard Self.mayBeOfOneRow(error), grouping != .together || range.count == 1 else { throw error }
            guard range.count > 1 else {
                scores.fail(row: memory.rows[range.lowerBound], error)
                return 1
            }
            guard retriesRows else { throw error }
            let middle = range.lowerBound + range.count / 2
            return try score(range.lowerBound..<middle, into: scores, memory, retriesRows, run)
                + score(middle..<range.upperBound, into: scores, memory, retriesRows, run)
        }
    }

    private static func mayBeOfOneRow(_ error: ScoringError) -> Bool {
        switch error {
        case .engineFailure, .rowRefused: true
        default: false
        }
    }

    /// Why a row cannot be scored: a missing or impossible integer, truth value or string.
    private func problem(_ rows: FeatureBatch, _ row: Int) -> ScoringError? {
        for check in checks {
            let value = rows[row, check.column]
            guard !value.isNaN else {
                return .invalidFeature(name: check.name, reason: "the model has no missing value for it")
            }
            if check.element == .string {
                guard rows.text(row: row, column: check.column)?.utf8.contains(0) == false else {
                    return .invalidFeature(name: check.name, reason: "the character NUL cannot be handed on")
                }
            } else if check.element.isWide, rows.wideInteger(row: row, column: check.column) != nil {
                continue
            } else if !check.element.range.contains(value) || value != value.rounded(.towardZero) {
                return .invalidFeature(name: check.name, reason: "must be a whole number that fits into \(check.element)")
            }
        }
        return nil
    }
}
