import PMML
import Scoring
import Testing

@Suite struct TreeModelTests {
    /// A tree of x: below 10 a, from 10 to 20 b, above c; the node in between carries d.
    func tree(_ attributes: String, function: String = "regression") -> String {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("s", "string", "categorical", PMMLText.values("u", "v", "w"))
                + PMMLText.field("t", function == "regression" ? "double" : "string"),
            """
            <TreeModel functionName="\(function)" \(attributes)>\(PMMLText.schema("x", "s", target: "t"))
            <Output><OutputField name="node" feature="entityId"/></Output>
            <Node id="root" score="0" defaultChild="high"><True/>
              <Node id="low" score="1"><SimplePredicate field="x" operator="lessThan" value="10"/></Node>
              <Node id="high" score="4" defaultChild="v">
                <SimplePredicate field="x" operator="greaterOrEqual" value="10"/>
                <Node id="u" score="2"><SimplePredicate field="s" operator="equal" value="u"/></Node>
                <Node id="v" score="3"><SimplePredicate field="s" operator="equal" value="v"/></Node>
              </Node>
            </Node></TreeModel>
            """)
    }

    /// Node and score of rows: x, s.
    func results(_ attributes: String, _ rows: [(String, String)]) throws -> [String] {
        let model = try load(tree(attributes))
        let scores = try score(model, rows.map { ["x": $0.0, "s": $0.1].filter { !$0.value.isEmpty } })
        return rows.indices.map { "\(text(scores, model, row: $0, "node") ?? "?") \(text(scores, model, row: $0, "t") ?? "?")" }
    }

    @Test func presentValuesFollowTheFirstTrueChild() throws {
        #expect(try results("", [("9", ""), ("10", "u"), ("11", "v")]) == ["low 1.0", "u 2.0", "v 3.0"])
    }

    @Test func whereNoChildIsTrueTheStrategyDecides() throws {
        #expect(try results("", [("11", "w")]) == [" "])
        #expect(try results("noTrueChildStrategy='returnLastPrediction'", [("11", "w")]) == ["high 4.0"])
    }

    @Test func unknownCountsAsFalseWithoutAStrategy() throws {
        #expect(try results("noTrueChildStrategy='returnLastPrediction'", [("", "u"), ("11", "")]) == ["root 0.0", "high 4.0"])
        #expect(try results("", [("", "u"), ("11", "")]) == [" ", " "])
    }

    @Test func missingValuesCanTakeTheDefaultChild() throws {
        #expect(
            try results("missingValueStrategy='defaultChild'", [("", "u"), ("", ""), ("11", "")]) == ["u 2.0", "v 3.0", "v 3.0"])
    }

    @Test func missingValuesCanEndTheWalkWithNothing() throws {
        #expect(
            try results(
                "missingValueStrategy='nullPrediction' noTrueChildStrategy='returnLastPrediction'", [("", "u"), ("11", "")]) == [
                    " ", " ",
                ])
    }

    @Test func missingValuesCanEndTheWalkWhereItIs() throws {
        #expect(
            try results("missingValueStrategy='lastPrediction'", [("", "u"), ("11", ""), ("11", "w")]) == [
                "root 0.0", "high 4.0", " ",
            ])
    }

    @Test func aDefaultChildThatIsNotThereIsRefused() {
        #expect(throws: ScoringError.self) {
            try load(tree("missingValueStrategy='defaultChild'").replacing("defaultChild=\"v\"", with: "defaultChild=\"q\""))
        }
    }

    func classification(_ nodes: String, target: String = "string", values: [String] = ["no", "yes"]) -> String {
        PMMLText.document(
            fields: PMMLText.field("x")
                + PMMLText.field("t", target, "categorical", values.map { "<Value value=\"\($0)\"/>" }.joined()),
            """
            <TreeModel functionName="classification">\(PMMLText.schema("x", target: "t"))
            <Output><OutputField name="p" feature="probability" value="\(values[1])"/><OutputField name="best" feature="probability"/>
            <OutputField name="c" feature="confidence" value="\(values[1])"/></Output>
            <Node><True/>\(nodes)</Node></TreeModel>
            """)
    }

    @Test func distributionsGiveProbabilitiesAndTheLabel() throws {
        let model = try load(
            classification(
                """
                <Node score="no"><SimplePredicate field="x" operator="lessOrEqual" value="0"/>
                  <ScoreDistribution value="yes" recordCount="30" confidence="0.4"/><ScoreDistribution value="no" recordCount="10"/></Node>
                <Node><True/><ScoreDistribution value="yes" recordCount="3"/><ScoreDistribution value="no" recordCount="1"/></Node>
                """))
        let scores = try score(model, [["x": "0"], ["x": "1"]])
        // The node's score wins over the distribution.
        #expect(["t", "p", "best", "c"].map { text(scores, model, row: 0, $0) } == ["no", "0.75", "0.25", "0.4"])
        #expect(["t", "p", "best", "c"].map { text(scores, model, row: 1, $0) } == ["yes", "0.75", "0.75", "0.75"])
        #expect(model.signature.roles.classes == ["no", "yes"])
    }

    @Test func categoriesOfNumbersAreComparedAsNumbers() throws {
        let model = try load(
            classification(
                "<Node score=\"1.0\"><True/><ScoreDistribution value=\"1.0\" recordCount=\"3\"/><ScoreDistribution value=\"0.0\" recordCount=\"1\"/></Node>",
                target: "integer", values: ["0", "1"]))
        let scores = try score(model, [["x": "0"]])
        #expect(["t", "p"].map { text(scores, model, row: 0, $0) } == ["1", "0.75"])
    }

    /// Whether a predicate lets a row in: true, false, or unknown.
    func outcome(_ predicate: String, _ row: [String: String]) throws -> String {
        func tree(_ strategy: String) -> String {
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("n", "integer", "categorical")
                    + PMMLText.field("s", "string") + PMMLText.field("b", "boolean") + PMMLText.field("f", "float")
                    + PMMLText.field("o", "string", "ordinal", PMMLText.values("small", "medium", "large")),
                """
                <TreeModel functionName="regression" missingValueStrategy="\(strategy)" noTrueChildStrategy="returnLastPrediction">
                \(PMMLText.schema("x", "z", "n", "s", "b", "f", "o"))<Node score="0"><True/><Node score="1">\(predicate)</Node></Node></TreeModel>
                """)
        }
        let model = try load(tree("nullPrediction"))
        let scores = try score(model, [row])
        switch text(scores, model, row: 0, "prediction") {
        case "1.0": return "true"
        case "0.0": return "false"
        case "": return "unknown"
        default: return "?"
        }
    }

    static let x = "<SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"1\"/>"
    static let z = "<SimplePredicate field=\"z\" operator=\"greaterThan\" value=\"1\"/>"

    @Test(arguments: [
        ("lessThan", ["true", "false", "false"]), ("lessOrEqual", ["true", "true", "false"]),
        ("greaterThan", ["false", "false", "true"]),
        ("greaterOrEqual", ["false", "true", "true"]), ("equal", ["false", "true", "false"]),
        ("notEqual", ["true", "false", "true"]),
    ])
    func simplePredicatesCompare(_ operation: String, _ expected: [String]) throws {
        let predicate = "<SimplePredicate field=\"x\" operator=\"\(operation)\" value=\"2.5\"/>"
        #expect(try ["2.4", "2.5", "2.6"].map { try outcome(predicate, ["x": $0]) } == expected)
        #expect(try outcome(predicate, [:]) == "unknown")
    }

    @Test func valuesAreReadInTheTypeOfTheField() throws {
        #expect(try outcome("<SimplePredicate field=\"f\" operator=\"equal\" value=\"0.1\"/>", ["f": "0.1"]) == "true")
        #expect(
            try outcome("<SimplePredicate field=\"f\" operator=\"lessOrEqual\" value=\"0.1\"/>", ["f": "0.1000000001"]) == "true")
        #expect(try outcome("<SimplePredicate field=\"n\" operator=\"equal\" value=\"3.0\"/>", ["n": "3"]) == "true")
        #expect(try outcome("<SimplePredicate field=\"b\" operator=\"equal\" value=\"true\"/>", ["b": "true"]) == "true")
        #expect(try outcome("<SimplePredicate field=\"b\" operator=\"notEqual\" value=\"true\"/>", ["b": "true"]) == "false")
        #expect(try outcome("<SimplePredicate field=\"s\" operator=\"equal\" value=\"3.0\"/>", ["s": "3"]) == "false")
        #expect(try outcome("<SimplePredicate field=\"o\" operator=\"lessThan\" value=\"large\"/>", ["o": "medium"]) == "true")
        #expect(try outcome("<SimplePredicate field=\"o\" operator=\"lessThan\" value=\"medium\"/>", ["o": "medium"]) == "false")
        #expect(throws: ScoringError.self) { try outcome("<SimplePredicate field=\"x\" operator=\"equal\" value=\"abc\"/>", [:]) }
    }

    @Test func missingValuesCanBeTestedFor() throws {
        #expect(try outcome("<SimplePredicate field=\"x\" operator=\"isMissing\"/>", [:]) == "true")
        #expect(try outcome("<SimplePredicate field=\"x\" operator=\"isMissing\"/>", ["x": "inf"]) == "false")
        #expect(try outcome("<SimplePredicate field=\"s\" operator=\"isNotMissing\"/>", ["s": "anything"]) == "true")
        #expect(try outcome("<SimplePredicate field=\"s\" operator=\"isNotMissing\"/>", [:]) == "false")
    }

    @Test(arguments: [("x", "real"), ("n", "int"), ("s", "string")])
    func setsContainTheirMembers(_ field: String, _ type: String) throws {
        for (operation, inside) in [("isIn", "true"), ("isNotIn", "false")] {
            let predicate =
                "<SimpleSetPredicate field=\"\(field)\" booleanOperator=\"\(operation)\"><Array type=\"\(type)\">3 1 7</Array></SimpleSetPredicate>"
            for value in ["1", "3", "7"] { #expect(try outcome(predicate, [field: value]) == inside) }
            for value in ["0", "2", "8"] { #expect(try outcome(predicate, [field: value]) != inside) }
            #expect(try outcome(predicate, [:]) == "unknown")
        }
    }

    /// x and z are each true (2), false (0) or unknown (absent).
    @Test(arguments: [
        ("and", ["true", "false", "unknown", "false", "false", "false", "unknown", "false", "unknown"]),
        ("or", ["true", "true", "true", "true", "false", "unknown", "true", "unknown", "unknown"]),
        ("xor", ["false", "true", "unknown", "true", "false", "unknown", "unknown", "unknown", "unknown"]),
        ("surrogate", ["true", "true", "true", "false", "false", "false", "true", "false", "unknown"]),
    ])
    func compoundPredicatesAreThreeValued(_ operation: String, _ expected: [String]) throws {
        let predicate = "<CompoundPredicate booleanOperator=\"\(operation)\">\(Self.x)\(Self.z)</CompoundPredicate>"
        var actual: [String] = []
        for x in ["2", "0", nil] {
            for z in ["2", "0", nil] {
                actual.append(try outcome(predicate, ["x": x, "z": z].compactMapValues(\.self)))
            }
        }
        #expect(actual == expected)
    }

    @Test func predicatesNestedInsideOfEachOtherKeepTheirUnknowns() throws {
        let inner = "<CompoundPredicate booleanOperator=\"or\">\(Self.x)\(Self.z)</CompoundPredicate>"
        let isOne = "<SimplePredicate field=\"n\" operator=\"equal\" value=\"1\"/>"
        let predicate = "<CompoundPredicate booleanOperator=\"and\">\(inner)\(isOne)</CompoundPredicate>"
        #expect(try outcome(predicate, ["x": "2", "n": "1"]) == "true")
        #expect(try outcome(predicate, ["x": "0", "n": "1"]) == "unknown")
        #expect(try outcome(predicate, ["x": "0", "n": "2"]) == "false")
        #expect(try outcome(predicate, ["x": "0", "z": "0"]) == "false")
    }
}
