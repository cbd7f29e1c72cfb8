internal import Scoring
internal import Tabular
internal import Texts

// MARK: - Functions

struct TextFunctionLowering: PartLowering {
    let context: LoweringContext

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
            guard !overflow, product <= LoweringContext.maxCombinations else { return false }
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
