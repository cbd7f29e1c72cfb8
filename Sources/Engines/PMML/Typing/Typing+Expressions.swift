internal import Scoring

/// Types of expressions.
extension Typing {
    typealias Scope = FieldScope<ValueType>

    /// - Parameter expected: what literals in the expression are read as, where it does not say itself.
    func type(of expression: Expression, as expected: DataType? = nil, in scope: Scope) throws(ScoringError) -> ValueType {
        expressionCount += 1
        switch expression {
        case .constant(let constant):
            var type = ValueType(constant.valueType(expected: expected), isListed: true)
            type.isNothing = constant.isMissing || type.type != .string && NumberText.trimmed(constant.text).isEmpty
            return type
        case .field(let reference): return try meaning(of: reference.field, in: scope, reference.place)
        case .normContinuous(let norm):
            _ = try meaning(of: norm.field, in: scope, norm.place)
            return ValueType(.double)
        case .normDiscrete(let norm):
            _ = try meaning(of: norm.field, in: scope, norm.place)
            return ValueType(.double)
        case .discretize(let discretize):
            _ = try meaning(of: discretize.field, in: scope, discretize.place)
            return ValueType(discretize.type ?? expected ?? .string, isListed: true)
        case .mapValues(let map):
            for pair in map.pairs { _ = try meaning(of: pair.field, in: scope, map.place) }
            return ValueType(map.type ?? expected ?? .string, isListed: true)
        case .textIndex(let index):
            let text = try meaning(of: index.field, in: scope, index.place)
            guard text.type == .string else {
                throw invalid("the field '\(index.field)' of a <TextIndex> is no string", index.place)
            }
            readText(of: text)
            readText(of: try type(of: index.term, as: .string, in: scope))
            return ValueType(.double)
        case .apply(let apply):
            return try nested(apply.place) { () throws(ScoringError) in
                guard expressionCount <= Self.mostExpressions else {
                    throw invalid("the model is too large once its functions are inserted", apply.place)
                }
                var arguments: [ValueType] = []
                for argument in apply.arguments { arguments.append(try type(of: argument, in: scope)) }
                return try type(of: apply, arguments)
            }
        }
    }

    private func type(of apply: Apply, _ arguments: [ValueType]) throws(ScoringError) -> ValueType {
        if let function = names.functions[apply.function] { return try type(of: function, arguments, apply.place) }
        guard let (name, function) = BuiltInFunction.named(apply.function) else {
            throw unsupported("the function '\(apply.function.prefix(60))'", apply.place)
        }
        guard function.arguments.contains(arguments.count) else {
            throw invalid("the function '\(apply.function)' does not take \(arguments.count) arguments", apply.place)
        }
        if function.readsTexts { arguments.forEach(readText) }
        if function.takesNumbers { for argument in arguments { _ = try number(argument) } }
        if name == "if" { readText(of: arguments[0]) }
        readCompared(arguments, by: name)
        switch function.result {
        case .type(.string): return ValueType(.string, isListed: arguments.allSatisfy(\.isListed))
        case .type(let type): return ValueType(type)
        case .branches:
            let other = arguments.count > 2 ? arguments[2] : arguments[1]
            return branches(arguments[1], other)
        case .arithmetic(let isFractional):
            var types: [DataType] = []
            for argument in arguments { types.append(try number(argument)) }
            let type = ValueType.common(types)
            return ValueType(isFractional && type == .integer ? .double : type)
        }
    }

    /// The number that an argument of arithmetic is; a text is read as a double, a date counts.
    private func number(_ argument: ValueType) throws(ScoringError) -> DataType {
        switch argument.type {
        case .double, .float: return argument.type
        case .string:
            readText(of: argument)
            return .double
        default: return .integer
        }
    }

    /// Strings that are put in order are read, and strings that are compared with other than constants.
    private func readCompared(_ arguments: [ValueType], by function: String) {
        let strings = arguments.filter { $0.type == .string }
        switch function {
        case "equal", "notEqual", "isIn", "isNotIn":
            // A text that is compared with a number is read as one.
            guard strings.count == arguments.count else { return strings.forEach(readText) }
            if strings.count(where: { !$0.isListed }) > 1 { strings.forEach(readText) }
        case "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual":
            guard strings.count < arguments.count || !strings.contains(where: { $0.opType == .ordinal }) else { return }
            strings.forEach(readText)
        default: break
        }
    }

    private func branches(_ then: ValueType, _ other: ValueType) -> ValueType {
        let type = ValueType.common(then, other)
        var result = ValueType(type, then.opType, isListed: then.isListed && other.isListed)
        result.origins = then.origins.union(other.origins)
        return result
    }

    private func type(of function: DefineFunction, _ arguments: [ValueType], _ place: Place) throws(ScoringError) -> ValueType {
        guard arguments.count == function.parameters.count else {
            throw invalid(
                "the function '\(function.name)' takes \(function.parameters.count) arguments, not \(arguments.count)", place)
        }
        let scope = Scope(isOutermost: false)
        for (parameter, argument) in zip(function.parameters, arguments) {
            scope[parameter.name] = .known(
                try parameter.type.map { (type) throws(ScoringError) in try cast(argument, to: type, place) } ?? argument)
        }
        let result = try type(of: function.body, as: function.type, in: scope)
        return try function.type.map { (type) throws(ScoringError) in try cast(result, to: type, function.place) } ?? result
    }

    /// The value as one of another type; a text becomes one by being read.
    func cast(_ value: ValueType, to type: DataType, _ place: Place) throws(ScoringError) -> ValueType {
        guard value.type != type else { return value }
        guard value.isNothing || value.type.converts(to: type) else {
            throw unsupported("turning a value of type \(value.type) into \(type)", place)
        }
        if value.type == .string { readText(of: value) }
        return ValueType(type, value.opType, isListed: value.isListed)
    }
}
