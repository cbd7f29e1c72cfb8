internal import Foundation
internal import Testing
internal import Scoring
internal import Tabular
internal import TreeFormats

/// Every variant of every library version answers bit for bit what the library answered.
@Suite struct ParityTests {
    @Test(arguments: GoldenFile.all)
    func answersAreThoseOfTheLibraryBitForBit(_ golden: GoldenFile) throws {
        let model = try golden.lowered()
        let rows = try GoldenRows(golden.rows)
        #expect(model.signature.inputs.map(\.name) == rows.inputNames)
        #expect(rows.inputs.count >= 100)
        #expect(!rows.expected.isEmpty)

        let scores = ScoreBatch()
        try golden.compiled(model).score(
            try rows.batch(for: model.signature), into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        for (name, expected) in rows.expected {
            let column = try #require(model.signature.outputColumn(named: name), "no column \(name)")
            let wrong = expected.indices.filter { !isSame(scores[$0, column], expected[$0]) }
            #expect(
                wrong.isEmpty,
                "\(name) differs from the library in \(wrong.count) of \(expected.count) rows, first \(wrong.first ?? 0)")
        }
    }

    /// The same for the reference that defines what a forest means.
    @Test(arguments: GoldenFile.all)
    func marginsOfTheReferenceAreThoseOfTheLibraryBitForBit(_ golden: GoldenFile) throws {
        let model = try golden.lowered()
        guard case .forest(let forest, let features, _) = try #require(model.program.steps.first) else {
            return  // A linear booster has no reference of its own.
        }
        #expect(features == Array(0..<forest.featureCount))
        let rows = try GoldenRows(golden.rows)
        let batch = try rows.batch(for: model.signature)
        let reference = ForestReference(forest)
        let sums = (0..<batch.count).map { row in reference.sums(of: (0..<batch.width).map { batch[row, $0] }) }
        for output in 0..<forest.outputCount {
            let expected = try #require(rows.expected[forest.outputCount == 1 ? "raw" : "raw(\(output))"])
            let wrong = expected.indices.filter { !isSame(sums[$0][output], expected[$0]) }
            #expect(wrong.isEmpty, "output \(output) differs from the library in \(wrong.count) rows, first \(wrong.first ?? 0)")
        }
    }

    @Test func goldenFilesCoverEveryLibraryAndFormat() {
        #expect(GoldenFile.all.count >= 250)
        let folders = Set(GoldenFile.all.map { $0.model.deletingLastPathComponent().lastPathComponent })
        #expect(folders.count == 11)
        #expect(Set(GoldenFile.all.map(\.model.pathExtension)) == ["json", "ubj", "txt"])
    }

    /// The same bits; all NaN are one.
    private func isSame(_ left: Double, _ right: Double) -> Bool {
        left.bitPattern == right.bitPattern || (left.isNaN && right.isNaN)
    }
}
