internal import Scoring
internal import Tabular
internal import Texts

/// Built-in functions (PMML 4.4, Built-in Functions) and functions that the file defines.
struct FunctionLowering: PartLowering {
    let context: LoweringContext

    func lower(_ apply: Apply, in scope: Scope) throws(ScoringError) -> Value {
        let arguments = try self.arguments(of: apply, in: scope)
        let outer = context.treatsInvalidAsMissing
        context.treatsInvalidAsMissing = apply.invalidTreatment == .asMissing
        defer { context.treatsInvalidAsMissing = outer }
        var result = try treatingInvalid(call(apply, arguments), of: apply, arguments)
        // A condition's other branch does not count, and a branch that is not there is no argument.
        var inputs = isCondition(apply) ? [arguments[0], result] : arguments
        if isCondition(apply), apply.arguments.count == 2 {
            let condition = try boolean(arguments[0], apply.place)
            inputs[1].operand = builder.apply(
                .choose, builder.apply(.equal, condition, constant(1)), result.operand, constant(0))
        }
        if let text = apply.defaultValue {
            result = try replacingMissing(result, with: text, apply.place)
        }
        if let text = apply.mapMissingTo {
            let replacement = constant(try literal(text, result.type, apply.place))
            var isMissing = constant(0)
            for input in inputs { isMissing = builder.apply(.or, isMissing, builder.apply(.isMissing, input.operand)) }
            result.operand = choose(isMissing, replacement, result.operand)
            result.isNothing = false
            if let value = builder.value(of: replacement), let domain = result.domain, !domain.contains(value) {
                result.domain = domain + [value]
            }
        }
        return result
    }

    /// Whether it is the built-in condition, and no function of the file that has its name.
    private func isCondition(_ apply: Apply) -> Bool {
        names.functions[apply.function] == nil && BuiltInFunction.named(apply.function)?.name == "if"
    }

    /// The arguments; those of a condition's branches fail no row that takes the other one.
    private func arguments(of apply: Apply, in scope: Scope) throws(ScoringError) -> [Value] {
        var arguments: [Value] = []
        let outer = context.gate
        defer { context.gate = outer }
        let isCondition = isCondition(apply)
        for (index, argument) in apply.arguments.enumerated() {
            if isCondition, index > 0 {
                let before = context.treatsInvalidAsMissing
                context.treatsInvalidAsMissing = apply.invalidTreatment == .asMissing
                defer { context.treatsInvalidAsMissing = before }
                let condition = try boolean(arguments[0], apply.place)
                let isTaken = builder.apply(.equal, condition, constant(index == 1 ? 1 : 0))
                context.gate = outer.map { builder.apply(.and, $0, isTaken) } ?? isTaken
            }
            arguments.append(try lower(argument, in: scope))
        }
        return arguments
    }

    /// What comes of arguments for which a function is not defined, such as the logarithm of -1 (PMML 4.4,
    /// Functions, invalidValueTreatment): the row fails, or the result counts as missing. An infinite result of
    /// floating-point division is no failure of a row.
    private func treatingInvalid(_ value: Value, of apply: Apply, _ arguments: [Value]) throws(ScoringError) -> Value {
        var result = value
        guard names.functions[apply.function] == nil, let (name, function) = BuiltInFunction.named(apply.function),
            function.isPartial
        else { return result }
        switch apply.invalidTreatment {
        case .asIs: break
        case .asValue: throw invalid("<Apply> has no value for invalidValueTreatment=\"asValue\"", apply.place)
        case .asMissing:
            // Infinity minus itself is nothing.
            let difference = builder.apply(.subtract, value.operand, value.operand)
            result.operand = builder.apply(.only, value.operand, builder.apply(.equal, difference, constant(0)))
        case .returnInvalid:
            var isInvalid = builder.apply(.isMissing, value.operand)
            if name == "/", arguments.allSatisfy({ $0.type.number == .integer }) {
                isInvalid = builder.apply(.equal, arguments[1].operand, constant(0))
            }
            for argument in arguments {
                isInvalid = builder.apply(.and, isInvalid, builder.apply(.isPresent, argument.operand))
            }
            fail(
                where: builder.apply(.coalesce, isInvalid, constant(0)),
                .init(
                    field: apply.function,
                    reason: "the function is not defined for such arguments (\(document.line(apply.place)))"))
        }
        return result
    }

    private func call(_ apply: Apply, _ arguments: [Value]) throws(ScoringError) -> Value {
        if let function = names.functions[apply.function] { return try call(function, arguments, apply.place) }
        // The pass before knows the function; the number of its arguments is relied on below.
        guard let (name, function) = BuiltInFunction.named(apply.function), function.arguments.contains(arguments.count) else {
            throw unsupported("the function '\(apply.function.prefix(60))'", apply.place)
        }
        let call = FunctionCall(
            name: name, arguments: arguments, type: function.type(of: arguments.map(\.valueType)), place: apply.place)
        if let result = try numeric(call) { return result }
        if let result = try logical(call) { return result }
        if let result = try TextFunctionLowering(context: context).textual(call) { return result }
        if let result = try temporal(call) { return result }
        throw unsupported("the function '\(apply.function.prefix(60))'", apply.place)
    }

    /// A function that the file defines: its body with the parameters in place of fields.
    private func call(_ function: DefineFunction, _ arguments: [Value], _ place: Place) throws(ScoringError) -> Value {
        guard arguments.count == function.parameters.count else {
            throw invalid(
                "the function '\(function.name)' takes \(function.parameters.count) arguments, not \(arguments.count)", place)
        }
        let scope = Scope(isOutermost: false)
        for (parameter, argument) in zip(function.parameters, arguments) {
            scope[parameter.name] = .known(
                try parameter.type.map { (type) throws(ScoringError) in try cast(argument, to: type, place) } ?? argument)
        }
        let result: Value
        do throws(ScoringError) {
            result = try lower(function.body, as: function.type, in: scope)
        } catch {
            // What cannot be evaluated is known to the file's author by the name of his function.
            guard case .unsupportedModel(let reason) = error, !reason.hasPrefix("the function '") else { throw error }
            throw .unsupportedModel("the function '\(function.name.prefix(60))': \(reason)")
        }
        return try function.type.map { (type) throws(ScoringError) in try cast(result, to: type, function.place) } ?? result
    }
}

/// A call of a built-in function.
struct FunctionCall {
    var name: String
    var arguments: [Value]
    /// Of the result.
    var type: DataType
    var place: Place
}

// MARK: - Numbers

extension FunctionLowering {
    /// The arguments as numbers.
    private func numbers(_ call: FunctionCall) throws(ScoringError) -> [Value] {
        var numbers: [Value] = []
        for argument in call.arguments {
            guard argument.type != .string else {
                numbers.append(try cast(argument, to: .double, call.place))
                continue
            }
            numbers.append(Value(argument.operand, argument.type.number))
        }
        return numbers
    }

    /// A result of arithmetic; in float32 it is rounded.
    private func number(_ operand: Formula.Operand, _ type: DataType) -> Value {
        Value(type == .float ? builder.apply(.float32, operand) : operand, type)
    }

    private static let unaryFunctions: [String: Formula.Operation] = [
        "abs": .absolute, "floor": .floor, "ceil": .ceiling, "round": .roundHalfUp, "rint": .roundHalfEven, "sqrt": .squareRoot,
        "exp": .exponential, "expm1": .exponentialMinus1, "ln": .logarithm, "log10": .logarithm10, "ln1p": .logarithmPlus1,
        "log1p": .logarithmPlus1, "sin": .sine, "cos": .cosine, "tan": .tangent, "asin": .arcSine, "acos": .arcCosine,
        "atan": .arcTangent, "sinh": .hyperbolicSine, "cosh": .hyperbolicCosine, "tanh": .hyperbolicTangent,
        "erf": .errorFunction, "stdNormalCDF": .normalDistribution, "stdNormalPDF": .normalDensity,
        "stdNormalIDF": .normalQuantile, "expit": .logistic,
    ]

    private static let binaryFunctions: [String: Formula.Operation] = [
        "+": .add, "-": .subtract, "*": .multiply, "/": .divide, "pow": .power, "modulo": .modulo, "hypot": .hypotenuse,
        "atan2": .arcTangent2,
    ]

    private static let aggregates: [String: Formula.Operation] = [
        "sum": .sum, "avg": .average, "min": .minimum, "max": .maximum, "median": .median, "product": .product,
    ]

    func numeric(_ call: FunctionCall) throws(ScoringError) -> Value? {
        let (name, type) = (call.name, call.type)
        if let operation = Self.binaryFunctions[name] {
            let a = try numbers(call).map(\.operand)
            guard a.count > 1 else { return number(name == "+" ? a[0] : builder.apply(.subtract, constant(0), a[0]), type) }
            var result = builder.apply(operation, a[0], a[1])
            if operation == .power, type == .integer {
                // What is left of whole numbers is no whole number: not defined.
                result = builder.apply(.only, result, builder.apply(.greaterOrEqual, a[1], constant(0)))
            }
            return number(result, type)
        }
        if let operation = Self.unaryFunctions[name] {
            return number(builder.apply(operation, try numbers(call)[0].operand), type)
        }
        if let operation = Self.aggregates[name] {
            return number(builder.combine(operation, try numbers(call).map(\.operand)), type)
        }
        switch name {
        case "threshold":
            let a = try numbers(call).map(\.operand)
            return Value(builder.apply(.greater, a[0], a[1]), type, domain: [0, 1])
        case "normalCDF", "normalPDF":
            let a = try distribution(call)
            let standard = builder.apply(.divide, builder.apply(.subtract, a[0], a[1]), a[2])
            guard name == "normalPDF" else { return number(builder.apply(.normalDistribution, standard), type) }
            return number(builder.apply(.divide, builder.apply(.normalDensity, standard), a[2]), type)
        case "normalIDF":
            let a = try distribution(call)
            let scaled = builder.apply(.multiply, builder.apply(.normalQuantile, a[0]), a[2])
            return number(builder.apply(.add, scaled, a[1]), type)
        default: return nil
        }
    }

    /// The arguments of a function of a normal distribution; of one that has no width above 0 it is not defined.
    private func distribution(_ call: FunctionCall) throws(ScoringError) -> [Formula.Operand] {
        let arguments = try numbers(call).map(\.operand)
        return arguments.dropLast() + [builder.apply(.only, arguments[2], builder.apply(.greater, arguments[2], constant(0)))]
    }
}

// MARK: - Truth

extension FunctionLowering {
    private static let comparisons: [String: Formula.Operation] = [
        "equal": .equal, "notEqual": .notEqual, "lessThan": .less, "lessOrEqual": .lessOrEqual, "greaterThan": .greater,
        "greaterOrEqual": .greaterOrEqual,
    ]

    private func truth(_ operand: Formula.Operand) -> Value { Value(operand, .boolean, .categorical, domain: [0, 1]) }

    func logical(_ call: FunctionCall) throws(ScoringError) -> Value? {
        let arguments = call.arguments
        if let operation = Self.comparisons[call.name] {
            return truth(try compare(operation, arguments[0], arguments[1], call.place))
        }
        switch call.name {
        case "isMissing", "isNotMissing":
            return truth(builder.apply(call.name == "isMissing" ? .isMissing : .isPresent, arguments[0].operand))
        case "isValid", "isNotValid":
            // What is invalid was refused, replaced or made missing when it came in; strings can be unknown.
            var isValid = builder.apply(.isPresent, arguments[0].operand)
            if let isInvalid = arguments[0].isInvalid {
                isValid = builder.apply(.and, isValid, builder.apply(.not, builder.apply(.coalesce, isInvalid, constant(0))))
            } else if arguments[0].type == .string, listsValues(arguments[0]) {
                isValid = builder.apply(.and, isValid, builder.apply(.greaterOrEqual, arguments[0].operand, constant(0)))
            }
            return truth(call.name == "isValid" ? isValid : builder.apply(.not, isValid))
        case "and", "or":
            var result = try boolean(arguments[0], call.place)
            for argument in arguments.dropFirst() {
                result = builder.apply(call.name == "and" ? .and : .or, result, try boolean(argument, call.place))
            }
            return truth(result)
        case "not":
            return truth(builder.apply(.not, try boolean(arguments[0], call.place)))
        case "isIn", "isNotIn":
            // Nothing equals a missing value: it is in no list, and no list has it.
            var result = constant(0)
            for argument in arguments.dropFirst() {
                result = builder.apply(.or, result, try compare(.equal, arguments[0], argument, call.place))
            }
            result = builder.apply(.coalesce, result, constant(0))
            return truth(call.name == "isIn" ? result : builder.apply(.not, result))
        case "if":
            return try conditional(
                try boolean(arguments[0], call.place), arguments[1],
                arguments.count > 2 ? arguments[2] : nothing(arguments[1].type),
                call.type, call.place)
        default: return nil
        }
    }

    func boolean(_ value: Value, _ place: Place) throws(ScoringError) -> Formula.Operand {
        try cast(value, to: .boolean, place).operand
    }

    private func conditional(
        _ condition: Formula.Operand, _ then: Value, _ other: Value, _ type: DataType, _ place: Place
    ) throws(ScoringError) -> Value {
        let branches = [try cast(then, to: type, place), try cast(other, to: type, place)]
        var result = Value(builder.apply(.choose, condition, branches[0].operand, branches[1].operand), type, then.opType)
        if let first = branches[0].domain, let second = branches[1].domain { result.domain = distinct(first + second) }
        result.origins = Array(Set(branches[0].origins + branches[1].origins)).sorted()
        if type == .string { result.text = text(where: condition, branches[0], branches[1]) }
        return result
    }

    /// Compares two values in the type that both have or can be brought to.
    func compare(_ operation: Formula.Operation, _ a: Value, _ b: Value, _ place: Place) throws(ScoringError) -> Formula.Operand {
        var (a, b) = (a, b)
        if a.type == .string, b.type == .string {
            for (value, other) in [(a, b), (b, a)] {
                // A string that the model compares with is a level of the field that it is compared with.
                guard let code = builder.value(of: value.operand), code >= 0 else { continue }
                for origin in other.origins { addLevel(symbols[Int(code)], to: origin) }
            }
            guard operation != .equal, operation != .notEqual else {
                // Two strings that the model does not know are equal if their texts are.
                guard a.domain == nil, b.domain == nil else { return builder.apply(operation, a.operand, b.operand) }
                let order = builder.measure(.comparison(try register(of: a, place), try register(of: b, place)))
                return builder.apply(operation, order, constant(0))
            }
            if a.order.isEmpty, b.order.isEmpty, a.domain == nil || b.domain == nil {
                let order = builder.measure(.comparison(try register(of: a, place), try register(of: b, place)))
                return builder.apply(operation, order, constant(0))
            }
            (a, b) = (try ranked(a, b, place), try ranked(b, a, place))
            return builder.apply(operation, a.operand, b.operand)
        }
        if a.type == .string || b.type == .string { return try compareRead(operation, a, b, place) }
        // A double that is compared with a float is as exact as the float.
        if a.type == .float, b.type == .double { b = try cast(b, to: .float, place) }
        if b.type == .float, a.type == .double { a = try cast(a, to: .float, place) }
        if a.type.isTemporal != b.type.isTemporal, !a.type.isNumeric, !b.type.isNumeric {
            throw unsupported("comparing a value of type \(a.type) with one of type \(b.type)", place)
        }
        return builder.apply(operation, a.operand, b.operand)
    }

    /// Compares a string with a value of another type, which it is read as. A text that is no such value is
    /// different from all of them, but neither less nor greater.
    private func compareRead(_ operation: Formula.Operation, _ a: Value, _ b: Value, _ place: Place) throws(ScoringError)
        -> Formula.Operand
    {
        let (text, other) = a.type == .string ? (a, b) : (b, a)
        let isEquality = operation == .equal || operation == .notEqual
        let outer = context.treatsInvalidAsMissing
        defer { context.treatsInvalidAsMissing = outer }
        context.treatsInvalidAsMissing = outer || isEquality
        let read = try cast(text, to: other.type, place)
        let result = try compare(operation, a.type == .string ? read : a, a.type == .string ? b : read, place)
        guard isEquality else { return result }
        let isOther = builder.apply(
            .and, builder.apply(.isMissing, read.operand),
            builder.apply(.and, builder.apply(.isPresent, text.operand), builder.apply(.isPresent, other.operand)))
        return builder.apply(.choose, isOther, constant(operation == .equal ? 0 : 1), result)
    }

    /// The rank of a string: its position in the order of the ordinal field, or among all strings.
    private func ranked(_ value: Value, _ other: Value, _ place: Place) throws(ScoringError) -> Value {
        let order = value.order.isEmpty ? other.order : value.order
        guard order.isEmpty else {
            return Value(
                builder.look(
                    up: value.operand,
                    in: table(order.enumerated().map { ($0.element, Double($0.offset)) }, other: .nan, missing: .nan)), .integer)
        }
        guard let domain = value.domain, let otherDomain = other.domain else { preconditionFailure("the order is open") }
        let texts = Set((domain + otherDomain).filter { $0 >= 0 }).map { symbols[Int($0)] }.sorted {
            $0.utf16.lexicographicallyPrecedes($1.utf16)
        }
        let ranks = TextMap(texts.enumerated().map { ($0.element, Double($0.offset)) })
        return try tabulated([value], .integer, place) { ranks[$0[0]] }
    }
}

// MARK: - Texts and dates

extension FunctionLowering {
    func temporal(_ call: FunctionCall) throws(ScoringError) -> Value? {
        switch call.name {
        case "dateDaysSinceYear", "dateSecondsSinceYear":
            guard let year = builder.value(of: call.arguments[1].operand), year == year.rounded(), (1...9999).contains(year)
            else {
                throw invalid("the function '\(call.name)' needs a year", call.place)
            }
            let isDays = call.name == "dateDaysSinceYear"
            let date = try cast(call.arguments[0], to: isDays ? .date : .dateTime, call.place)
            let start = TemporalText.days(toYear: Int(year)) * (isDays ? 1 : 86_400)
            // Whole seconds: what is left of one does not count.
            return Value(builder.apply(.truncate, builder.apply(.subtract, date.operand, constant(start))), .integer)
        case "dateSecondsSinceMidnight":
            let time = call.arguments[0]
            guard time.type == .dateTime || time.type == .time else {
                throw unsupported("'\(call.name)' of a value of type \(time.type)", call.place)
            }
            let seconds = builder.apply(.modulo, time.operand, constant(86_400))
            return Value(builder.apply(.truncate, seconds), .integer)
        default: return nil
        }
    }
}
