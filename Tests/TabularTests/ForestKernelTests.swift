internal import Scoring
internal import Tabular
internal import Testing

@Suite struct ForestKernelTests {
    /// The kernels must give the reference's bits for every forest, whatever the rows' company.
    @Test(arguments: 0..<40)
    func kernelsAgreeWithTheReferenceBitForBit(block: Int) throws {
        for seed in block * 25..<block * 25 + 25 {
            var draw = RandomForests(seed: UInt64(seed))
            let forest = draw.forest()
            let reference = ForestReference(forest)
            let model = try tabularModel(of: forest)
            for count in [1, 3, 8, 21, 300] {
                let rows = (0..<count).map { _ in draw.row(for: forest) }
                let scores = try scoring(rows, with: model)
                for (row, values) in rows.enumerated() {
                    let expected = reference.sums(of: values)
                    for (output, sum) in expected.enumerated() {
                        let found = scores[row, output]
                        #expect(
                            found.bitPattern == sum.bitPattern || (found.isNaN && sum.isNaN),
                            "seed \(seed), \(count) rows, row \(row), output \(output): \(found) instead of \(sum)")
                    }
                }
            }
        }
    }

    /// Otherwise the comparison above would be one of the reference with itself.
    @Test func forestsOfEveryRuleAreCompiled() {
        for seed in 0..<200 {
            var draw = RandomForests(seed: UInt64(seed))
            let forest = draw.forest()
            let kernel = ForestKernel.make(forest, features: Array(0..<forest.featureCount), into: forest.featureCount)
            #expect(!"\(type(of: kernel))".contains("Reference"), "seed \(seed)")
        }
    }

    @Test func aRowsScoreDoesNotDependOnItsCompany() throws {
        var draw = RandomForests(seed: 4711)
        let forest = draw.forest()
        let model = try tabularModel(of: forest)
        let row = draw.row(for: forest)
        let alone = try scoring([row], with: model)[0, 0]
        for count in [2, 7, 9, 255, 256, 257, 700] {
            var rows = (0..<count).map { _ in draw.row(for: forest) }
            let place = count / 2
            rows[place] = row
            #expect(try scoring(rows, with: model)[place, 0].bitPattern == alone.bitPattern)
        }
    }

    /// A forest with more thresholds on a feature than ranks can count is still scored, by the reference.
    @Test func forestsBeyondSixteenBitsAreScoredByTheReference() throws {
        var forest = Forest(
            comparison: .less, inputPrecision: .float64, sumPrecision: .float64, featureCount: 1, outputCount: 1, base: [0])
        forest.trees = (0..<66_000).map { index in
            var tree = Forest.Tree(nodes: [], output: 0, values: [1, 0])
            tree.nodes = [
                .split(
                    Forest.Split(
                        feature: 0, condition: .threshold(Double(index)), missing: .nan, missingGoesLeft: true, left: 1, right: 2)
                ),
                .leaf(0), .leaf(1),
            ]
            return tree
        }
        #expect(try scoring([[65_000.5]], with: try tabularModel(of: forest))[0, 0] == 999)
    }

    @Test func aForestWithoutTreesGivesItsBase() throws {
        let forest = Forest(
            comparison: .less, inputPrecision: .float32, sumPrecision: .float32, featureCount: 2, outputCount: 2, base: [0.5, -1])
        let scores = try scoring([[1, 2]], with: try tabularModel(of: forest))
        #expect(scores[0, 0] == 0.5 && scores[0, 1] == -1)
    }

    private func tabularModel(of forest: Forest) throws -> TabularModel {
        var program = Program(inputCount: forest.featureCount)
        let into = program.addSlots(forest.outputCount)
        program.steps = [.forest(forest, features: Array(0..<forest.featureCount), into: into)]
        program.outputs = Array(into..<into + forest.outputCount)
        let signature = Signature(
            inputs: (0..<forest.featureCount).map { Field("f\($0)") },
            outputs: (0..<forest.outputCount).map { OutputColumn("raw(\($0))") }, roles: Roles(score: 0..<forest.outputCount))
        return try TabularModel(program: program, signature: signature, description: ModelDescription(format: "test"))
    }

    private func scoring(_ rows: [[Double]], with model: TabularModel) throws -> ScoreBatch {
        let features = FeatureBatch()
        features.reset(width: model.signature.inputs.count)
        for values in rows {
            let row = features.addRow()
            for (column, value) in values.enumerated() { features.set(value, row: row, column: column) }
        }
        let scores = ScoreBatch()
        try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return scores
    }
}
