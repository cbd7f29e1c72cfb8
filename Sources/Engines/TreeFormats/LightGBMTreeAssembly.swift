internal import Tabular

/// Turns one tree's fields into a `Forest.Tree`. LightGBM numbers splits and leaves apart; child c is split c,
/// or leaf -c - 1 where c is negative.
struct LightGBMTreeAssembly {
    /// Larger sets than codes are compared for (`Forest.categoryCode`) are refused.
    private static let maxCategoryWords = 1 << 19

    private let arrays: LightGBMTreeArrays
    private let leaves: Int
    private var highestFeature = -1

    static func assemble(_ arrays: LightGBMTreeArrays) throws(LightGBMFailure) -> LightGBMTree {
        var assembly = try LightGBMTreeAssembly(arrays)
        return try assembly.tree()
    }

    private init(_ arrays: LightGBMTreeArrays) throws(LightGBMFailure) {
        self.arrays = arrays
        guard let leaves = arrays.leaves, leaves > 0 else { throw arrays.failure("expected a positive number", "num_leaves") }
        guard arrays.values.count == leaves else {
            throw arrays.failure("\(arrays.values.count) elements for \(leaves) leaves", "leaf_value")
        }
        guard arrays.has("num_cat") else { throw arrays.failure("the field is missing", "num_cat") }
        if let leaf = arrays.values.firstIndex(where: { !$0.isFinite }) {
            throw arrays.failure("the leaf's value is not finite", "leaf_value", leaf)
        }
        self.leaves = leaves
        if !arrays.leafCovers.isEmpty, arrays.leafCovers.count != leaves {
            throw arrays.failure("\(arrays.leafCovers.count) elements for \(leaves) leaves", "leaf_count")
        }
        guard leaves > 1 else { return }
        func check(_ found: Int, _ name: String) throws(LightGBMFailure) {
            guard found == leaves - 1 else { throw arrays.failure("\(found) elements for \(leaves - 1) splits", name) }
        }
        if let count = arrays.weightCount, count != leaves {
            throw arrays.failure("\(count) elements for \(leaves) leaves", "leaf_weight")
        }
        try check(arrays.features.count, "split_feature")
        try check(arrays.thresholds.count, "threshold")
        try check(arrays.left.count, "left_child")
        try check(arrays.right.count, "right_child")
        if !arrays.splitCovers.isEmpty { try check(arrays.splitCovers.count, "internal_count") }
        if arrays.has("decision_type") { try check(arrays.decisions.count, "decision_type") }
    }

    private mutating func tree() throws(LightGBMFailure) -> LightGBMTree {
        var tree = Forest.Tree(values: arrays.values)
        var depth = 0
        tree.categorySets = leaves > 1 ? try categorySets() : []
        if leaves == 1 {
            tree.nodes = [.leaf(0)]
            if arrays.leafCovers.count == 1 { tree.covers = arrays.leafCovers }
        } else {
            let order = try order()
            depth = order.depth
            tree.nodes.reserveCapacity(order.order.count)
            for node in order.order.lazy.map(Int.init) {
                tree.nodes.append(
                    node < leaves - 1
                        ? .split(try split(node, order, setCount: tree.categorySets.count)) : .leaf(node - (leaves - 1)))
            }
            if !arrays.leafCovers.isEmpty, !arrays.splitCovers.isEmpty {
                tree.covers = order.order.lazy.map(Int.init).map { node in
                    node < leaves - 1 ? arrays.splitCovers[node] : arrays.leafCovers[node - (leaves - 1)]
                }
            }
        }
        if arrays.isLinear { tree.linearLeaves = try linearLeaves() }
        return LightGBMTree(tree: tree, depth: depth, highestFeature: highestFeature, line: arrays.line)
    }

    /// Nodes are counted splits first, leaves behind them; -1 for a child that there is not.
    private func node(_ child: Int) -> Int {
        guard -leaves...leaves - 2 ~= child else { return -1 }
        return child >= 0 ? child : leaves - 1 + ~child
    }

    private func order() throws(LightGBMFailure) -> TreeAssembly {
        let order: TreeAssembly
        do {
            order = try TreeAssembly(count: 2 * leaves - 1) { node in
                node < leaves - 1 ? (self.node(arrays.left[node]), self.node(arrays.right[node])) : nil
            }
        } catch {
            let field = error.isLeftChild ? "left_child" : "right_child"
            let child = (error.isLeftChild ? arrays.left : arrays.right)[error.node]
            let isInRange = -leaves...leaves - 2 ~= child
            throw arrays.failure(
                isInRange
                    ? "child \(child) has more than one parent or is its own ancestor"
                    : "child \(child) is not one of the tree's nodes", field, error.node)
        }
        if let lost = order.positions.firstIndex(of: -1) {
            let name = lost < leaves - 1 ? "split \(lost)" : "leaf \(lost - (leaves - 1))"
            throw arrays.failure("\(name) cannot be reached from the root", "left_child")
        }
        return order
    }

    private mutating func split(_ node: Int, _ order: TreeAssembly, setCount: Int) throws(LightGBMFailure) -> Forest.Split {
        let feature = arrays.features[node]
        guard feature >= 0 else { throw arrays.failure("negative feature", "split_feature", node) }
        highestFeature = max(highestFeature, feature)
        let decision = arrays.has("decision_type") ? arrays.decisions[node] : 0
        guard 0..<16 ~= decision, decision >> 2 < 3 else {
            throw arrays.failure("unknown kind of decision", "decision_type", node)
        }
        let threshold = arrays.thresholds[node]
        guard !threshold.isNaN else { throw arrays.failure("the threshold is not a number", "threshold", node) }
        let left = Int(order.positions[self.node(arrays.left[node])])
        let right = Int(order.positions[self.node(arrays.right[node])])
        guard decision & 1 == 0 else {
            // Here the threshold is the set's number.
            guard threshold >= 0, threshold < Double(setCount) else {
                throw arrays.failure("there is no such category set", "threshold", node)
            }
            return Forest.Split(
                feature: feature, condition: .categories(Int(threshold)), missing: .nan, missingGoesLeft: false, left: left,
                right: right)
        }
        let missing: Forest.Missing =
            switch decision >> 2 {
            case 0: .none
            case 1: .zeroOrNaN
            default: .nan
            }
        return Forest.Split(
            feature: feature, condition: .threshold(Self.threshold(threshold)), missing: missing,
            missingGoesLeft: decision & 2 != 0,
            left: left, right: right)
    }

    /// LightGBM takes inputs up to 1e-35 from zero for 0 before it compares them. Thresholds up there are moved
    /// to where comparing the input itself decides the same.
    static func threshold(_ threshold: Double) -> Double {
        let zero = Forest.zeroBound
        if threshold >= 0, threshold < zero { return zero }
        if threshold < 0, threshold >= -zero { return (-zero).nextDown }
        return threshold
    }

    private func categorySets() throws(LightGBMFailure) -> [Forest.CategorySet] {
        guard arrays.categorySets >= 0 else { throw arrays.failure("expected a count", "num_cat") }
        guard arrays.categorySets > 0 else { return [] }
        guard arrays.categoryBoundaries.count - 1 == arrays.categorySets else {
            throw arrays.failure(
                "\(arrays.categoryBoundaries.count) boundaries for \(arrays.categorySets) category sets", "cat_boundaries")
        }
        guard arrays.categoryBoundaries.first == 0, arrays.categoryBoundaries.last == arrays.categoryWords.count else {
            throw arrays.failure("the boundaries do not divide the \(arrays.categoryWords.count) words", "cat_boundaries")
        }
        var words: [UInt32] = []
        for (position, word) in arrays.categoryWords.enumerated() {
            guard let word = UInt32(exactly: word) else { throw arrays.failure("expected 32 bits", "cat_threshold", position) }
            words.append(word)
        }
        var sets: [Forest.CategorySet] = []
        for (start, end) in zip(arrays.categoryBoundaries, arrays.categoryBoundaries.dropFirst()) {
            guard start <= end, end <= words.count, end - start <= Self.maxCategoryWords else {
                throw arrays.failure("the boundaries are not in order or too far apart", "cat_boundaries", sets.count)
            }
            sets.append(Forest.CategorySet(words: Array(words[start..<end])))
        }
        return sets
    }

    private mutating func linearLeaves() throws(LightGBMFailure) -> [Forest.LinearLeaf] {
        guard arrays.constants.count == leaves else {
            throw arrays.failure("\(arrays.constants.count) elements for \(leaves) leaves", "leaf_const")
        }
        guard arrays.featureCounts.count == leaves else {
            throw arrays.failure("\(arrays.featureCounts.count) elements for \(leaves) leaves", "num_features")
        }
        guard arrays.leafFeatures.count == arrays.leafCoefficients.count else {
            throw arrays.failure(
                "\(arrays.leafCoefficients.count) coefficients for \(arrays.leafFeatures.count) features", "leaf_coeff")
        }
        for (position, value) in arrays.leafCoefficients.enumerated() where !value.isFinite {
            throw arrays.failure("the coefficient is not finite", "leaf_coeff", position)
        }
        var result: [Forest.LinearLeaf] = []
        var start = 0
        for leaf in 0..<leaves {
            let count = arrays.featureCounts[leaf]
            guard arrays.constants[leaf].isFinite else { throw arrays.failure("the constant is not finite", "leaf_const", leaf) }
            guard count >= 0, count <= arrays.leafFeatures.count - start else {
                throw arrays.failure("more features than leaf_features lists", "num_features", leaf)
            }
            let features = Array(arrays.leafFeatures[start..<start + count])
            if let position = features.firstIndex(where: { $0 < 0 }) {
                throw arrays.failure("negative feature", "leaf_features", start + position)
            }
            highestFeature = max(highestFeature, features.max() ?? -1)
            result.append(
                Forest.LinearLeaf(
                    constant: arrays.constants[leaf], features: features,
                    coefficients: Array(arrays.leafCoefficients[start..<start + count])))
            start += count
        }
        guard start == arrays.leafFeatures.count else {
            throw arrays.failure("fewer features than leaf_features lists", "num_features")
        }
        return result
    }
}
