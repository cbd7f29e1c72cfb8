import PMML
import Scoring
import Testing

@Suite struct RuleSetModelTests {
    static func rule(_ score: String, above limit: Double, _ attributes: String = "", _ content: String = "") -> String {
        """
        <SimpleRule score="\(score)" \(attributes)><SimplePredicate field="x" operator="greaterThan" value="\(limit)"/>\(content)</SimpleRule>
        """
    }

    static let output = """
        <Output><OutputField name="rule" feature="entityId"/><OutputField name="sure" feature="confidence"/>
        <OutputField name="sureOfB" feature="confidence" value="b"/><OutputField name="pa" feature="probability" value="a"/>
        <OutputField name="pb" feature="probability" value="b"/></Output>
        """

    static func model(_ criterion: String, _ rules: String, _ attributes: String = "", function: String = "classification")
        -> String
    {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("z")
                + PMMLText.field("y", "string", "categorical", PMMLText.values("a", "b", "c")),
            """
            <RuleSetModel functionName="\(function)">\(PMMLText.schema("x", "z", target: "y"))\(output)
            <RuleSet \(attributes)>\(criterion.isEmpty ? "" : "<RuleSelectionMethod criterion=\"\(criterion)\"/>")
            <RuleSelectionMethod criterion="firstHit"/>\(rules)</RuleSet></RuleSetModel>
            """)
    }

    /// y, rule, confidence, confidence in b, probabilities of a and b.
    func results(_ text: String, _ rows: [[String: String]]) throws -> [[String]] {
        let model = try load(text)
        let scores = try score(model, rows)
        return rows.indices.map { row in
            ["y", "rule", "sure", "sureOfB", "pa", "pb"].map { PMMLTests.text(scores, model, row: row, $0) ?? "?" }
        }
    }

    static let three =
        rule("a", above: 0, "id='first' confidence='0.5' weight='0.25'")
        + rule("b", above: 10, "id='second' confidence='0.75' weight='0.75'")
        + rule("b", above: 20, "confidence='0.875' weight='0.5'")
        + rule("a", above: 30, "id='fourth' confidence='0.625' weight='1'")

    static let rows = ["-1", "5", "15", "25", "35"].map { ["x": $0] } + [[:]]

    @Test func theFirstRuleThatFiresDecides() throws {
        #expect(
            try results(Self.model("firstHit", Self.three, "defaultScore='c' defaultConfidence='0.125'"), Self.rows) == [
                ["c", "", "0.125", "0.0", "0.0", "0.0"], ["a", "first", "0.5", "0.0", "0.5", "0.0"],
                ["a", "first", "0.5", "0.75", "0.5", "0.0"], ["a", "first", "0.5", "0.75", "0.5", "0.0"],
                ["a", "first", "0.5", "0.75", "0.5", "0.0"], ["c", "", "0.125", "0.0", "0.0", "0.0"],
            ])
    }

    @Test func theHeaviestRuleDecides() throws {
        #expect(
            try results(Self.model("weightedMax", Self.three, "defaultScore='c'"), Self.rows) == [
                ["c", "", "", "0.0", "0.0", "0.0"], ["a", "first", "0.5", "0.0", "0.5", "0.0"],
                ["b", "second", "0.75", "0.75", "0.0", "0.75"], ["b", "second", "0.75", "0.75", "0.0", "0.75"],
                ["a", "fourth", "0.625", "0.75", "0.625", "0.0"], ["c", "", "", "0.0", "0.0", "0.0"],
            ])
    }

    @Test func theClassOfMostWeightDecides() throws {
        // 25: a has 0.25, b 1.25 of three rules; 35: a and b both have 1.25 of four, and a comes first in the dictionary.
        #expect(
            try results(Self.model("weightedSum", Self.three), Self.rows) == [
                ["", "", "", "", "", ""], ["a", "first", "0.25", "0.0", "1.0", "0.0"],
                ["b", "second", "0.375", "0.375", "0.25", "0.75"],
                ["b", "second", "\(1.25 / 3)", "\(1.25 / 3)", "\(0.25 / 1.5)", "\(1.25 / 1.5)"],
                ["a", "fourth", "0.3125", "0.3125", "0.5", "0.5"], ["", "", "", "", "", ""],
            ])
    }

    @Test func ofRulesOfEqualWeightTheFirstDecides() throws {
        let rules = Self.rule("b", above: 0, "id='1' confidence='0.5'") + Self.rule("a", above: 0, "id='2' confidence='0.75'")
        #expect(try results(Self.model("weightedMax", rules), [["x": "1"]])[0][...2] == ["b", "1", "0.5"])
        #expect(try results(Self.model("firstHit", rules), [["x": "1"]])[0][...2] == ["b", "1", "0.5"])
        // Classes of equal weight: the dictionary's order, not that of the rules.
        #expect(try results(Self.model("weightedSum", rules), [["x": "1"]])[0][...2] == ["a", "2", "0.5"])
    }

    @Test func theFirstListedMethodIsUsed() throws {
        // `model` always lists firstHit, after the given one.
        let rules = Self.rule("a", above: 0, "weight='1'") + Self.rule("b", above: 0, "weight='2'")
        #expect(try results(Self.model("weightedMax", rules), [["x": "1"]])[0][0] == "b")
        #expect(try results(Self.model("", rules), [["x": "1"]])[0][0] == "a")
    }

    @Test(arguments: ["firstHit", "weightedSum", "weightedMax"])
    func rulesOfACompoundRuleFireOnlyWhereItIsTrue(_ criterion: String) throws {
        let isPositive = "<SimplePredicate field='z' operator='greaterThan' value='0'/>"
        let compound = """
            <CompoundRule>\(isPositive)\(Self.rule("a", above: 0, "id='in'"))
            <CompoundRule><SimplePredicate field='x' operator='lessThan' value='-5'/><SimpleRule id='deep' score='b'><True/></SimpleRule></CompoundRule>
            </CompoundRule>
            """
        let text = Self.model(criterion, compound + "<SimpleRule id='out' score='c' weight='0.5'><True/></SimpleRule>")
        let rows = [
            ["x": "1", "z": "1"], ["x": "-9", "z": "1"], ["x": "-1", "z": "1"], ["x": "1", "z": "-1"], ["x": "1"], ["z": "1"],
        ]
        #expect(
            try results(text, rows).map { "\($0[0]) \($0[1])" } == ["a in", "b deep", "c out", "c out", "c out", "c out"])
    }

    @Test func aRulesDistributionGivesTheProbabilities() throws {
        let counts = "<ScoreDistribution value='a' recordCount='3'/><ScoreDistribution value='b' recordCount='1'/>"
        let own = "<ScoreDistribution value='a' probability='0.2'/><ScoreDistribution value='b' probability='0.2'/>"
        for criterion in ["firstHit", "weightedMax"] {
            let text = Self.model(
                criterion, Self.rule("a", above: 0, "confidence='0.5'", counts) + Self.rule("b", above: -9, "", own))
            #expect(try results(text, [["x": "1"]])[0] == ["a", "1", "0.5", "1.0", "0.75", "0.25"])
            #expect(try results(text, [["x": "-1"]])[0] == ["b", "2", "1.0", "1.0", "0.5", "0.5"])
        }
    }

    @Test func aSetWithoutRulesGivesItsDefault() throws {
        for criterion in ["firstHit", "weightedSum", "weightedMax"] {
            #expect(
                try results(Self.model(criterion, "", "defaultScore='b' defaultConfidence='0.5'"), [["x": "1"]])[0]
                    == ["b", "", "0.5", "0.5", "0.0", "0.5"])
        }
    }

    @Test func whatIsNoRuleSetIsRefused() {
        let good = Self.rule("a", above: 0)
        let bad: [(String, String)] = [
            (Self.model("firstHit", good).replacing(" score=\"a\"", with: ""), "score"),
            (Self.model("firstHit", good, function: "regression"), "regression"),
            (Self.model("bestHit", good), "bestHit"),
            (Self.model("firstHit", "<SimpleRule score='a'/>"), "predicate"),
            (Self.model("firstHit", "<CompoundRule><True/></CompoundRule>"), "CompoundRule"),
            (Self.model("", good).replacing("<RuleSelectionMethod criterion=\"firstHit\"/>", with: ""), "RuleSelectionMethod"),
            (
                Self.model("firstHit", Self.rule("a", above: 0, "", "<ScoreDistribution value='a' probability='1.5'/>")),
                "probability"
            ),
        ]
        for (text, word) in bad {
            let error = #expect(throws: ScoringError.self) { try load(text) }
            #expect("\(error!)".contains(word))
        }
    }
}
