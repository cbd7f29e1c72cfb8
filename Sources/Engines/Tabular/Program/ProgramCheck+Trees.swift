internal import Scoring

/// Forests, graphs and mixtures: what a child's index and a leaf's number may be.
extension ProgramCheck {
    mutating func check(_ forest: Forest, _ name: String) throws(ScoringError) {
        try require(forest.outputCount > 0, "\(forest.outputCount) sums")
        try require(forest.base.count, of: "bases", for: forest.outputCount)
        var (nodes, values) = (0, 0)
        for (index, tree) in forest.trees.enumerated() {
            place = "\(name), tree \(index + 1)"
            try check(tree, of: forest)
            nodes += tree.nodes.count
            values += tree.values.count
            LoadThrottle.step()
        }
        place = name
        try require(max(nodes, values) <= Program.maxElements, "\(nodes) nodes and \(values) values of leaves")
    }

    private func check(_ tree: Forest.Tree, of forest: Forest) throws(ScoringError) {
        try require(!tree.nodes.isEmpty, "no nodes")
        try require(tree.valueWidth == 1 || tree.valueWidth == forest.outputCount, "leaves of \(tree.valueWidth) values")
        try require(tree.values.count % tree.valueWidth == 0, "\(tree.values.count) values for leaves of \(tree.valueWidth)")
        let leaves = tree.values.count / tree.valueWidth
        try require(index: tree.output, below: forest.outputCount, "sum")
        if !tree.linearLeaves.isEmpty {
            try require(tree.valueWidth == 1, "linear leaves of several values")
            try require(tree.linearLeaves.count, of: "linear leaves", for: leaves)
            for leaf in tree.linearLeaves {
                try require(leaf.coefficients.count, of: "coefficients", for: leaf.features.count)
                for feature in leaf.features { try require(index: feature, below: forest.featureCount, "feature") }
            }
        }
        if let covers = tree.covers { try require(covers.count, of: "covers", for: tree.nodes.count) }
        // A node that two splits lead to would be laid out twice, and so would all that lies below it.
        var hasParent = [Bool](repeating: false, count: tree.nodes.count)
        for (index, node) in tree.nodes.enumerated() {
            switch node {
            case .leaf(let leaf): try require(index: leaf, below: leaves, "leaf")
            case .split(let split):
                try require(index: split.feature, below: forest.featureCount, "feature")
                if case .categories(let set) = split.condition {
                    try require(index: set, below: tree.categorySets.count, "category set")
                }
                for child in [split.left, split.right] {
                    try require(index: child, below: tree.nodes.count, "child")
                    try require(child > index, "node \(index) leads back to node \(child)")
                    try require(!hasParent[child], "two ways lead to node \(child)")
                    hasParent[child] = true
                }
            }
        }
    }

    mutating func check(_ walks: [GraphWalk], _ name: String) throws(ScoringError) {
        var elements = 0
        for (index, walk) in walks.enumerated() {
            place = "\(name), graph \(index + 1)"
            try check(walk.graph)
            elements += walk.graph.tests.count + walk.graph.results.count + walk.graph.sets.reduce(0) { $0 + $1.words.count }
        }
        place = name
        try require(elements <= Program.maxElements, "\(elements) tests and results")
        // No walk reads what another one finds out.
        for walk in walks { try write(walk.into, count: walk.graph.width) }
    }

    private func check(_ graph: DecisionGraph) throws(ScoringError) {
        try require(graph.width > 0, "results of \(graph.width) values")
        try require(graph.results.count % graph.width == 0, "\(graph.results.count) values for results of \(graph.width)")
        try check(graph.entry, from: -1, in: graph)
        for (index, test) in graph.tests.enumerated() {
            try read(test.slot)
            if case .member(let set) = test.condition { try require(index: set, below: graph.sets.count, "category set") }
            for target in [test.whenTrue, test.whenFalse, test.whenMissing] { try check(target, from: index, in: graph) }
        }
    }

    private func check(_ target: DecisionGraph.Target, from index: Int, in graph: DecisionGraph) throws(ScoringError) {
        switch target {
        case .result(let result): try require(index: result, below: graph.resultCount, "result")
        case .test(let test):
            try require(index: test, below: graph.tests.count, "test")
            try require(test > index, "test \(index) leads back to test \(test)")
        }
    }

    func check(_ mixture: TreeMixture, _ name: String) throws(ScoringError) {
        try require(!mixture.nodes.isEmpty, "no nodes")
        try require(mixture.width >= 0 && mixture.width < slotCount, "results of \(mixture.width) values")
        try require(mixture.results.count, of: "results", for: product(mixture.nodes.count, mixture.width))
        try require(
            mixture.penalised.isEmpty || mixture.penalised.lowerBound >= 0 && mixture.penalised.upperBound <= mixture.width,
            "the penalised columns \(mixture.penalised) of \(mixture.width)")
        try require(mixture.nodes[0].end == mixture.nodes.count, "the root ends at node \(mixture.nodes[0].end)")
        // The ends of the subtrees that are open: none may end after those that it lies in.
        var ends: [Int] = []
        for (index, node) in mixture.nodes.enumerated() {
            while let end = ends.last, end == index { ends.removeLast() }
            try require(
                node.end > index && node.end <= ends.last ?? mixture.nodes.count, "node \(index) ends at node \(node.end)")
            ends.append(node.end)
            try require(ends.count <= TreeMixture.maxLevels, "more than \(TreeMixture.maxLevels) levels of nodes")
            try read(node.test)
            if let result = node.result { try require(index: result, below: mixture.nodes.count, "result") }
        }
    }
}
