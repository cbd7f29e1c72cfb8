internal import Scoring
internal import Tabular

/// Ensembles of plain trees become one forest, which the fast kernels execute.
extension MiningLowering {
    /// Leaves times categories, unless the file lists as many.
    private static let maxForestValues = 1 << 25

    private var treeLowering: TreeLowering { TreeLowering(context: context) }

    /// The outcome of the ensemble as a forest; nil if it cannot be one.
    func lowerForest(_ model: MiningModel, in scope: Scope) throws(ScoringError) -> Outcome? {
        guard let trees = plainTrees(of: model) else { return nil }
        return model.head.function == .regression
            ? try regressionForest(model, trees, in: scope) : try classificationForest(model, trees, in: scope)
    }

    /// The segments' trees, if there is nothing else to them.
    private func plainTrees(of model: MiningModel) -> [TreeModel]? {
        guard model.missingPrediction != .skipSegment, model.missingThreshold == 1, model.segments.count > 1 else { return nil }
        guard !(model.head.output ?? []).contains(where: { $0.segment != nil }) else { return nil }
        switch (model.method, model.head.function) {
        case (.sum, .regression), (.weightedSum, .regression), (.xWeightedSum, .regression), (.average, _), (.weightedAverage, _),
            (.majorityVote, .classification), (.weightedMajorityVote, .classification):
            break
        default: return nil
        }
        var trees: [TreeModel] = []
        for segment in model.segments {
            guard case .always = segment.predicate, case .tree(let tree) = segment.model, tree.head.targets.isEmpty,
                tree.head.function == model.head.function
            else { return nil }
            switch tree.missingValueStrategy {
            case .aggregateNodes, .weightedConfidence: return nil
            default: trees.append(tree)
            }
        }
        return trees
    }

    private func weights(of model: MiningModel) -> [Double] {
        model.segments.map { model.method.isWeighted ? $0.weight : 1 }
    }

    private func regressionForest(_ model: MiningModel, _ trees: [TreeModel], in scope: Scope) throws(ScoringError) -> Outcome? {
        let isAverage = model.method == .average || model.method == .weightedAverage
        let divisor = isAverage ? weights(of: model).reduce(0, +) : 1
        var forest = ForestAssembly(width: 1, divisor: divisor, isFloat: model.head.isFloat)
        for (tree, weight) in zip(trees, weights(of: model)) {
            let inner = try self.scope(of: tree.head, in: scope)
            let isAdded = try add(tree, to: &forest, in: inner) { (node) throws(ScoringError) in
                [try node.map { (node) throws(ScoringError) in try treeLowering.score(of: tree, node) ?? .nan } ?? .nan].map {
                    $0 * weight
                }
            }
            guard isAdded else { return nil }
        }
        let slot = add(forest)
        trees.forEach(treeLowering.noteTree)
        return regressionOutcome(.slot(slot), model.head)
    }

    private func classificationForest(_ model: MiningModel, _ trees: [TreeModel], in scope: Scope) throws(ScoringError)
        -> Outcome?
    {
        var classes = classes(of: target(of: .mining(model)).field)
        for tree in trees { classes = try treeLowering.classLeaves(of: tree, classes).0 }
        let count = classes.count
        let isVote = model.method == .majorityVote || model.method == .weightedMajorityVote
        // Where trees without a result do not spoil the whole, they vote for nothing: the last place.
        let countsMissing = isVote && model.missingPrediction == .continue
        let width = count + (countsMissing ? 1 : 0)
        let nothing = countsMissing ? [Double](repeating: 0, count: count) + [1] : [Double](repeating: .nan, count: width)
        // Every leaf has a value a class; a file has them all only where it lists distributions.
        let (nodes, listed) = trees.reduce((0, 0)) { ($0.0 + $1.nodes.count, $0.1 + $1.distributions.count) }
        guard nodes <= (Self.maxForestValues + 4 * listed) / width else {
            throw unsupported("an ensemble of so many nodes and categories", model.head.place)
        }
        let total = countsMissing ? 1 : weights(of: model).reduce(0, +)
        var forest = ForestAssembly(width: width, divisor: total, isFloat: false)
        for (tree, weight) in zip(trees, weights(of: model)) {
            let inner = try self.scope(of: tree.head, in: scope)
            let leaves = try treeLowering.classLeaves(of: tree, classes).1
            let isAdded = try add(tree, to: &forest, in: inner) { (node) throws(ScoringError) in
                guard let node else { return nothing.map { $0 * weight } }
                let leaf = leaves(node)
                if !isVote { return leaf.probabilities.map { $0 * weight } }
                guard !leaf.label.isNaN else { return nothing.map { $0 * weight } }
                var votes = [Double](repeating: 0, count: width)
                votes[Int(leaf.label)] = weight
                return votes
            }
            guard isAdded else { return nil }
        }
        let slot = add(forest)
        trees.forEach(treeLowering.noteTree)
        var outcome = Outcome()
        outcome.classes = classes
        outcome.probabilities = (0..<count).map { .slot(slot + $0) }
        outcome.label = mostProbable((0..<width).map { .slot(slot + $0) })
        if countsMissing {
            let isSomething = builder.apply(.less, outcome.label!, constant(Double(count)))
            outcome.label = builder.apply(.only, outcome.label!, isSomething)
            // Votes for nothing are not counted.
            let first = builder.spread(.share, outcome.probabilities)
            outcome.probabilities = (0..<count).map { builder.apply(.only, .slot(first + $0), isSomething) }
        }
        return outcome
    }

    /// Adds a tree, with covers where the file counts the records of every node. False if the tree cannot be one of a forest.
    /// - Parameter values: what a row gets that ends in a node, or in none.
    private func add(
        _ tree: TreeModel, to forest: inout ForestAssembly, in scope: Scope, _ values: (Int?) throws(ScoringError) -> [Double]
    ) throws(ScoringError) -> Bool {
        let width = forest.forest.outputCount
        guard tree.nodes.allSatisfy({ ($0.recordCount ?? -1) >= 0 }) else {
            return forest.add(
                try treeLowering.graph(of: tree, width: width, in: scope) { (node, _) throws(ScoringError) in try values(node) })
        }
        // First with the nodes' own numbers for results, so that it is known which node a way ends in.
        let numbered = try treeLowering.graph(of: tree, width: 1, in: scope) { (node, _) in [Double(node ?? -1)] }
        let nodes = numbered.results.map { $0 < 0 ? nil : Int($0) }
        let (merged, positions) = try GraphBuilder.merging(numbered, width: width) { (result) throws(ScoringError) in
            try values(nodes[result])
        }
        let records = nodes.map { node in node.map { recordsEnding(in: $0, of: tree) } ?? 0 }
        return forest.add(merged, numbered, records: records, positions: positions)
    }

    /// The records that came to a node and to none of its children.
    private func recordsEnding(in node: Int, of tree: TreeModel) -> Double {
        let count = tree.nodes[node].recordCount ?? 0
        return max(0, tree.children(of: node).reduce(count) { $0 - (tree.nodes[$1].recordCount ?? 0) })
    }

    /// Adds the forest's step and returns the first slot of its sums.
    private func add(_ assembly: ForestAssembly) -> Int {
        let into = builder.addSlots(assembly.forest.outputCount)
        builder.add(.forest(assembly.forest, features: assembly.slots, into: into))
        return into
    }
}

/// A forest that is put together tree by tree, so that no more than one tree's graph is in memory.
private struct ForestAssembly {
    private(set) var forest: Forest
    /// The slot of each feature.
    private(set) var slots: [Int] = []
    private var features: [Int: Int] = [:]

    init(width: Int, divisor: Double, isFloat: Bool) {
        forest = Forest(
            comparison: .lessOrEqual, inputPrecision: .float64, sumPrecision: isFloat ? .float32 : .float64, featureCount: 0,
            outputCount: width, base: [Double](repeating: 0, count: width))
        forest.divisor = divisor
    }

    /// False if the graph is no tree.
    mutating func add(_ graph: DecisionGraph) -> Bool {
        guard let tree = tree(of: graph) else { return false }
        forest.trees.append(tree)
        return true
    }

    /// Adds a graph's tree with the covers of its nodes.
    /// - Parameters:
    ///   - numbered: the same graph before equal results were merged.
    ///   - records: how many records end in each result of it, and `positions` which result of the graph each became.
    mutating func add(_ graph: DecisionGraph, _ numbered: DecisionGraph, records: [Double], positions: [Int]) -> Bool {
        guard var tree = tree(of: graph) else { return false }
        if graph.tests.count == numbered.tests.count, graph.resultCount == numbered.resultCount {
            var moved = records
            for (result, position) in positions.enumerated() { moved[position] = records[result] }
            tree.covers = tree.covers(records: moved, of: tree)
        } else if let unmerged = numbered.forestTree(feature: { features[$0] ?? -1 }) {
            tree.covers = tree.covers(records: records, of: unmerged)
        }
        forest.trees.append(tree)
        return true
    }

    private mutating func tree(of graph: DecisionGraph) -> Forest.Tree? {
        for test in graph.tests where features[test.slot] == nil {
            features[test.slot] = slots.count
            slots.append(test.slot)
        }
        forest.featureCount = slots.count
        let features = features
        return graph.forestTree(feature: { features[$0]! })
    }
}
