internal import Scoring

/// Finds the leaves that rows of ranks end in, eight walks at a time and level by level: the walks do not depend on
/// each other, so the processor overlaps their memory accesses. What matters in the loops is that nothing branches
/// on the data.
///
/// A leaf is given as its *position*, an index into the forest's table of leaf values.
protocol TreeWalk: Sendable {
    /// The leaves of trees `group * 8 ..< group * 8 + 8` for one row, whose ranks are widened to what a comparison with
    /// memory takes. Trees past the last one give any valid position.
    func leaves(ofGroup group: Int, _ ranks: UnsafePointer<Int32>) -> EightPositions
    /// The leaves of one tree for eight rows, whose ranks alternate (`RankPlan.eightShift`).
    func leaves(ofTree tree: Int, ofEight ranks: UnsafePointer<Int16>) -> EightPositions
    /// The leaf of one tree for one row.
    func leaf(ofTree tree: Int, _ ranks: UnsafePointer<Int32>) -> Int
    var memoryBytes: Int { get }
}

/// Eight leaf positions, kept in registers.
struct EightPositions {
    var a: Int, b: Int, c: Int, d: Int, e: Int, f: Int, g: Int, h: Int
}

/// Where each leaf of a laid-out forest lies: `leafOf[position]` is the leaf's number counted over all trees,
/// or -1 where the position is no leaf.
struct LeafLayout {
    var leafOf: [Int32]
}

/// 1 if the split sends the row right: `ranks[column] > bound`. Twice the column in the low half, bound in the high half.
@inline(__always)
private func goesRight(_ split: Int32, _ ranks: UnsafePointer<Int32>) -> Int {
    sign(of: Int(split &>> 16) &- Int(ranks[Int(split & 0xffff)]))
}

/// The same for row `lane` of eight.
@inline(__always)
private func goesRight(_ split: Int32, ofEight ranks: UnsafePointer<Int16>, _ lane: Int) -> Int {
    sign(of: Int(split &>> 16) &- Int(ranks[Int(split & 0xffff) &* 4 &+ lane]))
}

/// 1 if the difference is negative, else 0: arithmetic rather than a comparison, out of which the compiler makes a
/// branch here and there, and every second guess at a split is wrong.
@inline(__always)
private func sign(of difference: Int) -> Int {
    Int(truncatingIfNeeded: UInt(truncatingIfNeeded: difference) &>> 63)
}

extension RankPlan.Question {
    fileprivate var packed: Int32 { Int32(column) * 2 | Int32(bound) << 16 }
}

// MARK: - Perfect trees

/// Shallow trees, padded to perfect ones: split i has the children 2i and 2i + 1, so that a split takes four
/// bytes and a step is a shift and an add. Eight neighbouring trees share one depth.
struct PerfectWalk: TreeWalk {
    private let splits: ConstantTable<Int32>
    private let groups: ConstantTable<Group>
    /// The splits of each tree's first three levels once more, eight bounds a split, by tree and place (8 a tree).
    private let topBounds: ConstantTable<SIMD8<Int16>>
    /// Where their columns begin among the ranks of eight rows.
    private let topColumns: ConstantTable<Int>

    private struct Group: Sendable, BitwiseCopyable {
        /// Tree t of the group has its splits at `start + (t << depth)`, its root at index 1, its leaves at the same positions.
        var start: Int
        var depth: Int
    }

    /// Levels that are looked at for eight rows at once.
    private static let minDepth = 3
    /// The deepest trees worth padding.
    static let maxDepth = 8
    /// How many times larger than its leaves the padded forest may be.
    static let maxPadding = 4

    var memoryBytes: Int { splits.byteCount + groups.byteCount + topBounds.byteCount + topColumns.byteCount }

    /// nil if the trees are too deep or too lopsided to be padded.
    static func make(_ trees: [Forest.Tree], questions: [[RankPlan.Question]]) -> (walk: PerfectWalk, layout: LeafLayout)? {
        let depths = trees.map(\.depth)
        guard let deepest = depths.max(), deepest <= maxDepth else { return nil }
        var groups: [Group] = []
        var size = 0
        for first in stride(from: 0, to: trees.count, by: 8) {
            let depth = max(minDepth, depths[first..<min(first + 8, trees.count)].max() ?? 0)
            groups.append(Group(start: size, depth: depth))
            size += 8 << depth
        }
        let leaves = trees.reduce(0) { $0 + $1.leafCount }
        guard size <= max(4096, leaves * maxPadding) else { return nil }

        var splits = [Int32](repeating: RankPlan.Question.neverRight.packed, count: size)
        var leafOf = [Int32](repeating: -1, count: size)
        var firstLeaf = 0
        for (index, tree) in trees.enumerated() {
            let group = groups[index / 8]
            let start = group.start + (index % 8) << group.depth
            // (node of the tree, place in the perfect tree, its depth)
            var pending = [(node: 0, place: 1, depth: 0)]
            while let (node, place, depth) = pending.popLast() {
                switch tree.nodes[node] {
                case .split(let split):
                    splits[start + place] = questions[index][node].packed
                    pending.append((split.left, place * 2, depth + 1))
                    pending.append((split.right, place * 2 + 1, depth + 1))
                case .leaf(let leaf):
                    // The padding below an early leaf never goes right.
                    let position = (place << (group.depth - depth)) - (1 << group.depth)
                    leafOf[start + position] = Int32(firstLeaf + leaf)
                }
            }
            firstLeaf += tree.distinctLeafCount
            LoadThrottle.step()
        }
        return (PerfectWalk(splits: splits, groups: groups, treeCount: trees.count), LeafLayout(leafOf: leafOf))
    }

    private init(splits: [Int32], groups: [Group], treeCount: Int) {
        var bounds: [SIMD8<Int16>] = []
        var columns: [Int] = []
        for tree in 0..<treeCount {
            let group = groups[tree / 8]
            let start = group.start + (tree % 8) << group.depth
            for place in 0..<8 {
                bounds.append(SIMD8(repeating: Int16(truncatingIfNeeded: splits[start + place] >> 16)))
                columns.append(Int(splits[start + place] & 0xffff) * 4)
            }
        }
        self.splits = ConstantTable(splits)
        self.groups = ConstantTable(groups)
        self.topBounds = ConstantTable(bounds)
        self.topColumns = ConstantTable(columns)
    }

    /// Written once for each depth, so that the distance between trees is a constant in the instructions.
    @inline(__always)
    func leaves(ofGroup group: Int, _ ranks: UnsafePointer<Int32>) -> EightPositions {
        let start = groups.base[group].start
        switch groups.base[group].depth {
        case 3: return leaves(from: start, depth: 3, ranks)
        case 4: return leaves(from: start, depth: 4, ranks)
        case 5: return leaves(from: start, depth: 5, ranks)
        case 6: return leaves(from: start, depth: 6, ranks)
        case 7: return leaves(from: start, depth: 7, ranks)
        default: return leaves(from: start, depth: 8, ranks)
        }
    }

    @inline(__always)
    private func leaves(from start: Int, depth: Int, _ ranks: UnsafePointer<Int32>) -> EightPositions {
        let size = 1 &<< depth
        let base = splits.base + start
        var a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1
        for _ in 0..<depth {
            a = a &+ a &+ goesRight(base[a], ranks)
            b = b &+ b &+ goesRight(base[b &+ size], ranks)
            c = c &+ c &+ goesRight(base[c &+ size &* 2], ranks)
            d = d &+ d &+ goesRight(base[d &+ size &* 3], ranks)
            e = e &+ e &+ goesRight(base[e &+ size &* 4], ranks)
            f = f &+ f &+ goesRight(base[f &+ size &* 5], ranks)
            g = g &+ g &+ goesRight(base[g &+ size &* 6], ranks)
            h = h &+ h &+ goesRight(base[h &+ size &* 7], ranks)
        }
        // A place at the bottom is its leaf's position plus 2^depth.
        return EightPositions(
            a: start &+ a &- size, b: start &+ b, c: start &+ c &+ size, d: start &+ d &+ size &* 2, e: start &+ e &+ size &* 3,
            f: start &+ f &+ size &* 4, g: start &+ g &+ size &* 5, h: start &+ h &+ size &* 6)
    }

    @inline(__always)
    func leaves(ofTree tree: Int, ofEight ranks: UnsafePointer<Int16>) -> EightPositions {
        let group = groups.base[tree &>> 3]
        let start = group.start &+ (tree & 7) &<< group.depth
        let top = placesAfterThreeLevels(tree, ranks)
        switch group.depth {
        case 3: return leaves(from: start, depth: 3, top, ranks)
        case 4: return leaves(from: start, depth: 4, top, ranks)
        case 5: return leaves(from: start, depth: 5, top, ranks)
        case 6: return leaves(from: start, depth: 6, top, ranks)
        case 7: return leaves(from: start, depth: 7, top, ranks)
        default: return leaves(from: start, depth: 8, top, ranks)
        }
    }

    /// Answers all seven questions of the first three levels for all eight rows, with one comparison a question, and
    /// picks: fewer instructions than eight walks through them.
    @inline(__always)
    private func placesAfterThreeLevels(_ tree: Int, _ ranks: UnsafePointer<Int16>) -> SIMD8<Int16> {
        let bounds = topBounds.base + tree &* 8
        let columns = topColumns.base + tree &* 8
        @inline(__always)
        func goRight(_ place: Int) -> SIMDMask<SIMD8<Int16>> {
            UnsafeRawPointer(ranks + columns[place]).assumingMemoryBound(to: SIMD8<Int16>.self)[0] .> bounds[place]
        }
        @inline(__always)
        func pick(_ left: SIMDMask<SIMD8<Int16>>, _ right: SIMDMask<SIMD8<Int16>>, _ goesRight: SIMDMask<SIMD8<Int16>>)
            -> SIMDMask<SIMD8<Int16>>
        { (goesRight .& right) .| (.!goesRight .& left) }
        let first = goRight(1)
        let second = pick(goRight(2), goRight(3), first)
        let third = pick(pick(goRight(4), goRight(6), first), pick(goRight(5), goRight(7), first), second)
        let zero = SIMD8<Int16>.zero
        return SIMD8(repeating: 8) &+ zero.replacing(with: 4, where: first) &+ zero.replacing(with: 2, where: second)
            &+ zero.replacing(with: 1, where: third)
    }

    @inline(__always)
    private func leaves(
        from start: Int, depth: Int, _ top: SIMD8<Int16>, _ ranks: UnsafePointer<Int16>
    ) -> EightPositions {
        let base = splits.base + start
        let offset = start &- 1 &<< depth
        var a = Int(top[0]), b = Int(top[1]), c = Int(top[2]), d = Int(top[3])
        var e = Int(top[4]), f = Int(top[5]), g = Int(top[6]), h = Int(top[7])
        for _ in 3..<depth {
            a = a &+ a &+ goesRight(base[a], ofEight: ranks, 0)
            b = b &+ b &+ goesRight(base[b], ofEight: ranks, 1)
            c = c &+ c &+ goesRight(base[c], ofEight: ranks, 2)
            d = d &+ d &+ goesRight(base[d], ofEight: ranks, 3)
            e = e &+ e &+ goesRight(base[e], ofEight: ranks, 4)
            f = f &+ f &+ goesRight(base[f], ofEight: ranks, 5)
            g = g &+ g &+ goesRight(base[g], ofEight: ranks, 6)
            h = h &+ h &+ goesRight(base[h], ofEight: ranks, 7)
        }
        return EightPositions(
            a: offset &+ a, b: offset &+ b, c: offset &+ c, d: offset &+ d, e: offset &+ e, f: offset &+ f, g: offset &+ g,
            h: offset &+ h)
    }

    @inline(__always)
    func leaf(ofTree tree: Int, _ ranks: UnsafePointer<Int32>) -> Int {
        let group = groups.base[tree &>> 3]
        let start = group.start &+ (tree & 7) &<< group.depth
        let base = splits.base + start
        var place = 1
        for _ in 0..<group.depth { place = place &+ place &+ goesRight(base[place], ranks) }
        return start &+ place &- 1 &<< group.depth
    }
}

// MARK: - Linked trees

/// Trees of any shape: a node is a split and the index of its left child, whose neighbour is the right one.
/// Leaves are their own left child and never go right, so that short walks wait for the longest of their group.
struct LinkedWalk: TreeWalk {
    private let nodes: ConstantTable<Node>
    private let trees: ConstantTable<Root>

    private struct Node: Sendable, BitwiseCopyable {
        var split: Int32
        var left: UInt32
    }

    private struct Root: Sendable, BitwiseCopyable {
        var node: UInt32
        var depth: UInt32
        /// The deepest tree of the group of eight that the tree is in.
        var groupDepth: UInt32
    }

    var memoryBytes: Int { nodes.byteCount + trees.byteCount }

    static func make(_ forest: [Forest.Tree], questions: [[RankPlan.Question]]) -> (walk: LinkedWalk, layout: LeafLayout)? {
        guard forest.reduce(0, { $0 + $1.nodes.count }) < Int(Int32.max) else { return nil }
        var nodes: [Node] = []
        var leafOf: [Int32] = []
        var roots: [Root] = []
        var firstLeaf = 0
        for (index, tree) in forest.enumerated() {
            let groupDepth = forest[(index & ~7)..<min((index & ~7) + 8, forest.count)].reduce(0) { max($0, $1.depth) }
            roots.append(Root(node: UInt32(nodes.count), depth: UInt32(tree.depth), groupDepth: UInt32(groupDepth)))
            // Breadth first: the upper levels of a tree, which every walk passes, lie together.
            var waiting = [0]
            var place = nodes.count
            nodes.append(Node(split: 0, left: 0))
            leafOf.append(-1)
            var next = 0
            while next < waiting.count {
                switch tree.nodes[waiting[next]] {
                case .leaf(let leaf):
                    nodes[place] = Node(split: RankPlan.Question.neverRight.packed, left: UInt32(place))
                    leafOf[place] = Int32(firstLeaf + leaf)
                case .split(let split):
                    nodes[place] = Node(split: questions[index][waiting[next]].packed, left: UInt32(nodes.count))
                    waiting += [split.left, split.right]
                    nodes += [Node(split: 0, left: 0), Node(split: 0, left: 0)]
                    leafOf += [-1, -1]
                }
                next += 1
                place += 1
            }
            firstLeaf += tree.distinctLeafCount
            LoadThrottle.step()
        }
        while roots.count % 8 != 0 { roots.append(roots[roots.count - 1]) }
        return (LinkedWalk(nodes: ConstantTable(nodes), trees: ConstantTable(roots)), LeafLayout(leafOf: leafOf))
    }

    @inline(__always)
    private func step(_ node: Int, _ ranks: UnsafePointer<Int32>) -> Int {
        let here = nodes.base[node]
        return Int(here.left) &+ goesRight(here.split, ranks)
    }

    @inline(__always)
    private func step(_ node: Int, ofEight ranks: UnsafePointer<Int16>, _ lane: Int) -> Int {
        let here = nodes.base[node]
        return Int(here.left) &+ goesRight(here.split, ofEight: ranks, lane)
    }

    @inline(__always)
    func leaves(ofGroup group: Int, _ ranks: UnsafePointer<Int32>) -> EightPositions {
        let roots = trees.base + group &* 8
        var a = Int(roots[0].node), b = Int(roots[1].node), c = Int(roots[2].node), d = Int(roots[3].node)
        var e = Int(roots[4].node), f = Int(roots[5].node), g = Int(roots[6].node), h = Int(roots[7].node)
        for _ in 0..<roots[0].groupDepth {
            a = step(a, ranks)
            b = step(b, ranks)
            c = step(c, ranks)
            d = step(d, ranks)
            e = step(e, ranks)
            f = step(f, ranks)
            g = step(g, ranks)
            h = step(h, ranks)
        }
        return EightPositions(a: a, b: b, c: c, d: d, e: e, f: f, g: g, h: h)
    }

    @inline(__always)
    func leaves(ofTree tree: Int, ofEight ranks: UnsafePointer<Int16>) -> EightPositions {
        let root = trees.base[tree]
        let start = Int(root.node)
        var a = start, b = start, c = start, d = start, e = start, f = start, g = start, h = start
        for _ in 0..<root.depth {
            a = step(a, ofEight: ranks, 0)
            b = step(b, ofEight: ranks, 1)
            c = step(c, ofEight: ranks, 2)
            d = step(d, ofEight: ranks, 3)
            e = step(e, ofEight: ranks, 4)
            f = step(f, ofEight: ranks, 5)
            g = step(g, ofEight: ranks, 6)
            h = step(h, ofEight: ranks, 7)
        }
        return EightPositions(a: a, b: b, c: c, d: d, e: e, f: f, g: g, h: h)
    }

    @inline(__always)
    func leaf(ofTree tree: Int, _ ranks: UnsafePointer<Int32>) -> Int {
        let root = trees.base[tree]
        var node = Int(root.node)
        for _ in 0..<root.depth { node = step(node, ranks) }
        return node
    }
}

extension Forest.Tree {
    /// Leaves by number: several nodes may end in the same one.
    package var distinctLeafCount: Int { values.count / max(1, valueWidth) }

    /// Nodes that are leaves.
    package var leafCount: Int {
        nodes.reduce(0) { count, node in
            if case .leaf = node { count + 1 } else { count }
        }
    }

    /// The most splits on a way from the root to a leaf. O(nodes), since children follow their parents.
    package var depth: Int {
        var depths = [Int](repeating: 0, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            guard case .split(let split) = node else { continue }
            depths[split.left] = depths[index] + 1
            depths[split.right] = depths[index] + 1
        }
        return depths.max() ?? 0
    }
}
