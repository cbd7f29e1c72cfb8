import PMML
import Scoring
import Testing

/// Files that are sound but made to take time or memory: they load in moments or are refused.
@Suite struct HostileFileTests {
    private func time(_ document: String) -> Duration {
        ContinuousClock().measure { _ = try? load(document) }
    }

    private func tree(_ predicate: String, fields: String = PMMLText.field("x")) -> String {
        PMMLText.document(
            fields: fields,
            """
            <TreeModel functionName="regression">\(PMMLText.schema("x"))<Node score="1"><True/><Node score="2">\(predicate)</Node></Node></TreeModel>
            """)
    }

    @Test(arguments: ["xor", "and", "or", "surrogate"])
    func nestedPredicatesAreLoweredOnce(_ operation: String) throws {
        let leaf = "<SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"1\"/>"
        var predicate = leaf
        for _ in 0..<60 {
            predicate = "<CompoundPredicate booleanOperator=\"\(operation)\">\(predicate)\(leaf)</CompoundPredicate>"
        }
        #expect(time(tree(predicate)) < .seconds(2))
        let model = try load(tree(predicate))
        // 61 equal parts: an odd number.
        let scores = try score(model, [["x": "2"], ["x": "0"], [:]])
        #expect(scores[0, 0] == 2 && scores.failure(row: 1) == nil)
    }

    @Test func repetitionsOfNothingEnd() throws {
        for pattern in ["(?:){1000}{1000}{1000}{1000}", "(?:(?:(?:(?:){1000}){1000}){1000}){1000}x", "((?:){1000,}){1,1000}"] {
            let expression =
                "<Apply function=\"matches\"><FieldRef field=\"t\"/><Constant dataType=\"string\">\(pattern)</Constant></Apply>"
            #expect(time(PMMLText.expression(expression, type: "boolean")) < .seconds(2))
        }
    }

    @Test func manyTestsOfOneFieldsCategoriesTakeLinearTime() {
        let nodes = (0..<40_000).map {
            "<Node score=\"\($0)\"><SimplePredicate field=\"x\" operator=\"equal\" value=\"\($0)\"/></Node>"
        }.joined()
        let document = PMMLText.document(
            fields: PMMLText.field("x", "integer", "categorical"),
            "<TreeModel functionName=\"regression\">\(PMMLText.schema("x"))<Node score=\"1\"><True/>\(nodes)</Node></TreeModel>")
        #expect(time(document) < .seconds(20))
    }

    @Test func manyPredicatesMakeOneStepInLinearTime() {
        let attributes = (0..<20_000).map { index in
            """
            <Characteristic name="c\(index)"><Attribute partialScore="1"><SimplePredicate field="x" operator="lessThan" value="\(index)"/></Attribute>
            <Attribute partialScore="2"><True/></Attribute></Characteristic>
            """
        }.joined()
        let document = PMMLText.document(
            fields: PMMLText.field("x"),
            """
            <Scorecard functionName="regression" useReasonCodes="false">\(PMMLText.schema("x"))<Characteristics>\(attributes)</Characteristics></Scorecard>
            """)
        #expect(time(document) < .seconds(20))
    }
}
