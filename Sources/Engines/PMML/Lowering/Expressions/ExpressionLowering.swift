internal import Scoring
internal import Tabular

/// Expressions become instructions of a formula. What an expression yields where its input is missing is
/// part of its table, so that it costs nothing extra.
struct ExpressionLowering: PartLowering {
    let context: LoweringContext

    /// - Parameter type: what literals in the expression are read as, where it does not say itself.
    func lower(_ expression: Expression, as type: DataType? = nil, in scope: Scope) throws(ScoringError) -> Value {
        switch expression {
        case .constant(let constant): return try lower(constant, as: type)
        case .field(let reference): return try lower(reference, in: scope)
        case .normContinuous(let norm): return try lower(norm, in: scope)
        case .normDiscrete(let norm): return try lower(norm, in: scope)
        case .discretize(let discretize): return try lower(discretize, as: type, in: scope)
        case .mapValues(let map): return try lower(map, as: type, in: scope)
        case .apply(let apply):
            return try nested(apply.place) { () throws(ScoringError) in
                try FunctionLowering(context: context).lower(apply, in: scope)
            }
        case .textIndex(let index): return try TextIndexLowering(context: context).lower(index, in: scope)
        }
    }

    private func lower(_ constant: Constant, as type: DataType?) throws(ScoringError) -> Value {
        let type = constant.valueType(expected: type)
        // An empty text is no number, date or truth value: it says nothing.
        guard !constant.isMissing, type == .string || !NumberText.trimmed(constant.text).isEmpty else { return nothing(type) }
        guard type != .integer || NumberText.integer(constant.text) != nil else {
            throw invalid("'\(constant.text.prefix(40))' is no value of type \(type): expected \(type.phrase)", constant.place)
        }
        let number = try literal(constant.text, type, constant.place)
        return Value(self.constant(number), type, domain: [number])
    }

    private func lower(_ reference: FieldRef, in scope: Scope) throws(ScoringError) -> Value {
        let value = try value(of: reference.field, in: scope, reference.place)
        guard let text = reference.mapMissingTo else { return value }
        return try replacingMissing(value, with: text, reference.place)
    }

    private func lower(_ norm: NormContinuous, in scope: Scope) throws(ScoringError) -> Value {
        let value = try numberValue(of: norm.field, in: scope, norm.place)
        guard norm.points.count >= 2 else { throw invalid("<NormContinuous> needs two LinearNorm elements", norm.place) }
        for (point, next) in zip(norm.points, norm.points.dropFirst()) {
            guard point.original < next.original else { throw invalid("the LinearNorm elements must ascend", norm.place) }
        }
        let ends: Formula.PolylineEnds =
            switch norm.outliers {
            case .asIs: .extended
            case .asMissingValues: .missing
            case .asExtremeValues: .held
            }
        let table = Formula.Table.polyline(
            x: norm.points.map(\.original), y: norm.points.map(\.normed), ends: ends, missing: norm.mapMissingTo ?? .nan)
        return Value(builder.look(up: value.operand, in: table), .double)
    }

    private func lower(_ norm: NormDiscrete, in scope: Scope) throws(ScoringError) -> Value {
        let value = try value(of: norm.field, in: scope, norm.place)
        let literal = try literal(norm.value, comparedWith: value, norm.place)
        var test = builder.apply(.equal, value.operand, constant(literal))
        if let replacement = norm.mapMissingTo { test = builder.apply(.coalesce, test, constant(replacement)) }
        return Value(test, .double, domain: nil)
    }

    private func lower(_ discretize: Discretize, as type: DataType?, in scope: Scope) throws(ScoringError) -> Value {
        let value = try numberValue(of: discretize.field, in: scope, discretize.place)
        guard discretize.bins.count <= 5_000 else {
            throw unsupported("a <Discretize> with more than 5,000 bins", discretize.place)
        }
        // Every bin is asked for every gap between two margins.
        try spend(discretize.bins.count, times: discretize.bins.count, discretize.place)
        let type = discretize.type ?? type ?? .string
        let results = try discretize.bins.map { (bin) throws(ScoringError) in try literal(bin.value, type, discretize.place) }
        let other = try discretize.defaultValue.map { (text) throws(ScoringError) in try literal(text, type, discretize.place) }
        let missing = try discretize.mapMissingTo.map { (text) throws(ScoringError) in try literal(text, type, discretize.place) }
        var edges: [Double] = []
        for bin in discretize.bins { edges += [bin.interval.left, bin.interval.right].compactMap(\.self) }
        edges = Array(Set(edges.filter { !$0.isNaN })).sorted()
        let values = PiecewiseConstant.values(edges: edges) { x, _ in
            discretize.bins.firstIndex { $0.interval.contains(x) }.map { results[$0] } ?? other ?? .nan
        }
        let operand = builder.look(up: value.operand, in: .bins(edges: edges, values: values, missing: missing ?? .nan))
        return Value(operand, type, domain: distinct(results + [other, missing].compactMap(\.self)))
    }

    private func lower(_ map: MapValues, as type: DataType?, in scope: Scope) throws(ScoringError) -> Value {
        let type = map.type ?? type ?? .string
        guard let output = map.table.column(map.outputColumn) else {
            throw invalid("<MapValues>: the table has no column '\(map.outputColumn)'", map.place)
        }
        let other = try map.defaultValue.map { (text) throws(ScoringError) in try literal(text, type, map.place) } ?? .nan
        let missing = try map.mapMissingTo.map { (text) throws(ScoringError) in try literal(text, type, map.place) } ?? .nan
        guard !map.pairs.isEmpty else { throw invalid("<MapValues> has no FieldColumnPair", map.place) }

        try spend(map.table.rows.count, times: map.pairs.count, map.place)
        // Every field's keys are numbered; a row of the table is a number made of its keys' numbers.
        var keys: [[Double: Int]] = []
        var columns: [Int] = []
        var values: [Value] = []
        for pair in map.pairs {
            guard let column = map.table.column(pair.column) else {
                throw invalid("<MapValues>: the table has no column '\(pair.column)'", map.place)
            }
            columns.append(column)
            values.append(try value(of: pair.field, in: scope, map.place))
            keys.append([:])
        }
        var rows: [(codes: [Int], result: Double)] = []
        var results: [Double] = []
        for row in map.table.rows.indices {
            guard let text = map.table.text(row: row, column: output) else { continue }
            var codes: [Int] = []
            for (index, column) in columns.enumerated() {
                guard let cell = map.table.text(row: row, column: column) else { break }
                // A key that is no value of the field's type matches nothing.
                let key =
                    values[index].type == .string
                    ? try literal(cell, comparedWith: values[index], map.place) : number(cell, values[index].type)
                guard let key else { break }
                let code = keys[index][key] ?? keys[index].count
                keys[index][key] = code
                codes.append(code)
            }
            guard codes.count == columns.count else { continue }
            let result = try literal(text, type, map.place)
            rows.append((codes, result))
            results.append(result)
        }
        let domain = distinct(results + [other, missing].filter { !$0.isNaN })
        if map.pairs.count == 1 {
            let entries = Dictionary(
                rows.map { ($0.codes[0], $0.result) }, uniquingKeysWith: { first, _ in first })
            let table = table(keys[0].map { ($0.key, entries[$0.value] ?? .nan) }, other: other, missing: missing)
            return Value(builder.look(up: values[0].operand, in: table), type, domain: domain)
        }
        // Fields one after the other: the codes of what was found so far, combined with the next field's.
        var combined: Formula.Operand?
        var size = 1.0
        for (index, value) in values.enumerated() {
            let count = Double(keys[index].count + 1)
            let code = builder.look(
                up: value.operand, in: table(keys[index].map { ($0.key, Double($0.value)) }, other: count - 1, missing: .nan))
            combined = combined.map { builder.apply(.add, builder.apply(.multiply, $0, constant(count)), code) } ?? code
            size *= count
        }
        guard size < 9e15 else { throw unsupported("a <MapValues> over so many combinations", map.place) }
        var entries: [Double: Double] = [:]
        for row in rows {
            var key = 0.0
            for (index, code) in row.codes.enumerated() { key = key * Double(keys[index].count + 1) + Double(code) }
            if entries[key] == nil { entries[key] = row.result }
        }
        let table = table(entries.map { ($0.key, $0.value) }, other: other, missing: missing)
        return Value(builder.look(up: combined!, in: table), type, domain: domain)
    }

    // MARK: Types
}
