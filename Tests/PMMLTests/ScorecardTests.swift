import PMML
import Scoring
import Testing

@Suite struct ScorecardTests {
    static let folder = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Samples/PMML"

    static func sample(_ name: String) throws -> any ScoringModel {
        let bytes = try #require(contents(of: "\(folder)/\(name)"))
        return try PMMLFormat().load(.file(name: name, bytes: bytes), options: LoadOptions())
    }

    @Test func aCreditScorecardGivesScoreReasonsAndBand() throws {
        let model = try Self.sample("credit_scorecard.pmml")
        let rows: [[String: String]] = [
            ["age": "30", "income": "30000", "debt": "9000", "employment": "temporary", "purpose": "home", "arrears": "1"],
            ["age": "45", "income": "30000", "debt": "1000", "employment": "permanent", "purpose": "car", "arrears": "0"],
            // Missing, listed as missing, unknown and of a listed missing level.
            ["income": "-1", "debt": "1000", "employment": "n/a", "purpose": "boat", "arrears": "5"],
            // Invalid numbers and levels that are taken as missing; an outlier that is cut; missing ones that are replaced.
            ["age": "19", "income": "-5", "debt": "-3", "employment": "pirate"],
            ["age": "24", "income": "0", "employment": "self-employed", "purpose": "holiday", "arrears": "2"],
        ]
        let scores = try score(model, rows)
        let expected = [
            ["525.0", "DEBT", "AGE", "EMPLOYMENT", "medium risk"],
            ["640.0", "AGE", "DEBT", "EMPLOYMENT", "low risk"],
            ["345.0", "ARREARS", "AGE_UNKNOWN", "INCOME_UNKNOWN", "high risk"],
            ["455.0", "INCOME_UNKNOWN", "EMPLOYMENT", "AGE", "medium risk"],
            ["430.0", "INCOME_UNKNOWN", "AGE", "ARREARS", "high risk"],
        ]
        for (row, expected) in expected.enumerated() {
            #expect(scores.failure(row: row) == nil)
            let actual = ["score", "reason 1", "reason 2", "reason 3", "band"].map { text(scores, model, row: row, $0) }
            #expect(
                actual.map { $0 == "525" || $0 == "640" || $0 == "345" || $0 == "455" || $0 == "430" ? $0! + ".0" : $0 }
                    == expected)
        }
    }

    @Test func anInvalidValueFailsItsRowOnly() throws {
        let model = try Self.sample("credit_scorecard.pmml")
        let scores = try score(model, [["age": "130"], ["age": "30"]])
        guard case .invalidFeature(let name, _)? = scores.failure(row: 0) else {
            Issue.record("not refused")
            return
        }
        #expect(name == "age")
        #expect(scores.failure(row: 1) == nil)
    }

    @Test func rolesNameScoreAndReasons() throws {
        let model = try Self.sample("credit_scorecard.pmml")
        let roles = model.signature.roles
        #expect(model.signature.outputs[roles.score].map(\.name) == ["points"])
        #expect(model.signature.outputs[roles.reasons].map(\.name) == ["reason 1", "reason 2", "reason 3"])
        #expect(
            model.signature.outputs[roles.named].map(\.name) == ["points", "score", "reason 1", "reason 2", "reason 3", "band"])
        #expect(model.signature.inputs.map(\.name) == ["age", "income", "debt", "employment", "purpose", "arrears"])
        #expect(model.signature.inputs[0].kind == .integer)
        #expect(
            model.signature.inputs[3].kind
                == .category(CategoryLevels(["permanent", "temporary", "self-employed", "none", "n/a"])))
        #expect(model.signature.inputs[4].kind == .category(CategoryLevels(["car", "home", "holiday"])))
    }

    /// A card with one characteristic a number; the attribute takes everything.
    func card(_ characteristics: [(points: Double, baseline: Double, code: String)], algorithm: String, output: String = "")
        -> String
    {
        PMMLText.document(
            fields: "",
            """
            <Scorecard functionName="regression" reasonCodeAlgorithm="\(algorithm)"><MiningSchema/>\(output)<Characteristics>
            """
                + characteristics.map {
                    """
                    <Characteristic baselineScore="\($0.baseline)"><Attribute partialScore="\($0.points)" reasonCode="\($0.code)"><True/></Attribute></Characteristic>
                    """
                }.joined() + "</Characteristics></Scorecard>")
    }

    func reasons(_ characteristics: [(points: Double, baseline: Double, code: String)], _ algorithm: String) throws -> [String] {
        let model = try load(card(characteristics, algorithm: algorithm))
        let scores = try score(model, [[:]])
        return model.signature.roles.reasons.map { text(scores, model, row: 0, model.signature.outputs[$0].name) ?? "?" }
    }

    @Test func pointsBelowRanksWhatIsFurthestBelowItsBaseline() throws {
        #expect(try reasons([(10, 20, "A"), (10, 50, "B"), (10, 30, "C")], "pointsBelow") == ["B", "C", "A"])
    }

    @Test func pointsAboveRanksWhatIsFurthestAboveItsBaseline() throws {
        #expect(try reasons([(10, 5, "A"), (10, 1, "B"), (10, 9, "C")], "pointsAbove") == ["B", "A", "C"])
    }

    @Test func tiesKeepTheOrderOfTheCharacteristics() throws {
        #expect(try reasons([(1, 2, "Z"), (1, 2, "M"), (1, 2, "A")], "pointsBelow") == ["Z", "M", "A"])
    }

    @Test func pointsOfTheSameCodeAreAddedUp() throws {
        #expect(try reasons([(0, 3, "A"), (0, 2, "B"), (0, 2, "B")], "pointsBelow") == ["B", "A"])
        #expect(try reasons([(0, 3, "A"), (0, 2, "B"), (0, 2, "C"), (0, 2, "B")], "pointsBelow") == ["B", "A", "C"])
    }

    @Test func codesWithNegativePointsAreLeftOutAndZeroStays() throws {
        #expect(try reasons([(5, 2, "A"), (0, 0, "B"), (0, 2, "C")], "pointsBelow") == ["C", "B", ""])
    }

    @Test func aCardWithoutOutputGivesPredictionAndAllReasons() throws {
        let model = try load(card([(1, 2, "A"), (1, 3, "B")], algorithm: "pointsBelow"))
        #expect(model.signature.outputs.map(\.name) == ["prediction", "reasonCode(1)", "reasonCode(2)"])
        #expect(try text(score(model, [[:]]), model, row: 0, "prediction") == "2.0")
    }

    @Test func onlyTheRanksThatAreAskedForAreGiven() throws {
        let output = "<Output><OutputField name='second' feature='reasonCode' rank='2'/></Output>"
        let model = try load(card([(1, 2, "A"), (1, 3, "B"), (1, 9, "C")], algorithm: "pointsBelow", output: output))
        #expect(try text(score(model, [[:]]), model, row: 0, "second") == "B")
    }

    @Test func aCharacteristicWithoutAMatchingAttributeFailsTheRow() throws {
        let model = try load(
            PMMLText.document(
                fields: PMMLText.field("x"),
                """
                <Scorecard functionName="regression" useReasonCodes="false">\(PMMLText.schema("x"))<Characteristics>
                <Characteristic name="c"><Attribute partialScore="1"><SimplePredicate field="x" operator="lessThan" value="0"/></Attribute>
                </Characteristic></Characteristics></Scorecard>
                """))
        let scores = try score(model, [["x": "-1"], ["x": "1"], [:]])
        #expect(scores.failure(row: 0) == nil)
        for row in 1...2 {
            guard case .invalidFeature("x", let reason)? = scores.failure(row: row) else {
                Issue.record("row \(row) is scored")
                continue
            }
            #expect(reason.contains("'c'"))
        }
    }

    @Test func missingReasonCodesAndBaselinesAreRefused() {
        #expect(throws: ScoringError.self) {
            try load(
                card([(1, 2, "A")], algorithm: "pointsBelow").replacing(" baselineScore=\"2.0\"", with: ""))
        }
        #expect(throws: ScoringError.self) {
            try load(card([(1, 2, "A"), (1, 2, "B")], algorithm: "pointsBelow").replacing(" reasonCode=\"B\"", with: ""))
        }
    }

    /// A card of x whose attributes are given.
    func card(_ attributes: String, model: String = "", characteristic: String = "", output: String = "") -> String {
        PMMLText.document(
            fields: PMMLText.field("x"),
            """
            <Scorecard functionName="regression" \(model)>\(PMMLText.schema("x"))<Output>\(output)</Output><Characteristics>
            <Characteristic name="c" \(characteristic)>\(attributes)</Characteristic>
            <Characteristic name="e" reasonCode="E" baselineScore="0"><Attribute partialScore="0"><True/></Attribute></Characteristic>
            </Characteristics></Scorecard>
            """)
    }

    static let twoCodes = "<OutputField name='r1' feature='reasonCode'/><OutputField name='r2' feature='reasonCode' rank='2'/>"

    func results(_ text: String, _ row: [String: String]) throws -> [String] {
        let model = try load(text)
        let scores = try score(model, [row])
        if scores.failure(row: 0) != nil { return ["fails"] }
        return ["prediction", "r1", "r2"].compactMap { PMMLTests.text(scores, model, row: 0, $0) }
    }

    @Test func theInitialScoreIsTheStart() throws {
        let attribute = "<Attribute partialScore='2.5'><True/></Attribute>"
        #expect(try results(card(attribute, model: "initialScore='10' useReasonCodes='false'"), [:]) == ["12.5"])
        #expect(try results(card(attribute, model: "useReasonCodes='false'"), [:]) == ["2.5"])
    }

    @Test func anAttributesCodeComesBeforeThatOfItsCharacteristic() throws {
        let attributes = """
            <Attribute partialScore='1' reasonCode='A'><SimplePredicate field='x' operator='lessThan' value='0'/></Attribute>
            <Attribute partialScore='2'><SimplePredicate field='x' operator='greaterOrEqual' value='0'/></Attribute>
            """
        let text = card(
            attributes, characteristic: "reasonCode='C' baselineScore='5' baselineMethod='other'", output: Self.twoCodes)
        #expect(try results(text, ["x": "-1"]) == ["1.0", "A", "E"])
        #expect(try results(text, ["x": "1"]) == ["2.0", "C", "E"])
    }

    @Test func aCharacteristicsBaselineComesBeforeThatOfTheCard() throws {
        let attribute = "<Attribute partialScore='3'><True/></Attribute>"
        let own = card(
            attribute, model: "baselineScore='9' baselineMethod='mean'", characteristic: "reasonCode='C' baselineScore='1'",
            output: Self.twoCodes)
        // 1 - 3 is below nothing; only E is left, with nothing at all.
        #expect(try results(own, [:]) == ["3.0", "E", ""])
        let cards = card(attribute, model: "baselineScore='9'", characteristic: "reasonCode='C'", output: Self.twoCodes)
        #expect(try results(cards, [:]) == ["3.0", "C", "E"])
    }

    @Test func aComputedScoreComesBeforeAWrittenOne() throws {
        let attribute = """
            <Attribute partialScore='99'><True/><ComplexPartialScore><Apply function='*'><FieldRef field='x'/><Constant>2</Constant></Apply>
            </ComplexPartialScore></Attribute>
            """
        let text = card(attribute, characteristic: "reasonCode='C' baselineScore='5'", output: Self.twoCodes)
        #expect(try results(text, ["x": "2"]) == ["4.0", "C", "E"])
        #expect(try results(text, ["x": "3"]) == ["6.0", "E", ""])
        // A score that cannot be computed is no score.
        #expect(try results(text, [:]) == ["fails"])
    }

    @Test func reasonsThatACardDoesNotGiveAreRefused() {
        let attribute = "<Attribute partialScore='3' reasonCode='A'><True/></Attribute>"
        for (model, output) in [
            ("useReasonCodes='false'", Self.twoCodes),
            ("baselineScore='1'", "<OutputField name='r' feature='reasonCode' rank='0'/>"),
        ] {
            let error = #expect(throws: ScoringError.self) { try load(card(attribute, model: model, output: output)) }
            #expect("\(error!)".contains("reason code"))
        }
    }

    @Test func ranksBeyondTheCodesThereAreAreMissing() throws {
        let attribute = "<Attribute partialScore='3' reasonCode='A'><True/></Attribute>"
        let output = "<OutputField name='r1' feature='reasonCode'/><OutputField name='r2' feature='reasonCode' rank='9'/>"
        #expect(try results(card(attribute, model: "baselineScore='9'", output: output), [:]) == ["3.0", "A", ""])
    }
}
