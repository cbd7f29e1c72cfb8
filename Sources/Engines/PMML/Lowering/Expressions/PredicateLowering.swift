internal import Scoring
internal import Tabular

/// Where a predicate leads to.
struct Ways {
    var whenTrue: DecisionGraph.Target
    var whenFalse: DecisionGraph.Target
    var whenUnknown: DecisionGraph.Target
}

/// Predicates become tests of a decision graph with ways out for true, false and unknown.
///
/// `and`, `or` and `xor` lower each part twice, with different ways out. A part of a few of them in one another is
/// lowered so, which keeps trees fast; a compound predicate that is nested more deeply becomes a value of the frame,
/// lowered once. The tests of a predicate are therefore at most `2 ^ maxDoublings` times its parts.
struct PredicateLowering: PartLowering {
    /// So many `and`, `or` and `xor` around a compound predicate lower it anew for each of their ways out.
    private static let maxDoublings = 3

    let context: LoweringContext

    func lower(
        _ predicate: Predicate, in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        switch predicate {
        case .always: return ways.whenTrue
        case .never: return ways.whenFalse
        case .simple(let predicate): return try lower(predicate, in: scope, into: &graph, ways)
        case .set(let predicate): return try lower(predicate, in: scope, into: &graph, ways)
        case .compound(let predicate): return try lower(predicate, in: scope, into: &graph, ways)
        }
    }

    /// 1, 0 or missing as a value of the frame.
    func truth(of predicate: Predicate, in scope: Scope) throws(ScoringError) -> Formula.Operand {
        switch predicate {
        case .always: return constant(1)
        case .never: return constant(0)
        default:
            var graph = GraphBuilder()
            let ways = Ways(whenTrue: graph.result([1]), whenFalse: graph.result([0]), whenUnknown: graph.result([.nan]))
            let outer = context.doublings
            defer { context.doublings = outer }
            context.doublings = 0
            let entry = try lower(predicate, in: scope, into: &graph, ways)
            return .slot(builder.decide(graph.graph(entry: entry)))
        }
    }

    private func lower(
        _ predicate: SimplePredicate, in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        let value = try value(of: predicate.field, in: scope, predicate.place)
        let slot = builder.slot(of: value.operand)
        let (yes, no, unknown) = (ways.whenTrue, ways.whenFalse, ways.whenUnknown)
        switch predicate.operation {
        case .isMissing: return graph.test(.atMost(.infinity), slot, whenTrue: no, whenFalse: no, whenMissing: yes)
        case .isNotMissing: return graph.test(.atMost(.infinity), slot, whenTrue: yes, whenFalse: yes, whenMissing: no)
        case .equal, .notEqual:
            let isEqual = predicate.operation == .equal
            return try lower(
                [predicate.value], of: value, predicate.place, into: &graph,
                Ways(whenTrue: isEqual ? yes : no, whenFalse: isEqual ? no : yes, whenUnknown: unknown))
        case .lessThan, .lessOrEqual, .greaterThan, .greaterOrEqual: break
        }
        var (compared, limit) = (slot, 0.0)
        if value.type == .string {
            guard !value.order.isEmpty else {
                throw unsupported("an order of the strings of '\(predicate.field)'", predicate.place)
            }
            let ranks = table(value.order.enumerated().map { ($0.element, Double($0.offset)) }, other: .nan, missing: .nan)
            compared = builder.slot(of: builder.look(up: value.operand, in: ranks))
            guard let rank = value.order.firstIndex(of: Double(symbols.code(predicate.value))) else {
                throw invalid("'\(predicate.value.prefix(40))' is no value of the field '\(predicate.field)'", predicate.place)
            }
            limit = Double(rank)
        } else {
            limit = try literal(predicate.value, value.type, predicate.place)
            guard !limit.isNaN else { return unknown }
        }
        switch predicate.operation {
        case .lessThan: return graph.test(.atMost(limit.nextDown), compared, whenTrue: yes, whenFalse: no, whenMissing: unknown)
        case .lessOrEqual: return graph.test(.atMost(limit), compared, whenTrue: yes, whenFalse: no, whenMissing: unknown)
        case .greaterThan: return graph.test(.atMost(limit), compared, whenTrue: no, whenFalse: yes, whenMissing: unknown)
        default: return graph.test(.atMost(limit.nextDown), compared, whenTrue: no, whenFalse: yes, whenMissing: unknown)
        }
    }

    private func lower(
        _ predicate: SimpleSetPredicate, in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        let value = try value(of: predicate.field, in: scope, predicate.place)
        let isIn = predicate.operation == .isIn
        return try lower(
            predicate.values, of: value, predicate.place, into: &graph,
            Ways(
                whenTrue: isIn ? ways.whenTrue : ways.whenFalse, whenFalse: isIn ? ways.whenFalse : ways.whenTrue,
                whenUnknown: ways.whenUnknown))
    }

    /// Whether a value is one of these literals.
    private func lower(
        _ texts: [String], of value: Value, _ place: Place, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        guard !texts.isEmpty else {
            return graph.test(
                .atMost(.infinity), builder.slot(of: value.operand), whenTrue: ways.whenFalse, whenFalse: ways.whenFalse,
                whenMissing: ways.whenUnknown)
        }
        var members: [Double] = []
        for text in texts { members.append(try literal(text, comparedWith: value, place)) }
        if value.type == .string || value.opType != .continuous && (value.type != .boolean || members.count != 1) {
            let (slot, codes) =
                value.type == .string
                ? (builder.slot(of: value.operand), members.map { Int($0) }) : codes(of: members, for: value)
            // A set is as long as its greatest code, which can be that of any of the model's strings.
            let words = ((codes.max() ?? -1) >> 5) + 1
            guard words <= 4 * codes.count + 64 || context.setWords + words <= LoweringContext.maxSparseSetWords else {
                return isAmong(Set(codes.map { Double($0) }), .slot(slot), into: &graph, ways)
            }
            let before = graph.setWords
            let target = graph.member(
                codes, slot, whenTrue: ways.whenTrue, whenFalse: ways.whenFalse, whenMissing: ways.whenUnknown)
            context.setWords += graph.setWords - before
            guard context.setWords <= LoweringContext.maxSetWords else {
                throw unsupported("so many tests of so many categories", place)
            }
            return target
        }
        let slot = builder.slot(of: value.operand)
        if value.type == .boolean {
            // 1 is the only value above one half.
            let isTrue = members[0] == 1
            return graph.test(
                .atMost(0.5), slot, whenTrue: isTrue ? ways.whenFalse : ways.whenTrue,
                whenFalse: isTrue ? ways.whenTrue : ways.whenFalse,
                whenMissing: ways.whenUnknown)
        }
        let numbers = Set(members).filter { !$0.isNaN }
        guard numbers.count <= LoweringContext.maxComparedNumbers else {
            return isAmong(numbers, value.operand, into: &graph, ways)
        }
        // One number after the other, from the greatest to the least: not above it, and not below it either.
        var next = ways.whenFalse
        for member in numbers.sorted() {
            let isBelow = graph.test(
                .atMost(member.nextDown), slot, whenTrue: next, whenFalse: ways.whenTrue, whenMissing: ways.whenUnknown)
            next = graph.test(.atMost(member), slot, whenTrue: isBelow, whenFalse: ways.whenFalse, whenMissing: ways.whenUnknown)
        }
        return next
    }

    /// Whether a value is one of these numbers, by a table of its own.
    private func isAmong(
        _ numbers: Set<Double>, _ operand: Formula.Operand, into graph: inout GraphBuilder, _ ways: Ways
    ) -> DecisionGraph.Target {
        let table = Formula.Table.keys(
            keys: numbers.sorted(), values: [Double](repeating: 1, count: numbers.count), other: 0, missing: .nan)
        let isMember = builder.slot(of: builder.look(up: operand, in: table))
        return graph.test(
            .atMost(0.5), isMember, whenTrue: ways.whenFalse, whenFalse: ways.whenTrue, whenMissing: ways.whenUnknown)
    }

    /// The codes of a categorical number's values, and the slot in which a row's code is found.
    private func codes(of members: [Double], for value: Value) -> (slot: Int, codes: [Int]) {
        let key = value.operand
        if context.categories[key] == nil {
            let table = builder.addTable(.keys(keys: [], values: [], other: unknownSymbol, missing: .nan))
            context.categories[key] = LoweringContext.Categories(table: table, operand: builder.look(up: key, inTable: table))
        }
        var codes: [Int] = []
        for member in members where !member.isNaN {
            // In place: a copy for every predicate would take quadratic time.
            let code = context.categories[key]!.codes[member] ?? context.categories[key]!.codes.count
            context.categories[key]!.codes[member] = code
            codes.append(code)
        }
        return (builder.slot(of: context.categories[key]!.operand), codes)
    }

    private func lower(
        _ predicate: CompoundPredicate, in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        let place = GraphBuilder.CompoundPlace(place: predicate.place, partCount: predicate.parts.count)
        guard context.doublings < Self.maxDoublings else {
            let slot: Int
            if let known = graph.truths[place] {
                slot = known
            } else {
                slot = builder.slot(of: try truth(of: .compound(predicate), in: scope))
                graph.truths[place] = slot
            }
            return graph.test(
                .atMost(0.5), slot, whenTrue: ways.whenFalse, whenFalse: ways.whenTrue, whenMissing: ways.whenUnknown)
        }
        let key = GraphBuilder.Compound(
            place: place, whenTrue: ways.whenTrue, whenFalse: ways.whenFalse, whenUnknown: ways.whenUnknown)
        if let known = graph.compounds[key] { return known }
        let (outer, testsBefore) = (context.doublings, graph.testCount)
        defer { context.doublings = outer }
        if predicate.operation != .surrogate { context.doublings += 1 }
        let target = try nested(predicate.place) { () throws(ScoringError) in
            try spend(predicate.parts.count, predicate.place)
            guard graph.testCount <= LoweringContext.maxTests else {
                throw invalid("the model's predicates are too large", predicate.place)
            }
            switch predicate.operation {
            case .and: return try lowerAnd(predicate.parts, in: scope, into: &graph, ways)
            case .or:
                // Neither of the parts' opposites: false if all are false, true if one is true.
                return try lowerOr(predicate.parts, in: scope, into: &graph, ways)
            case .surrogate:
                // The first part that is not unknown decides.
                var next = ways.whenUnknown
                for part in predicate.parts.reversed() {
                    next = try lower(
                        part, in: scope, into: &graph, Ways(whenTrue: ways.whenTrue, whenFalse: ways.whenFalse, whenUnknown: next)
                    )
                }
                return next
            case .xor:
                // Whether the parts so far make an even or an odd number of true ones; unknown once one is unknown.
                var (even, odd) = (ways.whenFalse, ways.whenTrue)
                for part in predicate.parts.reversed() {
                    let nextEven = try lower(
                        part, in: scope, into: &graph, Ways(whenTrue: odd, whenFalse: even, whenUnknown: ways.whenUnknown))
                    odd = try lower(
                        part, in: scope, into: &graph, Ways(whenTrue: even, whenFalse: odd, whenUnknown: ways.whenUnknown))
                    even = nextEven
                }
                return even
            }
        }
        // The outermost compound predicate counts for all within it.
        if outer == 0 { try context.countTests(graph.testCount - testsBefore, predicate.place) }
        graph.compounds[key] = target
        return target
    }

    /// False as soon as a part is false; else unknown if one was unknown.
    private func lowerAnd(
        _ parts: [Predicate], in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        var (clean, tainted) = (ways.whenTrue, ways.whenUnknown)
        for part in parts.reversed() {
            let next = try lower(
                part, in: scope, into: &graph, Ways(whenTrue: clean, whenFalse: ways.whenFalse, whenUnknown: tainted))
            if tainted != ways.whenFalse {
                tainted = try lower(
                    part, in: scope, into: &graph, Ways(whenTrue: tainted, whenFalse: ways.whenFalse, whenUnknown: tainted))
            }
            clean = next
        }
        return clean
    }

    /// True as soon as a part is true; else unknown if one was unknown.
    private func lowerOr(
        _ parts: [Predicate], in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        var (clean, tainted) = (ways.whenFalse, ways.whenUnknown)
        for part in parts.reversed() {
            let next = try lower(
                part, in: scope, into: &graph, Ways(whenTrue: ways.whenTrue, whenFalse: clean, whenUnknown: tainted))
            if tainted != ways.whenTrue {
                tainted = try lower(
                    part, in: scope, into: &graph, Ways(whenTrue: ways.whenTrue, whenFalse: tainted, whenUnknown: tainted))
            }
            clean = next
        }
        return clean
    }
}
