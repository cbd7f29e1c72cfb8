internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Rows that cannot be scored, and runs that take too long.
@Suite struct RuntimeRowTests {
    @Test func whatHasNoMissingValueFailsItsRowAlone() throws {
        let golden = RuntimeGolden.named("mixed_inputs")
        let model = try golden.load()
        let whole = try golden.batch(for: model)
        let sound = ScoreBatch()
        try model.score(whole, into: sound, ScoreCall(deadline: nil, workspace: Workspace()))
        for name in ["l", "i", "b", "u", "s"] {
            let batch = try golden.batch(for: model)
            let column = try #require(model.signature.inputNames.position(of: name))
            for row in [0, 5, 23] { batch.set(.nan, row: row, column: column) }
            let scores = ScoreBatch()
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
            #expect(Set(scores.failures.map(\.row)) == [0, 5, 23])
            for (row, error) in scores.failures {
                guard case .invalidFeature(name, _) = error else {
                    Issue.record("row \(row): \(error)")
                    continue
                }
            }
            for row in 0..<batch.count where ![0, 5, 23].contains(row) {
                for column in model.signature.outputs.indices where model.signature.outputs[column].kind != .text {
                    let (got, wanted) = (scores[row, column], sound[row, column])
                    #expect(RuntimeGolden.agree(got.description, wanted.description))
                }
                #expect(scores.text(row: row, column: 1) == sound.text(row: row, column: 1))
            }
        }
    }

    @Test(arguments: [("u", 256.0), ("u", -1), ("i", 3e9), ("i", 0.5), ("l", 1e300), ("b", 2), ("l", .infinity)])
    func integersThatDoNotFitFailTheirRow(name: String, value: Double) throws {
        let golden = RuntimeGolden.named("mixed_inputs")
        let model = try golden.load()
        let batch = try golden.batch(for: model)
        batch.set(value, row: 2, column: try #require(model.signature.inputNames.position(of: name)))
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        #expect(scores.failures.map(\.row) == [2])
    }

    @Test func stringsThatWouldBeCutOffAreRefused() throws {
        let golden = RuntimeGolden.named("mixed_inputs")
        let model = try golden.load()
        let batch = try golden.batch(for: model)
        batch.setText("a\u{0}b", row: 1, column: try #require(model.signature.inputNames.position(of: "s")))
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        #expect(scores.failures.map(\.row) == [1])
    }

    @Test func aRowThatTheEngineFailsDoesNotFailOthers() throws {
        let golden = RuntimeGolden.named("known_categories")
        let model = try golden.load()
        let batch = FeatureBatch()
        batch.reset(width: 1)
        for row in 0..<3000 {
            batch.addRow()
            batch.set(row % 997 == 5 ? 9 : Double(row % 3 + 1), row: row, column: 0)
        }
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        #expect(Set(scores.failures.map(\.row)) == [5, 1002, 1999, 2996])
        for (_, error) in scores.failures {
            guard case .rowRefused(let message) = error else { throw error }
            #expect(message.hasPrefix("ONNX Runtime: "))
        }
        for row in 0..<3000 where row % 997 != 5 {
            #expect((0..<3).allSatisfy { scores[row, $0] == ($0 == row % 3 ? 1 : 0) })
        }
    }

    @Test func anEngineThatFailsEveryRowThrows() throws {
        let model = try RuntimeGolden.named("known_categories").load()
        let batch = FeatureBatch()
        batch.reset(width: 1)
        for row in 0..<3 {
            batch.addRow()
            batch.set(77, row: row, column: 0)
        }
        let error = #expect(throws: ScoringError.self) {
            try model.score(batch, into: ScoreBatch(), ScoreCall(deadline: nil, workspace: Workspace()))
        }
        guard case .rowRefused = error else { throw ScoringError.deadlineExceeded }
    }

    private static func endless() throws -> any ScoringModel {
        try RuntimeGolden.load([UInt8](try Data(contentsOf: RuntimeGolden.root.appending(path: "endless.onnx"))))
    }

    @Test func aRunPastItsDeadlineIsEnded() throws {
        let model = try Self.endless()
        let batch = FeatureBatch()
        batch.reset(width: 3)
        batch.addRow()
        let workspace = Workspace()
        for milliseconds in [20, 60, 1, 30] as [UInt64] {
            let start = Moment.now
            let call = ScoreCall(deadline: start.advanced(byMilliseconds: milliseconds), workspace: workspace)
            #expect(throws: ScoringError.deadlineExceeded) { try model.score(batch, into: ScoreBatch(), call) }
            let taken = Moment.now.nanoseconds(since: start)
            #expect(taken >= milliseconds * 1_000_000)
            // A machine that is busy lets the watching thread wait; without it the run would never end.
            #expect(taken < 30_000_000_000)
        }
        let late = ScoreCall(deadline: .now, workspace: workspace)
        #expect(throws: ScoringError.deadlineExceeded) { try model.score(batch, into: ScoreBatch(), late) }
    }

    @Test func runsWithDeadlinesOfTheirOwnEndEachAtItsOwn() async throws {
        let model = try Self.endless()
        let quick = try RuntimeGolden.named("cube").load()
        await withTaskGroup(of: Bool.self) { group in
            for worker in 0..<4 as Range<UInt64> {
                group.addTask {
                    let (batch, workspace, scores) = (FeatureBatch(), Workspace(), ScoreBatch())
                    let isEndless = worker < 2
                    for turn in 0..<20 as Range<UInt64> {
                        batch.reset(width: isEndless ? 3 : 6)
                        batch.addRow()
                        let deadline = Moment.now.advanced(byMilliseconds: isEndless ? 5 + worker * 7 + turn % 3 : 60_000)
                        do throws(ScoringError) {
                            let call = ScoreCall(deadline: deadline, workspace: workspace)
                            try (isEndless ? model : quick).score(batch, into: scores, call)
                            if isEndless { return false }
                        } catch {
                            if !isEndless || error != .deadlineExceeded { return false }
                        }
                    }
                    return true
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func aSessionThatWasEndedRunsAgain() throws {
        let golden = RuntimeGolden.named("scan")
        let model = try golden.load()
        let batch = try golden.batch(for: model)
        let (workspace, scores) = (Workspace(), ScoreBatch())
        let late = ScoreCall(deadline: .now, workspace: workspace)
        #expect(throws: ScoringError.deadlineExceeded) { try model.score(batch, into: scores, late) }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        #expect(scores.failures.isEmpty)
    }
}
