internal import Scoring
internal import Tabular

/// Trees that follow every way that a missing value leaves open: the strategies weightedConfidence and
/// aggregateNodes (PMML 4.4, Tree Models, missingValueStrategy).
extension TreeLowering {
    /// Deeper trees are not followed on several ways at once.
    private static var deepestMixture: Int { 1_000 }

    /// The tree as a mixture; returns the first slot that it writes: the node, then `width` averages.
    private func addMixture(
        of tree: TreeModel, width: Int, in scope: Scope, weight: (Int) throws(ScoringError) -> Double,
        _ result: (Int) throws(ScoringError) -> [Double]
    ) throws(ScoringError) -> Int {
        guard tree.nodes.count * width <= LoweringContext.maxTests else {
            throw invalid("the tree is too large", tree.head.place)
        }
        let scored = tree.scoredNodes
        let nothing = [Double](repeating: .nan, count: width)
        var mixture = TreeMixture(
            nodes: [], results: [], width: width,
            weighting: tree.missingValueStrategy == .aggregateNodes ? .byEnd : .byBranch)
        var isNeeded = [Bool](repeating: false, count: tree.nodes.count)
        for (index, node) in tree.nodes.enumerated() {
            let isLeaf = index + 1 == Int(node.end)
            let end = isLeaf ? (scored[index] == index ? index : nil) : fallsBack(tree) ? scored[index] : nil
            if let end { isNeeded[end] = true }
            let test = try builder.slot(of: truth(of: node.predicate, in: scope))
            mixture.nodes.append(TreeMixture.Node(test: test, end: Int(node.end), weight: 0, result: end))
        }
        for index in tree.nodes.indices {
            if mixture.weighting == .byBranch ? index > 0 : isNeeded[index] { mixture.nodes[index].weight = try weight(index) }
            mixture.results += isNeeded[index] ? try result(index) : nothing
        }
        guard mixture.depth <= Self.deepestMixture else {
            throw unsupported("the missingValueStrategy \(tree.missingValueStrategy.rawValue) of so deep a tree", tree.head.place)
        }
        mixture.penalty = tree.missingValuePenalty
        if mixture.weighting == .byBranch, tree.head.function == .classification { mixture.penalised = width / 2..<width }
        let into = builder.addSlots(1 + width)
        builder.add(.mix(mixture, into: into))
        return into
    }

    private func fallsBack(_ tree: TreeModel) -> Bool { tree.noTrueChildStrategy == .returnLastPrediction }

    /// How many records a node stands for: what it says, or what its distribution adds up to.
    private func recordCount(_ tree: TreeModel, _ index: Int) throws(ScoringError) -> Double {
        let node = tree.nodes[index]
        let counts = tree.distribution(of: index).map(\.recordCount)
        if let count = node.recordCount, count >= 0, tree.missingValueStrategy == .weightedConfidence || counts.isEmpty {
            return count
        }
        guard !counts.isEmpty, !counts.contains(nil) else {
            throw invalid("the node has no recordCount, which \(tree.missingValueStrategy.rawValue) needs", node.place)
        }
        return counts.reduce(0) { $0 + $1! }
    }

    /// A regression: the mean of the scores that a row may have, by the nodes' record counts.
    func lowerRegressionMixture(_ tree: TreeModel, entities: ([String], [Double]), in scope: Scope) throws(ScoringError)
        -> Outcome
    {
        let isPooled = tree.missingValueStrategy == .aggregateNodes
        var scores = [Double](repeating: .nan, count: tree.nodes.count)
        for index in scores.indices { scores[index] = try score(of: tree, index) ?? .nan }
        let into = try addMixture(of: tree, width: 1, in: scope) { (index) throws(ScoringError) in
            try recordCount(tree, index)
        } _: { (index) throws(ScoringError) in
            [isPooled ? scores[index] * (try recordCount(tree, index)) : scores[index]]
        }
        let node = Formula.Operand.slot(into)
        var outcome = regressionOutcome(
            choose(builder.apply(.isPresent, node), look(up: node, scores), .slot(into + 1)), tree.head)
        (outcome.entity, outcome.entities) = (look(up: node, entities.1), entities.0)
        return outcome
    }

    /// A classification: the mean of the confidences, or of the records, that a row may have, by class. Where
    /// ways parted, the class of the highest confidence wins; the penalty lowers confidences, not probabilities.
    func lowerClassificationMixture(_ tree: TreeModel, entities: ([String], [Double]), in scope: Scope) throws(ScoringError)
        -> Outcome
    {
        let (classes, leaf) = try classLeaves(of: tree)
        let leaves = tree.nodes.indices.map(leaf)
        let count = classes.count
        let isPooled = tree.missingValueStrategy == .aggregateNodes
        let into = try addMixture(of: tree, width: isPooled ? count : 2 * count, in: scope) { (index) throws(ScoringError) in
            try recordCount(tree, index)
        } _: { (index) throws(ScoringError) in
            guard isPooled else {
                let leaf = leaves[index]
                return leaf.probabilities + zip(leaf.confidences, leaf.probabilities).map { $0.isNaN ? $1 : $0 }
            }
            var counts = [Double](repeating: 0, count: count)
            guard hasRecordCounts(tree, index) else {
                throw invalid(
                    "the node has no ScoreDistribution with record counts, which aggregateNodes needs", tree.nodes[index].place)
            }
            for entry in tree.distribution(of: index) { counts[classes.find(entry.value)!] += entry.recordCount! }
            return counts
        }
        let node = Formula.Operand.slot(into)
        let isCertain = builder.apply(.isPresent, node)
        let shares = (0..<count).map { Formula.Operand.slot(into + 1 + $0) }
        let sure =
            isPooled
            ? shares.map { builder.apply(.multiply, $0, constant(tree.missingValuePenalty)) }
            : (0..<count).map { .slot(into + 1 + count + $0) }
        var outcome = Outcome()
        outcome.classes = classes
        outcome.label = choose(isCertain, look(up: node, leaves.map(\.label)), mostProbable(sure))
        outcome.probabilities =
            isPooled
            ? (0..<count).map { position in
                choose(isCertain, look(up: node, leaves.map { $0.probabilities[position] }), shares[position])
            } : shares
        outcome.confidences = (0..<count).map { position in
            choose(isCertain, look(up: node, leaves.map { $0.confidences[position] }), sure[position])
        }
        (outcome.entity, outcome.entities) = (look(up: node, entities.1), entities.0)
        return outcome
    }

    private func hasRecordCounts(_ tree: TreeModel, _ index: Int) -> Bool {
        let entries = tree.distribution(of: index)
        return !entries.isEmpty && entries.allSatisfy { $0.recordCount != nil }
    }

    private func look(up node: Formula.Operand, _ values: [Double]) -> Formula.Operand {
        builder.look(up: node, in: .codes(first: 0, values: values, other: .nan, missing: .nan))
    }
}
