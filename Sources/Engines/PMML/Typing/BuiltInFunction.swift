/// What is known of a built-in function before any of its calls: how many arguments it takes, as what it takes
/// them, and what comes out (PMML 4.4, Built-in Functions). Typing and lowering both go by this table.
package struct BuiltInFunction {
    /// What the arguments are taken for.
    enum Reading {
        /// Whatever they are.
        case anything
        /// Numbers: truth values and dates count, a text is read.
        case numbers
        case truths
        /// Their texts, not only which of the known strings they are.
        case texts
        /// Equal or not. A text is read if it is compared with a number.
        case equality
        case order
        /// A truth value, and two values of which one is the result.
        case branches
    }

    enum Result {
        case type(DataType)
        /// A string that is one of a list if the arguments are.
        case string
        /// The type of arithmetic on the arguments; integers give a double if `isFractional`.
        case arithmetic(isFractional: Bool)
        /// That of the branches.
        case branches
    }

    var arguments: ClosedRange<Int>
    var reading: Reading
    var result: Result
    /// Whether there are numbers for which it is not defined, such as the logarithm of -1.
    var isPartial = false

    /// The standard names of all.
    package static var names: Set<String> { Set(all.keys) }

    /// The function of a name, with its standard name; nil for one that is not built in. Functions that later became standard were
    /// vendor functions before, with `x-` in front.
    static func named(_ name: String) -> (name: String, function: BuiltInFunction)? {
        let name = name.hasPrefix("x-") ? String(name.dropFirst(2)) : name
        return all[name].map { (name, $0) }
    }

    /// The type of the result. Only an open string cannot be told from a listed one by it.
    func type(of arguments: [ValueType]) -> DataType {
        switch result {
        case .type(let type): return type
        case .string: return .string
        case .branches: return ValueType.common(arguments[1], arguments.count > 2 ? arguments[2] : arguments[1])
        case .arithmetic(let isFractional):
            let type = DataType.common(arguments.map(\.type.number))
            return isFractional && type == .integer ? .double : type
        }
    }

    /// Every function, by its standard name.
    static let all: [String: BuiltInFunction] = {
        var all: [String: BuiltInFunction] = [:]
        func add(
            _ names: String, _ arguments: ClosedRange<Int>, _ reading: Reading, _ result: Result, isPartial: Bool = false
        ) {
            for name in names.split(separator: " ") {
                all[String(name)] = BuiltInFunction(
                    arguments: arguments, reading: reading, result: result, isPartial: isPartial)
            }
        }
        add("+ -", 1...2, .numbers, .arithmetic(isFractional: false), isPartial: true)
        add("* pow modulo", 2...2, .numbers, .arithmetic(isFractional: false), isPartial: true)
        add("/", 2...2, .numbers, .arithmetic(isFractional: true), isPartial: true)
        add("hypot atan2", 2...2, .numbers, .type(.double), isPartial: true)
        add("abs", 1...1, .numbers, .arithmetic(isFractional: false), isPartial: true)
        add("floor ceil round", 1...1, .numbers, .type(.integer), isPartial: true)
        add(
            "rint sqrt exp expm1 ln log10 ln1p log1p sin cos tan asin acos atan sinh cosh tanh", 1...1, .numbers,
            .type(.double), isPartial: true)
        add("erf stdNormalCDF stdNormalPDF stdNormalIDF expit", 1...1, .numbers, .type(.double), isPartial: true)
        add("normalCDF normalPDF normalIDF", 3...3, .numbers, .type(.double), isPartial: true)
        add("sum min max product", 1...65_536, .numbers, .arithmetic(isFractional: false))
        add("avg median", 1...4_096, .numbers, .type(.double))
        add("threshold", 2...2, .numbers, .type(.integer))

        add("equal notEqual", 2...2, .equality, .type(.boolean))
        add("isIn isNotIn", 2...Int.max, .equality, .type(.boolean))
        add("lessThan lessOrEqual greaterThan greaterOrEqual", 2...2, .order, .type(.boolean))
        add("isMissing isNotMissing isValid isNotValid", 1...1, .anything, .type(.boolean))
        add("not", 1...1, .truths, .type(.boolean))
        add("and or", 2...4_096, .truths, .type(.boolean))
        add("if", 2...3, .branches, .branches)

        add("uppercase lowercase trimBlanks", 1...1, .texts, .string)
        add("concat", 1...256, .texts, .string)
        add("substring", 3...3, .texts, .string, isPartial: true)
        add("replace", 3...3, .texts, .string)
        add("formatNumber formatDatetime", 2...2, .texts, .type(.string))
        add("stringLength", 1...1, .texts, .type(.integer))
        add("matches", 2...2, .texts, .type(.boolean))
        add("dateDaysSinceYear dateSecondsSinceYear", 2...2, .texts, .type(.integer))
        add("dateSecondsSinceMidnight", 1...1, .texts, .type(.integer))
        return all
    }()
}
