import Scoring
import ScoringTestKit
import Tabular
import Testing

@Suite struct TreeMixtureTests {
    /// A tree of three levels with a test, a weight and results of its own for every node.
    static func mixture(_ weighting: TreeMixture.Weighting, seed: UInt64) -> TreeMixture {
        var random = SeededRandom(seed: seed)
        var nodes: [TreeMixture.Node] = []
        func grow(_ depth: Int) {
            let index = nodes.count
            nodes.append(TreeMixture.Node(test: index, end: 0, weight: Double(1 + random.next() % 9), result: nil))
            let children = depth == 0 ? 0 : Int(random.next() % 4)
            for _ in 0..<children { grow(depth - 1) }
            nodes[index].end = nodes.count
            if children == 0 || random.next() % 2 == 0 { nodes[index].result = index }
        }
        grow(3)
        let results = (0..<nodes.count * 2).map { _ in Double(random.next() % 1_000) / 8 }
        var mixture = TreeMixture(nodes: nodes, results: results, width: 2, weighting: weighting)
        if weighting == .byBranch { (mixture.penalty, mixture.penalised) = (0.75, 1..<2) }
        return mixture
    }

    /// What the documentation says, by recursion: the node if it is one, and the averages.
    struct Reference {
        let mixture: TreeMixture
        let tests: [Double]

        func children(_ node: Int) -> [Int] {
            var (children, next): ([Int], Int) = ([], node + 1)
            while next < mixture.nodes[node].end {
                children.append(next)
                next = mixture.nodes[next].end
            }
            return children
        }

        func values(_ node: Int) -> [Double] { (0..<2).map { mixture.results[2 * node + $0] } }

        func branch(_ node: Int) -> (node: Int?, values: [Double])? {
            let open = children(node).filter { tests[$0] != 0 }
            guard let first = open.first else { return mixture.nodes[node].result.map { ($0, values($0)) } }
            if tests[first] == 1 { return branch(first) }
            let parts = open.compactMap { child in branch(child).map { (mixture.nodes[child].weight, $0.values) } }
            guard !parts.isEmpty else { return nil }
            let total = parts.reduce(0) { $0 + $1.0 }
            let means = (0..<2).map { column in parts.reduce(0) { $0 + $1.0 * $1.1[column] } / total }
            return (nil, [means[0], means[1] * mixture.penalty])
        }

        func ends(_ node: Int) -> (nodes: [Int], hasParted: Bool) {
            var (reached, hasParted, isFollowed): ([Int], Bool, Bool) = ([], false, false)
            for child in children(node) where tests[child] != 0 {
                isFollowed = true
                let part = ends(child)
                reached += part.nodes
                hasParted = hasParted || tests[child].isNaN || part.hasParted
                if tests[child] == 1 { break }
            }
            return isFollowed ? (reached, hasParted) : (mixture.nodes[node].result.map { [$0] } ?? [], false)
        }

        var expected: [Double] {
            guard tests[0] == 1 else { return [.nan, .nan, .nan] }
            if mixture.weighting == .byBranch {
                guard let arrival = branch(0) else { return [.nan, .nan, .nan] }
                return [arrival.node.map { Double($0) } ?? .nan] + arrival.values
            }
            let (nodes, hasParted) = ends(0)
            guard !nodes.isEmpty else { return [.nan, .nan, .nan] }
            let weight = nodes.reduce(0) { $0 + mixture.nodes[$1].weight }
            let sums = (0..<2).map { column in nodes.reduce(0) { $0 + values($1)[column] } / weight }
            return [hasParted ? .nan : Double(nodes[0])] + sums
        }
    }

    @Test(arguments: [TreeMixture.Weighting.byBranch, .byEnd])
    func mixturesAgreeWithTheirDefinition(_ weighting: TreeMixture.Weighting) throws {
        var parted = 0
        for seed in 0..<60 {
            let mixture = Self.mixture(weighting, seed: UInt64(seed))
            let count = mixture.nodes.count
            var program = Program(inputCount: count)
            let into = program.addSlots(3)
            program.steps = [.mix(mixture, into: into)]
            program.outputs = [into, into + 1, into + 2]
            let model = try TabularModel(
                program: program,
                signature: Signature(
                    inputs: (0..<count).map { Field("f\($0)", .number) },
                    outputs: ["node", "a", "b"].map { OutputColumn($0, .number) }, roles: Roles(score: 1..<2)),
                description: ModelDescription(format: "test", objective: "test"))
            var random = SeededRandom(seed: UInt64(1_000 + seed))
            var rows: [[Double]] = []
            for row in 0..<40 {
                rows.append([row == 0 ? 0 : 1] + (1..<max(count, 1)).map { _ in [0, 1, .nan][Int(random.next() % 3)] })
            }
            let (batch, scores) = (FeatureBatch(), ScoreBatch())
            batch.reset(width: count)
            for row in rows {
                let index = batch.addRow()
                for (column, value) in row.enumerated() where !value.isNaN { batch.set(value, row: index, column: column) }
            }
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
            for (row, tests) in rows.enumerated() {
                let expected = Reference(mixture: mixture, tests: tests).expected
                let actual = (0..<3).map { scores[row, $0] }
                for (a, b) in zip(actual, expected) { #expect(a == b || a.isNaN && b.isNaN, "seed \(seed), row \(row)") }
                if expected[0].isNaN, !expected[1].isNaN { parted += 1 }
            }
        }
        #expect(parted > 100)
    }
}
