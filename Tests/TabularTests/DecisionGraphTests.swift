import Scoring
import Tabular
import Testing

@Suite struct DecisionGraphTests {
    /// xorshift64*: the same graphs every time.
    struct Random {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % bound
        }
    }

    static let slots = 4
    static let values: [Double] = [.nan, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, .infinity]

    /// A graph in which ways meet again, slots are tested repeatedly, and targets coincide.
    static func graph(_ random: inout Random, tests: Int, width: Int = 1) -> DecisionGraph {
        var graph = DecisionGraph(width: width)
        let results = 3
        graph.results = (0..<results * width).map { Double($0) }
        graph.sets = (0..<3).map { _ in Forest.CategorySet(words: [UInt32(random.next(64))]) }
        for index in 0..<tests {
            func target() -> DecisionGraph.Target {
                let later = tests - index - 1
                return later > 0 && random.next(4) > 0
                    ? .test(index + 1 + random.next(min(later, 3))) : .result(random.next(results))
            }
            let condition: DecisionGraph.Condition =
                random.next(3) == 0
                ? .member(random.next(3)) : .atMost(random.next(8) == 0 ? .infinity : values[1 + random.next(10)])
            let (whenTrue, whenFalse) = (target(), target())
            let whenMissing = [whenTrue, whenFalse, target()][random.next(3)]
            graph.tests.append(
                DecisionGraph.Test(
                    condition, slot: random.next(slots), whenTrue: whenTrue, whenFalse: whenFalse, whenMissing: whenMissing))
        }
        graph.entry = tests > 0 ? .test(0) : .result(0)
        return graph
    }

    static func rows(_ random: inout Random, _ count: Int) -> [[Double]] {
        (0..<count).map { _ in (0..<slots).map { _ in values[random.next(values.count)] } }
    }

    func score(_ step: Step, _ rows: [[Double]], outputs: Range<Int>) throws -> ScoreBatch {
        var program = Program(inputCount: Self.slots)
        _ = program.addSlots(outputs.count)
        program.steps = [step]
        program.outputs = Array(outputs)
        let signature = Signature(
            inputs: (0..<Self.slots).map { Field("x\($0)") }, outputs: outputs.map { OutputColumn("y\($0)") },
            roles: Roles(score: 0..<outputs.count))
        let model = try TabularModel(program: program, signature: signature, description: ModelDescription(format: "test"))
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: Self.slots)
        for row in rows {
            let index = batch.addRow()
            for (column, value) in row.enumerated() { batch.set(value, row: index, column: column) }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return scores
    }

    @Test func theKernelEndsWhereTheGraphSays() throws {
        var random = Random(state: 1)
        for round in 0..<200 {
            let graph = Self.graph(&random, tests: round % 12, width: 2)
            let rows = Self.rows(&random, 50)
            let scores = try score(.decide([GraphWalk(graph, into: Self.slots)]), rows, outputs: Self.slots..<Self.slots + 2)
            for (index, row) in rows.enumerated() {
                let result = graph.result { row[$0] }
                #expect(scores[index, 0] == Double(2 * result))
                #expect(scores[index, 1] == Double(2 * result + 1))
            }
        }
    }

    @Test func aForestTreeEndsWhereItsGraphEnds() throws {
        var random = Random(state: 2)
        var trees = 0
        for round in 0..<2_000 {
            let graph = Self.graph(&random, tests: 1 + round % 10)
            guard let tree = graph.forestTree(feature: { $0 }) else { continue }
            trees += 1
            var forest = Forest(
                comparison: .lessOrEqual, inputPrecision: .float64, sumPrecision: .float64, featureCount: Self.slots,
                outputCount: 1, base: [0])
            forest.trees = [tree]
            let reference = ForestReference(forest)
            for row in Self.rows(&random, 40) {
                let result = graph.result { row[$0] }
                #expect(reference.sums(of: row) == [Double(result)])
            }
        }
        #expect(trees > 1_500)
    }

    @Test func forestsOfGraphsRunOnTheForestKernel() throws {
        var random = Random(state: 3)
        var (forest, graphs): (Forest, [DecisionGraph]) = (
            Forest(
                comparison: .lessOrEqual, inputPrecision: .float64, sumPrecision: .float64, featureCount: Self.slots,
                outputCount: 1, base: [0]), []
        )
        while graphs.count < 60 {
            let graph = Self.graph(&random, tests: 8)
            guard let tree = graph.forestTree(feature: { $0 }) else { continue }
            graphs.append(graph)
            forest.trees.append(tree)
        }
        let rows = Self.rows(&random, 300)
        let scores = try score(
            .forest(forest, features: Array(0..<Self.slots), into: Self.slots), rows, outputs: Self.slots..<Self.slots + 1)
        for (index, row) in rows.enumerated() {
            var expected = 0.0
            for graph in graphs { expected += Double(graph.result { row[$0] }) }
            #expect(scores[index, 0] == expected)
        }
    }

    @Test func certainTestsAreLeftOut() throws {
        // x <= 5 goes to 0, and x > 5 to 1, tested again as exporters write it; missing goes with the second.
        var graph = DecisionGraph()
        graph.results = [0, 1, 2]
        graph.tests = [
            DecisionGraph.Test(.atMost(5), slot: 0, whenTrue: .result(0), whenFalse: .test(1), whenMissing: .result(1)),
            DecisionGraph.Test(.atMost(5), slot: 0, whenTrue: .result(2), whenFalse: .result(1), whenMissing: .result(2)),
        ]
        graph.entry = .test(0)
        let unfolded = graph.forestTree(feature: { $0 })
        let tree = try #require(unfolded)
        #expect(tree.nodes.count == 3)
        #expect(
            tree.nodes[0]
                == .split(.init(feature: 0, condition: .threshold(5), missing: .nan, missingGoesLeft: false, left: 1, right: 2)))
    }

    @Test func graphsThatWouldGrowTooMuchAreNoTrees() {
        // Every way through eight tests of three slots meets in the next test.
        var graph = DecisionGraph()
        graph.results = [0, 1]
        for index in 0..<30 {
            let next: DecisionGraph.Target = index < 29 ? .test(index + 1) : .result(0)
            graph.tests.append(
                .init(
                    .atMost(Double(index)), slot: index, whenTrue: next, whenFalse: next,
                    whenMissing: index < 28 ? .test(index + 2) : .result(1)))
        }
        graph.entry = .test(0)
        let tree = graph.forestTree(feature: { $0 })
        #expect(tree == nil)
    }
}
