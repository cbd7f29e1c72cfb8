/// Executes decision graphs, one after the other: a walk a row and graph, a node a test.
struct DecisionGraphKernel: Kernel {
    private struct Node {
        /// The greatest value that goes the true way, where `set` is negative.
        var threshold: Double
        var slot: Int32
        /// Index of the first word of the category set, or -1.
        var set: Int32
        var setWords: Int32
        /// Nodes, or complements of results.
        var whenTrue: Int32
        var whenFalse: Int32
        var whenMissing: Int32
    }

    /// Where a graph's walks begin, and where their results are and go.
    private struct Walk {
        var entry: Int32
        var width: Int32
        var results: Int32
        var into: Int32
    }

    private let nodes: [Node]
    private let words: [UInt32]
    private let results: [Double]
    private let walks: [Walk]

    init(_ decisions: [GraphWalk]) {
        var (nodes, words, results): ([Node], [UInt32], [Double]) = ([], [], [])
        var walks: [Walk] = []
        for decision in decisions {
            let (graph, first, firstWord) = (decision.graph, nodes.count, words.count)
            var starts: [(Int32, Int32)] = []
            for set in graph.sets {
                starts.append((Int32(words.count - firstWord), Int32(set.words.count)))
                words += set.words
            }
            func code(_ target: DecisionGraph.Target) -> Int32 {
                switch target {
                case .test(let index): Int32(first + index)
                case .result(let result): ~Int32(result)
                }
            }
            nodes += graph.tests.map { test in
                var node = Node(
                    threshold: 0, slot: Int32(test.slot), set: -1, setWords: 0, whenTrue: code(test.whenTrue),
                    whenFalse: code(test.whenFalse), whenMissing: code(test.whenMissing))
                switch test.condition {
                case .atMost(let threshold): node.threshold = threshold
                case .member(let set): (node.set, node.setWords) = (Int32(firstWord) + starts[set].0, starts[set].1)
                }
                return node
            }
            walks.append(
                Walk(
                    entry: code(graph.entry), width: Int32(graph.width), results: Int32(results.count), into: Int32(decision.into)
                ))
            results += graph.results
        }
        (self.nodes, self.words, self.results, self.walks) = (nodes, words, results, walks)
    }

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { nodes.count * MemoryLayout<Node>.stride + words.count * 4 + results.count * 8 }

    func run(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        nodes.withUnsafeBufferPointer { nodes in
            words.withUnsafeBufferPointer { words in
                results.withUnsafeBufferPointer { results in
                    walks.withUnsafeBufferPointer { walks in
                        for row in 0..<rows {
                            let frame = slots + row * stride
                            for walk in walks {
                                let result = Self.result(of: walk, frame, nodes, words)
                                let start = Int(walk.results) + result * Int(walk.width)
                                for column in 0..<Int(walk.width) { frame[Int(walk.into) + column] = results[start + column] }
                            }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func result(
        of walk: Walk, _ frame: UnsafeMutablePointer<Double>, _ nodes: UnsafeBufferPointer<Node>,
        _ words: UnsafeBufferPointer<UInt32>
    ) -> Int {
        var next = walk.entry
        while next >= 0 {
            let node = nodes[Int(next)]
            let value = frame[Int(node.slot)]
            if value.isNaN {
                next = node.whenMissing
            } else if node.set < 0 {
                next = value <= node.threshold ? node.whenTrue : node.whenFalse
            } else {
                next = contains(value, node, words) ? node.whenTrue : node.whenFalse
            }
        }
        return Int(~next)
    }

    @inline(__always)
    private static func contains(_ value: Double, _ node: Node, _ words: UnsafeBufferPointer<UInt32>) -> Bool {
        guard value >= 0, value < Double(node.setWords) * 32 else { return false }
        let code = Int(value)
        return words[Int(node.set) + code >> 5] >> UInt32(code & 31) & 1 == 1
    }
}
