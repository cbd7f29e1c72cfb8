import PMML
import Scoring
import Testing

/// Strategies for missing values that follow several ways or count what was missing.
@Suite struct TreeMissingValueTests {
    static let output = """
        <Output><OutputField name="node" feature="entityId"/><OutputField name="p" feature="probability" value="yes"/>
        <OutputField name="yes" feature="confidence" value="yes"/><OutputField name="no" feature="confidence" value="no"/></Output>
        """

    static func counts(_ yes: Double, _ no: Double) -> String {
        "<ScoreDistribution value='yes' recordCount='\(yes)'/><ScoreDistribution value='no' recordCount='\(no)'/>"
    }

    static let fields =
        PMMLText.field("x") + PMMLText.field("r") + PMMLText.field("s", "string", "categorical", PMMLText.values("u", "v", "w"))

    /// low: 48 of 60; u: 3 of 15, but worth 30 records; v: 5 of 10.
    static func model(_ attributes: String, isClassification: Bool = true) -> String {
        func node(_ id: String, _ score: Double, _ records: Int, _ yes: Double, _ no: Double, _ predicate: String) -> String {
            isClassification
                ? "<Node id='\(id)' recordCount='\(records)'>\(predicate)\(counts(yes, no))</Node>"
                : "<Node id='\(id)' recordCount='\(records)' score='\(score)'>\(predicate)</Node>"
        }
        func level(_ name: String) -> String { "<SimplePredicate field='s' operator='equal' value='\(name)'/>" }
        let target = PMMLText.field(
            "y", isClassification ? "string" : "double", nil, isClassification ? PMMLText.values("yes", "no") : "")
        return PMMLText.document(
            fields: fields + target,
            """
            <TreeModel functionName="\(isClassification ? "classification" : "regression")" \(attributes)>\(PMMLText.schema("x", "s", target: "y"))
            \(isClassification ? output : "<Output><OutputField name='node' feature='entityId'/></Output>")
            <Node id="root" recordCount="100"><True/>
            \(node("low", 1, 60, 48, 12, "<SimplePredicate field='x' operator='lessThan' value='10'/>"))
            <Node id="high" recordCount="20" \(isClassification ? "" : "score='9'")><SimplePredicate field="x" operator="greaterOrEqual" value="10"/>
            \(isClassification ? counts(10, 30) : "")
            \(node("u", 2, 30, 3, 12, level("u")))\(node("v", 3, 10, 5, 5, level("v")))</Node></Node></TreeModel>
            """)
    }

    static let rows: [[String: String]] = [
        ["x": "5"], ["x": "20", "s": "u"], ["x": "20"], ["s": "u"], [:], ["s": "w"], ["x": "20", "s": "w"],
    ]

    func results(_ text: String, _ names: [String], _ rows: [[String: String]] = rows) throws -> [[String]] {
        let model = try load(text)
        let scores = try score(model, rows)
        return rows.indices.map { row in names.map { PMMLTests.text(scores, model, row: row, $0) ?? "?" } }
    }

    func close(_ actual: String, _ expected: Double) -> Bool { abs((Double(actual) ?? .nan) - expected) < 1e-12 }

    @Test func confidencesAreWeightedByTheRecordsOfTheChildren() throws {
        let results = try results(Self.model("missingValueStrategy='weightedConfidence'"), ["y", "node", "p", "yes", "no"])
        #expect(results[0] == ["yes", "low", "0.8", "0.8", "0.2"])
        #expect(results[1] == ["no", "u", "0.2", "0.2", "0.8"])
        // Between u and v: (30 * 0.2 + 10 * 0.5) / 40; then between that or u and low: (60 * 0.8 + 20 * ...) / 80.
        let high = (30 * 0.2 + 10 * 0.5) / 40
        let expected: [Double?] = [nil, nil, high, (60 * 0.8 + 20 * 0.2) / 80, (60 * 0.8 + 20 * high) / 80, 0.8, nil]
        for (row, expected) in expected.enumerated() {
            guard let expected else { continue }
            #expect(results[row][1] == "")
            #expect(results[row][0] == (expected > 0.5 ? "yes" : "no"))
            #expect(close(results[row][2], expected) && close(results[row][3], expected) && close(results[row][4], 1 - expected))
        }
        #expect(results[6] == ["", "", "", "", ""])
    }

    @Test func recordsOfAllLeavesThatCanBeReachedAreAggregated() throws {
        let results = try results(
            Self.model("missingValueStrategy='aggregateNodes' missingValuePenalty='0.5'"), ["y", "node", "p", "yes", "no"])
        #expect(results[0] == ["yes", "low", "0.8", "0.8", "0.2"])
        #expect(results[2][...2] == ["no", "", "0.32"])
        #expect(close(results[2][3], 0.16) && close(results[2][4], 0.34))
        #expect(results[3][...2] == ["yes", "", "\(51.0 / 75)"])
        #expect(results[4][...2] == ["yes", "", "\(56.0 / 85)"])
        #expect(results[5][...2] == ["yes", "", "0.8"])
        #expect(results[6] == ["", "", "", "", ""])
    }

    @Test func theLastPredictionTakesPartWhereNoChildIsTrue() throws {
        let last = "noTrueChildStrategy='returnLastPrediction'"
        #expect(
            try results(Self.model("missingValueStrategy='weightedConfidence' \(last)"), ["node", "p"])[6] == ["high", "0.25"])
        let aggregated = try results(Self.model("missingValueStrategy='aggregateNodes' \(last)"), ["node", "p"])
        #expect(aggregated[5] == ["", "0.58"])
        #expect(aggregated[6] == ["high", "0.25"])
    }

    @Test func regressionsGiveTheWeightedMean() throws {
        let nested = try results(Self.model("missingValueStrategy='weightedConfidence'", isClassification: false), ["y", "node"])
        #expect(
            nested == [["1.0", "low"], ["2.0", "u"], ["2.25", ""], ["1.25", ""], ["1.3125", ""], ["1.0", ""], ["", ""]])
        let pooled = try results(Self.model("missingValueStrategy='aggregateNodes'", isClassification: false), ["y", "node"])
        #expect(
            pooled == [
                ["1.0", "low"], ["2.0", "u"], ["2.25", ""], ["\(120.0 / 90)", ""], ["1.5", ""], ["1.0", ""], ["", ""],
            ])
    }

    @Test func ensemblesOfSuchTreesAverageWhatTheyGive() throws {
        for strategy in ["weightedConfidence", "aggregateNodes"] {
            let text = Self.model("missingValueStrategy='\(strategy)'", isClassification: false)
            let start = try #require(text.firstRange(of: "<TreeModel"))
            let tree = String(text[start.lowerBound..<text.firstRange(of: "</PMML>")!.lowerBound])
            let ensemble = """
                <MiningModel functionName="regression">\(PMMLText.schema("x", "s", target: "y"))<Segmentation multipleModelMethod="average">
                <Segment><True/>\(tree)</Segment><Segment><True/>\(tree.replacing("score='1.0'", with: "score='7.0'"))</Segment></Segmentation></MiningModel>
                """
            let rows = [["x": "5"], ["x": "20"]]
            #expect(try results(text.replacing(tree, with: ensemble), ["y"], rows) == [["4.0"], ["2.25"]])
        }
    }

    @Test(arguments: ["weightedConfidence", "aggregateNodes"])
    func nodesWithoutRecordCountsAreRefused(_ strategy: String) {
        let text = Self.model("missingValueStrategy='\(strategy)'")
        let bare = text.replacing(" recordCount='48.0'", with: "").replacing(" recordCount='60'", with: "")
        let error = #expect(throws: ScoringError.self) { try load(bare) }
        #expect("\(error!)".contains("recordCount") || "\(error!)".contains("record counts"))
    }

    /// x below 10 or, where x is missing, r below 0; then s. The default child is the second.
    static func penalised(_ attributes: String) -> String {
        func surrogate(_ operation: String) -> String {
            """
            <CompoundPredicate booleanOperator="surrogate"><SimplePredicate field="x" operator="\(operation)" value="10"/>
            <SimplePredicate field="r" operator="\(operation)" value="0"/></CompoundPredicate>
            """
        }
        return PMMLText.document(
            fields: fields + PMMLText.field("y", "string", "categorical", PMMLText.values("yes", "no")),
            """
            <TreeModel functionName="classification" missingValuePenalty="0.5" \(attributes)>\(PMMLText.schema("x", "s", "r", target: "y"))\(output)
            <Node id="root" defaultChild="high"><True/>\(counts(5, 5))
            <Node id="low">\(surrogate("lessThan"))\(counts(3, 1))</Node>
            <Node id="high" defaultChild="v">\(surrogate("greaterOrEqual"))\(counts(1, 1))
            <Node id="u"><SimplePredicate field="s" operator="equal" value="u"/>\(counts(1, 3))</Node>
            <Node id="v"><SimplePredicate field="s" operator="equal" value="v"/><ScoreDistribution value="yes" recordCount="1" confidence="0.75"/>\
            <ScoreDistribution value="no" recordCount="1" confidence="0.25"/></Node></Node></Node></TreeModel>
            """)
    }

    @Test func everyStepThatWorksAroundAMissingValueCostsConfidence() throws {
        let rows: [[String: String]] = [
            ["x": "5"], ["r": "-1"], ["r": "1", "s": "u"], ["x": "20"], ["r": "1"], ["s": "u"], [:], ["x": "20", "s": "w"],
        ]
        let results = try results(Self.penalised("missingValueStrategy='defaultChild'"), ["node", "p", "yes"], rows)
        #expect(
            results == [
                ["low", "0.75", "0.75"], ["low", "0.75", "0.375"], ["u", "0.25", "0.125"], ["v", "0.5", "0.375"],
                ["v", "0.5", "0.1875"], ["u", "0.25", "0.125"], ["v", "0.5", "0.1875"], ["", "", ""],
            ])
    }

    @Test func surrogatesCostConfidenceUnderEveryStrategy() throws {
        let rows: [[String: String]] = [["x": "5"], ["r": "-1"], ["r": "1", "s": "u"], ["r": "1"], [:]]
        let last = try results(Self.penalised("missingValueStrategy='lastPrediction'"), ["node", "yes"], rows)
        #expect(last == [["low", "0.75"], ["low", "0.375"], ["u", "0.125"], ["high", "0.25"], ["root", "0.5"]])
        let none = try results(Self.penalised("noTrueChildStrategy='returnLastPrediction'"), ["node", "yes"], rows)
        #expect(none == last)
    }

    @Test(arguments: ["EmbeddedModel", "Regression", "DecisionTree"])
    func modelsInsideOfNodesAreRefusedByName(_ element: String) {
        let text = Self.model("").replacing("<Node id='u' recordCount='30'>", with: "<Node id='u'><\(element)/>")
        let error = #expect(throws: ScoringError.self) { try load(text) }
        #expect("\(error!)".contains(element))
    }

    @Test func probabilitiesThatDoNotAddUpToOneAreMadeTo() throws {
        let text = Self.model("").replacing(
            Self.counts(48, 12),
            with:
                "<ScoreDistribution value='yes' recordCount='1' probability='0.6'/><ScoreDistribution value='no' recordCount='1' probability='0.2'/>"
        )
        #expect(close(try results(text, ["p"])[0][0], 0.75))
    }
}
