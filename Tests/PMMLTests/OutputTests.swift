import Glibc
import PMML
import Scoring
import Testing

@Suite struct OutputTests {
    func classifier(_ output: String, extra: String = "") -> String {
        PMMLText.document(
            fields: PMMLText.field("x")
                + PMMLText.field(
                    "y", "string", "categorical",
                    "<Value value=\"good\" displayValue=\"Good payer\"/><Value value=\"bad\" displayValue=\"Bad payer\"/>"),
            """
            <RegressionModel functionName="classification" normalizationMethod="logit">\(PMMLText.schema("x", target: "y"))
            <Output>\(output)</Output><RegressionTable intercept="0" targetCategory="bad"><NumericPredictor name="x" coefficient="1"/></RegressionTable>
            <RegressionTable intercept="0" targetCategory="good"/>\(extra)</RegressionModel>
            """)
    }

    @Test func featuresOfAClassification() throws {
        let model = try load(
            classifier(
                """
                <OutputField name="label" feature="predictedValue"/><OutputField name="shown" feature="predictedDisplayValue"/>
                <OutputField name="p" feature="probability" value="bad"/><OutputField name="best" feature="probability"/>
                <OutputField name="percent" feature="transformedValue" dataType="double"><Apply function="round"><Apply function="*"><FieldRef field="p"/><Constant>100</Constant></Apply></Apply></OutputField>
                <OutputField name="decision" feature="decision" dataType="string"><Apply function="if"><Apply function="greaterThan"><FieldRef field="p"/><Constant>0.7</Constant></Apply><Constant>refuse</Constant><Constant>grant</Constant></Apply></OutputField>
                """))
        let scores = try score(model, [["x": "1"], ["x": "-1"], [:]])
        let names = ["y", "label", "shown", "p", "best", "percent", "decision"]
        let p = "\(1 / (1 + 0.36787944117144233))"
        #expect(names.map { text(scores, model, row: 0, $0) } == ["bad", "bad", "Bad payer", p, p, "73.0", "refuse"])
        #expect(text(scores, model, row: 1, "label") == "good")
        #expect(text(scores, model, row: 1, "decision") == "grant")
        #expect(names.map { text(scores, model, row: 2, $0) } == ["", "", "", "", "", "", ""])
        #expect(model.signature.outputs[model.signature.roles.named].map(\.name) == names)
    }

    @Test func rolesUseTheModelsOwnColumnsAndAddWhatIsMissing() throws {
        let model = try load(classifier("<OutputField name=\"p\" feature=\"probability\" value=\"bad\"/>"))
        let (signature, roles) = (model.signature, model.signature.roles)
        #expect(signature.outputs[roles.named].map(\.name) == ["y", "p"])
        #expect(signature.outputs[roles.probabilities].map(\.name) == ["probability(good)", "probability(bad)"])
        #expect(signature.outputs[roles.score].map(\.name) == ["p"])
        #expect(roles.label == 0)
    }

    @Test func aTargetsNameGivesWayToAnOutputFieldOfThatName() throws {
        let model = try load(classifier("<OutputField name=\"y\" feature=\"probability\" value=\"bad\"/>"))
        #expect(model.signature.outputs.filter { $0.name == "y" }.count == 1)
        #expect(try text(score(model, [["x": "0"]]), model, row: 0, "y") == "0.5")
    }

    @Test(arguments: [
        "standardError", "standardDeviation", "confidenceIntervalLower", "confidenceIntervalUpper", "warning", "ruleValue",
        "entityId", "reasonCode", "clusterAffinity",
    ])
    func featuresThatTheModelDoesNotHaveAreNamed(_ feature: String) {
        let error = #expect(throws: ScoringError.self) {
            try load(classifier("<OutputField name=\"o\" feature=\"\(feature)\"/>"))
        }
        #expect("\(error!)".contains("'o'"))
    }

    @Test func aRegressionsResidualIsTheTruthLessThePrediction() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("y"),
                """
                <RegressionModel functionName="regression">\(PMMLText.schema("x", target: "y"))
                <Output><OutputField name="r" feature="residual"/></Output>
                <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>
                """))
        #expect(model.signature.inputs.map(\.name) == ["x", "y"])
        let scores = try score(model, [["x": "3", "y": "10"], ["x": "3"], ["y": "10"]])
        #expect((0..<3).map { text(scores, model, row: $0, "r") } == ["3.0", "", ""])
        #expect((0..<3).map { text(scores, model, row: $0, "y") } == ["7.0", "7.0", ""])
    }

    @Test func aClassificationsResidualIsWhetherItIsTrueLessItsProbability() throws {
        let model = try load(classifier("<OutputField name=\"r\" feature=\"residual\"/>"))
        let scores = try score(
            model, [["x": "0.5", "y": "bad"], ["x": "0.5", "y": "good"], ["x": "0.5", "y": "ugly"], ["x": "0.5"]])
        let p = 1 / (1 + exp(-0.5))
        let residuals = (0..<4).map { scores[$0, model.signature.outputColumn(named: "r")!] }
        #expect(abs(residuals[0] - (1 - p)) < 1e-15 && abs(residuals[1] + p) < 1e-15 && abs(residuals[2] + p) < 1e-15)
        #expect(residuals[3].isNaN)
    }

    @Test func outputsOfNoProbabilityAreZeroForUnknownClasses() throws {
        let model = try load(classifier("<OutputField name=\"q\" feature=\"probability\" value=\"other\"/>"))
        #expect(try text(score(model, [["x": "0"]]), model, row: 0, "q") == "0.0")
    }

    func verification(_ rows: String, _ attributes: String = "") -> String {
        classifier(
            "<OutputField name=\"p\" feature=\"probability\" value=\"bad\"/>",
            extra: """
                <ModelVerification recordCount="2"><VerificationFields><VerificationField field="x" column="a"/><VerificationField field="y" column="b"/>
                <VerificationField field="p" column="c" \(attributes)/></VerificationFields><InlineTable>\(rows)</InlineTable></ModelVerification>
                """)
    }

    @Test func aModelThatAgreesWithItsVerificationPasses() throws {
        try load(
            verification(
                "<row><a>0.5</a><b>bad</b><c>0.622459331201855</c></row><row><b>good</b></row>".replacing(
                    "<row><b>good</b></row>", with: ""))
        ).verify()
    }

    @Test func aModelThatDisagreesWithItsVerificationIsRefused() throws {
        let label = try load(verification("<row><a>0.5</a><b>good</b></row>"))
        #expect(throws: ScoringError.self) { try label.verify() }
        let number = try load(verification("<row><a>0.5</a><b>bad</b><c>0.6225</c></row>"))
        let error = #expect(throws: ScoringError.self) { try number.verify() }
        #expect("\(error!)".contains("row 1") && "\(error!)".contains("'p'"))
    }

    @Test func precisionAndZeroThresholdAreThoseOfTheField() throws {
        try load(verification("<row><a>0.5</a><c>0.6225</c></row>", "precision=\"0.001\"")).verify()
        try load(verification("<row><a>-40</a><c>0</c></row>", "zeroThreshold=\"1e-16\"")).verify()
        #expect(throws: ScoringError.self) {
            try load(verification("<row><a>-30</a><c>0</c></row>", "zeroThreshold=\"1e-16\"")).verify()
        }
    }

    /// A regression in float32 whose file says what comes out for one row.
    func floatVerification(_ expected: String, type: String = "float", output: Bool = true) -> String {
        PMMLText.document(
            fields: PMMLText.field("x", "float") + PMMLText.field("y", type),
            """
            <RegressionModel functionName="regression" \(type == "float" ? "x-mathContext='float'" : "")>\(PMMLText.schema("x", target: "y"))
            \(output ? "<Output><OutputField name='score' dataType='\(type)' feature='predictedValue'/></Output>" : "")
            <RegressionTable intercept="0.1"><NumericPredictor name="x" coefficient="0.7"/></RegressionTable>
            <ModelVerification><VerificationFields><VerificationField field="x"/>
            <VerificationField field="\(output ? "score" : "y")" column="r" precision="1E-13" zeroThreshold="1E-13"/></VerificationFields>
            <InlineTable><row><x>0.6</x><r>\(expected)</r></row></InlineTable></ModelVerification></RegressionModel>
            """)
    }

    @Test func whatAFileSaysOfAFloatIsReadAsAFloat() throws {
        try load(floatVerification("0.52000004")).verify()
        try load(floatVerification("0.52000004", output: false)).verify()
        #expect(throws: ScoringError.self) { try load(floatVerification("0.5200001")).verify() }
        #expect(throws: ScoringError.self) { try load(floatVerification("0.52000004", type: "double")).verify() }
    }

    @Test func theSecondClassCanBeAskedFor() throws {
        let output = [1, 2, 3].map { rank in
            """
            <OutputField name="l\(rank)" feature="predictedValue" rank="\(rank)"/><OutputField name="p\(rank)" feature="probability" rank="\(rank)"/>
            <OutputField name="d\(rank)" feature="predictedDisplayValue" rank="\(rank)"/>
            """
        }.joined()
        let model = try load(classifier(output))
        let scores = try score(model, [["x": "0.5"], [:]])
        let p = 1 / (1 + 0.6065306597126334)
        let names = ["l1", "l2", "l3", "p1", "p2", "p3", "d2"]
        #expect(names.map { text(scores, model, row: 0, $0) } == ["bad", "good", "", "\(p)", "\(1 - p)", "", "Good payer"])
        #expect(names.map { text(scores, model, row: 1, $0) } == ["", "", "", "", "", "", ""])
    }

    @Test(arguments: ["rank='0'", "rank='101'", "rank='-1'", "rankOrder='ascending'"])
    func ranksThatAreNoneAreRefused(_ rank: String) {
        let error = #expect(throws: ScoringError.self) {
            try load(classifier("<OutputField name='o' feature='predictedValue' \(rank)/>"))
        }
        #expect("\(error!)".contains("'o'"))
    }

    @Test func theDisplayValueOfATargetComesBeforeThatOfTheField() throws {
        let targets =
            "<Targets><Target field='y'><TargetValue value='bad' displayValue='BAD'/><TargetValue value='good'/></Target></Targets>"
        let model = try load(classifier("<OutputField name='d' feature='predictedDisplayValue'/>", extra: targets))
        let scores = try score(model, [["x": "1"], ["x": "-1"]])
        #expect([0, 1].map { text(scores, model, row: $0, "d") } == ["BAD", "Good payer"])
    }

    @Test func listsOfDecisionsSayNothingAboutTheDecision() throws {
        let output = """
            <OutputField name="o" feature="decision" dataType="string"><Decisions businessProblem="b"><Decision value="yes" displayValue="Y"/></Decisions>
            <Constant>no</Constant></OutputField>
            """
        #expect(try text(score(load(classifier(output)), [["x": "1"]]), load(classifier(output)), row: 0, "o") == "no")
    }

    @Test(arguments: [
        "antecedent", "consequent", "rule", "ruleId", "support", "lift", "leverage", "affinity", "x-report", "decision",
    ])
    func otherFeaturesThatTheModelDoesNotHaveAreNamed(_ feature: String) {
        let error = #expect(throws: ScoringError.self) {
            try load(classifier("<OutputField name=\"o\" feature=\"\(feature)\"/>"))
        }
        #expect("\(error!)".contains("'o'"))
    }

    @Test func featuresOfManyValuesAndUnknownOnesAreRefused() {
        for field in [
            "<OutputField name='o' feature='ruleValue' ruleFeature='rule' isMultiValued='1'/>",
            "<OutputField name='o' feature='magic'/>",
        ] {
            let error = #expect(throws: ScoringError.self) { try load(classifier(field)) }
            #expect("\(error!)".contains("isMultiValued") || "\(error!)".contains("magic"))
        }
    }
}

extension OutputTests {
    /// XGBoost's exports; without this there would be `probability(yes)#2` beside it, with other digits.
    @Test(arguments: ["", "continue", "returnMissing"])
    func probabilitiesOfTypeFloatAreTheScore(_ missingPrediction: String) throws {
        let outputs = ["no", "yes"].map {
            "<OutputField name='probability(\($0))' feature='probability' value='\($0)' dataType='float' optype='continuous'/>"
        }.joined()
        let regression = """
            <RegressionModel functionName="classification" normalizationMethod="logit">\(PMMLText.schema("x", target: "c"))
            <Output>\(outputs)</Output><RegressionTable targetCategory="no" intercept="0"><NumericPredictor name="x" coefficient="1"/>
            </RegressionTable><RegressionTable targetCategory="yes" intercept="0"/></RegressionModel>
            """
        let chain = """
            <MiningModel functionName="classification">\(PMMLText.schema("x", target: "c"))<Segmentation multipleModelMethod="modelChain"
            missingPredictionTreatment="\(missingPrediction)"><Segment><True/>\(regression)</Segment></Segmentation></MiningModel>
            """
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("c", "string", "categorical", PMMLText.values("no", "yes")),
                missingPrediction.isEmpty ? regression : chain))
        #expect(!model.signature.outputs.contains { $0.name.contains("#") })
        #expect(model.signature.scoreNames() == ["probability(yes)"])
        let scores = try score(model, [["x": "1.25"]])
        let value = scores[0, model.signature.roles.score.lowerBound]
        #expect(value == Double(Float(value)) && value > 0.2 && value < 0.25)
    }
}
