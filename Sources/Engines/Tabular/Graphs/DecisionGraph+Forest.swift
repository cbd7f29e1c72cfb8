extension DecisionGraph {
    /// The graph as a tree of two-way splits over the features that `feature(slot)` numbers, or nil if it
    /// would become much larger than the graph: ways that meet again are followed once for each way in.
    /// The forest must compare with `.lessOrEqual` in float64. A leaf's number is the result's number.
    package func forestTree(feature: (Int) -> Int) -> Forest.Tree? {
        var expansion = Expansion(graph: self, maxNodes: 4 * tests.count + 64)
        guard expansion.expand() else { return nil }
        var tree = Forest.Tree(nodes: expansion.nodes, values: results, valueWidth: width)
        tree.categorySets = sets
        for index in tree.nodes.indices {
            guard case .split(var split) = tree.nodes[index] else { continue }
            split.feature = feature(split.feature)
            tree.nodes[index] = .split(split)
        }
        return tree
    }
}

extension Forest.Tree {
    /// The records that came to each node, counted in a tree of the same graph in which fewer leaves were merged; nil if
    /// one result is found at several leaves, or the trees are not alike.
    /// - Parameter records: how many end in each result of that tree.
    package func covers(records: [Double], of unmerged: Forest.Tree) -> [Double]? {
        var isPlaced = [Bool](repeating: false, count: records.count)
        var totals = [Double](repeating: 0, count: unmerged.nodes.count)
        for (index, node) in unmerged.nodes.enumerated().reversed() {
            switch node {
            case .leaf(let result):
                if records[result] > 0 {
                    guard !isPlaced[result] else { return nil }
                    isPlaced[result] = true
                }
                totals[index] = records[result]
            case .split(let split): totals[index] = totals[split.left] + totals[split.right]
            }
        }
        var covers = [Double](repeating: 0, count: nodes.count)
        var open = [(node: 0, other: 0)]
        while let (node, other) = open.popLast() {
            guard case .split(let split) = nodes[node] else {
                covers[node] += totals[other]
                continue
            }
            guard case .split(let theirs) = unmerged.nodes[other] else { return nil }
            if isSame(split, theirs, in: unmerged) {
                covers[node] += totals[other]
                open += [(split.left, theirs.left), (split.right, theirs.right)]
            } else {
                // A test both ways of which have become the same.
                open += [(node, theirs.left), (node, theirs.right)]
            }
        }
        return covers
    }

    private func isSame(_ split: Forest.Split, _ other: Forest.Split, in tree: Forest.Tree) -> Bool {
        guard split.feature == other.feature, split.missingGoesLeft == other.missingGoesLeft else { return false }
        switch (split.condition, other.condition) {
        case (.threshold(let threshold), .threshold(let another)): return threshold == another
        case (.categories(let set), .categories(let another)): return categorySets[set] == tree.categorySets[another]
        default: return false
        }
    }
}

/// Unfolds a graph into a tree. What the way to a node says about the values is kept, so that a test whose
/// outcome is certain is left out: `x > 5` after `x <= 5` was false.
private struct Expansion {
    let graph: DecisionGraph
    let maxNodes: Int
    private(set) var nodes: [Forest.Node] = []
    private var facts: [Int: Fact] = [:]

    init(graph: DecisionGraph, maxNodes: Int) {
        self.graph = graph
        self.maxNodes = maxNodes
    }

    /// What is known of a slot.
    private struct Fact {
        var isMissing: Bool?
        /// If it is present: the least and the greatest value that it can have.
        var low = -Double.infinity
        var high = Double.infinity
        /// If it is present: codes that it must and that it cannot have. nil for any.
        var among: [UInt32]?
        var notAmong: [UInt32] = []
    }

    private enum Outcome { case isTrue, isFalse, isMissing }

    mutating func expand() -> Bool { place(graph.entry, depth: 0) != nil }

    /// Appends the subtree that a way leads to and returns its root's index.
    private mutating func place(_ target: DecisionGraph.Target, depth: Int) -> Int? {
        guard nodes.count < maxNodes, depth < 400 else { return nil }
        switch resolve(target) {
        case .result(let result):
            nodes.append(.leaf(result))
            return nodes.count - 1
        case .test(let index): return place(graph.tests[index], depth: depth)
        }
    }

    private mutating func place(_ test: DecisionGraph.Test, depth: Int) -> Int? {
        let known = facts[test.slot] ?? Fact()
        let index = nodes.count
        let (whenTrue, whenFalse) = (resolve(test, .isTrue), resolve(test, .isFalse))
        let whenMissing = known.isMissing == false ? whenTrue : resolve(test, .isMissing)
        if whenTrue == whenFalse, whenTrue == whenMissing { return place(whenTrue, depth: depth + 1) }
        let condition: Forest.Condition =
            switch test.condition {
            case .atMost(let threshold): .threshold(threshold)
            case .member(let set): .categories(set)
            }
        nodes.append(.leaf(0))
        let children: (left: Int?, right: Int?)
        let split: (condition: Forest.Condition, missingGoesLeft: Bool)
        if known.isMissing == false || (whenMissing == whenTrue) != (whenMissing == whenFalse) {
            let missingGoesLeft = known.isMissing == false || whenMissing == whenTrue
            split = (condition, missingGoesLeft)
            children.left = place(
                whenTrue, assuming: test, .isTrue, isPresent: !missingGoesLeft || known.isMissing == false, depth)
            children.right = place(whenFalse, assuming: test, .isFalse, isPresent: missingGoesLeft, depth)
        } else {
            // Present values go left, to the same test again, which is then decided or has two ways.
            split = (.threshold(.infinity), false)
            facts[test.slot] = known
            facts[test.slot]?.isMissing = false
            children.left = place(test, depth: depth + 1)
            facts[test.slot] = known
            children.right = place(whenMissing, assuming: test, .isMissing, isPresent: false, depth)
        }
        facts[test.slot] = known
        guard let left = children.left, let right = children.right else { return nil }
        nodes[index] = .split(
            Forest.Split(
                feature: test.slot, condition: split.condition, missing: .nan, missingGoesLeft: split.missingGoesLeft, left: left,
                right: right))
        return index
    }

    /// Places a way's subtree under what its outcome says. `facts` are spoilt for the test's slot.
    private mutating func place(
        _ target: DecisionGraph.Target, assuming test: DecisionGraph.Test, _ outcome: Outcome, isPresent: Bool, _ depth: Int
    ) -> Int? {
        let known = facts[test.slot]
        defer { facts[test.slot] = known }
        facts[test.slot] = learned(from: test, outcome)
        if outcome != .isMissing { facts[test.slot]?.isMissing = isPresent ? false : known?.isMissing }
        return place(target, depth: depth + 1)
    }

    /// The slot's fact after a test of it.
    private func learned(from test: DecisionGraph.Test, _ outcome: Outcome) -> Fact {
        var fact = facts[test.slot] ?? Fact()
        if outcome == .isMissing {
            fact.isMissing = true
            return fact
        }
        switch test.condition {
        case .atMost(let threshold):
            if outcome == .isTrue { fact.high = min(fact.high, threshold) } else { fact.low = max(fact.low, threshold.nextUp) }
        case .member(let set):
            let words = graph.sets[set].words
            if outcome == .isTrue {
                fact.among = fact.among.map { zip($0, words).map { $0 & $1 } } ?? words
            } else {
                let longest = max(fact.notAmong.count, words.count)
                fact.notAmong = (0..<longest).map { word(fact.notAmong, $0) | word(words, $0) }
            }
        }
        return fact
    }

    private func resolve(_ test: DecisionGraph.Test, _ outcome: Outcome) -> DecisionGraph.Target {
        var fact = learned(from: test, outcome)
        let target: DecisionGraph.Target
        switch outcome {
        case .isTrue: target = test.whenTrue
        case .isFalse: target = test.whenFalse
        case .isMissing: target = test.whenMissing
        }
        if outcome != .isMissing { fact.isMissing = false }
        return resolve(target, test.slot, fact)
    }

    /// Follows tests whose outcome is certain; `fact` replaces what is known of `slot`.
    private func resolve(_ target: DecisionGraph.Target, _ slot: Int = -1, _ fact: Fact? = nil) -> DecisionGraph.Target {
        var target = target
        while case .test(let index) = target {
            let test = graph.tests[index]
            if test.whenTrue == test.whenFalse, test.whenTrue == test.whenMissing {
                target = test.whenTrue
                continue
            }
            guard let known = test.slot == slot ? fact : facts[test.slot] else { return target }
            if known.isMissing == true {
                target = test.whenMissing
            } else if known.isMissing == false, let holds = holds(test.condition, known) {
                target = holds ? test.whenTrue : test.whenFalse
            } else {
                return target
            }
        }
        return target
    }

    /// Whether the condition is certain to hold, or not to, of a present value.
    private func holds(_ condition: DecisionGraph.Condition, _ fact: Fact) -> Bool? {
        switch condition {
        case .atMost(let threshold):
            if fact.high <= threshold { return true }
            return fact.low > threshold ? false : nil
        case .member(let set):
            let words = graph.sets[set].words
            guard let among = fact.among else {
                return words.indices.allSatisfy { words[$0] & ~word(fact.notAmong, $0) == 0 } ? false : nil
            }
            let possible = among.indices.map { among[$0] & ~word(fact.notAmong, $0) }
            if possible.indices.allSatisfy({ possible[$0] & ~word(words, $0) == 0 }) { return true }
            return possible.indices.allSatisfy { possible[$0] & word(words, $0) == 0 } ? false : nil
        }
    }

    private func word(_ words: [UInt32], _ index: Int) -> UInt32 { index < words.count ? words[index] : 0 }
}
