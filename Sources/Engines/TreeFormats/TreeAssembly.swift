internal import Tabular

/// Puts a tree's nodes into the order that `Forest.Tree` demands, children behind their parents and both
/// children of a node adjacent, and checks that they are a tree: every child is there, none is the child of
/// two nodes or of its own descendant.
struct TreeAssembly {
    /// What is wrong, with the node's index in the file.
    struct Defect: Error {
        var reason: String
        var node: Int
        var isLeftChild: Bool
    }

    /// The file's index of each node that the root leads to, in the new order.
    private(set) var order: [Int32]
    /// The new index of each of the file's nodes; -1 for those that the root does not lead to.
    private(set) var positions: [Int32]
    /// The longest path from the root to a leaf, in splits.
    private(set) var depth = 0

    /// - Parameters:
    ///   - count: nodes in the file; the root is node 0.
    ///   - children: the children of a node, nil for a leaf.
    init(count: Int, children: (Int) -> (left: Int, right: Int)?) throws(Defect) {
        order = []
        order.reserveCapacity(count)
        positions = [Int32](repeating: -1, count: count)
        order.append(0)
        positions[0] = 0
        var next = 0
        var levelEnd = 1
        while next < order.count {
            let node = Int(order[next])
            if let children = children(node) {
                try add(children.left, of: node, isLeft: true)
                try add(children.right, of: node, isLeft: false)
            }
            next += 1
            if next == levelEnd, order.count > levelEnd {
                depth += 1
                levelEnd = order.count
            }
        }
    }

    private mutating func add(_ child: Int, of node: Int, isLeft: Bool) throws(Defect) {
        guard positions.indices.contains(child) else {
            throw Defect(
                reason: "child \(child) is not one of the tree's \(positions.count) nodes", node: node, isLeftChild: isLeft)
        }
        guard positions[child] < 0 else {
            let reason =
                child == node ? "the node is its own child" : "node \(child) has more than one parent or is its own ancestor"
            throw Defect(reason: reason, node: node, isLeftChild: isLeft)
        }
        positions[child] = Int32(order.count)
        order.append(Int32(child))
    }
}
