/// Walks a forest tree by tree over a block of rows: each tree is fetched once for many rows, whose ranks and
/// sums stay in the first-level cache. The trees of a row are still added in their order, so that a row's sum
/// does not depend on its company.
enum RowBlocks {
    /// From how many rows on blocks are faster than row after row.
    static let minRows = 8
    /// What the ranks of a block may take.
    static let maxRankBytes = 32 << 10

    /// Rows of one block: a multiple of eight.
    static func rows(plan: RankPlan) -> Int {
        max(8, min(Frames.maxRows, maxRankBytes / (plan.width * MemoryLayout<Int16>.stride)) & ~7)
    }

    /// Ranks of rows in eights, which is also enough for a row of its own.
    static func rankBytes(plan: RankPlan, rows: Int) -> Int {
        let bytesOfEight = (plan.width << RankPlan.eightShift) * MemoryLayout<Int16>.stride
        return (bytesOfEight * ((rows + 7) / 8) + 63) & ~63
    }

    static func scratchBytes(plan: RankPlan, sum: some LeafSum, rows: Int) -> Int {
        let block = (min(rows, self.rows(plan: plan)) + 7) & ~7
        return rankBytes(plan: plan, rows: block) + sum.sumBytes(rows: block)
    }

    @inline(__always)
    static func run(
        _ frames: borrowing Frames, plan: RankPlan, walk: some TreeWalk, sum: some LeafSum, treeCount: Int, into: Int
    ) {
        let block = rows(plan: plan)
        let eightWidth = plan.width &<< RankPlan.eightShift
        let ranks = frames.scratch.assumingMemoryBound(to: Int16.self)
        let sums = frames.scratch + rankBytes(plan: plan, rows: min(block, frames.rows))
        var first = 0
        while first < frames.rows {
            let features = RowFeatures(
                frames: frames.slots + first * frames.stride, stride: frames.stride, rows: min(block, frames.rows - first))
            // The last eight are filled up with the block's first row.
            let filled = (features.rows + 7) & ~7
            for row in 0..<filled {
                let offset = (row &>> 3) &* eightWidth &+ (row & 7)
                plan.rank(features.frame(ofRow: row), into: ranks + offset, shift: RankPlan.eightShift)
                sum.begin(sums, row: row)
            }
            for tree in 0..<treeCount {
                var row = 0
                var eight = UnsafePointer(ranks)
                while row < filled {
                    let found = walk.leaves(ofTree: tree, ofEight: eight)
                    sum.add(found.a, ofTree: tree, to: sums, row: row, features)
                    sum.add(found.b, ofTree: tree, to: sums, row: row &+ 1, features)
                    sum.add(found.c, ofTree: tree, to: sums, row: row &+ 2, features)
                    sum.add(found.d, ofTree: tree, to: sums, row: row &+ 3, features)
                    sum.add(found.e, ofTree: tree, to: sums, row: row &+ 4, features)
                    sum.add(found.f, ofTree: tree, to: sums, row: row &+ 5, features)
                    sum.add(found.g, ofTree: tree, to: sums, row: row &+ 6, features)
                    sum.add(found.h, ofTree: tree, to: sums, row: row &+ 7, features)
                    row &+= 8
                    eight += eightWidth
                }
            }
            for row in 0..<features.rows {
                sum.finish(sums, row: row, into: frames.slots + (first + row) * frames.stride + into)
            }
            first += block
        }
    }
}
