internal import Scoring
internal import Tabular

/// The trees of a TreeEnsembleClassifier or TreeEnsembleRegressor, checked, as a forest's trees.
struct TreeEnsemble {
    let outputs: Int
    private(set) var trees: [Forest.Tree] = []
    private(set) var depth = 0
    /// Features that are compared for equality, with the values, ascending. Each is a further feature of the
    /// forest: the position of its value among these, -1 for any other.
    private(set) var equalities: [(feature: Int, values: [Double])] = []
    /// Outputs that leaves add to, ascending.
    private(set) var usedOutputs: [Int] = []
    private(set) var allWeightsArePositive = true
    /// Whether each used output gets a value from every row, so that which outputs have a value is known beforehand.
    private(set) var leavesAgree = false

    private struct Arrays {
        var ids, trees, features, whenTrue, whenFalse, missing: [Int]
        var thresholds: [Float]
        var modes: [String]
    }

    private struct Leaf {
        var output: Int
        var weight: Float
    }

    /// Values of leaves that add to several outputs, of all trees, and values that a feature is compared with for
    /// equality: a file could announce far more than it holds.
    private static let mostLeafValues = 8_000_000
    private static let mostEqualities = 1024
    private var leafValues = 0

    private let node: Node
    private let arrays: Arrays
    private var leaves: [[Leaf]]
    private var equalityFeature: [Int: Int] = [:]

    /// - Parameter weights: what the attributes of leaves begin with: "class" or "target".
    init(_ node: Node, weights: String, outputs: Int, featureCount: Int) throws(ScoringError) {
        guard outputs > 0, outputs <= 10_000 else { throw node.needsRuntime("\(outputs) outputs") }
        for name in ["nodes_values_as_tensor", "\(weights)_weights_as_tensor", "base_values_as_tensor"] where node.has(name) {
            throw node.needsRuntime("double thresholds")
        }
        (self.node, self.outputs) = (node, outputs)
        arrays = Arrays(
            ids: node.integers("nodes_nodeids"), trees: node.integers("nodes_treeids"),
            features: node.integers("nodes_featureids"), whenTrue: node.integers("nodes_truenodeids"),
            whenFalse: node.integers("nodes_falsenodeids"), missing: node.integers("nodes_missing_value_tracks_true"),
            thresholds: node.floats("nodes_values"), modes: try node.strings("nodes_modes"))
        let count = arrays.ids.count
        let sizes = [arrays.trees, arrays.features, arrays.whenTrue, arrays.whenFalse].map(\.count)
        guard count > 0, sizes.allSatisfy({ $0 == count }), arrays.thresholds.count == count, arrays.modes.count == count,
            arrays.missing.isEmpty || arrays.missing.count == count
        else { throw node.invalid("the lists of nodes are not all as long as one another") }
        leaves = [[Leaf]](repeating: [], count: count)

        var positions: [[Int]: Int] = [:]
        for index in 0..<count {
            guard positions.updateValue(index, forKey: [arrays.trees[index], arrays.ids[index]]) == nil else {
                throw node.invalid("node \(arrays.ids[index]) of tree \(arrays.trees[index]) is there twice")
            }
        }
        try readLeaves(weights, positions)
        try findEqualities(featureCount)
        var start = 0
        var seen: Set<Int> = []
        while start < count {
            LoadingPace.step()
            var end = start
            while end < count, arrays.trees[end] == arrays.trees[start] { end += 1 }
            guard seen.insert(arrays.trees[start]).inserted else { throw node.invalid("the nodes of a tree are not together") }
            trees.append(try tree(start, positions, featureCount))
            start = end
        }
        findAgreement()
    }

    private mutating func readLeaves(_ prefix: String, _ positions: [[Int]: Int]) throws(ScoringError) {
        let (ids, nodes) = (node.integers("\(prefix)_ids"), node.integers("\(prefix)_nodeids"))
        let (trees, values) = (node.integers("\(prefix)_treeids"), node.floats("\(prefix)_weights"))
        guard !ids.isEmpty, ids.count == nodes.count, ids.count == trees.count, ids.count == values.count else {
            throw node.invalid("the lists of weights are not all as long as one another")
        }
        for index in ids.indices {
            guard let position = positions[[trees[index], nodes[index]]], (0..<outputs).contains(ids[index]) else {
                throw node.invalid("weight \(index) belongs to no node or no output")
            }
            guard values[index].isFinite else { throw node.invalid("weight \(index) is not finite") }
            leaves[position].append(Leaf(output: ids[index], weight: values[index]))
            if values[index] < 0 { allWeightsArePositive = false }
        }
        usedOutputs = Set(ids).sorted()
    }

    private mutating func findEqualities(_ featureCount: Int) throws(ScoringError) {
        var values: [Int: Set<Double>] = [:]
        for index in arrays.ids.indices where arrays.modes[index] != "LEAF" {
            guard (0..<featureCount).contains(arrays.features[index]) else {
                throw node.invalid("feature \(arrays.features[index]) of \(featureCount)")
            }
            guard arrays.thresholds[index].isFinite else { throw node.needsRuntime("a threshold that is not finite") }
            guard arrays.modes[index] == "BRANCH_EQ" || arrays.modes[index] == "BRANCH_NEQ" else { continue }
            values[arrays.features[index], default: []].insert(Double(arrays.thresholds[index]))
        }
        for (feature, values) in values.sorted(by: { $0.key < $1.key }) {
            guard values.count <= Self.mostEqualities else { throw node.needsRuntime("so many values compared for equality") }
            equalityFeature[feature] = featureCount + equalities.count
            equalities.append((feature, values.sorted()))
        }
    }

    /// The tree whose root is the node of this index, children behind their parents and side by side.
    private mutating func tree(_ root: Int, _ positions: [[Int]: Int], _ featureCount: Int) throws(ScoringError) -> Forest.Tree {
        var tree = Forest.Tree()
        var order = [(node: root, depth: 0)]
        var visited: Set<Int> = [root]
        var next = 0
        var found: [[Leaf]] = []
        while next < order.count {
            let (index, level) = order[next]
            next += 1
            depth = max(depth, level)
            guard arrays.modes[index] != "LEAF" else {
                tree.nodes.append(.leaf(found.count))
                found.append(leaves[index])
                continue
            }
            for id in [arrays.whenTrue[index], arrays.whenFalse[index]] {
                guard let child = positions[[arrays.trees[index], id]], visited.insert(child).inserted else {
                    throw node.invalid("node \(id) of tree \(arrays.trees[index]) is missing, or a child twice")
                }
                order.append((child, level + 1))
            }
            tree.nodes.append(.split(try split(index, whenTrue: order.count - 2, &tree)))
        }
        try finish(&tree, found)
        return tree
    }

    private func split(_ index: Int, whenTrue: Int, _ tree: inout Forest.Tree) throws(ScoringError) -> Forest.Split {
        let threshold = arrays.thresholds[index]
        let whenFalse = whenTrue + 1
        let followsTrue = !arrays.missing.isEmpty && arrays.missing[index] == 1
        let feature = arrays.features[index]
        func numeric(_ bound: Float, isSwapped: Bool) -> Forest.Split {
            Forest.Split(
                feature: feature, condition: .threshold(Double(bound)), missing: .nan,
                missingGoesLeft: followsTrue != isSwapped, left: isSwapped ? whenFalse : whenTrue,
                right: isSwapped ? whenTrue : whenFalse)
        }
        switch arrays.modes[index] {
        case "BRANCH_LEQ": return numeric(threshold, isSwapped: false)
        case "BRANCH_LT": return numeric(threshold.nextDown, isSwapped: false)
        case "BRANCH_GT": return numeric(threshold, isSwapped: true)
        case "BRANCH_GTE": return numeric(threshold.nextDown, isSwapped: true)
        case "BRANCH_EQ", "BRANCH_NEQ":
            guard let equality = equalityFeature[feature],
                let code = equalities.first(where: { $0.feature == feature })?.values.firstIndex(of: Double(threshold))
            else { throw node.invalid("an unknown equality") }
            var words = [UInt32](repeating: 0, count: code >> 5 + 1)
            words[code >> 5] |= 1 << UInt32(code & 31)
            tree.categorySets.append(Forest.CategorySet(words: words))
            let isSwapped = arrays.modes[index] == "BRANCH_NEQ"
            // NaN differs from everything: it takes the true way of NEQ whatever the file says of missing values.
            return Forest.Split(
                feature: equality, condition: .categories(tree.categorySets.count - 1), missing: .nan,
                missingGoesLeft: isSwapped ? false : followsTrue, left: isSwapped ? whenFalse : whenTrue,
                right: isSwapped ? whenTrue : whenFalse)
        default: throw node.needsRuntime("nodes of mode \(arrays.modes[index])")
        }
    }

    /// Values of the leaves: one each where all of a tree's leaves add to the same output.
    private mutating func finish(_ tree: inout Forest.Tree, _ found: [[Leaf]]) throws(ScoringError) {
        guard let output = found.first?.first?.output, found.allSatisfy({ $0.count == 1 && $0[0].output == output }) else {
            let (size, overflow) = found.count.multipliedReportingOverflow(by: outputs)
            guard !overflow, size <= Self.mostLeafValues - leafValues else { throw node.needsRuntime("so many leaf values") }
            leafValues += size
            tree.valueWidth = outputs
            tree.values = [Double](repeating: 0, count: size)
            for (index, leaf) in found.enumerated() {
                guard Set(leaf.map(\.output)).count == leaf.count else {
                    throw node.needsRuntime("two weights of one leaf and output")
                }
                for part in leaf { tree.values[index * outputs + part.output] = Double(part.weight) }
            }
            return
        }
        tree.output = output
        tree.values = found.map { Double($0[0].weight) }
    }

    private mutating func findAgreement() {
        var certain: Set<Int> = []
        var byTree: [Int: Set<Int>] = [:]
        for index in leaves.indices where arrays.modes[index] == "LEAF" {
            let own = Set(leaves[index].map(\.output))
            let tree = arrays.trees[index]
            byTree[tree] = byTree[tree].map { $0.intersection(own) } ?? own
        }
        for outputs in byTree.values { certain.formUnion(outputs) }
        leavesAgree = certain == Set(usedOutputs)
    }
}
