/// Executes a decision graph: a walk a row, a node a test.
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

    private let nodes: [Node]
    private let words: [UInt32]
    private let results: [Double]
    private let width: Int
    private let entry: Int32
    private let into: Int

    init(_ graph: DecisionGraph, into: Int) {
        var (words, starts): ([UInt32], [(Int32, Int32)]) = ([], [])
        for set in graph.sets {
            starts.append((Int32(words.count), Int32(set.words.count)))
            words += set.words
        }
        nodes = graph.tests.map { test in
            var node = Node(
                threshold: 0, slot: Int32(test.slot), set: -1, setWords: 0, whenTrue: Self.code(test.whenTrue),
                whenFalse: Self.code(test.whenFalse), whenMissing: Self.code(test.whenMissing))
            switch test.condition {
            case .atMost(let threshold): node.threshold = threshold
            case .member(let set): (node.set, node.setWords) = starts[set]
            }
            return node
        }
        self.words = words
        results = graph.results
        width = graph.width
        entry = Self.code(graph.entry)
        self.into = into
    }

    private static func code(_ target: DecisionGraph.Target) -> Int32 {
        switch target {
        case .test(let index): Int32(index)
        case .result(let result): ~Int32(result)
        }
    }

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { nodes.count * MemoryLayout<Node>.stride + words.count * 4 + results.count * 8 }

    func run(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        nodes.withUnsafeBufferPointer { nodes in
            words.withUnsafeBufferPointer { words in
                results.withUnsafeBufferPointer { results in
                    for row in 0..<rows {
                        let frame = slots + row * stride
                        var next = entry
                        while next >= 0 {
                            let node = nodes[Int(next)]
                            let value = frame[Int(node.slot)]
                            if value.isNaN {
                                next = node.whenMissing
                            } else if node.set < 0 {
                                next = value <= node.threshold ? node.whenTrue : node.whenFalse
                            } else {
                                next = Self.contains(value, node, words) ? node.whenTrue : node.whenFalse
                            }
                        }
                        let start = Int(~next) * width
                        for column in 0..<width { frame[into + column] = results[start + column] }
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func contains(_ value: Double, _ node: Node, _ words: UnsafeBufferPointer<UInt32>) -> Bool {
        guard value >= 0, value < Double(node.setWords) * 32 else { return false }
        let code = Int(value)
        return words[Int(node.set) + code >> 5] >> UInt32(code & 31) & 1 == 1
    }
}
