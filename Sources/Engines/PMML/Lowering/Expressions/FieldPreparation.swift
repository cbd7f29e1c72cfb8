internal import Scoring
internal import Tabular
internal import Texts

/// What a mining schema does to the fields that come through it: missing, invalid and extreme values.
/// Invalid values are treated first, then extreme ones, then missing ones (PMML 4.4, Mining Schema).
struct FieldPreparation: PartLowering {
    let context: LoweringContext

    /// A field of a mining schema as the model sees it.
    func prepared(_ field: MiningField, in scope: Scope) throws(ScoringError) -> Value {
        if let parent = scope.parent {
            // The outer schema has treated invalid values already; what is left is for this one.
            var value = try value(of: field.name, in: parent, field.place)
            if let opType = field.opType { value.opType = opType }
            value = try treatingPassed(value, field)
            value = try withinLimits(value, field, unless: value.isInvalid)
            return try replacingMissing(value, field)
        }
        guard let index = context.inputIndex[field.name] else {
            // Derived fields can be listed as if they were data.
            guard let derived = names.derivedFields[field.name] else {
                throw invalid("the mining field '\(field.name)' is not in the data dictionary", field.place)
            }
            var value = try self.derived(derived, in: scope)
            if let opType = field.opType { value.opType = opType }
            return try replacingMissing(withinLimits(value, field, unless: nil), field)
        }
        return try preparedInput(index, field)
    }

    private func preparedInput(_ index: Int, _ field: MiningField) throws(ScoringError) -> Value {
        let data = inputs[index].field
        var value = try rawInput(index, isOpen: field.invalidTreatment == .asIs, treatment: field)
        value.opType = field.opType ?? data.opType
        if data.type == .string {
            if field.invalidTreatment == .returnInvalid,
                inputs[index].otherCode == invalidSymbol || !inputs[index].specialCodes.isEmpty
            {
                let isInvalid = builder.apply(.equal, value.operand, constant(invalidSymbol))
                fail(where: isInvalid, .init(field: data.name, reason: "the value is not one of those that the model takes"))
            }
            return try replacingMissing(value, field)
        }
        if field.invalidTreatment == .asMissing { inputs[index].takesStringsAsMissing = true }
        if data.type.isCalendar { value = try treatingUnreadable(value, field, data) }
        // Listed missing values are taken out before anything else is asked.
        let (status, hasMissing) = try validity(of: value, data)
        var isInvalid: Formula.Operand?
        if let status {
            if hasMissing {
                value.operand = builder.apply(.choose, builder.apply(.isMissing, status), constant(.nan), value.operand)
            }
            let test = builder.apply(.equal, status, constant(1))
            switch field.invalidTreatment {
            case .returnInvalid:
                fail(where: test, .init(field: data.name, reason: "the value is not one of those that the model takes"))
            case .asIs:
                if let replacement = field.invalidReplacement {
                    value.operand = choose(test, constant(try literal(replacement, data.type, field.place)), value.operand)
                } else {
                    isInvalid = test
                }
            case .asMissing: value.operand = choose(test, constant(.nan), value.operand)
            case .asValue:
                guard let replacement = field.invalidReplacement else {
                    throw invalid("the mining field '\(field.name)' has no invalidValueReplacement", field.place)
                }
                value.operand = choose(test, constant(try literal(replacement, data.type, field.place)), value.operand)
            }
        }
        value = try withinLimits(value, field, unless: isInvalid)
        value.isInvalid = isInvalid
        return try replacingMissing(value, field)
    }

    /// An invalid value that an outer schema let through, as the inner schema wants it. That it fails rows is only
    /// said where values come in.
    private func treatingPassed(_ value: Value, _ field: MiningField) throws(ScoringError) -> Value {
        guard let isInvalid = value.isInvalid else { return value }
        var result = value
        switch (field.invalidTreatment, field.invalidReplacement) {
        case (.returnInvalid, _), (.asIs, nil): return value
        case (.asMissing, _): result.operand = choose(isInvalid, constant(.nan), value.operand)
        case (.asValue, nil): throw invalid("the mining field '\(field.name)' has no invalidValueReplacement", field.place)
        case (.asIs, let text?), (.asValue, let text?):
            result.operand = choose(isInvalid, constant(try literal(text, value.type, field.place)), value.operand)
        }
        result.isInvalid = nil
        result.domain = nil
        return result
    }

    private func withinLimits(_ value: Value, _ field: MiningField, unless isInvalid: Formula.Operand?) throws(ScoringError)
        -> Value
    {
        guard field.outliers != .asIs, value.type.isNumeric else { return value }
        var result = value
        guard field.low != nil || field.high != nil else {
            throw invalid("the mining field '\(field.name)' has outliers but neither a lowValue nor a highValue", field.place)
        }
        guard (field.low ?? -.infinity) <= (field.high ?? .infinity) else {
            throw invalid("the mining field '\(field.name)' has a lowValue above its highValue", field.place)
        }
        let limits = [field.low ?? -.infinity, field.high ?? .infinity].map { limit in
            constant(value.type == .float ? Double(Float(limit)) : limit)
        }
        let (low, high) = (limits[0], limits[1])
        switch field.outliers {
        case .asIs: break
        case .asExtremeValues: result.operand = builder.apply(.clamp, value.operand, low, high)
        case .asMissingValues:
            let isWithin = builder.apply(
                .and, builder.apply(.greaterOrEqual, value.operand, low), builder.apply(.lessOrEqual, value.operand, high))
            result.operand = builder.apply(.only, value.operand, isWithin)
        }
        if let isInvalid { result.operand = choose(isInvalid, value.operand, result.operand) }
        result.domain = nil
        return result
    }

    private func replacingMissing(_ value: Value, _ field: MiningField) throws(ScoringError) -> Value {
        var result = value
        if field.missingTreatment == .returnInvalid {
            fail(whereMissing: value.operand, .init(field: field.name, reason: "the value is missing"))
        } else if let text = field.missingReplacement {
            let replacement = try literal(text, comparedWith: value, field.place)
            result.operand = builder.apply(.coalesce, value.operand, constant(replacement))
            result.isNothing = false
            if let domain = value.domain, !domain.contains(replacement) { result.domain = domain + [replacement] }
        }
        return result
    }
}

// MARK: - Inputs

extension FieldPreparation {
    /// An input before any treatment: a number as it came, a string as its code.
    /// - Parameter isOpen: whether strings that the field does not list go on as unknown ones.
    func rawInput(_ index: Int, isOpen: Bool, treatment: MiningField? = nil) throws(ScoringError) -> Value {
        let (field, slot) = (inputs[index].field, Formula.Operand.slot(inputs[index].slot))
        switch field.type {
        case .double, .boolean:
            return Value(slot, field.type, field.opType, domain: field.type == .boolean ? [0, 1] : numberDomain(field, isOpen))
        case .integer: return Value(slot, .integer, field.opType, domain: numberDomain(field, isOpen))
        case .float: return Value(builder.apply(.float32, slot), .float, field.opType, domain: numberDomain(field, isOpen))
        case .string: return try stringInput(index, isOpen: isOpen, treatment: treatment)
        case .date, .time, .dateTime:
            let text = builder.text(.input(inputs[index].slot))
            var value = Value(builder.measure(.parsed(text, form(of: field.type)!)), field.type, field.opType)
            value.text = text
            return value
        case .daysSince, .timeSeconds, .secondsSince: return Value(slot, field.type, field.opType)
        }
    }

    /// The values that a field of numbers lists, if no others can come.
    private func numberDomain(_ field: DataField, _ isOpen: Bool) -> [Double]? {
        guard !isOpen, field.listsEveryValue else { return nil }
        return field.values.filter { $0.property == .valid }.compactMap { number($0.value, field.type) }
    }

    private func stringInput(_ index: Int, isOpen: Bool, treatment: MiningField?) throws(ScoringError) -> Value {
        let field = inputs[index].field
        if inputs[index].table == nil {
            inputs[index].table = builder.addTable(.codes(first: 0, values: [], other: unknownSymbol, missing: .nan))
            for value in field.values {
                addLevel(value.value, to: index)
                if value.property == .missing { inputs[index].specialCodes[value.value] = .nan }
                // Of an input that carries texts only those that have codes can be told apart.
                if value.property != .valid { _ = symbols.code(value.value) }
            }
        }
        let valid = field.values.filter { $0.property == .valid }.map { Double(symbols.code($0.value)) }
        let isText = inputs[index].isText
        let text = isText ? builder.text(.input(inputs[index].slot)) : nil
        let raw = text.map { builder.measure(.code($0)) } ?? .slot(inputs[index].slot)
        // Of texts without a list every one is itself.
        let operand = isText && field.values.isEmpty ? raw : builder.look(up: raw, inTable: inputs[index].table!)
        var value = Value(
            operand, .string, field.opType, domain: valid.isEmpty || isOpen ? nil : valid, origins: [index])
        value.text = text
        if field.opType == .ordinal { value.order = valid }
        guard let treatment, let code = try invalidCode(treatment) else {
            value.isInvalid = isUnlisted(value, field, valid)
            return value
        }
        if let domain = value.domain, code >= 0, !domain.contains(code) { value.domain = domain + [code] }
        for listed in field.values where listed.property == .invalid { inputs[index].specialCodes[listed.value] = code }
        // What is not listed is invalid, if anything is listed.
        if !valid.isEmpty { closeLevels(of: index, code) }
        return value
    }

    /// What an invalid string becomes; nil where it goes on as it is.
    private func invalidCode(_ treatment: MiningField) throws(ScoringError) -> Double? {
        switch treatment.invalidTreatment {
        case .returnInvalid: return invalidSymbol
        case .asMissing: return .nan
        case .asIs: return treatment.invalidReplacement.map { Double(symbols.code($0)) }
        case .asValue:
            guard let replacement = treatment.invalidReplacement else {
                throw invalid("the mining field '\(treatment.name)' has no invalidValueReplacement", treatment.place)
            }
            return Double(symbols.code(replacement))
        }
    }

    /// Whether a string is invalid by its field's list; nil if every string is valid.
    private func isUnlisted(_ value: Value, _ field: DataField, _ valid: [Double]) -> Formula.Operand? {
        guard valid.isEmpty else {
            return builder.look(up: value.operand, in: table(Set(valid).map { ($0, 0) }, other: 1, missing: .nan))
        }
        let invalid = Set(field.values.filter { $0.property == .invalid }.map { Double(symbols.code($0.value)) })
        guard !invalid.isEmpty else { return nil }
        return builder.look(up: value.operand, in: table(invalid.map { ($0, 1) }, other: 0, missing: .nan))
    }

    /// 0 where a number is valid, 1 where it is invalid, missing where it stands for a missing value;
    /// nil if any number is valid. The second says whether numbers can stand for missing.
    private func validity(of value: Value, _ field: DataField) throws(ScoringError) -> (
        status: Formula.Operand?, hasMissing: Bool
    ) {
        var (keys, results): ([Double], [Double]) = ([], [])
        var (hasValid, hasMissing) = (false, false)
        var seen: Set<Double> = []
        for listed in field.values {
            // A marker such as "N/A" for a number: no number is like it.
            guard let key = number(listed.value, field.type), !key.isNaN, seen.insert(key).inserted else { continue }
            keys.append(key)
            switch listed.property {
            case .valid:
                hasValid = true
                results.append(0)
            case .invalid: results.append(1)
            case .missing:
                hasMissing = true
                results.append(.nan)
            }
        }
        // Intervals are for continuous values; the mining schema can make others of them, or these of others.
        // Where valid values are listed, the list says it all (PMML 4.4, Data Dictionary).
        let usesIntervals = !field.intervals.isEmpty && value.opType != .categorical && field.type != .boolean && !hasValid
        guard !keys.isEmpty || usesIntervals else { return (nil, false) }
        // Of truth values there are only two.
        if field.type == .boolean, results == [0, 0] { return (nil, false) }
        var edges = keys
        // The margins of floats are floats.
        let intervals =
            field.type != .float
            ? field.intervals
            : field.intervals.map { interval in
                Interval(
                    closure: interval.closure, left: interval.left.map { Double(Float($0)) },
                    right: interval.right.map { Double(Float($0)) })
            }
        if usesIntervals {
            for interval in intervals { edges += [interval.left, interval.right].compactMap(\.self).filter { !$0.isNaN } }
        }
        edges = Array(Set(edges)).sorted()
        if usesIntervals { try spend(edges.count, times: 2 * intervals.count, field.place) }
        let isOpenOtherwise = !usesIntervals && !hasValid
        let isWithin = { (x: Double) in usesIntervals && intervals.contains { $0.contains(x) } }
        let known = Dictionary(zip(keys, results), uniquingKeysWith: { first, _ in first })
        let table = PiecewiseConstant.values(edges: edges) { x, isEdge in
            if isEdge, let result = known[x] { return result }
            return isOpenOtherwise || isWithin(x) ? 0 : 1
        }
        return (builder.look(up: value.operand, in: .bins(edges: edges, values: table, missing: .nan)), hasMissing)
    }
}

extension Interval {
    func contains(_ x: Double) -> Bool {
        if let left, includesLeft ? x < left : x <= left { return false }
        if let right, includesRight ? x > right : x >= right { return false }
        return !x.isNaN
    }
}

/// Functions of a number that are constant between edges.
enum PiecewiseConstant {
    /// The values of a `.bins` table: `value` is asked at every edge and at a number within every gap.
    static func values(edges: [Double], _ value: (_ x: Double, _ isEdge: Bool) -> Double) -> [Double] {
        guard let first = edges.first else { return [value(0, false)] }
        var values = [value(first.nextDown, false)]
        for edge in edges { values += [value(edge, true), value(edge.nextUp, false)] }
        return values
    }
}
