internal import CAllocationCount
internal import Scoring
internal import Tabular
internal import Testing

@Suite struct AllocationTests {
    @Test func theCountSeesAnAllocation() {
        let before = allocation_count()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
        let after = allocation_count()
        memory.deallocate()
        #expect(after > before)
    }

    /// A request's latency must not depend on the allocator: once its buffers have grown, scoring takes no memory.
    @Test(arguments: [1, 5, 1_024])
    func scoringAllocatesNothing(rows: Int) throws {
        for seed in 0..<40 {
            var draw = RandomForests(seed: UInt64(seed))
            let forest = draw.forest()
            var program = Program(inputCount: forest.featureCount)
            let raw = program.addSlots(forest.outputCount)
            let linked = program.addSlots(forest.outputCount)
            program.steps = [
                .forest(forest, features: Array(0..<forest.featureCount), into: raw),
                .link(.softmax64, from: raw, count: forest.outputCount, into: linked),
            ]
            program.outputs = Array(linked..<linked + forest.outputCount)
            let model = try TabularModel(
                program: program,
                signature: Signature(
                    inputs: (0..<forest.featureCount).map { Field("f\($0)") },
                    outputs: (0..<forest.outputCount).map { OutputColumn("p\($0)") }, roles: Roles(score: 0..<1)),
                description: ModelDescription(format: "test"))
            let features = FeatureBatch()
            let scores = ScoreBatch()
            let workspace = Workspace()
            let values = (0..<rows).map { _ in draw.row(for: forest) }
            var allocations: UInt = 0
            for round in 0..<3 {
                let before = allocation_count()
                features.reset(width: forest.featureCount)
                for row in 0..<rows {
                    features.addRow()
                    for column in 0..<forest.featureCount { features.set(values[row][column], row: row, column: column) }
                }
                try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: workspace))
                // The first rounds grow the buffers.
                if round == 2 { allocations = UInt(allocation_count() - before) }
            }
            #expect(
                allocations == 0,
                "forest \(seed): \(forest.outputCount) outputs, \(forest.sumPrecision), linear \(forest.trees.contains { !$0.linearLeaves.isEmpty }), depth \(forest.trees.map(\.depth).max()!)"
            )
        }
    }

    @Test func networksAllocateNothing() throws {
        let neurons = (0..<20).map { neuron in
            LayeredNetwork.Neuron(sources: [0, 1, 2], weights: [Double(neuron), -1, 0.5], bias: 0.25)
        }
        let last = (0..<2).map {
            LayeredNetwork.Neuron(sources: Array(Int32(3 + $0)..<20), weights: [Double](repeating: 0.1, count: 17 - $0))
        }
        let network = LayeredNetwork(
            inputCount: 3,
            layers: [
                .init(activation: .tanh, neurons: neurons), .init(activation: .logistic, normalization: .softmax, neurons: last),
            ],
            outputs: [23, 24])
        var program = Program(inputCount: 3)
        let into = program.addSlots(2)
        program.steps = [.network(network, inputs: [0, 1, 2], into: into)]
        program.outputs = [into, into + 1]
        let model = try TabularModel(
            program: program,
            signature: Signature(
                inputs: (0..<3).map { Field("f\($0)") }, outputs: (0..<2).map { OutputColumn("p\($0)") },
                roles: Roles(score: 0..<1)),
            description: ModelDescription(format: "test"))
        let (features, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        features.reset(width: 3)
        for row in 0..<300 {
            features.addRow()
            for column in 0..<3 { features.set(Double(row * column) / 100, row: row, column: column) }
        }
        try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        let before = allocation_count()
        try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        let after = allocation_count()
        #expect(after == before)
    }
}
