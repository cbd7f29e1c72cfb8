internal import Scoring
internal import Tabular

/// Tree models become decision graphs; the graph's results are those of the nodes that a row can end in.
extension Lowering {
    func lower(_ tree: TreeModel, in scope: Scope) throws(ScoringError) -> Outcome {
        noteTree(tree)
        var ids: [String] = []
        var idPositions: [String: Int] = [:]
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
        if tree.head.function == .regression {
            let graph = try graph(of: tree, width: 2, in: scope) { (index) throws(ScoringError) in
                guard let index else { return [.nan, .nan] }
                return [try score(of: tree, index) ?? .nan, position(ofNode: tree.nodes[index], index)]
            }
            let slot = builder.decide(graph)
            var outcome = regressionOutcome(.slot(slot), tree.head)
            (outcome.entity, outcome.entities) = (.slot(slot + 1), ids)
            return outcome
        }
        let (classes, leaves) = try classLeaves(of: tree)
        let count = classes.count
        let graph = try graph(of: tree, width: 2 + 2 * count, in: scope) { (index) throws(ScoringError) in
            guard let index else { return [Double](repeating: .nan, count: 2 + 2 * count) }
            let leaf = leaves(index)
            return [leaf.label, position(ofNode: tree.nodes[index], index)] + leaf.probabilities + leaf.confidences
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
        treeCount += 1
        var ends: [Int32] = []
        for (index, node) in tree.nodes.enumerated() {
            while let end = ends.last, end <= index { ends.removeLast() }
            deepestTree = max(deepestTree, ends.count)
            ends.append(node.end)
        }
    }

    /// The graph of a tree.
    /// - Parameter result: the values for a row that ends in a node, or in none.
    func graph(
        of tree: TreeModel, width: Int, in scope: Scope, _ result: (Int?) throws(ScoringError) -> [Double]
    ) throws(ScoringError) -> DecisionGraph {
        switch tree.missingValueStrategy {
        case .none, .nullPrediction, .lastPrediction, .defaultChild: break
        case .weightedConfidence, .aggregateNodes:
            throw unsupported("the missingValueStrategy \(tree.missingValueStrategy.rawValue)", tree.head.place)
        }
        var graph = GraphBuilder(width: width)
        let nowhere = graph.result(try result(nil))
        // Where a walk that ends before a leaf ends: the last node on the way that has a score.
        var scored = [Int?](repeating: nil, count: tree.nodes.count)
        for (index, node) in tree.nodes.enumerated() {
            if node.score != nil || !node.distribution.isEmpty { scored[index] = index }
            for child in tree.children(of: index) { scored[child] = scored[index] }
        }
        // From the last node to the first, so that children come before their parents.
        var entries = [DecisionGraph.Target](repeating: nowhere, count: tree.nodes.count)
        for index in tree.nodes.indices.reversed() {
            let children = tree.children(of: index)
            let last = try scored[index].map { (node) throws(ScoringError) in graph.result(try result(node)) } ?? nowhere
            guard !children.isEmpty else {
                entries[index] = tree.nodes[index].score == nil && tree.nodes[index].distribution.isEmpty ? nowhere : last
                continue
            }
            var next = tree.noTrueChildStrategy == .returnLastPrediction ? last : nowhere
            for child in children.reversed() {
                let unknown: DecisionGraph.Target
                switch tree.missingValueStrategy {
                case .none, .weightedConfidence, .aggregateNodes: unknown = next
                case .nullPrediction: unknown = nowhere
                case .lastPrediction: unknown = last
                case .defaultChild:
                    // Where a node has no default, a missing value ends the walk without a result.
                    guard let name = tree.nodes[index].defaultChild else {
                        unknown = nowhere
                        break
                    }
                    guard let chosen = children.first(where: { tree.nodes[$0].id == name }) else {
                        throw invalid("the node has no child with the id '\(name)'", tree.nodes[index].place)
                    }
                    unknown = entries[chosen]
                }
                next = try lower(
                    tree.nodes[child].predicate, in: scope, into: &graph,
                    Ways(whenTrue: entries[child], whenFalse: next, whenUnknown: unknown))
            }
            entries[index] = next
            guard graph.testCount <= Self.mostTests else { throw invalid("the tree is too large", tree.head.place) }
        }
        let entry = try lower(
            tree.nodes[0].predicate, in: scope, into: &graph, Ways(whenTrue: entries[0], whenFalse: nowhere, whenUnknown: nowhere)
        )
        return graph.graph(entry: entry)
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
        guard classes.count <= 4_096, classes.count * tree.nodes.count <= Self.mostTests else {
            throw unsupported("a classification of so many categories", tree.head.place)
        }
        let all = classes
        var positions: [String: Int] = [:]
        for distribution in tree.distributions where positions[distribution.value] == nil {
            positions[distribution.value] = all.find(distribution.value)
        }
        let leaf = { (index: Int) -> ClassLeaf in
            let node = tree.nodes[index]
            let distribution = tree.distributions[Int(node.distribution.lowerBound)..<Int(node.distribution.upperBound)]
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
