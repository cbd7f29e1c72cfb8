/// Chooses how a forest is executed: ranks and interleaved walks where 16 bits suffice, which is nearly always,
/// else the reference.
package enum ForestKernel {
    /// - Parameters:
    ///   - features: the frame slot of each of the forest's features.
    ///   - into: the slot of the first sum.
    package static func make(_ forest: Forest, features: [Int], into: Int) -> any Kernel {
        precondition(features.count == forest.featureCount && forest.base.count == forest.outputCount)
        guard !forest.trees.isEmpty, let (plan, questions) = RankPlan.make(for: forest, slots: features) else {
            return ReferenceForestKernel(reference: ForestReference(forest), features: features, into: into)
        }
        if let (walk, layout) = PerfectWalk.make(forest.trees, questions: questions) {
            return make(forest, plan: plan, walk: walk, layout: layout, features: features, into: into)
        }
        if let (walk, layout) = LinkedWalk.make(forest.trees, questions: questions) {
            return make(forest, plan: plan, walk: walk, layout: layout, features: features, into: into)
        }
        return ReferenceForestKernel(reference: ForestReference(forest), features: features, into: into)
    }

    @inline(__always)
    private static func make(
        _ forest: Forest, plan: RankPlan, walk: some TreeWalk, layout: LeafLayout, features: [Int], into: Int
    ) -> any Kernel {
        let isScalar = forest.outputCount == 1 && forest.trees.allSatisfy { $0.valueWidth == 1 && $0.linearLeaves.isEmpty }
        // Each call below names its types, so that each is compiled for them.
        switch (isScalar, forest.sumPrecision) {
        case (true, .float32): return scalar(forest, plan, walk, layout, into, Float.self)
        case (true, .float64): return scalar(forest, plan, walk, layout, into, Double.self)
        case (false, .float32): return general(forest, plan, walk, layout, features, into, Float.self)
        case (false, .float64): return general(forest, plan, walk, layout, features, into, Double.self)
        }
    }

    private static func scalar<Walk: TreeWalk, Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>(
        _ forest: Forest, _ plan: RankPlan, _ walk: Walk, _ layout: LeafLayout, _ into: Int, _: Number.Type
    ) -> any Kernel {
        let leaves = forest.trees.flatMap(\.values)
        let values = layout.leafOf.map { $0 < 0 ? Number.zero : Number(leaves[Int($0)]) }
        let sum = ScalarSum(
            values: ConstantTable(values), base: Number(forest.base[0]), baseIsAddedLast: forest.baseIsAddedLast,
            divisor: Number(forest.divisor))
        let forest = ScalarForest(plan: plan, walk: walk, sum: sum, treeCount: forest.trees.count, into: into)
        return ForestExecution(plan: plan, walk: walk, sum: sum) { frames in forest.run(frames) }
    }

    private static func general<Walk: TreeWalk, Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>(
        _ forest: Forest, _ plan: RankPlan, _ walk: Walk, _ layout: LeafLayout, _ features: [Int], _ into: Int, _: Number.Type
    ) -> any Kernel {
        var starts: [Int32] = []
        var linear: [Forest.LinearLeaf?] = []
        var start = 0
        for tree in forest.trees {
            for leaf in 0..<tree.distinctLeafCount {
                starts.append(Int32(start + leaf * tree.valueWidth))
                var function = tree.linearLeaves.isEmpty ? nil : tree.linearLeaves[leaf]
                if let slots = function?.features.map({ features[$0] }) { function?.features = slots }
                linear.append(function)
            }
            start += tree.values.count
        }
        let isLinear = forest.trees.contains { !$0.linearLeaves.isEmpty }
        let sum = GeneralSum(
            outputCount: forest.outputCount, valueStarts: ConstantTable(layout.leafOf.map { $0 < 0 ? 0 : starts[Int($0)] }),
            values: ConstantTable(forest.trees.flatMap(\.values).map { Number($0) }),
            outputs: ConstantTable(forest.trees.map { $0.valueWidth == 1 ? Int32($0.output) : -1 }),
            linearLeaves: isLinear ? layout.leafOf.map { $0 < 0 ? nil : linear[Int($0)] } : [],
            inputPrecision: forest.inputPrecision, base: forest.base.map { Number($0) }, baseIsAddedLast: forest.baseIsAddedLast,
            divisor: Number(forest.divisor))
        let forest = GeneralForest(plan: plan, walk: walk, sum: sum, treeCount: forest.trees.count, into: into)
        return ForestExecution(plan: plan, walk: walk, sum: sum) { frames in forest.run(frames) }
    }
}

/// Executes any forest by its reference.
struct ReferenceForestKernel: Kernel {
    let reference: ForestReference
    let features: [Int]
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { reference.forest.trees.reduce(0) { $0 + $1.nodes.count * MemoryLayout<Forest.Node>.stride } }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            let sums = reference.sums(of: features.map { frame[$0] })
            for (output, sum) in sums.enumerated() { frame[into + output] = sum }
        }
    }
}

/// A forest laid out for one combination of walk and sum. The computation is held as a closure because a closure
/// is compiled for its concrete types, while a generic type's conformance is not.
struct ForestExecution: Kernel {
    private let plan: RankPlan
    let memoryBytes: Int
    private let scratch: @Sendable (Int) -> Int
    private let body: @Sendable (borrowing Frames) -> Void

    init(plan: RankPlan, walk: some TreeWalk, sum: some LeafSum, body: @escaping @Sendable (borrowing Frames) -> Void) {
        self.plan = plan
        self.memoryBytes = plan.memoryBytes + walk.memoryBytes + sum.memoryBytes
        self.scratch = { rows in RowBlocks.scratchBytes(plan: plan, sum: sum, rows: rows) }
        self.body = body
    }

    func scratchBytes(rows: Int) -> Int { scratch(rows) }
    func run(_ frames: borrowing Frames) { body(frames) }
}

/// A forest with one sum. A single row keeps its sum in a register while the next trees are walked.
struct ScalarForest<Walk: TreeWalk, Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>: Sendable {
    let plan: RankPlan
    let walk: Walk
    let sum: ScalarSum<Number>
    let treeCount: Int
    let into: Int

    @inline(__always)
    func run(_ frames: borrowing Frames) {
        if frames.rows >= RowBlocks.minRows {
            RowBlocks.run(frames, plan: plan, walk: walk, sum: sum, treeCount: treeCount, into: into)
        } else {
            let ranks = frames.scratch.assumingMemoryBound(to: Int32.self)
            for row in 0..<frames.rows {
                let frame = frames.slots + row * frames.stride
                plan.rank(frame, into: ranks, shift: RankPlan.rowShift)
                frame[into] = sumOfRow(ranks)
            }
        }
    }

    @inline(__always)
    private func sumOfRow(_ ranks: UnsafePointer<Int32>) -> Double {
        let values = sum.values.base
        var total = sum.start
        for group in 0..<treeCount >> 3 {
            let found = walk.leaves(ofGroup: group, ranks)
            total += values[found.a]
            total += values[found.b]
            total += values[found.c]
            total += values[found.d]
            total += values[found.e]
            total += values[found.f]
            total += values[found.g]
            total += values[found.h]
        }
        for tree in (treeCount & ~7)..<treeCount { total += values[walk.leaf(ofTree: tree, ranks)] }
        return sum.finished(total)
    }
}

/// A forest with several sums, vector leaves or linear leaves.
struct GeneralForest<Walk: TreeWalk, Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>: Sendable {
    let plan: RankPlan
    let walk: Walk
    let sum: GeneralSum<Number>
    let treeCount: Int
    let into: Int

    @inline(__always)
    func run(_ frames: borrowing Frames) {
        if frames.rows >= RowBlocks.minRows {
            RowBlocks.run(frames, plan: plan, walk: walk, sum: sum, treeCount: treeCount, into: into)
            return
        }
        let ranks = frames.scratch.assumingMemoryBound(to: Int32.self)
        let sums = frames.scratch + RowBlocks.rankBytes(plan: plan, rows: 1)
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            let features = RowFeatures(frames: frame, stride: frames.stride, rows: 1)
            plan.rank(frame, into: ranks, shift: RankPlan.rowShift)
            sum.begin(sums, row: 0)
            for group in 0..<treeCount >> 3 {
                let found = walk.leaves(ofGroup: group, ranks)
                let tree = group << 3
                sum.add(found.a, ofTree: tree, to: sums, row: 0, features)
                sum.add(found.b, ofTree: tree + 1, to: sums, row: 0, features)
                sum.add(found.c, ofTree: tree + 2, to: sums, row: 0, features)
                sum.add(found.d, ofTree: tree + 3, to: sums, row: 0, features)
                sum.add(found.e, ofTree: tree + 4, to: sums, row: 0, features)
                sum.add(found.f, ofTree: tree + 5, to: sums, row: 0, features)
                sum.add(found.g, ofTree: tree + 6, to: sums, row: 0, features)
                sum.add(found.h, ofTree: tree + 7, to: sums, row: 0, features)
            }
            for tree in (treeCount & ~7)..<treeCount {
                sum.add(walk.leaf(ofTree: tree, ranks), ofTree: tree, to: sums, row: 0, features)
            }
            sum.finish(sums, row: 0, into: frame + into)
        }
    }
}
