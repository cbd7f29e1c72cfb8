internal import Scoring

/// Reading the attributes of `TreeEnsemble` (ai.onnx.ml 5): splits and leaves in lists of their own.
extension TreeEnsemble {
    private static let modes = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"].map { "BRANCH_" + $0 }
    private static let maxNodes = 8_000_000

    /// The trees as lists of nodes among which are the leaves. A node that several others name is there several times.
    static func flattened(_ node: Node) throws(LoweringFailure) -> (arrays: Arrays, leaves: [[Leaf]]) {
        guard let splits = try node.tensor("nodes_splits"), let modes = try node.tensor("nodes_modes"),
            let weights = try node.tensor("leaf_weights")
        else { throw node.invalid("splits, modes or weights are missing") }
        guard splits.type == .float, weights.type == .float, modes.type == .uint8 else { throw node.needsRuntime(.elementType) }
        let features = node.integers("nodes_featureids")
        let missing = node.integers("nodes_missing_value_tracks_true")
        let children = [
            (node.integers("nodes_truenodeids"), node.integers("nodes_trueleafs")),
            (node.integers("nodes_falsenodeids"), node.integers("nodes_falseleafs")),
        ]
        let (roots, targets) = (node.integers("tree_roots"), node.integers("leaf_targetids"))
        let (count, outputs) = (features.count, node.integer("n_targets", default: 1))
        guard count > 0, splits.count == count, modes.count == count, missing.isEmpty || missing.count == count,
            children.allSatisfy({ $0.0.count == count && $0.1.count == count }), targets.count == weights.count,
            targets.allSatisfy({ (0..<max(outputs, 0)).contains($0) }), weights.numbers.allSatisfy(\.isFinite), !roots.isEmpty
        else { throw node.invalid("the lists of nodes and leaves do not belong together") }
        let sets = try members(node, modes.numbers)

        var arrays = Arrays(
            ids: [], trees: [], features: [], whenTrue: [], whenFalse: [], missing: [], thresholds: [], modes: [])
        var leaves: [[Leaf]] = []
        for (tree, root) in roots.enumerated() {
            LoadThrottle.step()
            guard (0..<count).contains(root) else { throw node.invalid("tree \(tree) has no root") }
            // As ONNX Runtime sees it, a root both of whose ways end in the same leaf is that leaf.
            let isLeaf = children[0].0[root] == children[1].0[root] && children[0].1[root] != 0 && children[1].1[root] != 0
            var open = [(index: isLeaf ? children[0].0[root] : root, isLeaf: isLeaf)]
            let first = leaves.count
            var next = 0
            while next < open.count {
                let (index, isLeaf) = open[next]
                arrays.ids.append(next)
                next += 1
                arrays.trees.append(tree)
                guard (0..<(isLeaf ? targets.count : count)).contains(index), open.count <= 2 * count + 1,
                    first + open.count <= maxNodes
                else { throw node.invalid("tree \(tree) has a child that is not there, or is a circle") }
                arrays.modes.append(isLeaf ? "LEAF" : Self.modes[Int(modes.numbers[index])])
                arrays.features.append(isLeaf ? 0 : features[index])
                arrays.thresholds.append(isLeaf || sets[index] != nil ? 0 : Float(splits.numbers[index]))
                arrays.missing.append(isLeaf || missing.isEmpty ? 0 : missing[index])
                arrays.whenTrue.append(isLeaf ? 0 : open.count)
                arrays.whenFalse.append(isLeaf ? 0 : open.count + 1)
                leaves.append(isLeaf ? [Leaf(output: targets[index], weight: Float(weights.numbers[index]))] : [])
                guard !isLeaf else { continue }
                if let set = sets[index] { arrays.members[leaves.count - 1] = set }
                for (ids, flags) in children { open.append((ids[index], flags[index] != 0)) }
            }
        }
        return (arrays, leaves)
    }

    /// The values of each node of mode BRANCH_MEMBER: one list, in which NaN ends those of a node.
    private static func members(_ node: Node, _ modes: [Double]) throws(LoweringFailure) -> [Int: [Float]] {
        var values = ArraySlice(try node.tensor("membership_values")?.numbers ?? [])
        var sets: [Int: [Float]] = [:]
        for (index, mode) in modes.enumerated() {
            guard mode >= 0, Int(mode) < Self.modes.count else { throw node.invalid("mode \(mode)") }
            guard Self.modes[Int(mode)] == "BRANCH_MEMBER" else { continue }
            var set: [Float] = []
            while let value = values.popFirst(), !value.isNaN { set.append(Float(value)) }
            guard !set.isEmpty, set.allSatisfy(\.isFinite) else { throw node.invalid("a set without members") }
            // ONNX Runtime treats larger sets in a way of its own, fractions included.
            guard set.count <= 30, set.allSatisfy({ $0 >= 0 && $0 <= 30 && $0 == $0.rounded() }) else {
                throw node.needsRuntime(.setMembers)
            }
            sets[index] = set
        }
        return sets
    }
}
