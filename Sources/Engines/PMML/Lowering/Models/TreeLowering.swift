internal import Glibc
internal import Scoring
internal import Tabular

/// Tree models become decision graphs; the graph's results are those of the nodes that a row can end in.
struct TreeLowering: PartLowering {
    let context: LoweringContext

    func lower(_ tree: TreeModel, in scope: Scope) throws(ScoringError) -> Outcome {
        noteTree(tree)
        var ids: [String] = []
        var idPositions: TextMap<Int> = [:]
        func position(ofNode node: TreeModel.Node, _ index: Int) -> Double {
            // Nodes without an id are numbered from 1 in the order of the file.
            let id = node.id ?? String(index + 1)
            let position = idPositions[id] ?? ids.count
            if position == ids.count {
                ids.append(id)
                idPositions[id] = position
            }
            return Double(position)
        }
        let entities = tree.nodes.enumerated().map { position(ofNode: $0.element, $0.offset) }
        switch (tree.head.function, tree.missingValueStrategy) {
        case (.regression, .weightedConfidence), (.regression, .aggregateNodes):
            return try lowerRegressionMixture(tree, entities: (ids, entities), in: scope)
        case (_, .weightedConfidence), (_, .aggregateNodes):
            return try lowerClassificationMixture(tree, entities: (ids, entities), in: scope)
        case (.regression, _):
            let graph = try graph(of: tree, width: 2, in: scope) { (index, _) throws(ScoringError) in
                guard let index else { return [.nan, .nan] }
                return [try score(of: tree, index) ?? .nan, entities[index]]
            }
            let slot = builder.decide(graph)
            var outcome = regressionOutcome(.slot(slot), tree.head)
            (outcome.entity, outcome.entities) = (.slot(slot + 1), ids)
            return outcome
        default: break
        }
        let (classes, leaves) = try classLeaves(of: tree)
        let (count, penalty) = (classes.count, tree.missingValuePenalty)
        let graph = try graph(of: tree, width: 2 + 2 * count, countsMissing: penalty != 1, in: scope) {
            (index, missing) throws(ScoringError) in
            guard let index else { return [Double](repeating: .nan, count: 2 + 2 * count) }
            let leaf = leaves(index)
            let confidences = missing == 0 ? leaf.confidences : leaf.confidences.map { $0 * pow(penalty, Double(missing)) }
            return [leaf.label, entities[index]] + leaf.probabilities + confidences
        }
        let slot = builder.decide(graph)
        var outcome = Outcome()
        outcome.classes = classes
        outcome.label = .slot(slot)
        outcome.probabilities = (0..<count).map { .slot(slot + 2 + $0) }
        outcome.confidences = (0..<count).map { .slot(slot + 2 + count + $0) }
        (outcome.entity, outcome.entities) = (.slot(slot + 1), ids)
        return outcome
    }

    func noteTree(_ tree: TreeModel) {
        context.treeCount += 1
        var ends: [Int32] = []
        for (index, node) in tree.nodes.enumerated() {
            while let end = ends.last, end <= index { ends.removeLast() }
            context.deepestTree = max(context.deepestTree, ends.count)
            ends.append(node.end)
        }
    }

    /// The graph of a tree.
    /// - Parameter countsMissing: whether results differ by how often a missing value was worked around.
    /// - Parameter result: the values for a row that ends in a node, or in none, and that number.
    func graph(
        of tree: TreeModel, width: Int, countsMissing: Bool = false, in scope: Scope,
        _ result: (Int?, Int) throws(ScoringError) -> [Double]
    ) throws(ScoringError) -> DecisionGraph {
        var graph = GraphBuilder(width: width)
        let nowhere = graph.result(try result(nil, 0))
        // Where a walk that ends before a leaf ends: the last node on the way that has a score.
        let scored = tree.scoredNodes
        let depths = countsMissing ? try depths(of: tree, width: width) : [Int](repeating: 0, count: tree.nodes.count)
        // From the last node to the first, so that children come before their parents; one entry a count.
        var entries = [[DecisionGraph.Target]](repeating: [], count: tree.nodes.count)
        for index in tree.nodes.indices.reversed() {
            let node = tree.nodes[index]
            let children = tree.children(of: index)
            for count in 0...depths[index] {
                guard !children.isEmpty else {
                    let isEnd = node.score != nil || !node.distribution.isEmpty
                    entries[index].append(isEnd ? graph.result(try result(index, count)) : nowhere)
                    continue
                }
                // Once a missing value was worked around at this node, it is counted for all children.
                let more = min(count + 1, depths[index] + (countsMissing ? 1 : 0))
                let rest = Level(children: children, count: more, countOfMissing: more, nowhere: nowhere)
                let level = Level(children: children, count: count, countOfMissing: more, nowhere: nowhere)
                var counted: [DecisionGraph.Target] = []
                if countsMissing, usesSurrogates(tree, children) {
                    let last = try scored[index].map { (node) throws(ScoringError) in try result(node, more) }
                    counted = try self.level(
                        rest, of: tree, index, entries, [], last: last.map { graph.result($0) } ?? nowhere, in: scope,
                        into: &graph)
                }
                let last = try scored[index].map { (node) throws(ScoringError) in try result(node, count) }
                let targets = try self.level(
                    level, of: tree, index, entries, counted, last: last.map { graph.result($0) } ?? nowhere, in: scope,
                    into: &graph)
                entries[index].append(targets[0])
                guard graph.testCount <= LoweringContext.maxTests else {
                    throw invalid("the tree is too large", tree.head.place)
                }
            }
        }
        let entry = try lower(
            tree.nodes[0].predicate, in: scope, into: &graph,
            Ways(whenTrue: entries[0][0], whenFalse: nowhere, whenUnknown: nowhere))
        return graph.graph(entry: entry)
    }

    /// The children of a node while its tests are being made.
    private struct Level {
        var children: [Int]
        /// How often a missing value was worked around on the way here, and if it is here as well.
        var count: Int
        var countOfMissing: Int
        var nowhere: DecisionGraph.Target
    }

    /// The tests of a node's children: where a walk goes that has come to each child, and then to none.
    /// - Parameter counted: the same once a surrogate was used at this node; empty if that is not counted.
    private func level(
        _ level: Level, of tree: TreeModel, _ index: Int, _ entries: [[DecisionGraph.Target]],
        _ counted: [DecisionGraph.Target], last: DecisionGraph.Target, in scope: Scope, into graph: inout GraphBuilder
    ) throws(ScoringError) -> [DecisionGraph.Target] {
        // The child that a missing value goes to, the first one of that name.
        let name = tree.missingValueStrategy == .defaultChild ? tree.nodes[index].defaultChild : nil
        let defaultChild = name.flatMap { name in level.children.first { tree.nodes[$0].id.isExactly(name) } }
        var targets = [tree.noTrueChildStrategy == .returnLastPrediction ? last : level.nowhere]
        for (position, child) in level.children.enumerated().reversed() {
            let next = targets[targets.count - 1]
            let unknown: DecisionGraph.Target
            switch tree.missingValueStrategy {
            case .none, .weightedConfidence, .aggregateNodes: unknown = next
            case .nullPrediction: unknown = level.nowhere
            case .lastPrediction: unknown = last
            case .defaultChild:
                // Where a node has no default, a missing value ends the walk without a result.
                guard let name else {
                    unknown = level.nowhere
                    break
                }
                guard let chosen = defaultChild else {
                    throw invalid("the node has no child with the id '\(name)'", tree.nodes[index].place)
                }
                unknown = entries[chosen][level.countOfMissing]
            }
            var ways = Ways(whenTrue: entries[child][level.count], whenFalse: next, whenUnknown: unknown)
            guard !counted.isEmpty, case .compound(var surrogate) = tree.nodes[child].predicate,
                surrogate.operation == .surrogate, surrogate.parts.count > 1
            else {
                targets.append(try lower(tree.nodes[child].predicate, in: scope, into: &graph, ways))
                continue
            }
            let first = surrogate.parts.removeFirst()
            let others = Ways(
                whenTrue: entries[child][level.countOfMissing], whenFalse: counted[position + 1], whenUnknown: unknown)
            ways.whenUnknown = try lower(.compound(surrogate), in: scope, into: &graph, others)
            targets.append(try lower(first, in: scope, into: &graph, ways))
        }
        return targets.reversed()
    }

    private func usesSurrogates(_ tree: TreeModel, _ children: [Int]) -> Bool {
        children.contains { child in
            if case .compound(let predicate) = tree.nodes[child].predicate { return predicate.operation == .surrogate }
            return false
        }
    }

    /// How many nodes are above each node. Trees whose nodes cannot be told apart by that are refused.
    private func depths(of tree: TreeModel, width: Int) throws(ScoringError) -> [Int] {
        var depths: [Int] = []
        var ends: [Int32] = []
        for (index, node) in tree.nodes.enumerated() {
            while let end = ends.last, end <= index { ends.removeLast() }
            depths.append(ends.count)
            ends.append(node.end)
        }
        // Every node can have a result for every number of missing values above it.
        let results = depths.reduce(depths.count, +).multipliedReportingOverflow(by: width)
        guard !results.overflow, results.partialValue <= 4 * LoweringContext.maxTests else {
            throw unsupported("the missingValuePenalty of so large a tree", tree.head.place)
        }
        return depths
    }

    /// The number that a regression tree's node predicts; nil if it predicts none.
    func score(of tree: TreeModel, _ index: Int) throws(ScoringError) -> Double? {
        let node = tree.nodes[index]
        guard let text = node.score else { return nil }
        return try literal(text, tree.head.isFloat ? .float : .double, node.place)
    }

    /// What a classification tree's node predicts.
    struct ClassLeaf {
        var label: Double
        var probabilities: [Double]
        var confidences: [Double]
    }

    /// The classes of a classification tree, and what each node says of them.
    func classLeaves(of tree: TreeModel, _ known: Classes? = nil) throws(ScoringError) -> (Classes, (Int) -> ClassLeaf) {
        var classes = known ?? classes(of: target(of: .tree(tree)).field)
        for distribution in tree.distributions { _ = classes.position(of: distribution.value) }
        for node in tree.nodes { if let score = node.score { _ = classes.position(of: score) } }
        // Every node has a value a class.
        guard classes.count <= 4_096, classes.count * tree.nodes.count <= LoweringContext.maxTests else {
            throw unsupported("a classification of so many categories", tree.head.place)
        }
        let all = classes
        var positions: TextMap<Int> = [:]
        for distribution in tree.distributions where positions[distribution.value] == nil {
            positions[distribution.value] = all.find(distribution.value)
        }
        let leaf = { (index: Int) -> ClassLeaf in
            let node = tree.nodes[index]
            let distribution = tree.distribution(of: index)
            var leaf = ClassLeaf(
                label: node.score.flatMap { all.find($0) }.map { Double($0) } ?? .nan,
                probabilities: [Double](repeating: 0, count: all.count), confidences: [Double](repeating: .nan, count: all.count))
            guard !distribution.isEmpty else {
                if !leaf.label.isNaN { leaf.probabilities[Int(leaf.label)] = 1 }
                return leaf
            }
            for (entry, share) in zip(distribution, TreeModel.ScoreDistribution.shares(distribution)) {
                let position = positions[entry.value]!
                leaf.probabilities[position] = share
                leaf.confidences[position] = entry.confidence ?? leaf.probabilities[position]
            }
            if leaf.label.isNaN, let best = leaf.probabilities.max(), let position = leaf.probabilities.firstIndex(of: best) {
                leaf.label = Double(position)
            }
            return leaf
        }
        return (all, leaf)
    }
}
