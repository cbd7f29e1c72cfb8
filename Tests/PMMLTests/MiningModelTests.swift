import PMML
import Scoring
import Testing

@Suite struct MiningModelTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("y")
        + PMMLText.field("c", "string", "categorical", PMMLText.values("no", "yes"))

    /// A regression x + constant.
    func plus(_ constant: Double, output: String = "") -> String {
        """
        <RegressionModel functionName="regression">\(PMMLText.schema("x"))\(output)
        <RegressionTable intercept="\(constant)"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel>
        """
    }

    /// A tree: `below` for x < 0, else `above`; missing gives nothing.
    func stump(_ below: String, _ above: String, function: String = "regression") -> String {
        """
        <TreeModel functionName="\(function)" missingValueStrategy="nullPrediction">\(PMMLText.schema("x"))<Node><True/>
        <Node score="\(below)"><SimplePredicate field="x" operator="lessThan" value="0"/></Node>
        <Node score="\(above)"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel>
        """
    }

    func segment(_ model: String, _ predicate: String = "<True/>", _ attributes: String = "") -> String {
        "<Segment \(attributes)>\(predicate)\(model)</Segment>"
    }

    func mining(
        _ method: String, _ segments: String..., function: String = "regression", attributes: String = "", output: String = "",
        targets: String = ""
    ) -> String {
        PMMLText.document(
            fields: Self.fields,
            """
            <MiningModel functionName="\(function)">\(PMMLText.schema("x", "z", target: function == "regression" ? "y" : "c"))\(output)\(targets)
            <Segmentation multipleModelMethod="\(method)" \(attributes)>\(segments.joined())</Segmentation></MiningModel>
            """)
    }

    func results(_ text: String, _ name: String, _ rows: [[String: String]]) throws -> [String?] {
        let model = try load(text)
        let scores = try score(model, rows)
        return rows.indices.map { PMMLTests.text(scores, model, row: $0, name) }
    }

    static let xs = [["x": "-1"], ["x": "1"], [:]]

    @Test(arguments: [
        ("sum", ["11.0", "22.0", ""]), ("average", ["5.5", "11.0", ""]), ("weightedAverage", ["7.75", "15.5", ""]),
        ("weightedSum", ["31.0", "62.0", ""]), ("x-weightedSum", ["31.0", "62.0", ""]),
    ])
    func ensemblesOfTreesAddUp(_ method: String, _ expected: [String]) throws {
        let text = mining(
            method, segment(stump("1", "2"), "<True/>", "weight='1'"), segment(stump("10", "20"), "<True/>", "weight='3'"))
        #expect(try results(text, "y", Self.xs) == expected)
        #expect(try load(text).description.trees == 2)
    }

    @Test(arguments: [
        ("sum", "6.0"), ("average", "2.0"), ("median", "1.0"), ("max", "5.0"), ("weightedAverage", "3.5"),
        ("weightedSum", "21.0"),
        ("weightedMedian", "5.0"),
    ])
    func ensemblesOfOtherModelsAddUp(_ method: String, _ expected: String) throws {
        let text = mining(
            method, segment(plus(0), "<True/>", "weight='1'"), segment(plus(1), "<True/>", "weight='1'"),
            segment(plus(5), "<True/>", "weight='4'"))
        #expect(try results(text, "y", [["x": "0"]]) == [expected])
        #expect(try results(text, "y", [[:]]) == [""])
    }

    @Test func segmentsCountOnlyWhereTheirPredicateIsTrue() throws {
        let isPositive = "<SimplePredicate field=\"z\" operator=\"greaterThan\" value=\"0\"/>"
        let text = mining("average", segment(plus(0)), segment(plus(10), isPositive), segment(plus(99), "<False/>"))
        #expect(try results(text, "y", [["x": "0", "z": "1"], ["x": "0", "z": "-1"], ["x": "0"]]) == ["5.0", "0.0", "0.0"])
    }

    @Test func missingResultsAreTreatedAsSaid() throws {
        let segments = [
            segment(plus(0)), segment(stump("1", "3")), segment(plus(100).replacing("name=\"x\" coef", with: "name=\"z\" coef")),
        ]
        let rows = [["x": "1", "z": "0"], ["x": "1"], ["z": "0"]]
        func all(_ attributes: String) throws -> [String?] {
            try results(
                mining("sum", segments[0], segments[1], segments[2], attributes: attributes).replacing(
                    "MiningField name=\"x\"/></MiningSchema><Regr",
                    with: "MiningField name=\"x\"/><MiningField name=\"z\"/></MiningSchema><Regr"),
                "y", rows)
        }
        #expect(try all("") == ["104.0", "", ""])
        #expect(try all("missingPredictionTreatment='returnMissing'") == ["104.0", "", ""])
        #expect(try all("missingPredictionTreatment='skipSegment'") == ["104.0", "4.0", "100.0"])
        #expect(try all("missingPredictionTreatment='skipSegment' missingThreshold='0.5'") == ["104.0", "4.0", ""])
    }

    @Test func theFirstTrueSegmentIsSelected() throws {
        func below(_ limit: Int) -> String { "<SimplePredicate field=\"z\" operator=\"lessThan\" value=\"\(limit)\"/>" }
        let text = mining(
            "selectFirst", segment(plus(1), below(0)), segment(plus(2), below(10)),
            segment(stump("-7", "7"), "<SimplePredicate field='z' operator='isMissing'/>"))
        let rows = [["x": "0", "z": "-1"], ["x": "0", "z": "5"], ["x": "0", "z": "50"], ["x": "0"]]
        #expect(try results(text, "y", rows) == ["1.0", "2.0", "", "7.0"])
    }

    @Test func votesAreCounted() throws {
        let segments = [
            stump("yes", "no", function: "classification"), stump("yes", "yes", function: "classification"),
            stump("no", "no", function: "classification"),
        ]
        let output = "<Output><OutputField name='p' feature='probability' value='yes'/></Output>"
        let plain = mining(
            "majorityVote", segment(segments[0]), segment(segments[1]), segment(segments[2]), function: "classification",
            output: output)
        #expect(try results(plain, "c", Self.xs) == ["yes", "no", ""])
        #expect(try results(plain, "p", [["x": "-1"]]) == ["\(2.0 / 3)"])
        let weighted = mining(
            "weightedMajorityVote", segment(segments[0], "<True/>", "weight='1'"), segment(segments[1], "<True/>", "weight='5'"),
            segment(segments[2], "<True/>", "weight='2'"), function: "classification", output: output)
        #expect(try results(weighted, "c", Self.xs) == ["yes", "yes", ""])
        #expect(try results(weighted, "p", [["x": "1"]]) == ["0.625"])
    }

    @Test func forestsOfTreesAndSingleTreesGiveTheSame() throws {
        // A segment with a predicate that is always true at run time keeps the ensemble from being one forest.
        let isThere = "<SimplePredicate field=\"z\" operator=\"isMissing\"/>"
        for method in ["majorityVote", "average"] {
            let trees = [
                stump("yes", "no", function: "classification"), stump("no", "yes", function: "classification"),
                stump("yes", "no", function: "classification"),
            ]
            let forest = mining(method, segment(trees[0]), segment(trees[1]), segment(trees[2]), function: "classification")
            let single = mining(
                method, segment(trees[0], isThere), segment(trees[1]), segment(trees[2]), function: "classification")
            #expect(try results(forest, "c", Self.xs) == results(single, "c", Self.xs))
        }
    }

    @Test func chainsPassOutputsOn() throws {
        let output = "<Output><OutputField name='first' feature='predictedValue' isFinalResult='false'/></Output>"
        let second = """
            <RegressionModel functionName="regression">\(PMMLText.schema("first", "z"))<Output><OutputField name="shown"/></Output>
            <RegressionTable intercept="0"><NumericPredictor name="first" coefficient="10"/><NumericPredictor name="z" coefficient="1"/></RegressionTable>
            </RegressionModel>
            """
        let text = mining(
            "modelChain", segment(plus(1, output: output)), segment(second),
            targets: "<Targets><Target field='y' rescaleFactor='2'/></Targets>")
        #expect(try results(text, "y", [["x": "1", "z": "3"]]) == ["46.0"])
        #expect(try results(text, "shown", [["x": "1", "z": "3"]]) == ["23.0"])
        #expect(try load(text).signature.outputColumn(named: "first") == nil)
    }

    @Test func chainsEndWithTheLastModelInUse() throws {
        let isPositive = "<SimplePredicate field=\"z\" operator=\"greaterThan\" value=\"0\"/>"
        let text = mining("modelChain", segment(plus(1)), segment(plus(2), isPositive))
        #expect(try results(text, "y", [["x": "0", "z": "1"], ["x": "0", "z": "-1"]]) == ["2.0", "1.0"])
    }

    @Test func boostedTreesBecomeProbabilities() throws {
        let output = "<Output><OutputField name='margin' feature='predictedValue'/></Output>"
        let trees = """
            <MiningModel functionName="regression">\(PMMLText.schema("x"))\(output)<Targets><Target rescaleConstant="0.5"/></Targets>
            <Segmentation multipleModelMethod="sum">\(segment(stump("-1", "1")))\(segment(stump("-0.5", "0.25")))</Segmentation></MiningModel>
            """
        let link = """
            <RegressionModel functionName="classification" normalizationMethod="logit">\(PMMLText.schema("margin", target: "c"))
            <Output><OutputField name="p" feature="probability" value="yes"/></Output>
            <RegressionTable intercept="0" targetCategory="yes"><NumericPredictor name="margin" coefficient="1"/></RegressionTable>
            <RegressionTable intercept="0" targetCategory="no"/></RegressionModel>
            """
        let text = mining("modelChain", segment(trees), segment(link), function: "classification")
        let model = try load(text)
        let scores = try score(model, Self.xs)
        #expect(PMMLTests.text(scores, model, row: 0, "margin") == "-1.0")
        #expect(PMMLTests.text(scores, model, row: 1, "margin") == "1.75")
        #expect(PMMLTests.text(scores, model, row: 1, "c") == "yes")
        #expect(PMMLTests.text(scores, model, row: 2, "c") == "")
        #expect(model.signature.outputs[model.signature.roles.score].map(\.name) == ["p"])
    }

    @Test(arguments: ["selectAll", "nonsense"])
    func otherMethodsAreNamed(_ method: String) {
        let error = #expect(throws: ScoringError.self) { try load(mining(method, segment(plus(1)))) }
        #expect("\(error!)".contains(method))
    }

    @Test func anInvalidRowOfAnUnusedScorecardDoesNotFail() throws {
        let card = """
            <Scorecard functionName="regression" useReasonCodes="false">\(PMMLText.schema("x"))<Characteristics><Characteristic name="c">
            <Attribute partialScore="1"><SimplePredicate field="x" operator="lessThan" value="0"/></Attribute></Characteristic></Characteristics></Scorecard>
            """
        let isPositive = "<SimplePredicate field=\"z\" operator=\"greaterThan\" value=\"0\"/>"
        let model = try load(mining("selectFirst", segment(card, isPositive), segment(plus(5))))
        let scores = try score(model, [["x": "1", "z": "1"], ["x": "1", "z": "-1"]])
        #expect(scores.failure(row: 0) != nil)
        #expect(scores.failure(row: 1) == nil)
        #expect(PMMLTests.text(scores, model, row: 1, "y") == "6.0")
    }

    @Test func aSegmentBehindTheSelectedOneDoesNotFailTheRow() throws {
        let card = """
            <Scorecard functionName="regression" useReasonCodes="false">\(PMMLText.schema("x"))<Characteristics><Characteristic name="c">
            <Attribute partialScore="1"><SimplePredicate field="x" operator="lessThan" value="0"/></Attribute></Characteristic></Characteristics></Scorecard>
            """
        let isPositive = "<SimplePredicate field=\"z\" operator=\"greaterThan\" value=\"0\"/>"
        let model = try load(mining("selectFirst", segment(plus(5), isPositive), segment(card), segment(card)))
        let scores = try score(model, [["x": "1", "z": "1"], ["x": "1", "z": "-1"], ["x": "-1", "z": "-1"]])
        #expect(scores.failure(row: 0) == nil)
        #expect(PMMLTests.text(scores, model, row: 0, "y") == "6.0")
        #expect(scores.failure(row: 1) != nil)
        #expect(PMMLTests.text(scores, model, row: 2, "y") == "1.0")
    }

    @Test func outputsOfTheSelectedSegmentAreShownWhateverTheOthersCanSay() throws {
        func named(_ label: String) -> String {
            let constant = "<Constant dataType='string'>\(label)</Constant>"
            return
                "<Output><OutputField name='who' feature='transformedValue' dataType='string'>\(constant)</OutputField></Output>"
        }
        let isBelow = "<SimplePredicate field='x' operator='lessThan' value='0'/>"
        let text = mining(
            "selectFirst", segment(plus(1, output: named("first")), isBelow), segment(plus(2, output: named("second"))))
        #expect(try results(text, "who", [["x": "-1"], ["x": "1"]]) == ["first", "second"])
    }
}

extension MiningModelTests {
    @Test func aChainWhosePredictorIsNotUsedHasNoValueForItsTarget() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("y"),
                """
                <MiningModel functionName="regression">\(PMMLText.schema("x", target: "y"))<Segmentation multipleModelMethod="modelChain">
                <Segment id="1"><True/><RegressionModel functionName="regression">\(PMMLText.schema("x"))
                <Output><OutputField name="oddness" dataType="double" optype="continuous"/></Output>
                <RegressionTable intercept="0"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel></Segment>
                <Segment id="2"><SimplePredicate field="oddness" operator="lessThan" value="10"/>
                <RegressionModel functionName="regression">\(PMMLText.schema("x", target: "y"))
                <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel></Segment>
                </Segmentation></MiningModel>
                """))
        let scores = try score(model, [["x": "3"], ["x": "7"]])
        #expect(text(scores, model, row: 0, "y") == "4.0")
        #expect(text(scores, model, row: 1, "y") == "")
        #expect(text(scores, model, row: 1, "oddness") == "14.0")
    }

    /// Every model's own targets apply to its result, those of the whole to what it passes on.
    @Test(arguments: ["modelChain", "selectFirst", "sum"])
    func targetsApplyToTheResultOfTheWhole(_ method: String) throws {
        let own = "<Targets><Target rescaleConstant='100'/></Targets>"
        let text = mining(
            method, segment(plus(1, output: own)),
            targets: "<Targets><Target field='y' rescaleConstant='2' max='102'/></Targets>")
        #expect(try results(text, "y", [["x": "0.5"], ["x": "7"]]) == ["103.5", "104.0"])
    }

    @Test func targetsOfAnEarlierModelAreInWhatALaterOneSees() throws {
        let output = "<Output><OutputField name='seen' feature='predictedValue'/></Output>"
        let targets = "<Targets><Target rescaleConstant='2' castInteger='floor'/></Targets>"
        let second = """
            <RegressionModel functionName="regression">\(PMMLText.schema("seen", target: "y"))
            <RegressionTable intercept="0"><NumericPredictor name="seen" coefficient="10"/></RegressionTable></RegressionModel>
            """
        let offset = """
            <GeneralRegressionModel functionName="regression" modelType="generalizedLinear" linkFunction="identity" offsetVariable="seen">
            \(PMMLText.schema("x", "seen", target: "y"))<ParameterList><Parameter name="p0"/><Parameter name="p1"/></ParameterList>
            <CovariateList><Predictor name="x"/></CovariateList><PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/></PPMatrix>
            <ParamMatrix><PCell parameterName="p0" beta="1"/><PCell parameterName="p1" beta="1"/></ParamMatrix></GeneralRegressionModel>
            """
        for (last, expected) in [(second, "40.0"), (offset, "6.5")] {
            let text = mining("modelChain", segment(plus(1, output: output + targets)), segment(last))
            #expect(try results(text, "y", [["x": "1.5"]]) == [expected])
            #expect(try results(text, "seen", [["x": "1.5"]]) == ["4"])
        }
    }

    /// As in Spark, which takes the class of the least index; the data dictionary lists classes in that order.
    @Test func votesThatAreEqualGoToTheClassThatIsListedFirst() throws {
        let (yes, no) = (stump("yes", "yes", function: "classification"), stump("no", "no", function: "classification"))
        let isThere = "<SimplePredicate field=\"z\" operator=\"isMissing\"/>"
        for method in ["majorityVote", "weightedMajorityVote"] {
            for predicate in ["<True/>", isThere] {
                let text = mining(
                    method, segment(yes, predicate), segment(no), segment(yes), segment(no), function: "classification")
                #expect(try results(text, "c", [["x": "1"]]) == ["no"])
            }
        }
    }
}
