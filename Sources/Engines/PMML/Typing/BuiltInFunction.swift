/// What is known of a built-in function: how many arguments it takes, and what comes out
/// (PMML 4.4, Built-in Functions).
struct BuiltInFunction {
    enum Result {
        case type(DataType)
        /// Double, or float where the argument is one; integer stays integer if `keepsIntegers`.
        case floating(keepsIntegers: Bool)
        /// The type of arithmetic on the arguments; integers give a double if `isFractional`.
        case arithmetic(isFractional: Bool)
        /// That of the branches.
        case branches
    }

    var arguments: ClosedRange<Int>
    var result: Result
    /// Whether the text of its arguments matters, not only which of the known strings they are.
    var readsTexts = false

    /// The function of a name, with its standard name; nil for one that is not built in. Functions that later became standard were
    /// vendor functions before, with `x-` in front.
    static func named(_ name: String) -> (name: String, function: BuiltInFunction)? {
        let name = name.hasPrefix("x-") ? String(name.dropFirst(2)) : name
        return all[name].map { (name, $0) }
    }

    private static let all: [String: BuiltInFunction] = {
        var all: [String: BuiltInFunction] = [:]
        func add(_ names: String, _ arguments: ClosedRange<Int>, _ result: Result, readsTexts: Bool = false) {
            for name in names.split(separator: " ") {
                all[String(name)] = BuiltInFunction(arguments: arguments, result: result, readsTexts: readsTexts)
            }
        }
        add("+ -", 1...2, .arithmetic(isFractional: false))
        add("* pow modulo", 2...2, .arithmetic(isFractional: false))
        add("/", 2...2, .arithmetic(isFractional: true))
        add("hypot atan2", 2...2, .type(.double))
        add("abs", 1...1, .floating(keepsIntegers: true))
        add("floor ceil round", 1...1, .type(.integer))
        add(
            "rint sqrt exp expm1 ln log10 ln1p log1p sin cos tan asin acos atan sinh cosh tanh erf stdNormalCDF stdNormalPDF stdNormalIDF expit",
            1...1, .floating(keepsIntegers: false))
        // Converted text models add up a term a word.
        add("sum min max product", 1...65_536, .arithmetic(isFractional: false))
        add("avg median", 1...4_096, .type(.double))
        add("normalCDF normalPDF normalIDF", 3...3, .type(.double))
        add("threshold", 2...2, .type(.integer))

        add("equal notEqual lessThan lessOrEqual greaterThan greaterOrEqual", 2...2, .type(.boolean))
        add("isMissing isNotMissing isValid isNotValid not", 1...1, .type(.boolean))
        add("and or", 1...4_096, .type(.boolean))
        add("isIn isNotIn", 2...Int.max, .type(.boolean))
        add("if", 2...3, .branches)

        add("uppercase lowercase trimBlanks", 1...1, .type(.string), readsTexts: true)
        add("concat", 1...256, .type(.string), readsTexts: true)
        add("substring replace", 3...3, .type(.string), readsTexts: true)
        add("formatNumber formatDatetime", 2...2, .type(.string), readsTexts: true)
        add("stringLength", 1...1, .type(.integer), readsTexts: true)
        add("matches", 2...2, .type(.boolean), readsTexts: true)
        add("dateDaysSinceYear dateSecondsSinceYear", 2...2, .type(.integer), readsTexts: true)
        add("dateSecondsSinceMidnight", 1...1, .type(.integer), readsTexts: true)
        return all
    }()
}
