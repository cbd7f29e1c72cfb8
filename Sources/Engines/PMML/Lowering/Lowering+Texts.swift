internal import Scoring
internal import Tabular
internal import Texts

/// Strings at run time: wherever the strings that a value can have are not known beforehand, functions of it
/// become instructions of a text program.
extension Lowering {
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
        if !treatsInvalidAsMissing {
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
        if let index = expressionIndex[key] { return index }
        do {
            builder.texts.expressions.append(
                isLiteral
                    ? try .literal(pattern, ignoresCase: ignoresCase)
                    : try RegularExpression(pattern, ignoresCase: ignoresCase))
        } catch {
            throw unsupported("the regular expression '\(pattern.prefix(60))': \(error.reason); it", place)
        }
        patternBytes += builder.texts.expressions[builder.texts.expressions.count - 1].memoryBytes
        guard patternBytes <= Self.mostPatternBytes else {
            throw invalid("the model's regular expressions are too large", place)
        }
        expressionIndex[key] = builder.texts.expressions.count - 1
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
        var work = patternWork
        for text in texts {
            let length = min(text.utf8.count + 1, TextProgram.mostBytes)
            work += length * length * (expression.memoryBytes / 8 + 1)
            guard work <= Self.mostPatternWork else { return false }
        }
        patternWork = work
        return true
    }

    private func isQuick(_ expression: RegularExpression, on value: Value) -> Bool {
        guard let domain = value.domain, domain.count <= Self.mostCombinations else { return false }
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

// MARK: - Functions

extension Lowering {
    func textual(_ call: FunctionCall) throws(ScoringError) -> Value? {
        switch call.name {
        case "uppercase": return try text(call, { $0.uppercased() }) { .uppercase($0) }
        case "lowercase": return try text(call, { $0.lowercased() }) { .lowercase($0) }
        case "trimBlanks": return try text(call, { NumberText.trimmed($0) }) { .trimmed($0) }
        case "stringLength":
            let argument = call.arguments[0]
            guard argument.domain == nil else {
                return try tabulated([argument], .integer, call.place) { Double($0[0].unicodeScalars.count) }
            }
            return Value(builder.measure(.length(try register(of: argument, call.place))), .integer)
        case "concat": return try concatenation(call)
        case "substring": return try substring(call)
        case "matches": return try matches(call)
        case "replace": return try replace(call)
        case "formatNumber": return try formatNumber(call)
        case "formatDatetime": return try formatDate(call)
        default: return nil
        }
    }

    /// A function of one text: a look-up where its values are known, else an instruction.
    private func text(
        _ call: FunctionCall, _ function: (String) -> String?, _ instruction: (TextProgram.Register) -> TextProgram.Instruction
    ) throws(ScoringError) -> Value {
        let argument = call.arguments[0]
        guard argument.domain == nil else {
            return try tabulated([argument], .string, call.place) { [self] texts in
                function(texts[0]).map { Double(symbols.code($0)) }
            }
        }
        return open(builder.text(instruction(try register(of: argument, call.place))))
    }

    /// Whether all values are known and few enough for a table of their combinations.
    private func isTabular(_ values: [Value]) -> Bool {
        var size = 1
        for value in values {
            guard let domain = value.domain else { return false }
            let (product, overflow) = size.multipliedReportingOverflow(by: max(domain.count, 1))
            guard !overflow, product <= Self.mostCombinations else { return false }
            size = product
        }
        return true
    }

    /// One text after the other; a missing one is nothing, as in XQuery.
    private func concatenation(_ call: FunctionCall) throws(ScoringError) -> Value {
        if isTabular(call.arguments) {
            let empty = Double(symbols.code(""))
            var parts: [Value] = []
            for argument in call.arguments {
                var part = try cast(argument, to: .string, call.place)
                part.operand = builder.apply(.coalesce, part.operand, constant(empty))
                part.domain = part.domain.map { $0.contains(empty) ? $0 : $0 + [empty] }
                parts.append(part)
            }
            if isTabular(parts) {
                return try tabulated(parts, .string, call.place) { [self] texts in Double(symbols.code(texts.joined())) }
            }
        }
        var parts: [TextProgram.Register] = []
        for argument in call.arguments { parts.append(try register(of: argument, call.place)) }
        return open(builder.text(.concatenation(parts)))
    }

    private func substring(_ call: FunctionCall) throws(ScoringError) -> Value {
        guard !isTabular(call.arguments) else {
            return try tabulated(call.arguments, .string, call.place) { [self] texts in
                guard let start = NumberText.integer(texts[1]), let length = NumberText.integer(texts[2]), start >= 1, length >= 0
                else { return nil }
                return Double(
                    symbols.code(String(String.UnicodeScalarView(texts[0].unicodeScalars.dropFirst(start - 1).prefix(length)))))
            }
        }
        var limits: [TextProgram.Number] = []
        for argument in call.arguments.dropFirst() {
            let number = try cast(argument, to: .integer, call.place).operand
            limits.append(builder.value(of: number).map { .constant($0) } ?? .slot(builder.slot(of: number)))
        }
        let text = try register(of: call.arguments[0], call.place)
        return open(builder.text(.substring(text, start: limits[0], length: limits[1])))
    }

    /// True if any part of the text matches (PMML 4.4, Built-in Functions, matches).
    private func matches(_ call: FunctionCall) throws(ScoringError) -> Value {
        let (argument, place) = (call.arguments[0], call.place)
        let index = try expression(constantText(call.arguments[1], of: call), place)
        let expression = builder.texts.expressions[index]
        guard !isQuick(expression, on: argument) else {
            return try tabulated([argument], .boolean, place) { TextProgram.matches($0[0], expression) ? 1 : 0 }
        }
        let found = builder.measure(.matches(try register(of: argument, place), expression: index))
        return Value(found, .boolean, .categorical, domain: [0, 1])
    }

    private func replace(_ call: FunctionCall) throws(ScoringError) -> Value {
        let (argument, place) = (call.arguments[0], call.place)
        let index = try expression(constantText(call.arguments[1], of: call), place)
        let replacement = try replacement(constantText(call.arguments[2], of: call), for: index, place)
        guard !isQuick(builder.texts.expressions[index], on: argument) else {
            let (expression, parts) = (builder.texts.expressions[index], builder.texts.replacements[replacement])
            return try tabulated([argument], .string, place) { [self] texts in
                TextProgram.replaced(texts[0], expression, parts).map { Double(symbols.code($0)) }
            }
        }
        return open(builder.text(.replace(try register(of: argument, place), expression: index, replacement: replacement)))
    }

    private func formatNumber(_ call: FunctionCall) throws(ScoringError) -> Value {
        let pattern = try constantText(call.arguments[1], of: call)
        guard let format = NumberFormat(pattern) else {
            if Self.isSASFormat(pattern) {
                throw unsupported(
                    "the SAS format '\(pattern.prefix(60))' of formatNumber (SAS does not document exactly which notation BESTw. "
                        + "chooses; a C pattern such as '%.2f' is)", call.place)
            }
            throw unsupported("the pattern '\(pattern.prefix(60))' of formatNumber", call.place)
        }
        var number = call.arguments[0]
        if !number.type.isNumeric { number = try cast(number, to: .double, call.place) }
        return open(builder.text(.formatted(builder.slot(of: number.operand), format)))
    }

    /// Whether a pattern is a format of SAS, or the width of one alone, as `SAS-FORMAT-BESTw` gives it: `12`, `12.2`, `BEST12.`.
    private static func isSASFormat(_ pattern: String) -> Bool {
        let rest = pattern.utf8.drop { ($0 | 0x20) &- 0x61 < 26 || $0 == UInt8(ascii: "$") }
        return rest.contains { $0 &- 0x30 < 10 } && rest.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: ".") }
    }

    private func formatDate(_ call: FunctionCall) throws(ScoringError) -> Value {
        let pattern = try constantText(call.arguments[1], of: call)
        var date = call.arguments[0]
        if date.type == .string { date = try cast(date, to: .dateTime, call.place) }
        let source: DatePattern.Source
        switch date.type {
        case .date: source = .days
        case .dateTime: source = .seconds
        case .time, .timeSeconds: source = .secondsOfDay
        default: throw unsupported("'formatDatetime' of a value of type \(date.type)", call.place)
        }
        guard let format = DatePattern(pattern, source: source) else {
            throw unsupported("the pattern '\(pattern.prefix(60))' of formatDatetime", call.place)
        }
        return open(builder.text(.date(builder.slot(of: date.operand), format)))
    }
}
