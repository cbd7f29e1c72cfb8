import Glibc
import PMML
import Scoring
import Testing

/// Every built-in function by its values (PMML 4.4, Built-in Functions), and the table that both passes go by.
@Suite struct BuiltInFunctionTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("n", "integer") + PMMLText.field("m", "integer")
        + PMMLText.field("f", "float") + PMMLText.field("b", "boolean")
        + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "Bc")) + PMMLText.field("t", "string")
        + PMMLText.field("d", "date", "ordinal") + PMMLText.field("dt", "dateTime", "ordinal")
        + PMMLText.field("tm", "time", "ordinal")

    /// What the function makes of the arguments and the type of it; the result keeps the type that it has.
    func result(_ function: String, _ arguments: [String], _ row: [String: String], attributes: String = "") throws
        -> (text: String?, type: DataType?)
    {
        let text = PMMLText.document(
            fields: Self.fields,
            """
            <TreeModel functionName="regression">\(PMMLText.schema("x", "z", "n", "m", "f", "b", "s", "t", "d", "dt", "tm"))
            <Output><OutputField name="y" feature="transformedValue" optype="categorical">\(ExpressionText.apply(function, arguments, attributes))</OutputField></Output>
            <Node score="1"><True/></Node></TreeModel>
            """)
        let model = try load(text)
        let scores = try score(model, [row])
        if let failure = scores.failure(row: 0) { throw failure }
        let lowered = try ModelAssembly.lowered(Typing.typed(Document.read(Array(text.utf8))))
        return (PMMLTests.text(scores, model, row: 0, "y"), lowered.fieldTypes["y"]?.type)
    }

    static let row = [
        "x": "2.5", "z": "-1.5", "n": "7", "m": "-2", "f": "0.1", "b": "true", "s": "Bc", "t": " Mixed Text ", "d": "2001-03-04",
        "dt": "2001-03-04T05:06:07", "tm": "05:06:07",
    ]
    static let f = Double(Float(0.1))

    struct Case: CustomTestStringConvertible {
        var function: String
        var arguments: [String]
        var value: String
        var type: DataType

        init(_ function: String, _ arguments: String..., gives value: String, _ type: DataType) {
            (self.function, self.arguments, self.value, self.type) = (function, arguments, value, type)
        }

        init(_ function: String, _ arguments: String..., gives value: Double, _ type: DataType = .double) {
            (self.function, self.arguments, self.value, self.type) = (function, arguments, "\(value)", type)
        }

        var testDescription: String { "\(function)(\(arguments.joined(separator: ", ")))" }
    }

    static let numbers = [
        Case("+", "x", "z", gives: 1.0), Case("+", "n", "m", gives: "5", .integer), Case("+", "n", "b", gives: "8", .integer),
        Case("+", "f", "f", gives: Double(Float(0.1) + Float(0.1)), .float), Case("+", "f", "x", gives: f + 2.5),
        Case("+", "n", gives: "7", .integer), Case("+", "b", gives: "1", .integer),
        Case("-", "n", "x", gives: 4.5), Case("-", "x", gives: -2.5), Case("-", "n", gives: "-7", .integer),
        Case("-", "b", gives: "-1", .integer), Case("*", "n", "m", gives: "-14", .integer), Case("*", "x", "z", gives: -3.75),
        Case("/", "n", "m", gives: -3.5), Case("/", "x", "z", gives: 2.5 / -1.5),
        Case("/", "f", "n", gives: Double(Float(f / 7)), .float),
        Case("pow", "x", "z", gives: pow(2.5, -1.5)), Case("pow", "n", "2", gives: "49", .integer),
        Case("modulo", "n", "m", gives: "-1", .integer), Case("modulo", "x", "z", gives: -0.5),
        Case("modulo", "z", "x", gives: 1.0),
        Case("hypot", "x", "z", gives: hypot(2.5, -1.5)), Case("hypot", "f", "f", gives: hypot(f, f)),
        Case("atan2", "z", "x", gives: atan2(-1.5, 2.5)),
        Case("min", "x", "n", "z", gives: -1.5), Case("max", "n", "m", gives: "7", .integer),
        Case("sum", "f", "f", gives: Double(Float(f + f)), .float),
        Case("sum", "x", "n", "m", gives: 7.5), Case("product", "x", "n", gives: 17.5), Case("avg", "n", "m", gives: 2.5),
        Case("avg", "f", gives: f), Case("median", "x", "n", "m", gives: 2.5), Case("median", "n", "m", gives: 2.5),
        Case("log10", "n", gives: log10(7)), Case("ln", "x", gives: log(2.5)), Case("x-ln1p", "x", gives: log1p(2.5)),
        Case("log1p", "x", gives: log1p(2.5)), Case("sqrt", "x", gives: 2.5.squareRoot()),
        Case("sqrt", "f", gives: f.squareRoot()),
        Case("abs", "z", gives: 1.5), Case("abs", "m", gives: "2", .integer), Case("abs", "b", gives: "1", .integer),
        Case("exp", "z", gives: exp(-1.5)), Case("expm1", "z", gives: expm1(-1.5)),
        Case("threshold", "x", "z", gives: "1", .integer), Case("threshold", "z", "x", gives: "0", .integer),
        Case("threshold", "x", "x", gives: "0", .integer),
        Case("floor", "z", gives: "-2", .integer), Case("ceil", "z", gives: "-1", .integer),
        Case("round", "z", gives: "-1", .integer),
        Case("round", "x", gives: "3", .integer), Case("rint", "x", gives: 2.0), Case("rint", "z", gives: -2.0),
        Case("sin", "x", gives: sin(2.5)), Case("cos", "x", gives: cos(2.5)), Case("tan", "x", gives: tan(2.5)),
        Case("asin", "f", gives: asin(f)), Case("acos", "0.25", gives: acos(0.25)),
        Case("atan", "x", gives: atan(2.5)),
        Case("sinh", "x", gives: sinh(2.5)), Case("cosh", "x", gives: cosh(2.5)), Case("tanh", "x", gives: tanh(2.5)),
        Case("erf", "x", gives: erf(2.5)), Case("expit", "x", gives: 1 / (1 + exp(-2.5))),
        Case("stdNormalCDF", "z", gives: 0.5 * erfc(1.5 / 2.0.squareRoot())),
        Case("stdNormalPDF", "z", gives: exp(-1.125) / (2 * Double.pi).squareRoot()),
        Case("stdNormalIDF", "0.5", gives: 0.0),
        Case("normalCDF", "x", "1.0", "2.0", gives: 0.5 * erfc(-0.75 / 2.0.squareRoot())),
        Case("normalPDF", "x", "1.0", "2.0", gives: exp(-0.28125) / (2 * Double.pi).squareRoot() / 2),
        Case("normalIDF", "0.5", "3.0", "2.0", gives: 3.0),
    ]

    static let truths = [
        Case("equal", "n", "7", gives: "true", .boolean), Case("notEqual", "n", "7.0", gives: "false", .boolean),
        Case("equal", "s", "'Bc'", gives: "true", .boolean), Case("equal", "t", "s", gives: "false", .boolean),
        Case("lessThan", "z", "m", gives: "false", .boolean), Case("lessOrEqual", "x", "x", gives: "true", .boolean),
        Case("greaterThan", "s", "'Bb'", gives: "true", .boolean), Case("greaterOrEqual", "x", "n", gives: "false", .boolean),
        Case("isMissing", "x", gives: "false", .boolean), Case("isNotMissing", "x", gives: "true", .boolean),
        Case("isValid", "s", gives: "true", .boolean), Case("isNotValid", "s", gives: "false", .boolean),
        Case("isIn", "n", "1", "7", gives: "true", .boolean), Case("isNotIn", "s", "'a'", "'c'", gives: "true", .boolean),
        Case("and", "b", "b", "b", gives: "true", .boolean), Case("or", "b", "b", gives: "true", .boolean),
        Case("not", "b", gives: "false", .boolean),
        Case("and", "n", "b", gives: "true", .boolean), Case("if", "b", "n", "m", gives: "7", .integer),
        Case("if", "b", "n", "x", gives: 7.0),
        Case("if", "b", "s", "n", gives: "Bc", .string), Case("if", "n", "x", gives: 2.5),
    ]

    static let texts = [
        Case("uppercase", "s", gives: "BC", .string), Case("lowercase", "t", gives: " mixed text ", .string),
        Case("trimBlanks", "t", gives: "Mixed Text", .string), Case("concat", "s", "n", gives: "Bc7", .string),
        Case("concat", "s", "d", gives: "Bc2001-03-04", .string), Case("substring", "s", "2", "1", gives: "c", .string),
        Case("substring", "t", "2", "5", gives: "Mixed", .string), Case("replace", "t", "'[a-z]'", "''", gives: " M T ", .string),
        Case("stringLength", "t", gives: "12", .integer), Case("matches", "s", "'^B'", gives: "true", .boolean),
        Case("formatNumber", "n", "'%03d'", gives: "007", .string), Case("formatNumber", "x", "'%.3f'", gives: "2.500", .string),
        Case("formatDatetime", "d", "'%d.%m.%Y'", gives: "04.03.2001", .string),
        Case("formatDatetime", "dt", "'%H:%M'", gives: "05:06", .string),
        Case("dateDaysSinceYear", "d", "2001", gives: "62", .integer),
        Case("dateDaysSinceYear", "dt", "2000", gives: "428", .integer),
        Case("dateSecondsSinceYear", "dt", "2001", gives: "\(62 * 86_400 + 18_367)", .integer),
        Case("dateSecondsSinceMidnight", "dt", gives: "18367", .integer),
        Case("dateSecondsSinceMidnight", "tm", gives: "18367", .integer),
    ]

    @Test(arguments: numbers + truths + texts)
    func theValueAndItsTypeAreRight(_ test: Case) throws {
        let result = try result(test.function, test.arguments, Self.row)
        #expect(result.type == test.type)
        if let expected = Double(test.value), let actual = result.text.flatMap({ Double($0) }) {
            #expect(abs(actual - expected) <= 1e-15 * max(1, abs(expected)))
        } else {
            #expect(result.text == test.value)
        }
    }

    /// What functions that have their own rules for missing arguments make of them.
    static let withoutArguments: [String: String] = [
        "isMissing": "true", "isNotMissing": "false", "isValid": "false", "isNotValid": "true", "isIn": "false",
        "isNotIn": "true",
    ]

    @Test(arguments: numbers + truths + texts)
    func missingArgumentsGiveMissing(_ test: Case) throws {
        // Constants are never missing.
        guard test.arguments.contains(where: { !$0.hasPrefix("'") && $0.first!.isLetter }) else { return }
        #expect(try result(test.function, test.arguments, [:]).text == Self.withoutArguments[test.function] ?? "")
    }

    @Test func everyFunctionIsTried() {
        let tried = Set((Self.numbers + Self.truths + Self.texts).map { $0.function.replacing("x-", with: "") })
        #expect(tried == BuiltInFunction.names)
    }

    @Test func missingMembersOfAnAggregateDoNotCount() throws {
        let row = ["x": "4.0", "n": "1"]
        for (function, expected) in [
            ("sum", "5.0"), ("avg", "2.5"), ("min", "1.0"), ("max", "4.0"), ("median", "2.5"), ("product", "4.0"),
        ] {
            #expect(try result(function, ["x", "z", "n"], row).text == expected)
        }
    }

    @Test func logicKnowsTheUnknown() throws {
        let (yes, no, unknown) = (["b": "true"], ["b": "false"], [:] as [String: String])
        let other = ExpressionText.apply("equal", ["n", "1"])
        for (function, row, expected) in [
            ("and", no, "false"), ("and", yes, ""), ("and", unknown, ""), ("or", yes, "true"), ("or", no, ""),
            ("or", unknown, ""),
        ] {
            #expect(try result(function, ["b", other], row).text == expected)
        }
        #expect(try result("not", ["b"], unknown).text == "")
        #expect(try result("if", ["b", "1", "2"], unknown).text == "")
        #expect(try result("if", ["b", "1"], no).text == "")
        #expect(try result("isIn", ["n", "1", "m"], ["n": "1"]).text == "true")
        #expect(try result("isIn", ["n", "1", "m"], ["n": "2"]).text == "false")
    }

    @Test func textsAreReadWhereOtherTypesAreNeeded() throws {
        #expect(try result("+", ["t", "1"], ["t": "41"]).text == "42.0")
        #expect(try result("round", ["t"], ["t": "2.5"]).text == "3")
        #expect(try result("max", ["t", "n"], ["t": "2.5", "n": "1"]).text == "2.5")
        #expect(try result("normalIDF", ["t", "3", "2"], ["t": "0.5"]).text == "3.0")
        #expect(try result("and", ["t", "b"], ["t": "true", "b": "true"]).text == "true")
        #expect(try result("if", ["t", "1", "2"], ["t": "false"]).text == "2")
        #expect(try result("dateDaysSinceYear", ["t", "2001"], ["t": "2001-01-02"]).text == "1")
        #expect(try result("substring", ["t", "s", "1"], ["t": "x"]).text == "")
    }

    @Test(arguments: [
        ("+", ["t", "1"]), ("hypot", ["t", "x"]), ("avg", ["t"]), ("threshold", ["t", "0"]), ("not", ["t"]),
        ("if", ["t", "x", "x"]),
        ("lessThan", ["n", "t"]), ("dateDaysSinceYear", ["t", "2001"]), ("substring", ["t", "t", "1"]),
        ("sqrt", ["z"]), ("ln", ["z"]), ("asin", ["x"]), ("stdNormalIDF", ["x"]),
    ])
    func argumentsOfTheWrongKindFailTheRow(_ function: String, _ arguments: [String]) throws {
        #expect(throws: ScoringError.self) { try result(function, arguments, Self.row) }
        let treated = try result(function, arguments, Self.row, attributes: "invalidValueTreatment=\"asMissing\"").text
        #expect(treated == "")
    }

    @Test(arguments: [
        ("matches", ["t", "u"]), ("dateDaysSinceYear", ["b", "2001"]), ("dateDaysSinceYear", ["d", "n"]),
        ("dateSecondsSinceMidnight", ["x"]),
        ("formatDatetime", ["x", "'%Y'"]), ("not", ["d"]), ("substring", ["t", "d", "1"]), ("formatNumber", ["d", "'%d'"]),
        ("concat", ["s", "gone"]), ("if", ["d", "1", "2"]),
    ])
    func argumentsThatCannotBeAreRefused(_ function: String, _ arguments: [String]) {
        #expect(throws: ScoringError.self) { try result(function, arguments, Self.row) }
    }
}
