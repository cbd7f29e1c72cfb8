internal import Scoring
internal import Tabular

/// Builds a decision graph from its ends: every test is made after the tests that it leads to, and a test
/// that is there already is not made again.
struct GraphBuilder {
    typealias Target = DecisionGraph.Target

    /// In reverse: a test's ways lead to earlier ones.
    private var tests: [DecisionGraph.Test] = []
    private var known: [DecisionGraph.Test: Int] = [:]
    private var sets: [Forest.CategorySet] = []
    private var setIndex: [[UInt32]: Int] = [:]
    private var results: [Double] = []
    private var resultIndex: [[UInt64]: Int] = [:]
    private let width: Int
    /// Compound predicates that are in the graph already, by where they lead.
    var compounds: [Compound: Target] = [:]
    /// The slots of compound predicates that are values of the frame.
    var truths: [CompoundPlace: Int] = [:]
    /// Words of all sets.
    private(set) var setWords = 0

    /// A compound predicate of the file, or what is left of it without its first parts.
    struct CompoundPlace: Hashable {
        var place: Place
        var partCount: Int
    }

    /// A compound predicate with its ways out.
    struct Compound: Hashable {
        var place: CompoundPlace
        var whenTrue: Target
        var whenFalse: Target
        var whenUnknown: Target
    }

    init(width: Int = 1) { self.width = width }

    var testCount: Int { tests.count }

    /// A result with these values; equal ones are shared.
    mutating func result(_ values: [Double]) -> Target {
        precondition(values.count == width)
        let key = values.map(\.bitPattern)
        if let index = resultIndex[key] { return .result(index) }
        let index = results.count / width
        results += values
        resultIndex[key] = index
        return .result(index)
    }

    mutating func test(
        _ condition: DecisionGraph.Condition, _ slot: Int, whenTrue: Target, whenFalse: Target, whenMissing: Target
    ) -> Target {
        if whenTrue == whenFalse, whenTrue == whenMissing { return whenTrue }
        let test = DecisionGraph.Test(condition, slot: slot, whenTrue: whenTrue, whenFalse: whenFalse, whenMissing: whenMissing)
        if let index = known[test] { return .test(index) }
        tests.append(test)
        known[test] = tests.count - 1
        return .test(tests.count - 1)
    }

    /// A test for membership of a set of category codes.
    mutating func member(_ codes: [Int], _ slot: Int, whenTrue: Target, whenFalse: Target, whenMissing: Target) -> Target {
        var words = [UInt32](repeating: 0, count: ((codes.max() ?? -1) >> 5) + 1)
        for code in codes where code >= 0 { words[code >> 5] |= 1 << UInt32(code & 31) }
        let index = setIndex[words] ?? sets.count
        if index == sets.count {
            sets.append(Forest.CategorySet(words: words))
            setIndex[words] = index
            setWords += words.count
        }
        return test(.member(index), slot, whenTrue: whenTrue, whenFalse: whenFalse, whenMissing: whenMissing)
    }

    /// The graph with other values for its results, those that become equal merged, and what leads to them.
    /// - Parameter values: of a result, by its number.
    /// - Returns: also which result each one has become.
    static func merging(
        _ graph: DecisionGraph, width: Int, _ values: (Int) throws(ScoringError) -> [Double]
    ) throws(ScoringError) -> (DecisionGraph, positions: [Int]) {
        var builder = GraphBuilder(width: width)
        builder.sets = graph.sets
        var positions: [Int] = []
        for result in 0..<graph.resultCount {
            if case .result(let position) = builder.result(try values(result)) { positions.append(position) }
        }
        // Where no two results become one, neither do tests: the graph is the same one.
        guard positions != Array(0..<graph.resultCount) else {
            var same = graph
            (same.results, same.width) = (builder.results, width)
            return (same, positions)
        }
        var moved = [Target](repeating: .result(0), count: graph.tests.count)
        func target(_ target: Target) -> Target {
            switch target {
            case .test(let test): moved[test]
            case .result(let result): .result(positions[result])
            }
        }
        // Ways lead to later tests, so those come first.
        for index in graph.tests.indices.reversed() {
            let test = graph.tests[index]
            moved[index] = builder.test(
                test.condition, test.slot, whenTrue: target(test.whenTrue), whenFalse: target(test.whenFalse),
                whenMissing: target(test.whenMissing))
        }
        return (builder.graph(entry: target(graph.entry)), positions)
    }

    /// The finished graph, with tests in the order of the walk.
    func graph(entry: Target) -> DecisionGraph {
        func moved(_ target: Target) -> Target {
            guard case .test(let index) = target else { return target }
            return .test(tests.count - 1 - index)
        }
        var graph = DecisionGraph(width: width)
        graph.tests = tests.reversed().map { test in
            DecisionGraph.Test(
                test.condition, slot: test.slot, whenTrue: moved(test.whenTrue), whenFalse: moved(test.whenFalse),
                whenMissing: moved(test.whenMissing))
        }
        graph.entry = moved(entry)
        graph.sets = sets
        graph.results = results
        return graph
    }
}
