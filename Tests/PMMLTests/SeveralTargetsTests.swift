import PMML
import Scoring
import Testing

/// Models that predict several fields, and models whose score is not what their trees say.
@Suite struct SeveralTargetsTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("low") + PMMLText.field("high")
        + PMMLText.field("c", "string", "categorical", PMMLText.values("no", "yes"))

    /// A regression of a field: x + constant, or another field's value + constant.
    static func plus(_ constant: Double, target: String?, of input: String = "x", output: String = "") -> String {
        """
        <RegressionModel functionName="regression">\(PMMLText.schema(input, target: target))\(output)
        <RegressionTable intercept="\(constant)"><NumericPredictor name="\(input)" coefficient="1"/></RegressionTable></RegressionModel>
        """
    }

    /// A tree for the field c: no below 0, else yes.
    static let tree = """
        <TreeModel functionName="classification">\(PMMLText.schema("x", target: "c"))<Node><True/>
        <Node score="no"><SimplePredicate field="x" operator="lessThan" value="0"/><ScoreDistribution value="no" recordCount="3"/>
        <ScoreDistribution value="yes" recordCount="1"/></Node>
        <Node score="yes"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/><ScoreDistribution value="yes" recordCount="4"/></Node>
        </Node></TreeModel>
        """

    static func model(
        _ method: String, targets: [String], _ segments: [(predicate: String, model: String)], output: String = ""
    ) -> String {
        let fields = targets.map { "<MiningField name=\"\($0)\" usageType=\"target\"/>" }.joined()
        let parts = segments.map { "<Segment>\($0.predicate)\($0.model)</Segment>" }.joined()
        return PMMLText.document(
            fields: Self.fields,
            """
            <MiningModel functionName="regression"><MiningSchema><MiningField name="x"/>\(fields)</MiningSchema>\(output)
            <Segmentation multipleModelMethod="\(method)">\(parts)</Segmentation></MiningModel>
            """)
    }

    static let always = "<True/>"

    func row(_ model: any ScoringModel, _ x: String) throws -> [String: String] {
        let scores = try score(model, [["x": x]])
        let names = model.signature.outputs.map(\.name)
        return Dictionary(uniqueKeysWithValues: names.map { ($0, text(scores, model, row: 0, $0) ?? "") })
    }

    @Test func theScoreHasAValueForEachTarget() throws {
        let model = try load(
            Self.model(
                "x-multiModelChain", targets: ["high", "low"],
                [(Self.always, Self.plus(1, target: "low")), (Self.always, Self.plus(10, target: "high"))]))
        #expect(model.signature.scoreNames() == ["low", "high"])
        #expect(model.signature.roles.named == 0..<2)
        #expect(model.signature.outputs.map(\.name) == ["low", "high"])
        #expect(try row(model, "2") == ["low": "3.0", "high": "12.0"])
    }

    @Test func targetsThatTheFileNamesAsOutputsAreNotGivenTwice() throws {
        let output = """
            <Output><OutputField name="high" feature="predictedValue" targetField="high"/><OutputField name="half" feature="transformedValue"
            dataType="double" optype="continuous"><Apply function="/"><FieldRef field="low"/><Constant>2</Constant></Apply></OutputField>
            <OutputField name="low" feature="predictedValue" targetField="low"/></Output>
            """
        let model = try load(
            Self.model(
                "x-multiModelChain", targets: ["low", "high"],
                [(Self.always, Self.plus(1, target: "low")), (Self.always, Self.plus(10, target: "high"))], output: output))
        // A score's columns are adjacent.
        #expect(model.signature.scoreNames() == ["prediction(low)", "prediction(high)"])
        let scores = try score(model, [["x": "2"]])
        #expect(model.signature.roles.score.map { scores[0, $0] } == [3, 12])
        #expect(try row(model, "2")["half"] == "1.5")
    }

    @Test func segmentsOfOneTargetAreOneResult() throws {
        let isBelow = "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/>"
        let isAbove = "<SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"0\"/>"
        let model = try load(
            Self.model(
                "x-multiModelChain", targets: ["low", "high"],
                [
                    (isBelow, Self.plus(1, target: "low")), (isAbove, Self.plus(2, target: "low")),
                    (Self.always, Self.plus(10, target: "high")),
                ]))
        #expect(model.signature.scoreNames() == ["low", "high"])
        #expect(try row(model, "-1") == ["low": "0.0", "high": "9.0"])
        #expect(try row(model, "1") == ["low": "3.0", "high": "11.0"])
    }

    @Test func classesBesideNumbersAreThereByName() throws {
        let model = try load(
            Self.model(
                "x-multiModelChain", targets: ["low", "c"],
                [(Self.always, Self.plus(1, target: "low")), (Self.always, Self.tree)]))
        let values = try row(model, "-1")
        #expect(values["low"] == "0.0" && values["c"] == "no" && values["probability(yes)"] == "0.25")
        #expect(model.signature.roles.named.map { model.signature.outputs[$0].name } == ["low", "c"])
        #expect(model.signature.scoreNames() == ["probability(yes)"])
    }

    /// The first target is what the first model predicts; what a chain predicts is what its last model does.
    @Test func aChainOfSeveralTargetsGivesEachUnderItsName() throws {
        let output = "<Output><OutputField name='seen' feature='predictedValue' isFinalResult='false'/></Output>"
        let chain = try load(
            Self.model(
                "modelChain", targets: ["low", "high"],
                [
                    (Self.always, Self.plus(1, target: "low", output: output)),
                    (Self.always, Self.plus(10, target: "high", of: "seen")),
                ]))
        #expect(try row(chain, "2") == ["low": "3.0", "high": "13.0", "raw": "13.0"])
        #expect(chain.signature.scoreNames() == ["high"])
        let unnamed = try load(
            Self.model(
                "modelChain", targets: ["low", "high"],
                [
                    (Self.always, Self.plus(1, target: "low", output: output)),
                    (Self.always, Self.plus(10, target: nil, of: "seen")),
                ]))
        #expect(try row(unnamed, "2")["high"] == "13.0")
        #expect(try row(unnamed, "2")["low"] == "3.0")
    }

    // MARK: Isolation forests

    /// Mean depths of 1.5 below 0, else 5.5, as sklearn2pmml writes them.
    static func forest(isFinal: Bool, target: String? = nil) -> String {
        func tree(_ below: Double, _ above: Double) -> String {
            """
            <Segment><True/><TreeModel functionName="regression">\(PMMLText.schema("x"))<Node><True/>
            <Node score="\(below)"><SimplePredicate field="x" operator="lessThan" value="0"/></Node>
            <Node score="\(above)"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel></Segment>
            """
        }
        return PMMLText.document(
            fields: Self.fields,
            """
            <MiningModel functionName="regression" algorithmName="sklearn.ensemble.IsolationForest">
            \(PMMLText.schema("x", target: target))<Output>
            <OutputField name="rawAnomalyScore" optype="continuous" dataType="double" isFinalResult="\(isFinal)"/>
            <OutputField name="outlier" optype="categorical" dataType="boolean" feature="transformedValue">
            <Apply function="lessOrEqual"><FieldRef field="rawAnomalyScore"/><Constant dataType="double">2.0</Constant></Apply></OutputField>
            <OutputField name="decisionFunction" optype="continuous" dataType="double" feature="transformedValue">
            <Apply function="-"><FieldRef field="rawAnomalyScore"/><Constant dataType="double">2.0</Constant></Apply></OutputField></Output>
            <Segmentation multipleModelMethod="average">\(tree(1, 5) + tree(2, 6))</Segmentation></MiningModel>
            """)
    }

    @Test func theScoreOfAnIsolationForestIsWhatItsFileCallsFinal() throws {
        let model = try load(Self.forest(isFinal: false))
        #expect(model.signature.scoreNames() == ["decisionFunction"])
        #expect(try row(model, "-1") == ["outlier": "true", "decisionFunction": "-0.5"])
        #expect(try row(model, "1") == ["outlier": "false", "decisionFunction": "3.5"])
    }

    @Test func aPredictionThatIsFinalOrHasATargetStaysTheScore() throws {
        let shown = try load(Self.forest(isFinal: true))
        #expect(shown.signature.scoreNames() == ["rawAnomalyScore"])
        let targeted = try load(Self.forest(isFinal: false, target: "low"))
        #expect(targeted.signature.scoreNames() == ["low"])
        #expect(try row(targeted, "1")["low"] == "5.5")
    }
}
