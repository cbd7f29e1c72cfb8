internal import Scoring

/// Numbers for subtrees by which equal ones are known: converters write one subtree out for each category of a set.
struct TreeForms {
    private enum Form: Hashable {
        case leaf([TreeEnsemble.Leaf])
        case split(mode: String, feature: Int, threshold: Float, missing: Int, whenTrue: Int, whenFalse: Int)
        /// A node of a mode that is compared with nothing, and one that is being looked at: trees are no circles.
        case other(Int)
    }

    private let arrays: TreeEnsemble.Arrays
    private let leaves: [[TreeEnsemble.Leaf]]
    /// By node; -1 for those not yet looked at, -2 for those whose children are.
    private var known: [Int]
    private var numbers: [Form: Int] = [:]

    init(_ arrays: TreeEnsemble.Arrays, _ leaves: [[TreeEnsemble.Leaf]]) {
        (self.arrays, self.leaves) = (arrays, leaves)
        known = []
    }

    /// The number of the subtree below a node. Each node is looked at once, without recursion.
    mutating func form(of root: Int, _ positions: [TreeEnsemble.NodeName: Int], _ node: Node) throws(LoweringFailure) -> Int {
        if known.isEmpty { known = [Int](repeating: -1, count: arrays.ids.count) }
        var stack = [root]
        while let index = stack.last {
            guard known[index] < 0 else {
                stack.removeLast()
                continue
            }
            guard arrays.modes[index] != "LEAF" else {
                known[index] = number(.leaf(leaves[index]))
                continue
            }
            guard arrays.modes[index] != "BRANCH_MEMBER" else {
                known[index] = number(.other(index))
                continue
            }
            var children: [Int] = []
            for id in [arrays.whenTrue[index], arrays.whenFalse[index]] {
                guard let child = positions[TreeEnsemble.NodeName(tree: arrays.trees[index], id: id)] else {
                    throw node.invalid("node \(id) of tree \(arrays.trees[index]) is missing")
                }
                children.append(child)
            }
            let open = children.filter { known[$0] < 0 }
            guard open.isEmpty else {
                guard known[index] != -2, !open.contains(where: { known[$0] == -2 }) else {
                    throw node.invalid("a tree that is a circle")
                }
                known[index] = -2
                stack += open
                continue
            }
            known[index] = number(
                .split(
                    mode: arrays.modes[index], feature: arrays.features[index], threshold: arrays.thresholds[index],
                    missing: arrays.missing.isEmpty ? 0 : arrays.missing[index], whenTrue: known[children[0]],
                    whenFalse: known[children[1]]))
        }
        return known[root]
    }

    private mutating func number(_ form: Form) -> Int {
        if let number = numbers[form] { return number }
        numbers[form] = numbers.count
        return numbers.count - 1
    }
}
