internal import Tabular

/// The arrays of one tree as an XGBoost file lists them, one element a node. Reused from tree to tree; what
/// evaluation does not need is not read.
struct XGBoostTreeArrays {
    var id: Int?
    var announcedNodes: Int?
    var leafSize = 1
    var left: [Int32] = []
    var right: [Int32] = []
    var features: [Int32] = []
    var conditions: [Float] = []
    var defaultLeft: [Int32] = []
    var splitTypes: [Int32] = []
    /// Weights of all nodes, `leafSize` each: vector leaves of files before 3.2.
    var baseWeights: [Float] = []
    /// Not needed to evaluate a tree, but the library refuses trees where their counts are wrong; nil where the file lacks them.
    var parents: [Int32]?
    var lossChanges: [Float]?
    /// Weights of the leaves, `leafSize` each: vector leaves since 3.2, where `right` holds a leaf's index.
    var leafWeights: [Float]?
    /// Sums of second derivatives, one a node; empty in files without them.
    var covers: [Float] = []
    var categories: [Int32] = []
    var categoryNodes: [Int32] = []
    var categoryStarts: [Int32] = []
    var categoryCounts: [Int32] = []

    mutating func removeAll() {
        id = nil
        announcedNodes = nil
        leafSize = 1
        leafWeights = nil
        (parents, lossChanges) = (nil, nil)
        for array in [
            \Self.left, \.right, \.features, \.defaultLeft, \.splitTypes, \.categories, \.categoryNodes, \.categoryStarts,
            \.categoryCounts,
        ] {
            self[keyPath: array].removeAll(keepingCapacity: true)
        }
        conditions.removeAll(keepingCapacity: true)
        baseWeights.removeAll(keepingCapacity: true)
        covers.removeAll(keepingCapacity: true)
    }
}

/// A tree in the internal representation, with what has to be checked against the rest of the file.
struct XGBoostTree {
    var id: Int
    var tree: Forest.Tree
    /// 1, or the number of outputs for vector leaves.
    var leafSize: Int
    var depth: Int
    /// The highest feature that a split asks for; -1 if there is no split.
    var highestFeature: Int
    /// Words of all category sets.
    var categoryWords: Int
}

/// Turns one tree's arrays into a `Forest.Tree`.
struct XGBoostTreeAssembly {
    /// What is wrong with a tree; `place` is relative to it ("left_children[5]").
    struct Defect: Error {
        var reason: String
        var place: String

        init(_ reason: String, _ place: String) {
            self.reason = reason
            self.place = place
        }
    }

    /// XGBoost takes larger codes for no category (`OutOfRangeCat`).
    private static let maxCategories: Int32 = 16_777_216

    private let arrays: XGBoostTreeArrays
    /// Words that this tree's category sets may take.
    private let roomForCategories: Int
    private var highestFeature = -1
    private var categoryWords = 0

    static func assemble(_ arrays: XGBoostTreeArrays, roomForCategories: Int) throws(Defect) -> XGBoostTree {
        var assembly = XGBoostTreeAssembly(arrays: arrays, roomForCategories: roomForCategories)
        return try assembly.tree()
    }

    private init(arrays: XGBoostTreeArrays, roomForCategories: Int) {
        self.arrays = arrays
        self.roomForCategories = roomForCategories
    }

    private mutating func tree() throws(Defect) -> XGBoostTree {
        guard let id = arrays.id else { throw Defect("the tree has no id", "id") }
        try checkCounts()
        let order: TreeAssembly
        do {
            order = try TreeAssembly(count: arrays.left.count) { node in
                let left = arrays.left[node]
                return left == -1 ? nil : (Int(left), Int(arrays.right[node]))
            }
        } catch {
            throw Defect(error.reason, "\(error.isLeftChild ? "left" : "right")_children[\(error.node)]")
        }
        var tree = Forest.Tree(valueWidth: arrays.leafSize)
        tree.nodes.reserveCapacity(order.order.count)
        let sets = try categorySetsByNode()
        for node in order.order.lazy.map(Int.init) {
            if arrays.left[node] == -1 {
                tree.nodes.append(.leaf(tree.values.count / arrays.leafSize))
                try appendLeaf(node, to: &tree.values)
            } else {
                tree.nodes.append(.split(try split(node, order, sets, &tree.categorySets)))
            }
        }
        if !arrays.covers.isEmpty { tree.covers = order.order.map { Double(arrays.covers[Int($0)]) } }
        return XGBoostTree(
            id: id, tree: tree, leafSize: arrays.leafSize, depth: order.depth, highestFeature: highestFeature,
            categoryWords: categoryWords)
    }

    private func checkCounts() throws(Defect) {
        let count = arrays.left.count
        guard count > 0 else { throw Defect("the tree has no nodes", "left_children") }
        if let announced = arrays.announcedNodes, announced != count {
            throw Defect("\(count) nodes, but num_nodes is \(announced)", "left_children")
        }
        func check(_ found: Int, _ name: String) throws(Defect) {
            guard found == count else { throw Defect("\(found) elements for \(count) nodes", name) }
        }
        try check(arrays.right.count, "right_children")
        try check(arrays.features.count, "split_indices")
        try check(arrays.conditions.count, "split_conditions")
        try check(arrays.defaultLeft.count, "default_left")
        if !arrays.splitTypes.isEmpty { try check(arrays.splitTypes.count, "split_type") }
        if let parents = arrays.parents { try check(parents.count, "parents") }
        if arrays.leafSize == 1 {
            if !arrays.baseWeights.isEmpty { try check(arrays.baseWeights.count, "base_weights") }
            if let changes = arrays.lossChanges { try check(changes.count, "loss_changes") }
            if !arrays.covers.isEmpty { try check(arrays.covers.count, "sum_hessian") }
        }
        // The library takes 1 for left and anything else for right, and never writes anything but 0 and 1.
        if let node = arrays.defaultLeft.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw Defect("neither 0 nor 1", "default_left[\(node)]")
        }
        if arrays.leafSize > 1, arrays.leafWeights == nil, arrays.baseWeights.count / arrays.leafSize != count {
            throw Defect("\(arrays.baseWeights.count) elements for \(count) nodes of \(arrays.leafSize) targets", "base_weights")
        }
    }

    private mutating func split(
        _ node: Int, _ order: TreeAssembly, _ sets: [Int: Forest.CategorySet], _ categorySets: inout [Forest.CategorySet]
    ) throws(Defect) -> Forest.Split {
        let feature = Int(arrays.features[node])
        guard feature >= 0 else { throw Defect("negative feature", "split_indices[\(node)]") }
        highestFeature = max(highestFeature, feature)
        let left = Int(order.positions[Int(arrays.left[node])])
        let right = Int(order.positions[Int(arrays.right[node])])
        let missingGoesLeft = arrays.defaultLeft[node] == 1
        switch arrays.splitTypes.isEmpty ? 0 : arrays.splitTypes[node] {
        case 0:
            let threshold = arrays.conditions[node]
            guard !threshold.isNaN else { throw Defect("the threshold is not a number", "split_conditions[\(node)]") }
            return Forest.Split(
                feature: feature, condition: .threshold(Double(threshold)), missing: .nan, missingGoesLeft: missingGoesLeft,
                left: left, right: right)
        case 1:
            guard let set = sets[node] else { throw Defect("a categorical split without categories", "split_type[\(node)]") }
            categorySets.append(set)
            // Members of XGBoost's sets go right, those of `Forest`'s left.
            return Forest.Split(
                feature: feature, condition: .categories(categorySets.count - 1), missing: .nan,
                missingGoesLeft: !missingGoesLeft,
                left: right, right: left)
        default: throw Defect("unknown kind of split", "split_type[\(node)]")
        }
    }

    private func appendLeaf(_ node: Int, to values: inout [Double]) throws(Defect) {
        guard arrays.leafSize > 1 else {
            let value = arrays.conditions[node]
            guard value.isFinite else { throw Defect("the leaf's value is not finite", "split_conditions[\(node)]") }
            values.append(Double(value))
            return
        }
        let weights = arrays.leafWeights ?? arrays.baseWeights
        let name = arrays.leafWeights == nil ? "base_weights" : "leaf_weights"
        let leaf = arrays.leafWeights == nil ? node : Int(arrays.right[node])
        guard leaf >= 0, leaf < weights.count / arrays.leafSize else {
            throw Defect("leaf \(leaf) is not among the leaf weights", "right_children[\(node)]")
        }
        for position in leaf * arrays.leafSize..<(leaf + 1) * arrays.leafSize {
            guard weights[position].isFinite else { throw Defect("the leaf's value is not finite", "\(name)[\(position)]") }
            values.append(Double(weights[position]))
        }
    }

    private mutating func categorySetsByNode() throws(Defect) -> [Int: Forest.CategorySet] {
        guard !arrays.categoryNodes.isEmpty else { return [:] }
        guard arrays.categoryStarts.count == arrays.categoryNodes.count, arrays.categoryCounts.count == arrays.categoryNodes.count
        else { throw Defect("as many segments and sizes as nodes are needed", "categories_nodes") }
        var sets: [Int: Forest.CategorySet] = [:]
        for (index, node) in arrays.categoryNodes.enumerated() {
            let start = Int(arrays.categoryStarts[index])
            let count = Int(arrays.categoryCounts[index])
            guard start >= 0, count >= 0, start <= arrays.categories.count, count <= arrays.categories.count - start else {
                throw Defect("the segment is not within the categories", "categories_segments[\(index)]")
            }
            let set = try categorySet(start..<start + count)
            guard sets.updateValue(set, forKey: Int(node)) == nil else {
                throw Defect("node \(node) is listed twice", "categories_nodes[\(index)]")
            }
        }
        return sets
    }

    private mutating func categorySet(_ members: Range<Int>) throws(Defect) -> Forest.CategorySet {
        var highest: Int32 = -1
        for member in members {
            let category = arrays.categories[member]
            guard category >= 0, category < Self.maxCategories else {
                throw Defect("the category is outside 0 ..< \(Self.maxCategories)", "categories[\(member)]")
            }
            highest = max(highest, category)
        }
        let count = Int(highest >> 5) + 1
        categoryWords += count
        guard categoryWords <= roomForCategories else {
            throw Defect("category sets far larger than the file", "categories_nodes")
        }
        var words = [UInt32](repeating: 0, count: count)
        for member in members {
            let category = arrays.categories[member]
            words[Int(category >> 5)] |= 1 << UInt32(category & 31)
        }
        return Forest.CategorySet(words: words)
    }
}
