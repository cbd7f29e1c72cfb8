internal import Scoring
internal import Tabular
internal import Texts

/// Values, literals and fields.
extension LoweringVocabulary {
    func constant(_ value: Double) -> Formula.Operand { builder.constant(value) }

    /// Fails a row where the operand is true, unless the row does not use what is being lowered.
    func fail(where operand: Formula.Operand, _ failure: Formula.Failure) {
        builder.fail(where: context.gate.map { builder.apply(.and, operand, $0) } ?? operand, failure)
    }

    /// Fails a row where the operand is missing, unless the row does not use what is being lowered.
    func fail(whereMissing operand: Formula.Operand, _ failure: Formula.Failure) {
        guard context.gate == nil else { return fail(where: builder.apply(.isMissing, operand), failure) }
        builder.fail(whereMissing: operand, failure)
    }

    /// The number that stands for a literal of a type; nil if it is no literal of it.
    func number(_ text: String, _ type: DataType) -> Double? {
        switch type {
        case .string: Double(symbols.code(text))
        case .integer: NumberText.double(text)
        case .double: NumberText.double(text)
        case .float: NumberText.float(text).map { Double($0) }
        case .boolean:
            switch text.lowercased() {
            case "true", "1", "1.0": 1
            case "false", "0", "0.0": 0
            default: nil
            }
        default: TemporalText.number(text, type)
        }
    }

    func literal(_ text: String, _ type: DataType, _ place: Place) throws(ScoringError) -> Double {
        guard let value = number(text, type) else {
            throw invalid("'\(text.prefix(40))' is no value of type \(type): expected \(type.phrase)", place)
        }
        return value
    }

    /// A literal that a value is compared with; a string becomes a level of the inputs that the value may come from.
    func literal(_ text: String, comparedWith value: Value, _ place: Place) throws(ScoringError) -> Double {
        if value.type == .string { for origin in value.origins { addLevel(text, to: origin) } }
        return try literal(text, value.type, place)
    }

    /// Makes a text that the model names a level of a string input; one that is invalid there is none.
    func addLevel(_ text: String, to input: Int) {
        guard !inputs[input].isClosed, inputs[input].levelIndex[text] == nil else { return }
        inputs[input].levelIndex[text] = inputs[input].levels.count
        inputs[input].levels.append(text)
    }

    /// Leaves an input only the levels that its field lists; any other string gets the code.
    func closeLevels(of input: Int, _ code: Double) {
        let listed = TextSet(inputs[input].field.values.map(\.value))
        inputs[input].levels.removeAll { !listed.contains($0) }
        inputs[input].levelIndex = TextMap(inputs[input].levels.enumerated().map { ($0.element, $0.offset) })
        inputs[input].otherCode = code
        inputs[input].isClosed = true
    }

    /// The text of a value, as Java would print it.
    func text(of value: Double, _ type: DataType) -> String? {
        switch type {
        case .string: value >= 0 && value < Double(symbols.texts.count) ? symbols[Int(value)] : nil
        case .integer: abs(value) < 9e15 ? String(Int(value)) : nil
        case .double: NumberWriting.text(of: value)
        case .float: NumberWriting.text(of: Float(value))
        case .boolean: value == 1 ? "true" : "false"
        default: TemporalText.text(value, type)
        }
    }

    func derived(_ field: DerivedField, in scope: Scope) throws(ScoringError) -> Value {
        var value = try cast(lower(field.expression, as: field.type, in: scope), to: field.type, field.place)
        value.opType = field.opType
        let listed = field.values.filter { $0.property == .valid }
        if !listed.isEmpty, field.opType == .ordinal {
            value.order = try listed.map { (value) throws(ScoringError) in try literal(value.value, field.type, field.place) }
        }
        return value
    }

    /// A missing value.
    func nothing(_ type: DataType) -> Value {
        var value = Value(constant(.nan), type, domain: [])
        value.isNothing = true
        return value
    }

    /// The value, or the literal where it is missing.
    func replacingMissing(_ value: Value, with text: String, _ place: Place) throws(ScoringError) -> Value {
        var result = value
        let replacement = try literal(text, comparedWith: value, place)
        result.operand = builder.apply(.coalesce, value.operand, constant(replacement))
        if let domain = value.domain { result.domain = domain.contains(replacement) ? domain : domain + [replacement] }
        result.isNothing = false
        return result
    }

    func distinct(_ values: [Double]) -> [Double] {
        var seen: Set<Double> = []
        return values.filter { seen.insert($0).inserted }
    }

    /// A look-up table in the form that suits its keys.
    func table(_ entries: [(key: Double, value: Double)], other: Double, missing: Double) -> Formula.Table {
        let sorted = entries.sorted { $0.key < $1.key }
        guard let first = sorted.first?.key, let last = sorted.last?.key else {
            return .keys(keys: [], values: [], other: other, missing: missing)
        }
        let isWhole = sorted.allSatisfy { $0.key == $0.key.rounded() }
        guard isWhole, abs(first) < 1e9, last - first < Double(sorted.count) * 8 + 64 else {
            return .keys(keys: sorted.map(\.key), values: sorted.map(\.value), other: other, missing: missing)
        }
        var values = [Double](repeating: other, count: Int(last - first) + 1)
        for entry in sorted { values[Int(entry.key - first)] = entry.value }
        return .codes(first: Int(first), values: values, other: other, missing: missing)
    }

    /// The value as a value of another type.
    func cast(_ value: Value, to type: DataType, _ place: Place) throws(ScoringError) -> Value {
        guard value.type != type else { return value }
        guard !value.isNothing else { return nothing(type) }
        var result = Value(value.operand, type, value.opType, domain: value.domain)
        switch (value.type, type) {
        case (.integer, .double), (.float, .double), (.boolean, .integer), (.boolean, .double), (.boolean, .float): return result
        case (.double, .float), (.integer, .float):
            result.operand = builder.apply(.float32, value.operand)
            result.domain = value.domain?.map { Double(Float($0)) }
        case (.double, .integer), (.float, .integer):
            result.operand = builder.apply(.truncate, value.operand)
            result.domain = value.domain?.map { $0.rounded(.towardZero) }
        case (.integer, .boolean), (.double, .boolean), (.float, .boolean):
            result.operand = builder.apply(.notEqual, value.operand, constant(0))
            result.domain = [0, 1]
        case (.string, _):
            return try read(value, as: type, place)
        case (_, .string):
            guard value.domain == nil else {
                return try tabulated([value], .string, place) { [self] texts in Double(symbols.code(texts[0])) }
            }
            return open(try register(of: value, place))
        case (.date, .daysSince(let year)):
            result.operand = builder.apply(.subtract, value.operand, constant(TemporalText.days(toYear: year)))
            result.domain = nil
        case (.dateTime, .secondsSince(let year)):
            let seconds = builder.apply(.subtract, value.operand, constant(TemporalText.days(toYear: year) * 86_400))
            result.operand = builder.apply(.truncate, seconds)
            result.domain = nil
        case (.dateTime, .date), (.dateTime, .daysSince):
            result.operand = builder.apply(.floor, builder.apply(.divide, value.operand, constant(86_400)))
            result.type = .date
            result.domain = nil
            return try cast(result, to: type, place)
        case (.time, .timeSeconds):
            result.operand = builder.apply(.truncate, value.operand)
            result.domain = nil
        case (.integer, .timeSeconds), (.integer, .daysSince), (.integer, .secondsSince): return result
        case (.daysSince, .integer), (.daysSince, .double), (.secondsSince, .integer), (.secondsSince, .double),
            (.timeSeconds, .integer):
            return result
        default: throw unsupported("turning a value of type \(value.type) into \(type)", place)
        }
        return result
    }

    /// b where the condition is true, else c: also where it is unknown.
    func choose(_ condition: Formula.Operand, _ b: Formula.Operand, _ c: Formula.Operand) -> Formula.Operand {
        builder.apply(.choose, builder.apply(.coalesce, condition, constant(0)), b, c)
    }
}
