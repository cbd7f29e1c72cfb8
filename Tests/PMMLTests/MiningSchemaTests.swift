import PMML
import Scoring
import Testing
import TextFormats

/// What a mining schema makes of the values that come in.
@Suite struct MiningSchemaTests {
    /// What a model sees of the field x: its value, "" for missing, "fails" for a refused row.
    func seen(_ value: String?, field: String, schema: String, type: String = "double") throws -> String {
        let model = try load(
            PMMLText.document(
                fields: field,
                """
                <RegressionModel functionName="regression"><MiningSchema><MiningField name="x" \(schema)/></MiningSchema>
                <Output><OutputField name="y" feature="transformedValue" dataType="\(type)" optype="continuous"><FieldRef field="x"/></OutputField></Output>
                <RegressionTable intercept="0"/></RegressionModel>
                """))
        let scores = try score(model, [value.map { ["x": $0] } ?? [:]])
        if case .invalidFeature(name: "x", _)? = scores.failure(row: 0) { return "fails" }
        return text(scores, model, row: 0, "y") ?? "?"
    }

    static let range = PMMLText.field(
        "x", "double", nil,
        "<Interval closure=\"closedOpen\" leftMargin=\"0\" rightMargin=\"10\"/><Interval closure=\"openClosed\" leftMargin=\"20\" rightMargin=\"30\"/><Value value=\"-1\" property=\"missing\"/><Value value=\"5\" property=\"invalid\"/><Value value=\"N/A\" property=\"missing\"/>"
    )

    @Test func intervalsAndListsSayWhatIsValid() throws {
        for (value, expected) in [
            ("0", "0.0"), ("10", "fails"), ("20", "fails"), ("20.5", "20.5"), ("30", "30.0"), ("-1", ""), ("5", "fails"),
            ("-2", "fails"),
        ] {
            #expect(try seen(value, field: Self.range, schema: "") == expected, "\(value)")
        }
        #expect(try seen(nil, field: Self.range, schema: "") == "")
    }

    @Test func invalidValuesAreTreatedAsTheSchemaSays() throws {
        #expect(try seen("12", field: Self.range, schema: "invalidValueTreatment='returnInvalid'") == "fails")
        #expect(try seen("12", field: Self.range, schema: "invalidValueTreatment='asIs'") == "12.0")
        #expect(try seen("12", field: Self.range, schema: "invalidValueTreatment='asMissing'") == "")
        #expect(
            try seen("12", field: Self.range, schema: "invalidValueTreatment='asMissing' missingValueReplacement='7'") == "7.0")
        #expect(try seen("12", field: Self.range, schema: "invalidValueTreatment='asValue' invalidValueReplacement='8'") == "8.0")
        #expect(throws: ScoringError.self) { try seen("12", field: Self.range, schema: "invalidValueTreatment='asValue'") }
    }

    @Test func stringsForNumbersAreRefusedUnlessInvalidCountsAsMissing() throws {
        for (schema, expected) in [
            ("", false), ("invalidValueTreatment='asIs'", false), ("invalidValueTreatment='asMissing'", true),
        ] {
            let model = try load(
                PMMLText.document(
                    fields: PMMLText.field("x"),
                    """
                    <RegressionModel functionName="regression"><MiningSchema><MiningField name="x" missingValueReplacement="4" \(schema)/></MiningSchema>
                    <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="10"/></RegressionTable></RegressionModel>
                    """))
            let (batch, scores, field) = (FeatureBatch(), ScoreBatch(), model.signature.inputs[0])
            batch.reset(width: 1)
            for text in ["2.5", "much"] {
                let row = batch.addRow()
                do throws(ScoringError) {
                    try Array(text.utf8).withUnsafeBufferPointer { bytes throws(ScoringError) in
                        try batch.set(text: bytes, of: field, row: row, column: 0)
                    }
                    #expect(expected)
                } catch {
                    #expect(!expected)
                }
            }
            if expected {
                try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
                #expect([scores[0, 0], scores[1, 0]] == [26, 41])
            }
        }
    }

    @Test func missingValuesAreReplaced() throws {
        #expect(try seen(nil, field: Self.range, schema: "missingValueReplacement='3'") == "3.0")
        #expect(try seen("-1", field: Self.range, schema: "missingValueReplacement='3'") == "3.0")
        #expect(try seen(nil, field: Self.range, schema: "missingValueTreatment='returnInvalid'") == "fails")
    }

    @Test func outliersAreTreatedAfterInvalidValues() throws {
        let free = PMMLText.field("x")
        #expect(try seen("50", field: free, schema: "outliers='asExtremeValues' lowValue='0' highValue='40'") == "40.0")
        #expect(try seen("-5", field: free, schema: "outliers='asExtremeValues' lowValue='0' highValue='40'") == "0.0")
        #expect(try seen("50", field: free, schema: "outliers='asMissingValues' lowValue='0' highValue='40'") == "")
        #expect(
            try seen(
                "50", field: free, schema: "outliers='asMissingValues' lowValue='0' highValue='40' missingValueReplacement='1'")
                == "1.0")
        // Invalid is refused before it can be cut, and passes uncut where it is taken as it is.
        #expect(try seen("50", field: Self.range, schema: "outliers='asExtremeValues' lowValue='0' highValue='9'") == "fails")
        #expect(
            try seen(
                "50", field: Self.range,
                schema: "outliers='asExtremeValues' lowValue='0' highValue='9' invalidValueTreatment='asIs'") == "50.0")
        #expect(
            try seen(
                "9.5", field: Self.range,
                schema: "outliers='asExtremeValues' lowValue='0' highValue='9' invalidValueTreatment='asIs'") == "9.0")
    }

    static let levels = PMMLText.field(
        "x", "string", "categorical",
        "<Value value=\"a\"/><Value value=\"b\"/><Value value=\"?\" property=\"missing\"/><Value value=\"bad\" property=\"invalid\"/>"
    )

    @Test func levelsAreCheckedLikeNumbers() throws {
        for (value, expected) in [("a", "a"), ("?", ""), ("bad", "fails"), ("c", "fails")] {
            #expect(try seen(value, field: Self.levels, schema: "", type: "string") == expected, "\(value)")
        }
        #expect(try seen("c", field: Self.levels, schema: "invalidValueTreatment='asMissing'", type: "string") == "")
        #expect(
            try seen(
                "bad", field: Self.levels, schema: "invalidValueTreatment='asMissing' missingValueReplacement='b'", type: "string"
            ) == "b")
        #expect(
            try seen(
                "c", field: Self.levels, schema: "invalidValueTreatment='asValue' invalidValueReplacement='a'", type: "string")
                == "a")
        #expect(try seen(nil, field: Self.levels, schema: "missingValueReplacement='a'", type: "string") == "a")
    }

    /// What a tree that names texts says of a value: 1 for zz, 2 for a or `w w`, 4 for the replacement, 3 for none of them.
    private func branch(_ value: String?, schema: String, field: String = Self.levels) throws -> String {
        let model = try load(
            PMMLText.document(
                fields: field,
                """
                <TreeModel functionName="regression"><MiningSchema><MiningField name="x" \(schema)/></MiningSchema>
                <Node><True/><Node score="1"><SimplePredicate field="x" operator="equal" value="zz"/></Node>
                <Node score="2"><SimpleSetPredicate field="x" booleanOperator="isIn"><Array n="2" type="string">a "w w"</Array></SimpleSetPredicate></Node>
                <Node score="4"><SimplePredicate field="x" operator="equal" value="OTHER"/></Node>
                <Node score="5"><SimplePredicate field="x" operator="equal" value="bad"/></Node>
                <Node score="3"><True/></Node></Node></TreeModel>
                """))
        let scores = try score(model, [value.map { ["x": $0] } ?? [:]])
        guard scores.failure(row: 0) == nil else { return "fails" }
        return text(scores, model, row: 0, "prediction") ?? "?"
    }

    @Test func aStringThatTheModelNamesButTheFieldDoesNotListIsInvalid() throws {
        for (schema, expected) in [
            ("", ["2.0", "3.0", "fails", "fails", "fails", "fails", "fails", "3.0"]),
            ("invalidValueTreatment='asMissing'", ["2.0", "3.0", "3.0", "3.0", "3.0", "3.0", "3.0", "3.0"]),
            (
                "invalidValueTreatment='asMissing' missingValueReplacement='OTHER'",
                ["2.0", "3.0", "4.0", "4.0", "4.0", "4.0", "4.0", "4.0"]
            ),
            (
                "invalidValueTreatment='asValue' invalidValueReplacement='a'",
                ["2.0", "3.0", "2.0", "2.0", "2.0", "2.0", "2.0", "3.0"]
            ),
            (
                "invalidValueTreatment='asValue' invalidValueReplacement='zz'",
                ["2.0", "3.0", "1.0", "1.0", "1.0", "1.0", "1.0", "3.0"]
            ),
            // As it is: the value is still equal to itself.
            ("invalidValueTreatment='asIs'", ["2.0", "3.0", "1.0", "2.0", "4.0", "5.0", "3.0", "3.0"]),
        ] {
            let found = try ["a", "b", "zz", "w w", "OTHER", "bad", "new", nil].map { try branch($0, schema: schema) }
            #expect(found == expected, "\(schema)")
        }
    }

    @Test func aReplacementOfMissingValuesIsNoValueThatClientsMaySend() throws {
        let schema = "missingValueReplacement='OTHER'"
        #expect(try ["OTHER", "b", nil].map { try branch($0, schema: schema) } == ["fails", "3.0", "4.0"])
        let free = PMMLText.field("x", "string")
        #expect(try ["OTHER", "zz", nil].map { try branch($0, schema: schema, field: free) } == ["4.0", "1.0", "4.0"])
    }

    @Test func textsThatAreReadAreInvalidTooWhereTheFieldListsOthers() throws {
        for (schema, expected) in [
            ("", ["1.0", "fails", "fails", "fails"]), ("invalidValueTreatment='asMissing'", ["1.0", "", "", ""]),
            ("invalidValueTreatment='asIs'", ["1.0", "2.0", "3.0", "3.0"]),
        ] {
            let model = try load(
                PMMLText.document(
                    fields: Self.levels,
                    """
                    <RegressionModel functionName="regression"><MiningSchema><MiningField name="x" \(schema)/></MiningSchema>
                    <Output><OutputField name="y" feature="transformedValue" dataType="integer" optype="continuous">
                    <Apply function="stringLength"><FieldRef field="x"/></Apply></OutputField>
                    <OutputField name="z" feature="transformedValue" dataType="boolean" optype="categorical">
                    <Apply function="equal"><FieldRef field="x"/><Constant dataType="string">zz</Constant></Apply></OutputField></Output>
                    <RegressionTable intercept="0"/></RegressionModel>
                    """))
            let found = try ["a", "zz", "bad", "new"].map { value in
                let scores = try score(model, [["x": value]])
                guard scores.failure(row: 0) == nil else { return "fails" }
                return text(scores, model, row: 0, "y").map { $0.isEmpty ? "" : "\(Double($0)!)" } ?? "?"
            }
            #expect(found == expected, "\(schema)")
        }
    }

    @Test func invalidStringsThatGoOnAreKnownToBeInvalid() throws {
        let only = PMMLText.field("x", "string", "categorical", "<Value value=\"bad\" property=\"invalid\"/>")
        for (field, expected) in [
            (Self.levels, ["true", "false", "false", "false", "false"]), (only, ["true", "true", "false", "true", "false"]),
            (PMMLText.field("x", "string"), ["true", "true", "true", "true", "false"]),
        ] {
            let model = try load(
                PMMLText.document(
                    fields: field,
                    """
                    <RegressionModel functionName="regression"><MiningSchema><MiningField name="x" invalidValueTreatment="asIs"/></MiningSchema>
                    <Output><OutputField name="y" feature="transformedValue" dataType="boolean" optype="categorical">
                    <Apply function="isValid"><FieldRef field="x"/></Apply></OutputField></Output>
                    <RegressionTable intercept="0"><CategoricalPredictor name="x" value="zz" coefficient="1"/></RegressionTable></RegressionModel>
                    """))
            let found = try ["a", "zz", "bad", "new", nil].map { value in
                try text(score(model, [value.map { ["x": $0] } ?? [:]]), model, row: 0, "y")
            }
            #expect(found == expected)
        }
    }

    @Test func anInnerSchemaTreatsInvalidStringsThatAnOuterOneLetThrough() throws {
        let model = try load(
            PMMLText.document(
                fields: Self.levels,
                """
                <MiningModel functionName="regression"><MiningSchema><MiningField name="x" invalidValueTreatment="asIs"/></MiningSchema>
                <Segmentation multipleModelMethod="sum"><Segment><True/><RegressionModel functionName="regression">
                <MiningSchema><MiningField name="x" invalidValueTreatment="asMissing" missingValueReplacement="a"/></MiningSchema>
                <RegressionTable intercept="0"><CategoricalPredictor name="x" value="a" coefficient="1"/>
                <CategoricalPredictor name="x" value="zz" coefficient="10"/></RegressionTable></RegressionModel></Segment></Segmentation></MiningModel>
                """))
        let found = try ["a", "b", "zz", "bad", "new"].map { try text(score(model, [["x": $0]]), model, row: 0, "prediction") }
        #expect(found == ["1.0", "0.0", "1.0", "1.0", "1.0"])
    }

    @Test func listedNumbersAreTheOnlyValidOnes() throws {
        let field = PMMLText.field("x", "integer", "categorical", PMMLText.values("1", "2", "5"))
        #expect(try seen("5", field: field, schema: "") == "5.0")
        #expect(try seen("3", field: field, schema: "") == "fails")
        #expect(try seen("3", field: field, schema: "invalidValueTreatment='asMissing'") == "")
    }

    @Test func aFieldThatNothingUsesIsCheckedToo() throws {
        let model = try load(
            PMMLText.document(
                fields: Self.levels + PMMLText.field("y"),
                "<RegressionModel functionName=\"regression\">\(PMMLText.schema("x"))<RegressionTable intercept=\"1\"/></RegressionModel>"
            ))
        let scores = try score(model, [["x": "c"], ["x": "a"]])
        #expect(scores.failure(row: 0) != nil)
        #expect(scores.failure(row: 1) == nil)
    }

    @Test func onlyActiveFieldsAreInputs() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("a") + PMMLText.field("b", "boolean") + PMMLText.field("c", "integer")
                    + PMMLText.field("d") + PMMLText.field("y"),
                """
                <RegressionModel functionName="regression"><MiningSchema><MiningField name="c"/><MiningField name="d" usageType="supplementary"/>
                <MiningField name="b" usageType="active"/><MiningField name="y" usageType="predicted"/></MiningSchema>
                <RegressionTable intercept="0"><NumericPredictor name="c" coefficient="1"/></RegressionTable></RegressionModel>
                """))
        #expect(model.signature.inputs.map(\.name) == ["c", "b"])
        #expect(model.signature.inputs.map(\.kind) == [.integer, .boolean])
    }

    @Test func fieldsThatTheSchemaForgotAreInputsTooWhereTheyAreUsed() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("a") + PMMLText.field("b"),
                """
                <RegressionModel functionName="regression">\(PMMLText.schema("a"))
                <RegressionTable intercept="0"><NumericPredictor name="a" coefficient="1"/><NumericPredictor name="b" coefficient="1"/></RegressionTable></RegressionModel>
                """))
        #expect(model.signature.inputs.map(\.name) == ["a", "b"])
        #expect(try text(score(model, [["a": "1", "b": "2"]]), model, row: 0, "prediction") == "3.0")
    }

    @Test func treatmentsComeBeforeTheDerivedFieldsOfTheDictionary() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("x"),
                functions:
                    "<DerivedField name=\"twice\" optype=\"continuous\" dataType=\"double\"><Apply function=\"*\"><FieldRef field=\"x\"/><Constant>2</Constant></Apply></DerivedField>",
                """
                <RegressionModel functionName="regression"><MiningSchema><MiningField name="x" missingValueReplacement="4"/></MiningSchema>
                <RegressionTable intercept="0"><NumericPredictor name="twice" coefficient="1"/></RegressionTable></RegressionModel>
                """))
        #expect(try text(score(model, [[:]]), model, row: 0, "prediction") == "8.0")
    }

    @Test(arguments: ["supplementary", "group", "order", "frequencyWeight", "analysisWeight"])
    func fieldsOfOtherUsesAreInputsWhereTheModelUsesThem(_ usage: String) throws {
        func model(_ predictor: String) throws -> any ScoringModel {
            try load(
                PMMLText.document(
                    fields: PMMLText.field("a") + PMMLText.field("b") + PMMLText.field("y"),
                    """
                    <RegressionModel functionName="regression"><MiningSchema><MiningField name="a"/>
                    <MiningField name="b" usageType="\(usage)" importance="0.5" missingValueReplacement="7"/></MiningSchema>
                    <RegressionTable intercept="0"><NumericPredictor name="\(predictor)" coefficient="1"/></RegressionTable></RegressionModel>
                    """))
        }
        #expect(try model("a").signature.inputs.map(\.name) == ["a"])
        let used = try model("b")
        #expect(used.signature.inputs.map(\.name) == ["a", "b"])
        #expect(try text(score(used, [[:]]), used, row: 0, "prediction") == "7.0")
    }

    @Test func intervalsAreForContinuousFields() throws {
        let interval = "<Interval closure='closedClosed' leftMargin='0' rightMargin='9'/>"
        #expect(try seen("10", field: PMMLText.field("x", "integer", "continuous", interval), schema: "") == "fails")
        #expect(try seen("10", field: PMMLText.field("x", "integer", "categorical", interval), schema: "") == "10.0")
        // The mining schema has the last word on what kind of field it is.
        #expect(
            try seen("10", field: PMMLText.field("x", "integer", "categorical", interval), schema: "optype='continuous'")
                == "fails")
        #expect(
            try seen("10", field: PMMLText.field("x", "integer", "continuous", interval), schema: "optype='categorical'")
                == "10.0")
    }

    @Test func allClosuresOfIntervalsAreKept() throws {
        for (closure, expected) in [
            ("openOpen", ["fails", "5.0", "fails"]), ("openClosed", ["fails", "5.0", "9.0"]),
            ("closedOpen", ["0.0", "5.0", "fails"]), ("closedClosed", ["0.0", "5.0", "9.0"]),
        ] {
            let field = PMMLText.field("x", "double", nil, "<Interval closure='\(closure)' leftMargin='0' rightMargin='9'/>")
            #expect(try ["0", "5", "9"].map { try seen($0, field: field, schema: "") } == expected)
        }
    }

    @Test func truthValuesCanBeInvalidToo() throws {
        let only = PMMLText.field("x", "boolean", nil, PMMLText.values("true"))
        #expect(try seen("true", field: only, schema: "") == "1.0")
        #expect(try seen("false", field: only, schema: "") == "fails")
        #expect(try seen("false", field: only, schema: "invalidValueTreatment='asMissing'") == "")
        let both = PMMLText.field("x", "boolean", nil, PMMLText.values("true", "false"))
        #expect(try ["true", "false"].map { try seen($0, field: both, schema: "") } == ["1.0", "0.0"])
    }

    @Test func outliersNeedLimitsThatAreInOrder() throws {
        let free = PMMLText.field("x")
        #expect(throws: ScoringError.self) {
            try seen("1", field: free, schema: "outliers='asExtremeValues' lowValue='2' highValue='1'")
        }
        #expect(try seen("50", field: free, schema: "outliers='asExtremeValues' highValue='40'") == "40.0")
        #expect(try seen("-50", field: free, schema: "outliers='asMissingValues' highValue='40'") == "-50.0")
        #expect(try seen(nil, field: free, schema: "outliers='asExtremeValues' highValue='40'") == "")
    }

    @Test func outliersOfFloatsAreCutToFloats() throws {
        let float = PMMLText.field("x", "float")
        #expect(try seen("5", field: float, schema: "outliers='asExtremeValues' highValue='0.1'") == "\(Double(Float(0.1)))")
    }

    @Test func howAReplacementWasFoundDoesNotMatter() throws {
        for treatment in ["asIs", "asMean", "asMode", "asMedian", "asValue"] {
            let schema = "missingValueTreatment='\(treatment)'"
            #expect(try seen(nil, field: PMMLText.field("x"), schema: "\(schema) missingValueReplacement='3'") == "3.0")
            #expect(try seen(nil, field: PMMLText.field("x"), schema: schema) == "")
        }
    }

    @Test func missingValuesThatAreRefusedAreNotReplaced() throws {
        let schema = "missingValueTreatment='returnInvalid' missingValueReplacement='3'"
        #expect(try seen(nil, field: Self.range, schema: schema) == "fails")
        #expect(try seen("-1", field: Self.range, schema: schema) == "fails")
        #expect(try seen("12", field: Self.range, schema: "\(schema) invalidValueTreatment='asMissing'") == "fails")
        #expect(try seen("?", field: Self.levels, schema: schema.replacing("'3'", with: "'a'"), type: "string") == "fails")
    }

    @Test func replacementsMustBeValuesOfTheField() {
        #expect(throws: ScoringError.self) { try seen(nil, field: PMMLText.field("x"), schema: "missingValueReplacement='many'") }
        #expect(throws: ScoringError.self) {
            try seen("12", field: Self.range, schema: "invalidValueTreatment='asValue' invalidValueReplacement='many'")
        }
        #expect(throws: ScoringError.self) {
            try seen("1", field: PMMLText.field("x"), schema: "invalidValueTreatment='perhaps'")
        }
        #expect(throws: ScoringError.self) { try seen("1", field: PMMLText.field("x"), schema: "usageType='perhaps'") }
    }

    @Test func aCycleOfValuesChangesNothing() throws {
        let field = PMMLText.field("x").replacing("<DataField", with: "<DataField isCyclic='1'")
        #expect(try seen("5", field: field, schema: "") == "5.0")
    }
}
