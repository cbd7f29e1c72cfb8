internal import Scoring
internal import ScoringTestKit
internal import Tabular
internal import TabularReference
internal import Testing

@Suite struct ProgramReferenceTests {
    /// One kind of step at a time, so that a fault is easily found.
    @Test(arguments: StepKind.allCases)
    func kernelsOfEveryKindAgreeWithTheReferenceBitForBit(kind: StepKind) throws {
        for seed in 0..<60 { try Self.check(seed: UInt64(seed), kinds: [kind, kind]) }
    }

    /// Steps that read what others have written.
    @Test(arguments: 0..<20)
    func programsOfManyStepsAgreeWithTheReferenceBitForBit(block: Int) throws {
        for seed in block * 8..<block * 8 + 8 {
            var random = SeededRandom(seed: UInt64(1_000 + seed))
            let kinds = (0..<8).map { _ in StepKind.allCases.randomElement(using: &random)! }
            try Self.check(seed: UInt64(1_000 + seed), kinds: kinds)
        }
    }

    /// Otherwise the comparison might be one of nothing with nothing.
    @Test func theProgramsFindSomethingOut() throws {
        for kind in StepKind.allCases {
            var (numbers, failures, texts): (Set<UInt64>, Int, Int) = ([], 0, 0)
            for seed in 0..<20 {
                var draw = RandomPrograms(seed: UInt64(seed))
                let reference = ProgramReference(try draw.program(of: [kind]))
                for _ in 0..<20 {
                    let row = draw.row()
                    let result = reference.result(of: row.values, texts: row.texts)
                    if result.failure != nil { failures += 1 }
                    texts += result.texts.count
                    numbers.formUnion(result.outputs.dropFirst(5).filter { !$0.isNaN }.map(\.bitPattern))
                }
            }
            #expect(
                numbers.count > (kind == .exceeds ? 1 : 3) && failures < 350,
                "\(kind): \(numbers.count) values, \(failures) failures")
            #expect(kind != .texts || texts > 100)
        }
    }

    static func check(seed: UInt64, kinds: [StepKind]) throws {
        var draw = RandomPrograms(seed: seed)
        let program = try draw.program(of: kinds)
        for count in [1, 5, 37] {
            let rows = (0..<count).map { _ in draw.row() }
            let difference = try difference(program, draw.signature(program), rows)
            #expect(difference == nil, "seed \(seed), \(kinds), \(count) rows: \(difference ?? "")")
        }
    }

    /// Where a model of the program and the reference say different things of the rows; nil for nowhere.
    static func difference(
        _ program: Program, _ signature: Signature, _ rows: [(values: [Double], texts: [Int: String])]
    ) throws -> String? {
        let model = try TabularModel(program: program, signature: signature, description: ModelDescription(format: "test"))
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: program.inputCount)
        for row in rows {
            let index = batch.addRow()
            for (column, value) in row.values.enumerated() { batch.set(value, row: index, column: column) }
            for (column, text) in row.texts { batch.setText(text, row: index, column: column) }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        let reference = ProgramReference(program)
        for (index, row) in rows.enumerated() {
            var values = row.values
            for column in row.texts.keys { values[column] = batch[index, column] }
            let expected = reference.result(of: values, texts: row.texts)
            guard scores.failure(row: index) == expected.failure else {
                return "row \(index) fails with \(scores.failure(row: index).map { "\($0)" } ?? "nothing") "
                    + "instead of \(expected.failure.map { "\($0)" } ?? "nothing")"
            }
            if expected.failure != nil { continue }
            for (column, value) in expected.outputs.enumerated() {
                let found = scores[index, column]
                let isSame: Bool
                if signature.outputs[column].kind == .text {
                    let text = value.isNaN ? nil : expected.texts[Int(value)]
                    isSame = scores.text(row: index, column: column).map { Array($0.utf8) } == text.map { Array($0.utf8) }
                } else {
                    isSame = found.bitPattern == value.bitPattern || found.isNaN && value.isNaN
                }
                guard isSame else {
                    return "row \(index), output \(column): \(found) instead of \(value), of \(row)"
                }
            }
        }
        return nil
    }
}
