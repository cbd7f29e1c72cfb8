internal import Scoring
internal import TensorRuntime
internal import Testing

/// Which rows runs are made of, and what becomes of the others where a run fails.
@Suite struct RunDivisionTests {
    private let input = TensorInput(name: "x", element: .int32, first: 0, width: 1, dims: [1])

    private func division(isFixed: Bool = false, _ grouping: RowGrouping = .any) -> RunDivision {
        RunDivision([input], [input.element.field("x")], isFixed: isFixed, grouping)
    }

    private func batch(_ cells: [Double]) -> FeatureBatch {
        let batch = FeatureBatch()
        batch.reset(width: 1)
        for (row, cell) in cells.enumerated() {
            _ = batch.addRow()
            batch.set(cell, row: row, column: 0)
        }
        return batch
    }

    /// Scores rows 0, 1, 2, ...; gives the rows of each run, and the batch.
    private func runs(
        _ division: RunDivision, _ cells: [Double], retriesRows: Bool = true,
        failing failure: (Range<Int>, [Int]) -> ScoringError? = { _, _ in nil }
    ) throws(ScoringError) -> (runs: [[Int]], scores: ScoreBatch) {
        let (memory, scores) = (RunMemory(inputBytes: [4], outputBytes: []), ScoreBatch())
        scores.reset(rows: cells.count, width: 1)
        var runs: [[Int]] = []
        try division.score(batch(cells), into: scores, memory, retriesRows: retriesRows) { (range) throws(ScoringError) in
            runs.append(Array(memory.rows[range]))
            if let error = failure(range, memory.rows) { throw error }
            for row in memory.rows[range] { scores[row, 0] = Double(row) }
        }
        return (runs, scores)
    }

    @Test func runsHaveABound() throws {
        let found = try runs(division(), [Double](repeating: 1, count: 2500)).runs
        #expect(found.map(\.count) == [1024, 1024, 452])
        #expect(Array(found.joined()) == Array(0..<2500))
    }

    @Test(arguments: [(true, RowGrouping.any), (false, .alone)])
    func rowsAreRunOneByOneWhereTheyMustBe(isFixed: Bool, grouping: RowGrouping) throws {
        #expect(try runs(division(isFixed: isFixed, grouping), [1, 2, 3]).runs == [[0], [1], [2]])
    }

    @Test func rowsThatATensorCannotHoldAreNotRun() throws {
        let (found, scores) = try runs(division(), [1, .nan, 0.5, 3e9, 2])
        #expect(found == [[0, 4]])
        #expect(scores.failures.map(\.row) == [1, 2, 3])
    }

    @Test func aRowThatFailsARunFailsAlone() throws {
        let bad = [3, 6]
        let (_, scores) = try runs(division(), [Double](repeating: 1, count: 8)) { range, rows in
            rows[range].contains { bad.contains($0) } ? .rowRefused("no") : nil
        }
        #expect(scores.failures.map(\.row) == bad)
        #expect((0..<8).filter { !bad.contains($0) }.allSatisfy { scores[$0, 0] == Double($0) })
    }

    @Test func aCallerWhoTriesRowsAgainHimselfGetsTheFailure() throws {
        var count = 0
        #expect(throws: ScoringError.rowRefused("no")) {
            _ = try runs(division(), [1, 2, 3, 4], retriesRows: false) { _, _ in
                count += 1
                return .rowRefused("no")
            }
        }
        #expect(count == 1)
        // Of rows that are run one by one the one that fails is known.
        let (_, scores) = try runs(division(.alone), [1, 2, 3], retriesRows: false) { range, rows in
            rows[range] == [1] ? .rowRefused("no") : nil
        }
        #expect(scores.failures.map(\.row) == [1])
    }

    @Test func callsWhoseRowsAreRunOneByOneAreShort() {
        #expect(division().calls.maxRows == 1024)
        #expect(division(isFixed: true).calls.maxRows == 8 && division(.alone).calls.maxRows == 8)
    }

    @Test func whatFailsForEveryRowIsTheCallsError() {
        #expect(throws: ScoringError.engineFailure("broken")) {
            _ = try runs(division(), [1, 2, 3]) { _, _ in .engineFailure("broken") }
        }
    }

    @Test func aDeadlineIsNotTriedAgain() {
        var count = 0
        #expect(throws: ScoringError.deadlineExceeded) {
            _ = try runs(division(), [1, 2, 3]) { _, _ in
                count += 1
                return .deadlineExceeded
            }
        }
        #expect(count == 1)
    }

    @Test func rowsThatBelongTogetherAreNeverDivided() throws {
        let together = division(.together)
        #expect(try runs(together, [1, 2, 3]).runs == [[0, 1, 2]])
        var count = 0
        #expect(throws: ScoringError.rowRefused("no")) {
            _ = try runs(together, [1, 2]) { _, _ in
                count += 1
                return .rowRefused("no")
            }
        }
        #expect(count == 1)
        #expect(throws: ScoringError.self) { _ = try runs(together, [Double](repeating: 1, count: 1025)) }
        #expect(together.calls.maxRows == nil && !together.calls.keepsRowsApart && !together.calls.mayShareCalls)
    }
}
