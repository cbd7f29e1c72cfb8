import PMML
import Scoring
import Tabular
import Testing

/// Rules at the edges of expressions, fields and models: where values are missing, invalid, or of another type.
@Suite struct EdgeCaseTests {
    let transformation = TransformationTests()

    func value(_ expression: String, _ row: [String: String] = [:], type: String = "double") throws -> String {
        try transformation.value(expression, row, type: type)
    }

    func apply(_ function: String, _ arguments: String..., attributes: String = "") -> String {
        "<Apply function=\"\(function)\" \(attributes)>"
            + arguments.map { $0.hasPrefix("<") ? $0 : "<FieldRef field=\"\($0)\"/>" }.joined() + "</Apply>"
    }

    func constant(_ text: String, _ type: String? = nil) -> String {
        "<Constant\(type.map { " dataType=\"\($0)\"" } ?? "")>\(text)</Constant>"
    }

    // MARK: Functions

    @Test func functionsOfFloatsAreComputedAsDoubles() throws {
        let x = Double(Float(2.5))
        #expect(try value(apply("sqrt", "f"), ["f": "2.5"]) == "\(x.squareRoot())")
        #expect(try value(apply("abs", "f"), ["f": "-0.1"]) == "\(Double(Float(0.1)))")
    }

    @Test func whatIsUndefinedFailsTheRow() throws {
        for width in ["0", "-1"] {
            for function in ["normalCDF", "normalPDF", "normalIDF"] {
                #expect(throws: ScoringError.self) {
                    try value(apply(function, constant("0.5"), "x", "z"), ["x": "1", "z": width])
                }
            }
        }
        #expect(try value(apply("normalCDF", "x", "x", "z"), ["x": "1", "z": "2"]) == "0.5")
        #expect(throws: ScoringError.self) { try value(apply("pow", "n", constant("-2")), ["n": "7"]) }
        #expect(try value(apply("pow", "x", constant("-2")), ["x": "4"]) == "0.0625")
        #expect(throws: ScoringError.self) {
            try value(apply("substring", "t", constant("0"), constant("2")), ["t": "abc"], type: "string")
        }
        #expect(throws: ScoringError.self) {
            try value(apply("substring", "t", constant("1"), constant("-1")), ["t": "abc"], type: "string")
        }
        let asMissing = apply("substring", "t", "n", constant("1"), attributes: "invalidValueTreatment=\"asMissing\"")
        #expect(try value(asMissing, ["t": "abc", "n": "0"], type: "string") == "")
    }

    @Test func missingPartsOfTextsAddNothing() throws {
        #expect(try value(apply("concat", "t", constant("-", "string"), "s"), ["t": "q"], type: "string") == "q-")
        #expect(try value(apply("concat", "t", constant("-", "string"), "s"), ["s": "b"], type: "string") == "-b")
        // All listed: a look-up.
        #expect(try value(apply("concat", "s", constant("-", "string"), "b"), ["b": "true"], type: "string") == "-true")
        #expect(try value(apply("stringLength", apply("concat", "s", "s"))) == "0.0")
    }

    @Test func nothingIsInAListWhereItIsMissing() throws {
        for (function, isIn) in [("isIn", "true"), ("isNotIn", "false")] {
            let isNotIn = isIn == "true" ? "false" : "true"
            let test = apply(function, "x", "z", constant("2"))
            #expect(try value(test, type: "boolean") == isNotIn)
            #expect(try value(test, ["x": "2"], type: "boolean") == isIn)
            #expect(try value(test, ["x": "1"], type: "boolean") == isNotIn)
            #expect(try value(test, ["x": "1", "z": "1"], type: "boolean") == isIn)
        }
    }

    @Test func aBranchThatIsNotThereIsNoMissingArgument() throws {
        let condition = apply("if", "b", "x", attributes: "mapMissingTo=\"9\" defaultValue=\"8\"")
        #expect(try value(condition, ["b": "false", "x": "1"]) == "8.0")
        #expect(try value(condition, ["b": "true"]) == "9.0")
        #expect(try value(condition, ["x": "1"]) == "9.0")
        #expect(try value(condition, ["b": "true", "x": "1"]) == "1.0")
    }

    @Test func logicTakesTextsAndAtLeastTwoArguments() throws {
        #expect(try value(apply("and", "t", "b"), ["t": "TRUE", "b": "true"], type: "boolean") == "true")
        #expect(try value(apply("not", "t"), ["t": "false"], type: "boolean") == "true")
        #expect(try value(apply("if", "t", "x", "z"), ["t": "true", "x": "3"]) == "3.0")
        #expect(try value(apply("hypot", "x", "t"), ["x": "3", "t": "4"]) == "5.0")
        #expect(throws: ScoringError.self) { try value(apply("and", "b"), ["b": "true"], type: "boolean") }
    }

    // MARK: Comparisons and casts

    @Test func doublesAreComparedWithFloatsAsFloats() throws {
        for comparison in ["equal", "lessOrEqual", "greaterOrEqual"] {
            let test = apply(comparison, "f", "x")
            #expect(try value(test, ["f": "0.1", "x": "0.1"], type: "boolean") == "true")
        }
        #expect(try value(apply("greaterThan", constant("0.1"), "f"), ["f": "0.1"], type: "boolean") == "false")
    }

    @Test func aTextThatIsNoNumberDiffersFromAll() throws {
        #expect(try value(apply("equal", "t", "x"), ["t": "a", "x": "1"], type: "boolean") == "false")
        #expect(try value(apply("notEqual", "x", "t"), ["t": "a", "x": "1"], type: "boolean") == "true")
        #expect(try value(apply("equal", "t", "x"), ["t": "1.0", "x": "1"], type: "boolean") == "true")
        #expect(try value(apply("equal", "t", "x"), ["t": "a"], type: "boolean") == "")
        #expect(throws: ScoringError.self) {
            try value(apply("lessThan", "t", "x"), ["t": "a", "x": "1"], type: "boolean")
        }
    }

    @Test func textsAndConstantsWithAFractionAreNoIntegers() throws {
        let text = "<FieldRef field=\"t\"/>"
        #expect(try value(text, ["t": "12"], type: "integer") == "12")
        #expect(try value(text, ["t": "1e2"], type: "integer") == "100")
        #expect(throws: ScoringError.self) { try value(text, ["t": "2.5"], type: "integer") }
        #expect(throws: ScoringError.self) { try value(constant("2.5", "integer")) }
        #expect(throws: ScoringError.self) { try value(constant("2.5", "string"), type: "integer") }
    }

    @Test(arguments: ["integer", "double", "boolean"])
    func anEmptyConstantOfATypeThatIsNoTextIsMissing(type: String) throws {
        #expect(try value(constant("", type), type: type) == "")
        #expect(try value(apply("isMissing", constant("", type)), type: "boolean") == "true")
        #expect(try value(apply("isMissing", constant("", "string")), type: "boolean") == "false")
    }

    @Test(arguments: [
        ("100", "100.0"), ("-0.001", "-0.001"), ("9999999", "9999999.0"), ("10000000", "1.0E7"), ("12345678.9", "1.23456789E7"),
        ("0.0001", "1.0E-4"), ("-1.25e-10", "-1.25E-10"), ("1e300", "1.0E300"), ("0", "0.0"),
    ])
    func numbersBecomeTextsAsInJava(number: String, text: String) throws {
        #expect(try value("<FieldRef field=\"x\"/>", ["x": number], type: "string") == text)
        #expect(try value(constant(number, "double"), type: "string") == text)
        #expect(try value("<FieldRef field=\"f\"/>", ["f": "1e10"], type: "string") == "1.0E10")
    }

    // MARK: Fields

    /// The value and whether it is valid, of a field of a data dictionary that comes through mining schemas.
    func prepared(_ field: String, _ miningField: String, _ value: String?, type: String = "double") throws -> [String] {
        let model = try load(
            PMMLText.document(
                fields: field,
                """
                <RegressionModel functionName="regression"><MiningSchema>\(miningField)</MiningSchema><Output>
                <OutputField name="y" feature="transformedValue" dataType="\(type)"><FieldRef field="x"/></OutputField>
                <OutputField name="v" feature="transformedValue" dataType="boolean">\(apply("isValid", "x"))</OutputField></Output>
                <RegressionTable intercept="0"/></RegressionModel>
                """))
        let scores = try score(model, [value.map { ["x": $0] } ?? [:]])
        if let failure = scores.failure(row: 0) { throw failure }
        return ["y", "v"].map { text(scores, model, row: 0, $0) ?? "?" }
    }

    @Test func listedValidValuesSayItAllWhateverIntervalsSay() throws {
        let interval = "<Interval closure=\"closedClosed\" leftMargin=\"0\" rightMargin=\"10\"/>"
        let field = PMMLText.field("x", "double", "continuous", interval + "<Value value=\"99\"/>")
        #expect(try prepared(field, "<MiningField name=\"x\"/>", "99") == ["99.0", "true"])
        #expect(throws: ScoringError.self) { try prepared(field, "<MiningField name=\"x\"/>", "5") }
    }

    @Test func invalidNumbersThatAreLetThroughStayInvalid() throws {
        let interval = "<Interval closure=\"closedClosed\" leftMargin=\"0\" rightMargin=\"10\"/>"
        let field = PMMLText.field("x", "double", "continuous", interval)
        let asIs = "<MiningField name=\"x\" invalidValueTreatment=\"asIs\"/>"
        #expect(try prepared(field, asIs, "5") == ["5.0", "true"])
        #expect(try prepared(field, asIs, "20") == ["20.0", "false"])
        #expect(try prepared(field, asIs, nil) == ["", "false"])
    }

    @Test func anInnerSchemaTreatsInvalidValuesThatTheOuterOneLetsThrough() throws {
        let interval = "<Interval closure=\"closedClosed\" leftMargin=\"0\" rightMargin=\"10\"/>"
        func result(_ inner: String, _ x: String) throws -> String {
            let model = try load(
                PMMLText.document(
                    fields: PMMLText.field("x", "double", "continuous", interval),
                    """
                    <MiningModel functionName="regression"><MiningSchema><MiningField name="x" invalidValueTreatment="asIs"/></MiningSchema>
                    <Segmentation multipleModelMethod="sum"><Segment><True/><RegressionModel functionName="regression">
                    <MiningSchema><MiningField name="x" \(inner)/></MiningSchema><RegressionTable intercept="1">
                    <NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel></Segment></Segmentation></MiningModel>
                    """))
            let scores = try score(model, [["x": x]])
            return text(scores, model, row: 0, model.signature.outputs[0].name) ?? "?"
        }
        #expect(try result("", "20") == "21.0")
        #expect(try result("invalidValueTreatment=\"asMissing\" missingValueReplacement=\"2\"", "20") == "3.0")
        #expect(try result("invalidValueTreatment=\"asValue\" invalidValueReplacement=\"4\"", "20") == "5.0")
        #expect(try result("invalidValueTreatment=\"asValue\" invalidValueReplacement=\"4\"", "7") == "8.0")
    }

    @Test func textsThatStandForMissingOrInvalidAreFoundAmongOpenOnes() throws {
        let listed = "<Value value=\"N\" property=\"missing\"/><Value value=\"z\" property=\"invalid\"/>"
        let field = PMMLText.field("x", "string", "categorical", listed)
        let replaced = "<MiningField name=\"x\" missingValueReplacement=\"r\"/>"
        #expect(try prepared(field, replaced, "q", type: "string")[0] == "q")
        #expect(try prepared(field, replaced, "N", type: "string")[0] == "r")
        #expect(throws: ScoringError.self) { try prepared(field, replaced, "z", type: "string") }
        let asMissing = "<MiningField name=\"x\" invalidValueTreatment=\"asMissing\"/>"
        #expect(try prepared(field, asMissing, "z", type: "string")[0] == "")
        let asValue = "<MiningField name=\"x\" invalidValueTreatment=\"asValue\" invalidValueReplacement=\"b\"/>"
        #expect(try prepared(field, asValue, "z", type: "string")[0] == "b")
    }

    @Test(arguments: ["asMissingValues", "asExtremeValues"])
    func outliersNeedALimit(outliers: String) throws {
        let field = PMMLText.field("x")
        #expect(throws: ScoringError.self) { try prepared(field, "<MiningField name=\"x\" outliers=\"\(outliers)\"/>", "1") }
        #expect(try prepared(field, "<MiningField name=\"x\" outliers=\"\(outliers)\" lowValue=\"0\"/>", "1") == ["1.0", "true"])
    }

    // MARK: Models

    @Test func aMissingValueIsUnknownOfAnEmptySet() throws {
        for (operation, ofValue) in [("isIn", "0.0"), ("isNotIn", "1.0")] {
            let model = try load(
                PMMLText.document(
                    fields: PMMLText.field("x"),
                    """
                    <TreeModel functionName="regression" missingValueStrategy="nullPrediction" noTrueChildStrategy="returnLastPrediction">
                    \(PMMLText.schema("x"))<Node score="0"><True/><Node score="1"><SimpleSetPredicate field="x" booleanOperator="\(operation)">
                    <Array type="int"></Array></SimpleSetPredicate></Node></Node></TreeModel>
                    """))
            let scores = try score(model, [["x": "1"], [:]])
            let name = model.signature.outputs[0].name
            #expect(text(scores, model, row: 0, name) == ofValue)
            #expect(text(scores, model, row: 1, name) == "")
        }
    }

    @Test func aClassificationByRegressionNeedsTwoTables() {
        #expect(throws: ScoringError.self) {
            try load(
                PMMLText.document(
                    fields: PMMLText.field("x") + PMMLText.field("y", "string", "categorical", PMMLText.values("a", "b")),
                    """
                    <RegressionModel functionName="classification" normalizationMethod="logit">\(PMMLText.schema("x", target: "y"))
                    <RegressionTable intercept="0" targetCategory="a"><NumericPredictor name="x" coefficient="1"/></RegressionTable>
                    </RegressionModel>
                    """))
        }
    }
}
