import Foundation
import Testing
package import Scoring
package import Tabular
package import TreeFormats

/// Every variant of every library version answers bit for bit what the library answered.
@Suite struct ParityTests {
    @Test(arguments: GoldenFile.all)
    func answersAreThoseOfTheLibraryBitForBit(_ golden: GoldenFile) throws {
        var options = LoadOptions()
        options.iterations = golden.iterations
        let bytes = try GoldenFile.model(golden.testDescription.split(separator: " ").first.map(String.init) ?? "")
        let model = try GoldenFile.load(bytes, name: golden.model.lastPathComponent, options: options)
        let rows = try GoldenRows(golden.rows)
        #expect(model.signature.inputs.map(\.name) == rows.inputNames)
        #expect(rows.inputs.count >= 100)

        let scores = ScoreBatch()
        try model.score(try rows.batch(for: model.signature), into: scores, using: Workspace())
        #expect(!rows.expected.isEmpty)
        for (name, expected) in rows.expected {
            let column = try #require(model.signature.outputColumn(named: name), "no column \(name)")
            var differences: [Int] = []
            for (row, value) in expected.enumerated() where !isSame(scores[row, column], value) { differences.append(row) }
            #expect(
                differences.isEmpty,
                """
                \(golden.testDescription): \(name) differs in \(differences.count) rows, first \(differences.first ?? 0): \
                \(scores[differences.first ?? 0, column]) for \(expected[differences.first ?? 0])
                """)
        }
    }

    /// The same bits; all NaN are one.
    private func isSame(_ left: Double, _ right: Double) -> Bool {
        left.bitPattern == right.bitPattern || (left.isNaN && right.isNaN)
    }
}
