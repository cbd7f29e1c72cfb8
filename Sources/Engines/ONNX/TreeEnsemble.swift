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
    /// Features that are compared with infinity or NaN. Each is a further feature of the forest, behind those of `equalities`:
    /// 0 for minus infinity, 2 for infinity, 1 for any other number.
    private(set) var unbounded: [Int] = []
    /// Outputs that leaves add to, ascending.
    private(set) var usedOutputs: [Int] = []
    private(set) var allWeightsArePositive = true
    /// Whether each used output gets a value from every row, so that which outputs have a value is known beforehand.
    private(set) var leavesAgree = false

    struct Arrays {
        var ids, trees, features, whenTrue, whenFalse, missing: [Int]
        var thresholds: [Float]
        var modes: [String]
        /// The values of nodes of mode BRANCH_MEMBER, by the node's index.
        var members: [Int: [Float]] = [:]
    }

    struct NodeName: Hashable {
        var tree: Int
        var id: Int
    }

    struct Leaf: Hashable {
        var output: Int
        var weight: Float
    }

    /// Values of leaves that add to several outputs, of all trees, and values that a feature is compared with for
    /// equality: a file could announce far more than it holds.
    private static let maxLeafValues = 8_000_000
    private static let maxEqualities = 1024
    private var leafValues = 0

    private let node: Node
    private let arrays: Arrays
    private var leaves: [[Leaf]]
    private var equalityFeature: [Int: Int] = [:]
    private var unboundedFeature: [Int: Int] = [:]
    private var featureCount = 0

    /// - Parameter weights: what the attributes of leaves begin with: "class" or "target".
    init(_ node: Node, weights: String, outputs: Int, featureCount: Int) throws(LoweringFailure) {
        guard outputs > 0, outputs <= 10_000 else { throw node.needsRuntime(.outputs(outputs)) }
        for name in ["nodes_values_as_tensor", "\(weights)_weights_as_tensor", "base_values_as_tensor"] where node.has(name) {
            throw node.needsRuntime(.doubleThresholds)
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
        let positions = try positions()
        try readLeaves(weights, positions)
        try assemble(positions, featureCount)
    }

    /// The trees of a `TreeEnsemble` of ai.onnx.ml 5, whose leaves stand apart from its nodes.
    init(_ node: Node, outputs: Int, featureCount: Int, _ flat: (arrays: Arrays, leaves: [[Leaf]])) throws(LoweringFailure) {
        guard outputs > 0, outputs <= 10_000 else { throw node.needsRuntime(.outputs(outputs)) }
        (self.node, self.outputs, arrays, leaves) = (node, outputs, flat.arrays, flat.leaves)
        usedOutputs = Set(leaves.joined().map(\.output)).sorted()
        allWeightsArePositive = leaves.joined().allSatisfy { $0.weight >= 0 }
        try assemble(try positions(), featureCount)
    }

    private func positions() throws(LoweringFailure) -> [NodeName: Int] {
        var positions: [NodeName: Int] = [:]
        positions.reserveCapacity(arrays.ids.count)
        for index in arrays.ids.indices {
            guard positions.updateValue(index, forKey: NodeName(tree: arrays.trees[index], id: arrays.ids[index])) == nil else {
                throw node.invalid("node \(arrays.ids[index]) of tree \(arrays.trees[index]) is there twice")
            }
        }
        return positions
    }

    private mutating func assemble(_ positions: [NodeName: Int], _ featureCount: Int) throws(LoweringFailure) {
        let count = arrays.ids.count
        try findEqualities(featureCount)
        var forms = TreeForms(arrays, leaves)
        var start = 0
        var seen: Set<Int> = []
        while start < count {
            LoadThrottle.step()
            var end = start
            while end < count, arrays.trees[end] == arrays.trees[start] { end += 1 }
            guard seen.insert(arrays.trees[start]).inserted else { throw node.invalid("the nodes of a tree are not together") }
            trees.append(try tree(start, positions, &forms))
            start = end
        }
        findAgreement()
    }

    private mutating func readLeaves(_ prefix: String, _ positions: [NodeName: Int]) throws(LoweringFailure) {
        let (ids, nodes) = (node.integers("\(prefix)_ids"), node.integers("\(prefix)_nodeids"))
        let (trees, values) = (node.integers("\(prefix)_treeids"), node.floats("\(prefix)_weights"))
        guard !ids.isEmpty, ids.count == nodes.count, ids.count == trees.count, ids.count == values.count else {
            throw node.invalid("the lists of weights are not all as long as one another")
        }
        for index in ids.indices {
            guard let position = positions[NodeName(tree: trees[index], id: nodes[index])], (0..<outputs).contains(ids[index])
            else {
                throw node.invalid("weight \(index) belongs to no node or no output")
            }
            guard values[index].isFinite else { throw node.invalid("weight \(index) is not finite") }
            leaves[position].append(Leaf(output: ids[index], weight: values[index]))
            if values[index] < 0 { allWeightsArePositive = false }
        }
        usedOutputs = Set(ids).sorted()
    }

    private mutating func findEqualities(_ featureCount: Int) throws(LoweringFailure) {
        self.featureCount = featureCount
        var values: [Int: Set<Double>] = [:]
        var open: Set<Int> = []
        for index in arrays.ids.indices where arrays.modes[index] != "LEAF" {
            guard (0..<featureCount).contains(arrays.features[index]) else {
                throw node.invalid("feature \(arrays.features[index]) of \(featureCount)")
            }
            let isFinite = arrays.thresholds[index].isFinite
            switch arrays.modes[index] {
            case "BRANCH_EQ" where !isFinite, "BRANCH_NEQ" where !isFinite:
                throw node.needsRuntime(.infiniteEquality)
            case "BRANCH_EQ", "BRANCH_NEQ": values[arrays.features[index], default: []].insert(Double(arrays.thresholds[index]))
            case "BRANCH_MEMBER":
                values[arrays.features[index], default: []].formUnion((arrays.members[index] ?? []).map(Double.init))
            default: if !isFinite { open.insert(arrays.features[index]) }
            }
        }
        for (feature, values) in values.sorted(by: { $0.key < $1.key }) {
            guard values.count <= Self.maxEqualities else { throw node.needsRuntime(.manyEqualities) }
            equalityFeature[feature] = featureCount + equalities.count
            equalities.append((feature, values.sorted()))
        }
        unbounded = open.sorted()
        for (position, feature) in unbounded.enumerated() {
            unboundedFeature[feature] = featureCount + equalities.count + position
        }
    }

    /// The tree whose root is the node of this index, children behind their parents and side by side.
    private mutating func tree(_ root: Int, _ positions: [NodeName: Int], _ forms: inout TreeForms) throws(LoweringFailure)
        -> Forest.Tree
    {
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
            let (values, last) = try chain(from: index, positions, &forms)
            for id in [arrays.whenTrue[index], arrays.whenFalse[last]] {
                guard let child = positions[NodeName(tree: arrays.trees[index], id: id)], visited.insert(child).inserted else {
                    throw node.invalid("node \(id) of tree \(arrays.trees[index]) is missing, or a child twice")
                }
                order.append((child, level + 1))
            }
            tree.nodes.append(.split(try split(index, values, whenTrue: order.count - 2, &tree)))
        }
        try finish(&tree, found)
        return tree
    }

    /// The values that a node compares with for equality, together with those of the nodes on its false way that do the
    /// same with equal outcome, and the last of these nodes.
    private func chain(
        from index: Int, _ positions: [NodeName: Int], _ forms: inout TreeForms
    ) throws(LoweringFailure) -> (values: [Float], last: Int) {
        if arrays.modes[index] == "BRANCH_MEMBER" { return (arrays.members[index] ?? [], index) }
        var (values, last) = ([arrays.thresholds[index]], index)
        guard arrays.modes[index] == "BRANCH_EQ" else { return (values, last) }
        func isTracked(_ index: Int) -> Bool { !arrays.missing.isEmpty && arrays.missing[index] == 1 }
        while let next = positions[NodeName(tree: arrays.trees[last], id: arrays.whenFalse[last])],
            values.count < Self.maxEqualities, arrays.modes[next] == "BRANCH_EQ",
            arrays.features[next] == arrays.features[index], isTracked(next) == isTracked(index),
            let left = positions[NodeName(tree: arrays.trees[index], id: arrays.whenTrue[index])],
            let right = positions[NodeName(tree: arrays.trees[next], id: arrays.whenTrue[next])]
        {
            if left != right {
                let (one, other) = (try forms.form(of: left, positions, node), try forms.form(of: right, positions, node))
                guard one == other else { break }
            }
            values.append(arrays.thresholds[next])
            last = next
        }
        return (values, last)
    }

    private func split(_ index: Int, _ values: [Float], whenTrue: Int, _ tree: inout Forest.Tree) throws(LoweringFailure)
        -> Forest.Split
    {
        let threshold = arrays.thresholds[index]
        let whenFalse = whenTrue + 1
        let followsTrue = !arrays.missing.isEmpty && arrays.missing[index] == 1
        let feature = arrays.features[index]
        func numeric(_ bound: Float, isSwapped: Bool) -> Forest.Split {
            if let feature = unboundedFeature[feature], !threshold.isFinite {
                return unlimited(feature, isSwapped: isSwapped)
            }
            return Forest.Split(
                feature: feature, condition: .threshold(Double(bound)), missing: .nan,
                missingGoesLeft: followsTrue != isSwapped, left: isSwapped ? whenFalse : whenTrue,
                right: isSwapped ? whenTrue : whenFalse)
        }
        /// The same for a threshold that is not finite, over the codes of `unbounded`.
        func unlimited(_ feature: Int, isSwapped: Bool) -> Forest.Split {
            let isOpen = arrays.modes[index] == "BRANCH_LT" || arrays.modes[index] == "BRANCH_GTE"
            // The last code on the left. Nothing is less than NaN, and nothing greater.
            var last = threshold > 0 ? 2.0 : 0
            if isOpen { last -= 1 }
            if threshold.isNaN { last = isSwapped ? 2 : -1 }
            return Forest.Split(
                feature: feature, condition: .threshold(last + 0.5), missing: .nan,
                missingGoesLeft: followsTrue != isSwapped, left: isSwapped ? whenFalse : whenTrue,
                right: isSwapped ? whenTrue : whenFalse)
        }
        switch arrays.modes[index] {
        case "BRANCH_LEQ": return numeric(threshold, isSwapped: false)
        case "BRANCH_LT": return numeric(threshold.nextDown, isSwapped: false)
        case "BRANCH_GT": return numeric(threshold, isSwapped: true)
        case "BRANCH_GTE": return numeric(threshold.nextDown, isSwapped: true)
        case "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER":
            guard let equality = equalityFeature[feature] else { throw node.invalid("an unknown equality") }
            let known = equalities[equality - featureCount].values
            var words: [UInt32] = []
            for value in values {
                guard let code = position(of: Double(value), in: known) else { throw node.invalid("an unknown equality") }
                while words.count <= code >> 5 { words.append(0) }
                words[code >> 5] |= 1 << UInt32(code & 31)
            }
            tree.categorySets.append(Forest.CategorySet(words: words))
            let isSwapped = arrays.modes[index] == "BRANCH_NEQ"
            // NaN differs from everything: it takes the true way of NEQ whatever the file says of missing values.
            return Forest.Split(
                feature: equality, condition: .categories(tree.categorySets.count - 1), missing: .nan,
                missingGoesLeft: isSwapped ? false : followsTrue, left: isSwapped ? whenFalse : whenTrue,
                right: isSwapped ? whenTrue : whenFalse)
        default: throw node.needsRuntime(.nodeMode(arrays.modes[index]))
        }
    }

    private func position(of value: Double, in values: [Double]) -> Int? {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if values[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low < values.count && values[low] == value ? low : nil
    }

    /// Values of the leaves: one each where all of a tree's leaves add to the same output.
    private mutating func finish(_ tree: inout Forest.Tree, _ found: [[Leaf]]) throws(LoweringFailure) {
        guard let output = found.first?.first?.output, found.allSatisfy({ $0.count == 1 && $0[0].output == output }) else {
            let (size, overflow) = found.count.multipliedReportingOverflow(by: outputs)
            guard !overflow, size <= Self.maxLeafValues - leafValues else { throw node.needsRuntime(.manyLeafValues) }
            leafValues += size
            tree.valueWidth = outputs
            tree.values = [Double](repeating: 0, count: size)
            for (index, leaf) in found.enumerated() {
                guard Set(leaf.map(\.output)).count == leaf.count else {
                    throw node.needsRuntime(.repeatedWeight)
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
