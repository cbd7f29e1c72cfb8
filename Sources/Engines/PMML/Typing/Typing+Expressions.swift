internal import Scoring

/// Types of expressions.
extension Typing {
    typealias Scope = FieldScope<ValueType>

    /// - Parameter expected: what literals in the expression are read as, where it does not say itself.
    func type(of expression: Expression, as expected: DataType? = nil, in scope: Scope) throws(ScoringError) -> ValueType {
        expressionCount += 1
        switch expression {
        case .constant(let constant):
            let type = constant.valueType(expected: expected)
            let isNothing = constant.isMissing || type != .string && NumberText.trimmed(constant.text).isEmpty
            return isNothing ? .nothing(type) : ValueType(type, isListed: true)
        case .field(let reference):
            var type = try meaning(of: reference.field, in: scope, reference.place)
            if reference.mapMissingTo != nil { type.isNothing = false }
            return type
        case .normContinuous(let norm):
            try number(norm.field, norm.place, in: scope)
            return ValueType(.double)
        case .normDiscrete(let norm):
            _ = try meaning(of: norm.field, in: scope, norm.place)
            return ValueType(.double)
        case .discretize(let discretize):
            try number(discretize.field, discretize.place, in: scope)
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
            return ValueType(index.localTermWeights.isWhole ? .integer : .double)
        case .apply(let apply):
            return try nested(apply.place) { () throws(ScoringError) in
                guard expressionCount <= Self.maxExpressions else {
                    throw invalid("the model is too large once its functions are inserted", apply.place)
                }
                var arguments: [ValueType] = []
                for argument in apply.arguments { arguments.append(try type(of: argument, in: scope)) }
                var type = try type(of: apply, arguments)
                if apply.defaultValue != nil || apply.mapMissingTo != nil { type.isNothing = false }
                return type
            }
        }
    }

    /// Makes sure that a field is one of numbers, or of what counts as numbers.
    func number(_ field: String, _ place: Place, in scope: Scope) throws(ScoringError) {
        guard try meaning(of: field, in: scope, place).type != .string else {
            throw invalid("the field '\(field)' is no number", place)
        }
    }

    private func type(of apply: Apply, _ arguments: [ValueType]) throws(ScoringError) -> ValueType {
        if let function = names.functions[apply.function] { return try type(of: function, arguments, apply.place) }
        guard let (_, function) = BuiltInFunction.named(apply.function) else {
            throw unsupported("the function '\(apply.function.prefix(60))'", apply.place)
        }
        guard function.arguments.contains(arguments.count) else {
            throw invalid("the function '\(apply.function)' does not take \(arguments.count) arguments", apply.place)
        }
        try read(arguments, as: function.reading, apply.place)
        let type = function.type(of: arguments)
        switch function.result {
        case .string: return ValueType(type, isListed: arguments.allSatisfy(\.isListed))
        case .branches: return try branches(arguments[1], arguments.count > 2 ? arguments[2] : nil, type, apply.place)
        case .type, .arithmetic: return ValueType(type)
        }
    }

    /// Finds the texts that a function reads of its arguments.
    private func read(_ arguments: [ValueType], as reading: BuiltInFunction.Reading, _ place: Place) throws(ScoringError) {
        let strings = arguments.filter { $0.type == .string }
        switch reading {
        case .anything: break
        case .numbers, .texts: strings.forEach(readText)
        case .truths: for argument in arguments { _ = try cast(argument, to: .boolean, place) }
        case .branches: _ = try cast(arguments[0], to: .boolean, place)
        case .equality:
            // Strings of a list are told by their codes.
            guard strings.count == arguments.count, strings.count(where: { !$0.isListed }) < 2 else {
                return strings.forEach(readText)
            }
        case .order:
            guard strings.count == arguments.count, strings.contains(where: \.isOrdered) else {
                return strings.forEach(readText)
            }
        }
    }

    /// The value of one of the branches; without a second one the result can be missing.
    private func branches(_ then: ValueType, _ other: ValueType?, _ type: DataType, _ place: Place) throws(ScoringError)
        -> ValueType
    {
        let other = other ?? .nothing(then.type)
        let (first, second) = (try cast(then, to: type, place), try cast(other, to: type, place))
        var result = ValueType(type, then.opType, isListed: first.isListed && second.isListed)
        result.origins = first.origins.union(second.origins)
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
        guard !value.isNothing else { return .nothing(type) }
        guard value.type.converts(to: type) else {
            throw unsupported("turning a value of type \(value.type) into \(type)", place)
        }
        if value.type == .string { readText(of: value) }
        // Dates and times are never listed.
        let isListed = value.isListed && (type == .string || type.isNumeric)
        return ValueType(type, value.opType, isListed: isListed)
    }
}
