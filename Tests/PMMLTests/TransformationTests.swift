import PMML
import Scoring
import Testing

/// Expressions and built-in functions, each by its value.
@Suite struct TransformationTests {
    func value(
        _ expression: String, _ row: [String: String] = [:], type: String = "double", functions: String = ""
    ) throws -> String {
        let model = try load(PMMLText.expression(expression, type: type, functions: functions))
        let scores = try score(model, [row])
        if let failure = scores.failure(row: 0) { throw failure }
        return text(scores, model, row: 0, "y") ?? "?"
    }

    func apply(_ function: String, _ arguments: String..., attributes: String = "") -> String {
        ExpressionText.apply(function, arguments, attributes)
    }

    @Test func arithmeticIsExactAndMissingIsContagious() throws {
        #expect(try value(apply("+", "x", "2.5"), ["x": "0.1"]) == "2.6")
        #expect(try value(apply("-", "x", "z"), ["x": "1", "z": "3"]) == "-2.0")
        #expect(try value(apply("*", "x", "z"), ["x": "1"]) == "")
        #expect(try value(apply("/", "n", "2"), ["n": "5"]) == "2.5")
        #expect(try value(apply("pow", "x", "0.5"), ["x": "2"]) == "\(2.0.squareRoot())")
        #expect(try value(apply("pow", "x", "0"), [:]) == "")
        #expect(try value(apply("modulo", "x", "3"), ["x": "-7"]) == "2.0")
    }

    @Test func aSumCanHaveATermForEveryWordOfAVocabulary() throws {
        func sum(of count: Int) -> String { apply("sum", String(repeating: "<FieldRef field='x'/>", count: count)) }
        #expect(try value(sum(of: 6_000), ["x": "0.5"]) == "3000.0")
        #expect(try value(sum(of: 6_000), [:]) == "")
        #expect(throws: ScoringError.self) { try value(sum(of: 65_537), ["x": "0.5"]) }
    }

    @Test func aggregatesIgnoreMissingValues() throws {
        let row = ["x": "4", "n": "1"]
        #expect(try value(apply("sum", "x", "z", "n"), row) == "5.0")
        #expect(try value(apply("avg", "x", "z", "n"), row) == "2.5")
        #expect(try value(apply("min", "x", "z", "n"), row) == "1.0")
        #expect(try value(apply("max", "z", "x", "n"), row) == "4.0")
        #expect(try value(apply("product", "x", "z", "3.0"), row) == "12.0")
        #expect(try value(apply("median", "x", "z", "n", "2.0"), row) == "2.0")
        #expect(try value(apply("median", "x", "n"), row) == "2.5")
        #expect(try value(apply("sum", "z", "z"), row) == "")
    }

    @Test(arguments: [
        ("abs", "-2.5", "2.5"), ("floor", "-2.5", "-3.0"), ("ceil", "-2.5", "-2.0"), ("round", "-2.5", "-2.0"),
        ("round", "2.5", "3.0"),
        ("round", "0.49999999999999994", "0.0"), ("rint", "2.5", "2.0"), ("sqrt", "9", "3.0"), ("exp", "0", "1.0"),
        ("ln", "1", "0.0"),
        ("log10", "1000", "3.0"), ("ln1p", "0", "0.0"), ("expm1", "0", "0.0"), ("sin", "0", "0.0"), ("cos", "0", "1.0"),
        ("tan", "0", "0.0"),
        ("asin", "0", "0.0"), ("acos", "1", "0.0"), ("atan", "0", "0.0"), ("sinh", "0", "0.0"), ("cosh", "0", "1.0"),
        ("tanh", "0", "0.0"),
        ("erf", "0", "0.0"), ("stdNormalCDF", "0", "0.5"), ("stdNormalIDF", "0.5", "0.0"), ("expit", "0", "0.5"),
        ("x-expm1", "0", "0.0"),
    ])
    func functionsOfOneNumber(_ function: String, _ argument: String, _ result: String) throws {
        #expect(try value(apply(function, "x"), ["x": argument]) == result)
        #expect(try value(apply(function, "x")) == "")
    }

    @Test func quantilesInvertTheNormalDistribution() throws {
        for p in [1e-9, 0.001, 0.02, 0.3, 0.5, 0.7, 0.99, 0.999999] {
            let text = try value(apply("stdNormalCDF", apply("stdNormalIDF", "x")), ["x": "\(p)"])
            #expect(abs(Double(text)! - p) <= 1e-14 * max(p, 1e-3) / 1e-3)
        }
    }

    @Test func comparisonsAreThreeValued() throws {
        let less = apply("lessThan", "x", "3.0")
        #expect(try value(less, ["x": "2"], type: "boolean") == "true")
        #expect(try value(less, ["x": "3"], type: "boolean") == "false")
        #expect(try value(less, [:], type: "boolean") == "")
        #expect(try value(apply("and", less, apply("equal", "n", "1")), ["n": "2"], type: "boolean") == "false")
        #expect(try value(apply("and", less, apply("equal", "n", "1")), ["n": "1"], type: "boolean") == "")
        #expect(try value(apply("or", less, apply("equal", "n", "1")), ["n": "1"], type: "boolean") == "true")
        #expect(try value(apply("or", less, apply("equal", "n", "1")), ["n": "2"], type: "boolean") == "")
        #expect(try value(apply("not", less), ["x": "9"], type: "boolean") == "true")
        #expect(try value(apply("isMissing", "x"), [:], type: "boolean") == "true")
        #expect(try value(apply("isNotMissing", "x"), [:], type: "boolean") == "false")
    }

    @Test func stringsAreComparedByTheirText() throws {
        #expect(try value(apply("equal", "s", "'b'"), ["s": "b"], type: "boolean") == "true")
        #expect(try value(apply("equal", "t", "'zzz'"), ["t": "zzz"], type: "boolean") == "true")
        #expect(try value(apply("notEqual", "t", "'zzz'"), ["t": "nowhere in the model"], type: "boolean") == "true")
        #expect(try value(apply("isIn", "s", "'c'", "'a'"), ["s": "a"], type: "boolean") == "true")
        #expect(try value(apply("isNotIn", "s", "'c'", "'a'"), ["s": "a"], type: "boolean") == "false")
        #expect(try value(apply("isIn", "n", "3", "5"), ["n": "5"], type: "boolean") == "true")
        #expect(try value(apply("equal", "n", "'5'"), ["n": "5"], type: "boolean") == "true")
        #expect(try value(apply("equal", "b", "'true'"), ["b": "true"], type: "boolean") == "true")
    }

    @Test func conditionsChooseABranchWithoutSufferingFromTheOther() throws {
        let ratio = apply("if", apply("greaterThan", "z", "0.0"), apply("/", "x", "z"), "-1.0")
        #expect(try value(ratio, ["x": "1", "z": "2"]) == "0.5")
        #expect(try value(ratio, ["x": "1", "z": "0"]) == "-1.0")
        #expect(try value(ratio, ["x": "1"]) == "")
        #expect(try value(apply("if", apply("isMissing", "x"), "7.0"), ["x": "1"]) == "")
        #expect(try value(apply("if", apply("isMissing", "x"), "'none'", "s"), ["s": "b", "x": "1"], type: "string") == "b")
        #expect(try value(apply("if", apply("isMissing", "x"), "'none'", "s"), ["s": "b"], type: "string") == "none")
    }

    @Test func missingArgumentsAndResultsCanBeReplaced() throws {
        #expect(try value(apply("+", "x", "z", attributes: "mapMissingTo=\"-1\""), ["x": "1"]) == "-1.0")
        #expect(try value(apply("+", "x", "z", attributes: "mapMissingTo=\"-1\""), ["x": "1", "z": "1"]) == "2.0")
        #expect(try value(apply("+", "x", "z", attributes: "defaultValue=\"9\""), ["x": "1"]) == "9.0")
        #expect(try value("<FieldRef field=\"x\" mapMissingTo=\"4\"/>") == "4.0")
    }

    @Test func floatsAreRoundedAtEveryStep() throws {
        let third = Double(Float(1) / 3)
        #expect(try value("<FieldRef field=\"f\"/>", ["f": "\(1.0 / 3)"]) == "\(third)")
        let sum = apply("+", "f", "<Constant dataType=\"float\">0.1</Constant>")
        #expect(try value(sum, ["f": "0.2"]) == "\(Double(Float(0.2) + Float(0.1)))")
    }

    @Test func functionsOfStringsAreTabulated() throws {
        #expect(try value(apply("uppercase", "s"), ["s": "b"], type: "string") == "B")
        #expect(try value(apply("concat", "s", "'-'", "s"), ["s": "c"], type: "string") == "c-c")
        #expect(try value(apply("substring", "'abcdef'", "2", "3"), type: "string") == "bcd")
        #expect(try value(apply("trimBlanks", "'  x y  '"), type: "string") == "x y")
        #expect(try value(apply("stringLength", apply("concat", "s", "'xy'")), ["s": "a"]) == "3.0")
        #expect(try value(apply("lowercase", "s"), [:], type: "string") == "")
    }

    @Test func definedFunctionsTakeTheirArgumentsOnly() throws {
        let functions = """
            <DefineFunction name="twice" optype="continuous" dataType="double"><ParameterField name="a" dataType="double"/>
            <Apply function="*"><FieldRef field="a"/><Constant>2</Constant></Apply></DefineFunction>
            <DefineFunction name="f" optype="continuous"><ParameterField name="x"/>\(apply("twice", apply("twice", "x")))</DefineFunction>
            """
        #expect(try value(apply("f", "z"), ["z": "3", "x": "100"], functions: functions) == "12.0")
        #expect(throws: ScoringError.self) { try value(apply("f", "x", "z"), functions: functions) }
    }

    @Test func functionsThatCallThemselvesAreRefused() {
        let functions =
            "<DefineFunction name=\"f\" optype=\"continuous\"><ParameterField name=\"a\"/>\(apply("f", "a"))</DefineFunction>"
        #expect(throws: ScoringError.self) { try value(apply("f", "x"), functions: functions) }
    }

    @Test func functionsThatGrowWithoutMeasureAreRefused() {
        var functions =
            "<DefineFunction name=\"f0\" optype=\"continuous\"><ParameterField name=\"a\"/>\(apply("+", "a", "1.5"))</DefineFunction>"
        for index in 1...40 {
            let body = apply(
                "+", apply("f\(index - 1)", apply("+", "a", "\(index).25")), apply("f\(index - 1)", apply("+", "a", "\(index).5"))
            )
            functions +=
                "<DefineFunction name=\"f\(index)\" optype=\"continuous\"><ParameterField name=\"a\"/>\(body)</DefineFunction>"
        }
        #expect(throws: ScoringError.self) { try value(apply("f40", "x"), functions: functions) }
    }

    @Test func derivedFieldsThatDependOnThemselvesAreRefused() {
        let error = #expect(throws: ScoringError.self) { try value("<FieldRef field=\"d\"/>") }
        #expect("\(error!)".contains("by itself"))
    }

    @Test func unknownFunctionsAndFieldsAreNamed() {
        let error = #expect(throws: ScoringError.self) { try value(apply("frobnicate", "x")) }
        #expect("\(error!)".contains("frobnicate") && "\(error!)".contains("line"))
        let other = #expect(throws: ScoringError.self) { try value(apply("abs", "nowhere")) }
        #expect("\(other!)".contains("nowhere"))
    }

    @Test func normContinuousInterpolatesAndTreatsOutliers() throws {
        func norm(_ attributes: String) -> String {
            "<NormContinuous field=\"x\" \(attributes)><LinearNorm orig=\"0\" norm=\"0\"/><LinearNorm orig=\"10\" norm=\"1\"/><LinearNorm orig=\"20\" norm=\"5\"/></NormContinuous>"
        }
        #expect(try value(norm(""), ["x": "5"]) == "0.5")
        #expect(try value(norm(""), ["x": "15"]) == "3.0")
        #expect(try value(norm(""), ["x": "10"]) == "1.0")
        #expect(try value(norm(""), ["x": "-10"]) == "-1.0")
        #expect(try value(norm(""), ["x": "30"]) == "9.0")
        #expect(try value(norm("outliers=\"asExtremeValues\""), ["x": "30"]) == "5.0")
        #expect(try value(norm("outliers=\"asMissingValues\""), ["x": "-1"]) == "")
        #expect(try value(norm("mapMissingTo=\"0.25\"")) == "0.25")
    }

    @Test func normDiscreteIsOneOrZero() throws {
        #expect(try value("<NormDiscrete field=\"s\" value=\"b\"/>", ["s": "b"]) == "1.0")
        #expect(try value("<NormDiscrete field=\"s\" value=\"b\"/>", ["s": "a"]) == "0.0")
        #expect(try value("<NormDiscrete field=\"s\" value=\"b\"/>") == "")
        #expect(try value("<NormDiscrete field=\"s\" value=\"b\" mapMissingTo=\"0.5\"/>") == "0.5")
        #expect(try value("<NormDiscrete field=\"n\" value=\"3\"/>", ["n": "3"]) == "1.0")
    }

    @Test func discretizeTakesTheFirstBinAndItsClosures() throws {
        func bins(_ attributes: String) -> String {
            """
            <Discretize field="x" \(attributes)>
            <DiscretizeBin binValue="low"><Interval closure="openOpen" rightMargin="1"/></DiscretizeBin>
            <DiscretizeBin binValue="one"><Interval closure="closedClosed" leftMargin="1" rightMargin="1"/></DiscretizeBin>
            <DiscretizeBin binValue="mid"><Interval closure="openClosed" leftMargin="1" rightMargin="2"/></DiscretizeBin>
            <DiscretizeBin binValue="again"><Interval closure="closedOpen" leftMargin="2" rightMargin="3"/></DiscretizeBin></Discretize>
            """
        }
        for (x, bin) in [("-5", "low"), ("1", "one"), ("1.5", "mid"), ("2", "mid"), ("2.5", "again"), ("3", "")] {
            #expect(try value(bins(""), ["x": x], type: "string") == bin)
        }
        #expect(try value(bins("defaultValue=\"else\" mapMissingTo=\"none\""), ["x": "3"], type: "string") == "else")
        #expect(try value(bins("defaultValue=\"else\" mapMissingTo=\"none\""), [:], type: "string") == "none")
        #expect(try value(bins("defaultValue=\"else\""), [:], type: "string") == "")
    }

    @Test func mapValuesLooksUpOneFieldOrSeveral() throws {
        func map(_ attributes: String, _ pairs: String) -> String {
            """
            <MapValues outputColumn="o" \(attributes)>\(pairs)<InlineTable>
            <row><a>a</a><i>1</i><o>10</o></row><row><a>a</a><i>2</i><o>20</o></row><row><a>b</a><i>1</i><o>30</o></row></InlineTable></MapValues>
            """
        }
        let one = "<FieldColumnPair field=\"s\" column=\"a\"/>"
        let two = one + "<FieldColumnPair field=\"n\" column=\"i\"/>"
        #expect(try value(map("", one), ["s": "a"]) == "10.0")
        #expect(try value(map("", one), ["s": "c"]) == "")
        #expect(try value(map("defaultValue=\"-1\" mapMissingTo=\"-2\"", one), ["s": "c"]) == "-1.0")
        #expect(try value(map("defaultValue=\"-1\" mapMissingTo=\"-2\"", one), [:]) == "-2.0")
        #expect(try value(map("defaultValue=\"-1\"", two), ["s": "a", "n": "2"]) == "20.0")
        #expect(try value(map("defaultValue=\"-1\"", two), ["s": "b", "n": "1"]) == "30.0")
        #expect(try value(map("defaultValue=\"-1\"", two), ["s": "b", "n": "2"]) == "-1.0")
        #expect(try value(map("defaultValue=\"-1\"", two), ["s": "c", "n": "1"]) == "-1.0")
        #expect(try value(map("defaultValue=\"-1\" mapMissingTo=\"-2\"", two), ["s": "b"]) == "-2.0")
    }
}

extension TransformationTests {
    /// R's formulas give derived fields such names. They are names, and nothing else.
    @Test func fieldsCanBeCalledLikeCallsOfFunctions() throws {
        let derived = """
            <DerivedField name="identity(v5)" dataType="double" optype="continuous"><FieldRef field="v5"/></DerivedField>
            """
        let local = "<LocalTransformations>\(derived)</LocalTransformations>"
        func regression(_ inside: String, _ name: String = "identity(v5)") -> String {
            """
            <RegressionModel functionName="regression">\(PMMLText.schema("v5", target: "y"))\(inside)
            <RegressionTable intercept="1"><NumericPredictor name="\(name)" coefficient="2"/></RegressionTable></RegressionModel>
            """
        }
        func chain(_ inside: String, _ first: String, _ rest: String = "") -> String {
            """
            <MiningModel functionName="regression">\(PMMLText.schema("v5", target: "y"))\(inside)<Segmentation multipleModelMethod="modelChain">
            <Segment><True/>\(first)</Segment>\(rest.isEmpty ? "" : "<Segment><True/>\(rest)</Segment>")</Segmentation></MiningModel>
            """
        }
        let output = """
            <Output><OutputField name="identity(v5)" feature="transformedValue" dataType="double" optype="continuous"><FieldRef field="v5"/>
            </OutputField></Output>
            """
        let fields = PMMLText.field("v5") + PMMLText.field("y")
        for document in [
            PMMLText.document(fields: fields, regression(local)),
            PMMLText.document(fields: fields, functions: derived, regression("")),
            PMMLText.document(fields: fields, chain(local, regression(""))),
            PMMLText.document(fields: fields, chain("", regression(output, "v5"), regression(""))),
        ] {
            let model = try load(document)
            #expect(try text(score(model, [["v5": "3"]]), model, row: 0, "y") == "7.0")
        }
        // A field of another segment's own is not seen.
        let error = #expect(throws: ScoringError.self) {
            try load(PMMLText.document(fields: fields, chain("", regression(local), regression(""))))
        }
        #expect("\(error!)".contains("the field 'identity(v5)' is not defined"))
    }
}
