/// A graph of tests with three ways out: true, false and missing. What rules, general trees and attributes
/// of scorecards are lowered to; trees that allow it are made a `Forest` of (see `forestTree`).
///
/// A walk begins at `entry` and ends at a result. Every way leads to a test of a higher index, so that
/// every walk ends.
package struct DecisionGraph: Sendable, Equatable {
    /// Where a way leads.
    package enum Target: Sendable, Hashable {
        case test(Int)
        case result(Int)
    }

    package struct Test: Sendable, Hashable {
        package var condition: Condition
        package var slot: Int
        package var whenTrue: Target
        package var whenFalse: Target
        /// Where NaN goes.
        package var whenMissing: Target

        package init(_ condition: Condition, slot: Int, whenTrue: Target, whenFalse: Target, whenMissing: Target) {
            self.condition = condition
            self.slot = slot
            self.whenTrue = whenTrue
            self.whenFalse = whenFalse
            self.whenMissing = whenMissing
        }
    }

    package enum Condition: Sendable, Hashable {
        /// value <= threshold. Strict comparisons have the next double below for a threshold.
        case atMost(Double)
        /// The value is a category's code and a member of the set of this index.
        case member(Int)
    }

    package var tests: [Test]
    package var entry: Target
    package var sets: [Forest.CategorySet]
    /// `width` values a result.
    package var results: [Double]
    package var width: Int

    package init(width: Int = 1) {
        self.tests = []
        self.entry = .result(0)
        self.sets = []
        self.results = []
        self.width = width
    }

    package var resultCount: Int { results.count / width }

    /// The number of the result for a row whose slots are `values`: the meaning of a graph.
    package func result(for values: (Int) -> Double) -> Int {
        var target = entry
        while true {
            switch target {
            case .result(let result): return result
            case .test(let index):
                let test = tests[index]
                let value = values(test.slot)
                target = value.isNaN ? test.whenMissing : (holds(test.condition, value) ? test.whenTrue : test.whenFalse)
            }
        }
    }

    private func holds(_ condition: Condition, _ value: Double) -> Bool {
        switch condition {
        case .atMost(let threshold): value <= threshold
        case .member(let set):
            Forest.categoryCode(value, rounding: .refuseNegativeThenTruncate).map { sets[set].contains($0) } ?? false
        }
    }
}

/// A graph that is walked for every row; the values of the result go to the slots from `into`.
package struct GraphWalk: Sendable, Equatable {
    package var graph: DecisionGraph
    package var into: Int

    package init(_ graph: DecisionGraph, into: Int) {
        self.graph = graph
        self.into = into
    }
}
