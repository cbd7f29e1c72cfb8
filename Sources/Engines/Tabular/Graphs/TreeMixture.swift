/// A tree in which a row takes several ways at once where it is not known which one is its own; what the ways
/// yield is averaged, each way weighing as much as the records that it stands for.
///
/// Nodes are in the order of a walk: a node, then its subtrees. A node's test is a slot that holds 1, for unknown
/// NaN, or anything else for false. A row goes on with the first child whose test is true; where an unknown child comes before,
/// the ways part.
package struct TreeMixture: Sendable, Equatable {
    package enum Weighting: Sendable {
        /// All children that are not false are followed, and their averages are averaged by their weights. A
        /// node's results are those of a row that ends there.
        case byBranch
        /// The children that a row may belong to are followed: the unknown ones before the first true one, and
        /// that one. All nodes that are reached in the end are averaged at once: the sum of their results over
        /// the sum of their weights, so that results are sums over the node's records.
        case byEnd
    }

    package struct Node: Sendable, Equatable {
        package var test: Int
        /// Where the node's subtree ends; its first child, if any, follows it.
        package var end: Int
        package var weight: Double
        /// The node whose results a row has that ends here: because there are no children, or none is true.
        package var result: Int?

        package init(test: Int, end: Int, weight: Double, result: Int?) {
            self.test = test
            self.end = end
            self.weight = weight
            self.result = result
        }
    }

    /// The most nodes on a way from the root: a walk is recursive.
    static let maxLevels = 1_100

    package var nodes: [Node]
    /// `width` values a node.
    package var results: [Double]
    package var width: Int
    package var weighting: Weighting
    /// Multiplies the columns `penalised` wherever ways part; `.byBranch` only.
    package var penalty = 1.0
    package var penalised = 0..<0

    package init(nodes: [Node], results: [Double], width: Int, weighting: Weighting) {
        self.nodes = nodes
        self.results = results
        self.width = width
        self.weighting = weighting
    }

    /// How many nodes lie above the deepest node.
    package var depth: Int {
        var (deepest, ends): (Int, [Int]) = (0, [])
        for (index, node) in nodes.enumerated() {
            while let end = ends.last, end <= index { ends.removeLast() }
            deepest = max(deepest, ends.count)
            ends.append(node.end)
        }
        return deepest
    }
}

/// Executes a mixture, a row at a time. Writes the node that a row ended in, missing where ways parted or led
/// nowhere, then the averages.
struct TreeMixtureKernel: Kernel {
    private let mixture: TreeMixture
    private let into: Int
    private let levels: Int

    init(_ mixture: TreeMixture, into: Int) {
        precondition(mixture.results.count == mixture.nodes.count * mixture.width)
        (self.mixture, self.into, levels) = (mixture, into, mixture.depth + 2)
    }

    func scratchBytes(rows: Int) -> Int { levels * mixture.width * MemoryLayout<Double>.stride }
    var memoryBytes: Int { mixture.nodes.count * MemoryLayout<TreeMixture.Node>.stride + mixture.results.count * 8 }

    func run(_ frames: borrowing Frames) {
        let scratch = frames.scratch.bindMemory(to: Double.self, capacity: levels * mixture.width)
        mixture.nodes.withUnsafeBufferPointer { nodes in
            mixture.results.withUnsafeBufferPointer { results in
                for row in 0..<frames.rows {
                    let frame = frames.slots + row * frames.stride
                    var walk = TreeMixtureWalk(
                        nodes: nodes, results: results, width: mixture.width, frame: frame, scratch: scratch,
                        penalty: mixture.penalty, penalised: mixture.penalised)
                    let end = mixture.weighting == .byBranch ? walk.branches() : walk.ends()
                    frame[into] = end.map { Double($0) } ?? .nan
                    for column in 0..<mixture.width { frame[into + 1 + column] = scratch[column] }
                }
            }
        }
    }
}

/// One row's ways through a mixture. The averages are in the first `width` doubles of the scratch memory.
private struct TreeMixtureWalk {
    private enum Arrival {
        case nowhere, mixed
        case node(Int)
    }

    let nodes: UnsafeBufferPointer<TreeMixture.Node>
    let results: UnsafeBufferPointer<Double>
    let width: Int
    let frame: UnsafeMutablePointer<Double>
    let scratch: UnsafeMutablePointer<Double>
    let penalty: Double
    let penalised: Range<Int>
    private var weight = 0.0
    private var arrived: Int?
    private var hasParted = false

    init(
        nodes: UnsafeBufferPointer<TreeMixture.Node>, results: UnsafeBufferPointer<Double>, width: Int,
        frame: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>, penalty: Double, penalised: Range<Int>
    ) {
        (self.nodes, self.results, self.width) = (nodes, results, width)
        (self.frame, self.scratch, self.penalty, self.penalised) = (frame, scratch, penalty, penalised)
    }

    /// The averages by branch; returns the node where no ways parted.
    mutating func branches() -> Int? {
        let arrival = frame[nodes[0].test] == 1 ? follow(0, level: 0) : .nowhere
        switch arrival {
        case .nowhere: scratch.update(repeating: .nan, count: width)
        case .mixed: break
        case .node(let node): return node
        }
        return nil
    }

    private func follow(_ start: Int, level: Int) -> Arrival {
        let values = scratch + level * width
        var node = start
        walk: while true {
            var child = node + 1
            while child < nodes[node].end {
                let test = frame[nodes[child].test]
                if test.isNaN { return part(node, level: level) }
                if test == 1 {
                    node = child
                    continue walk
                }
                child = nodes[child].end
            }
            guard let result = nodes[node].result else { return .nowhere }
            for column in 0..<width { values[column] = results[result * width + column] }
            return .node(result)
        }
    }

    /// Averages the children that are not false.
    private func part(_ node: Int, level: Int) -> Arrival {
        let (values, values1) = (scratch + level * width, scratch + (level + 1) * width)
        values.update(repeating: 0, count: width)
        var (total, hasArrived) = (0.0, false)
        var child = node + 1
        while child < nodes[node].end {
            defer { child = nodes[child].end }
            guard isOpen(child) else { continue }
            guard case .nowhere = follow(child, level: level + 1) else {
                hasArrived = true
                total += nodes[child].weight
                for column in 0..<width { values[column] += nodes[child].weight * values1[column] }
                continue
            }
        }
        guard hasArrived else { return .nowhere }
        for column in 0..<width { values[column] /= total }
        for column in penalised { values[column] *= penalty }
        return .mixed
    }

    /// Whether a row may belong to a node: its test is not false.
    private func isOpen(_ node: Int) -> Bool {
        let test = frame[nodes[node].test]
        return test == 1 || test.isNaN
    }

    /// The averages of all ends; returns the node where no ways parted.
    mutating func ends() -> Int? {
        scratch.update(repeating: 0, count: width)
        if frame[nodes[0].test] == 1 { gather(0) }
        for column in 0..<width { scratch[column] = arrived == nil ? .nan : scratch[column] / weight }
        return hasParted ? nil : arrived
    }

    private mutating func gather(_ node: Int) {
        var (child, isFollowed) = (node + 1, false)
        while child < nodes[node].end {
            let test = frame[nodes[child].test]
            if isOpen(child) {
                isFollowed = true
                if test.isNaN { hasParted = true }
                gather(child)
                if test == 1 { return }
            }
            child = nodes[child].end
        }
        guard !isFollowed, let result = nodes[node].result else { return }
        arrived = result
        weight += nodes[result].weight
        for column in 0..<width { scratch[column] += results[result * width + column] }
    }
}
