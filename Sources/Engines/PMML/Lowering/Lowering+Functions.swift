internal import Scoring
internal import Tabular

/// Built-in functions (PMML 4.4, Built-in Functions) and functions that the file defines.
extension Lowering {
    func lower(_ apply: Apply, in scope: Scope) throws(ScoringError) -> Value {
        let arguments = try self.arguments(of: apply, in: scope)
        let outer = treatsInvalidAsMissing
        treatsInvalidAsMissing = apply.invalidTreatment == .asMissing
        defer { treatsInvalidAsMissing = outer }
        var result = try treatingInvalid(call(apply, arguments), of: apply, arguments)
        // A condition's other branch does not count, and a branch that is not there is no argument.
        var inputs = apply.function == "if" ? [arguments[0], result] : arguments
        if apply.function == "if", apply.arguments.count == 2 {
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
            if let value = builder.value(of: replacement), let domain = result.domain, !domain.contains(value) {
                result.domain = domain + [value]
            }
        }
        return result
    }

    /// The arguments; those of a condition's branches fail no row that takes the other one.
    private func arguments(of apply: Apply, in scope: Scope) throws(ScoringError) -> [Value] {
        var arguments: [Value] = []
        let outer = gate
        defer { gate = outer }
        for (index, argument) in apply.arguments.enumerated() {
            if apply.function == "if", index > 0 {
                let condition = try boolean(arguments[0], apply.place)
                let isTaken = builder.apply(.equal, condition, constant(index == 1 ? 1 : 0))
                gate = outer.map { builder.apply(.and, $0, isTaken) } ?? isTaken
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
        guard names.functions[apply.function] == nil, Self.isPartial(apply.function) else { return result }
        switch apply.invalidTreatment {
        case .asIs: break
        case .asValue: throw invalid("<Apply> has no value for invalidValueTreatment=\"asValue\"", apply.place)
        case .asMissing:
            // Infinity minus itself is nothing.
            let difference = builder.apply(.subtract, value.operand, value.operand)
            result.operand = builder.apply(.only, value.operand, builder.apply(.equal, difference, constant(0)))
        case .returnInvalid:
            var isInvalid = builder.apply(.isMissing, value.operand)
            if apply.function == "/", arguments.allSatisfy({ $0.type == .integer }) {
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
        let call = FunctionCall(name: name, arguments: arguments, place: apply.place)
        if let result = try numeric(call) { return result }
        if let result = try logical(call) { return result }
        if let result = try textual(call) { return result }
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
        let result = try lower(function.body, as: function.type, in: scope)
        return try function.type.map { (type) throws(ScoringError) in try cast(result, to: type, function.place) } ?? result
    }
}

/// A call of a built-in function.
struct FunctionCall {
    var name: String
    var arguments: [Value]
    var place: Place
}

// MARK: - Numbers

extension Lowering {
    /// The arguments as numbers.
    private func numbers(_ call: FunctionCall) throws(ScoringError) -> [Value] {
        var numbers: [Value] = []
        for argument in call.arguments {
            switch argument.type {
            case .integer, .float, .double, .boolean: numbers.append(argument)
            case .string: numbers.append(try cast(argument, to: .double, call.place))
            default: numbers.append(Value(argument.operand, .integer))
            }
        }
        return numbers
    }

    /// A result of arithmetic; in float32 it is rounded.
    private func number(_ operand: Formula.Operand, _ type: DataType) -> Value {
        Value(type == .float ? builder.apply(.float32, operand) : operand, type)
    }

    private static let unaryFunctions: [String: (Formula.Operation, isWhole: Bool)] = [
        "abs": (.absolute, false), "floor": (.floor, true), "ceil": (.ceiling, true), "round": (.roundHalfUp, true),
        "rint": (.roundHalfEven, false), "sqrt": (.squareRoot, false), "exp": (.exponential, false),
        "expm1": (.exponentialMinus1, false), "ln": (.logarithm, false), "log10": (.logarithm10, false),
        "ln1p": (.logarithmPlus1, false), "log1p": (.logarithmPlus1, false), "sin": (.sine, false), "cos": (.cosine, false),
        "tan": (.tangent, false), "asin": (.arcSine, false), "acos": (.arcCosine, false), "atan": (.arcTangent, false),
        "sinh": (.hyperbolicSine, false), "cosh": (.hyperbolicCosine, false), "tanh": (.hyperbolicTangent, false),
        "erf": (.errorFunction, false), "stdNormalCDF": (.normalDistribution, false), "stdNormalPDF": (.normalDensity, false),
        "stdNormalIDF": (.normalQuantile, false), "expit": (.logistic, false),
    ]

    private static let binaryFunctions: [String: Formula.Operation] = [
        "+": .add, "-": .subtract, "*": .multiply, "/": .divide, "pow": .power, "modulo": .modulo, "hypot": .hypotenuse,
        "atan2": .arcTangent2,
    ]

    /// Whether a function of numbers can be undefined for numbers.
    private static func isPartial(_ name: String) -> Bool {
        let name = name.hasPrefix("x-") ? String(name.dropFirst(2)) : name
        return name == "substring" || unaryFunctions[name] != nil || binaryFunctions[name] != nil || name.hasPrefix("normal")
    }

    private static let aggregates: [String: Formula.Operation] = [
        "sum": .sum, "avg": .average, "min": .minimum, "max": .maximum, "median": .median, "product": .product,
    ]

    func numeric(_ call: FunctionCall) throws(ScoringError) -> Value? {
        if let operation = Self.binaryFunctions[call.name] {
            if call.arguments.count == 1, call.name == "-" || call.name == "+" {
                let a = try numbers(call)[0]
                return call.name == "+" ? a : number(builder.apply(.subtract, constant(0), a.operand), a.type)
            }
            let arguments = try numbers(call)
            var type = ValueType.common(arguments.map(\.type))
            if operation == .divide && type == .integer || operation == .hypotenuse || operation == .arcTangent2 {
                type = .double
            }
            var result = builder.apply(operation, arguments[0].operand, arguments[1].operand)
            if operation == .power, type == .integer {
                // What is left of whole numbers is no whole number: not defined.
                result = builder.apply(.only, result, builder.apply(.greaterOrEqual, arguments[1].operand, constant(0)))
            }
            return number(result, type)
        }
        if let (operation, isWhole) = Self.unaryFunctions[call.name] {
            let argument = try numbers(call)[0]
            // Functions of a float are computed and given as doubles; what has no fraction or sign stays what it is.
            let type: DataType = isWhole ? .integer : operation == .absolute ? ValueType.common([argument.type]) : .double
            return Value(builder.apply(operation, argument.operand), type)
        }
        if let operation = Self.aggregates[call.name] {
            let arguments = try numbers(call)
            let type = operation == .average || operation == .median ? .double : ValueType.common(arguments.map(\.type))
            return number(builder.combine(operation, arguments.map(\.operand)), type)
        }
        switch call.name {
        case "threshold":
            let arguments = try numbers(call)
            return Value(
                builder.apply(.greater, arguments[0].operand, arguments[1].operand), .integer, .continuous, domain: [0, 1])
        case "normalCDF", "normalPDF":
            let a = try distribution(call)
            let standard = builder.apply(.divide, builder.apply(.subtract, a[0], a[1]), a[2])
            guard call.name == "normalPDF" else { return Value(builder.apply(.normalDistribution, standard), .double) }
            return Value(builder.apply(.divide, builder.apply(.normalDensity, standard), a[2]), .double)
        case "normalIDF":
            let a = try distribution(call)
            let scaled = builder.apply(.multiply, builder.apply(.normalQuantile, a[0]), a[2])
            return Value(builder.apply(.add, scaled, a[1]), .double)
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

extension Lowering {
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
                try boolean(arguments[0], call.place), arguments[1], arguments.count > 2 ? arguments[2] : nil, call.place)
        default: return nil
        }
    }

    func boolean(_ value: Value, _ place: Place) throws(ScoringError) -> Formula.Operand {
        try cast(value, to: .boolean, place).operand
    }

    private func conditional(_ condition: Formula.Operand, _ then: Value, _ other: Value?, _ place: Place) throws(ScoringError)
        -> Value
    {
        let other = other ?? Value(constant(.nan), then.type, domain: [])
        var type = then.type
        if then.type != other.type {
            // A missing constant has whatever type the other branch has.
            if then.domain == [] {
                type = other.type
            } else if other.domain == [] {
                type = then.type
            } else if then.type == .string || other.type == .string {
                type = .string
            } else {
                type = ValueType.common([then.type, other.type])
            }
        }
        let branches = try [then, other].map { (value) throws(ScoringError) in
            value.domain == [] ? Value(value.operand, type, domain: []) : try cast(value, to: type, place)
        }
        var result = Value(builder.apply(.choose, condition, branches[0].operand, branches[1].operand), type, then.opType)
        if let first = branches[0].domain, let second = branches[1].domain { result.domain = distinct(first + second) }
        result.origins = Array(Set(branches[0].origins + branches[1].origins)).sorted()
        if type == .string {
            let (first, second) = (branches[0].text, branches[1].text)
            if let first, let second, first != second {
                result.text = builder.text(.choose(builder.slot(of: condition), first, second))
            } else {
                result.text = first ?? second
            }
        }
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
                guard a.text != nil, b.text != nil else { return builder.apply(operation, a.operand, b.operand) }
                // Two strings that the model does not know are equal if their texts are.
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
        let outer = treatsInvalidAsMissing
        defer { treatsInvalidAsMissing = outer }
        treatsInvalidAsMissing = outer || isEquality
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
        let texts = Set((domain + otherDomain).filter { $0 >= 0 }.map { symbols[Int($0)] }).sorted {
            $0.utf16.lexicographicallyPrecedes($1.utf16)
        }
        let ranks = Dictionary(uniqueKeysWithValues: texts.enumerated().map { ($0.element, Double($0.offset)) })
        return try tabulated([value], .integer, place) { ranks[$0[0]] }
    }
}

// MARK: - Texts and dates

extension Lowering {
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
            return Value(builder.apply(.subtract, date.operand, constant(start)), .integer)
        case "dateSecondsSinceMidnight":
            let time = call.arguments[0]
            guard time.type == .dateTime || time.type == .time else {
                throw unsupported("'\(call.name)' of a value of type \(time.type)", call.place)
            }
            return Value(builder.apply(.modulo, time.operand, constant(86_400)), .integer)
        default: return nil
        }
    }
}
