internal import Scoring
internal import Tabular
internal import Texts

/// Strings at run time: wherever the strings that a value can have are not known beforehand, functions of it
/// become instructions of a text program.
extension LoweringVocabulary {
    /// Where a value's text is found at run time.
    func register(of value: Value, _ place: Place) throws(ScoringError) -> TextProgram.Register {
        if let known = builder.value(of: value.operand) {
            guard !known.isNaN, let text = text(of: known, value.type) else {
                // A slot without a code: missing.
                return builder.text(.decode(builder.slot(of: constant(.nan)), unknown: nil))
            }
            return builder.text(.constant(symbols.code(text)))
        }
        guard value.type == .string else {
            guard let form = form(of: value.type) else { throw unsupported("the text of a value of type \(value.type)", place) }
            return builder.text(.number(builder.slot(of: value.operand), form))
        }
        if value.domain == nil {
            // The pass before found out which inputs have to bring their texts.
            for origin in value.origins where !inputs[origin].isText {
                throw unsupported("reading the text of '\(inputs[origin].field.name)'", place)
            }
        }
        guard let text = value.text else { return builder.text(.decode(builder.slot(of: value.operand), unknown: nil)) }
        // Where nothing came between, the text is what it was.
        if builder.measure(.code(text)) == value.operand { return text }
        return builder.text(.decode(builder.slot(of: value.operand), unknown: text))
    }

    /// A string that is whatever the register holds.
    func open(_ text: TextProgram.Register) -> Value {
        var value = Value(builder.measure(.code(text)), .string)
        value.text = text
        return value
    }

    func form(of type: DataType) -> TextProgram.Form? {
        switch type {
        case .integer: .integer
        case .double: .double
        case .float: .float
        case .boolean: .boolean
        case .date: .date
        case .time: .time
        case .dateTime: .dateTime
        case .string, .daysSince, .timeSeconds, .secondsSince: nil
        }
    }

    /// Whether strings are among those that a field lists.
    func listsValues(_ value: Value) -> Bool {
        value.origins.contains { inputs[$0].field.values.contains { $0.property == .valid } }
    }

    /// A string as a value of another type. A text that is none fails the row, or counts as missing.
    func read(_ value: Value, as type: DataType, _ place: Place) throws(ScoringError) -> Value {
        var result: Value
        if value.domain != nil {
            result = try tabulated([value], type, place) { [self] texts in
                type == .integer ? NumberText.integer(texts[0]).map { Double($0) } : number(texts[0], type)
            }
        } else {
            let text = try register(of: value, place)
            switch type {
            case .timeSeconds: result = Value(either(text, .double, .time, 0), type)
            case .daysSince(let year): result = Value(either(text, .double, .date, TemporalText.days(toYear: year)), type)
            case .secondsSince(let year):
                result = Value(either(text, .double, .dateTime, TemporalText.days(toYear: year) * 86_400), type)
            default:
                guard let form = form(of: type) else { throw unsupported("a string as a value of type \(type)", place) }
                result = Value(builder.measure(.parsed(text, form)), type)
            }
        }
        if type == .boolean { result.domain = [0, 1] }
        if !context.treatsInvalidAsMissing {
            let isInvalid = builder.apply(
                .and, builder.apply(.isPresent, value.operand), builder.apply(.isMissing, result.operand))
            fail(where: isInvalid, .init(field: name(of: value), reason: "expected \(type.phrase)"))
        }
        return result
    }

    /// A count, or the date or time that it counts from `start`.
    private func either(
        _ text: TextProgram.Register, _ count: TextProgram.Form, _ moment: TextProgram.Form, _ start: Double
    ) -> Formula.Operand {
        let moment = builder.apply(.subtract, builder.measure(.parsed(text, moment)), constant(start))
        return builder.apply(.coalesce, builder.measure(.parsed(text, count)), moment)
    }

    private func name(of value: Value) -> String { value.origins.first.map { inputs[$0].field.name } ?? "text" }

    /// A date or time that came as a text: one that cannot be read is invalid.
    func treatingUnreadable(_ value: Value, _ field: MiningField, _ data: DataField) throws(ScoringError) -> Value {
        guard let text = value.text else { return value }
        let code = builder.measure(.code(text))
        var isInvalid = builder.apply(.and, builder.apply(.isPresent, code), builder.apply(.isMissing, value.operand))
        for listed in data.values where listed.property == .missing {
            let isListed = builder.apply(.equal, code, constant(Double(symbols.code(listed.value))))
            isInvalid = builder.apply(.and, isInvalid, builder.apply(.not, builder.apply(.coalesce, isListed, constant(0))))
        }
        var result = value
        switch field.invalidTreatment {
        case .asMissing: break
        case .asValue:
            guard let replacement = field.invalidReplacement else {
                throw invalid("the mining field '\(field.name)' has no invalidValueReplacement", field.place)
            }
            result.operand = choose(isInvalid, constant(try literal(replacement, data.type, field.place)), value.operand)
        case .returnInvalid, .asIs:
            fail(where: isInvalid, .init(field: data.name, reason: "expected \(data.type.phrase)"))
        }
        return result
    }

    /// What the codes of known strings mean for an input that carries texts.
    func codes(of input: Input) -> Formula.Table {
        let values = symbols.texts.enumerated().map { code, text in
            if let special = input.specialCodes[text] { return special }
            return input.levelIndex[text] != nil || !input.isClosed ? Double(code) : input.otherCode
        }
        return .codes(first: 0, values: values, other: input.otherCode, missing: .nan)
    }

    // MARK: Patterns

    /// The index of an expression, which is compiled once.
    func expression(_ pattern: String, ignoresCase: Bool = false, isLiteral: Bool = false, _ place: Place) throws(ScoringError)
        -> Int
    {
        let key = "\(ignoresCase ? "i" : "-")\(isLiteral ? "q" : "-")\(pattern)"
        if let index = context.expressionIndex[key] { return index }
        do {
            builder.texts.expressions.append(
                isLiteral
                    ? try .literal(pattern, ignoresCase: ignoresCase)
                    : try RegularExpression(pattern, ignoresCase: ignoresCase))
        } catch {
            throw unsupported("the regular expression '\(pattern.prefix(60))': \(error.reason); it", place)
        }
        context.patternBytes += builder.texts.expressions[builder.texts.expressions.count - 1].memoryBytes
        guard context.patternBytes <= LoweringContext.maxPatternBytes else {
            throw invalid("the model's regular expressions are too large", place)
        }
        context.expressionIndex[key] = builder.texts.expressions.count - 1
        return builder.texts.expressions.count - 1
    }

    /// The index of a replacement of an expression's matches.
    func replacement(_ template: String, for expression: Int, _ place: Place) throws(ScoringError) -> Int {
        do {
            builder.texts.replacements.append(
                try RegularExpressionReplacement(template, for: builder.texts.expressions[expression]))
        } catch {
            throw invalid("'\(template.prefix(60))': \(error.reason)", place)
        }
        return builder.texts.replacements.count - 1
    }

    /// Whether a pattern can be matched with known strings while the model is loaded, without taking long.
    func isQuick(_ expression: RegularExpression, on texts: [String]) -> Bool {
        var work = context.patternWork
        for text in texts {
            let length = min(text.utf8.count + 1, TextProgram.maxBytes)
            work += length * length * (expression.memoryBytes / 8 + 1)
            guard work <= LoweringContext.maxPatternWork else { return false }
        }
        context.patternWork = work
        return true
    }

    func isQuick(_ expression: RegularExpression, on value: Value) -> Bool {
        guard let domain = value.domain, domain.count <= LoweringContext.maxCombinations else { return false }
        return isQuick(expression, on: domain.compactMap { text(of: $0, value.type) })
    }

    /// The text of an argument that must be known beforehand.
    func constantText(_ value: Value, of call: FunctionCall) throws(ScoringError) -> String {
        guard let number = builder.value(of: value.operand), let text = text(of: number, value.type) else {
            throw unsupported("a pattern of '\(call.name)' that is not constant", call.place)
        }
        return text
    }
}
