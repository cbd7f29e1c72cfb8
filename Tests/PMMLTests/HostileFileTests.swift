import PMML
import Scoring
import Testing

/// Files that are sound but made to take time or memory: they load in moments or are refused.
@Suite struct HostileFileTests {
    private func time(_ document: String) -> Duration {
        processorTime { _ = try? load(document) }
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
        #expect(time(document) < .seconds(10))
    }
}

extension HostileFileTests {
    private func isRefused(_ document: String) -> Bool {
        do {
            _ = try load(document)
            return false
        } catch { return true }
    }

    @Test func countsThatAreMultipliedAreRefused() {
        // 100,000 rows and 3,000 fields of a verification, of which nearly all cells are not there.
        let fields = (0..<3_000).map { "<VerificationField field=\"f\($0)\" column=\"x\"/>" }.joined()
        let rows = "<row><x>1</x></row>" + String(repeating: "<row/>", count: 100_000)
        let verified = PMMLText.constantTree.replacing(
            "<MiningSchema/>",
            with: """
                <MiningSchema/><ModelVerification><VerificationFields>\(fields)</VerificationFields><InlineTable>\(rows)</InlineTable></ModelVerification>
                """)
        let map = """
            <MapValues outputColumn="x">\(String(repeating: "<FieldColumnPair field=\"n\" column=\"x\"/>", count: 10_000))
            <InlineTable>\(String(repeating: "<row><x>1</x></row>", count: 10_000))</InlineTable></MapValues>
            """
        let bins = (0..<9_000).map {
            "<DiscretizeBin binValue=\"1\"><Interval closure=\"openClosed\" leftMargin=\"\($0)\" rightMargin=\"\($0 + 1)\"/></DiscretizeBin>"
        }.joined()
        for document in [
            PMMLText.document(fields: PMMLText.field("x"), verified), PMMLText.expression(map),
            PMMLText.expression("<Discretize field=\"x\">\(bins)</Discretize>"),
        ] {
            let time = processorTime { #expect(isRefused(document)) }
            #expect(time < .seconds(10))
        }
    }

    /// Where an element is in the file is only worked out for errors, which takes time for every byte before it.
    @Test func arraysLateInAFileTakeNoLongerThanEarlyOnes() throws {
        let node =
            "<Node score='2'><SimpleSetPredicate field='x' booleanOperator='isIn'><Array type='real'>1 2</Array></SimpleSetPredicate></Node>"
        let model = PMMLText.document(
            fields: PMMLText.field("x"),
            """
            <TreeModel functionName="regression">\(PMMLText.schema("x"))<Node score="1"><True/>\(String(repeating: node, count: 2_000))</Node></TreeModel>
            """)
        let comment = "<!--" + String(repeating: "x", count: 8_000_000) + "-->"
        func time(_ text: String) throws -> Duration {
            let bytes = Array(text.utf8)
            return try (0..<3).map { _ in try processorTime { _ = try Document.read(bytes) } }.min()!
        }
        let (early, late) = (model + comment, model.replacing("<Header/>", with: "<Header/>" + comment))
        // Both read the same bytes; working out 2,000 places reads 16 GB more.
        #expect(try time(late) < time(early) * 50)
    }

    @Test func manyListedValuesOfANumberTakeLinearTime() {
        let values = (0..<50_000).map { "<Value value=\"\($0)\"/>" }.joined()
        let document = PMMLText.document(
            fields: PMMLText.field("x", "integer", "categorical", values),
            """
            <RegressionModel functionName="regression">\(PMMLText.schema("x"))<RegressionTable intercept="0">
            <NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel>
            """)
        let time = processorTime { #expect(!isRefused(document)) }
        #expect(time < .seconds(10))
    }

    @Test func outputsThatAreStringsHereAndNumbersThereAreRefused() throws {
        func segment(_ value: String, _ type: String, _ predicate: String) -> String {
            """
            <Segment>\(predicate)<RegressionModel functionName="regression">\(PMMLText.schema("x"))<Output>
            <OutputField name="o" feature="transformedValue" dataType="\(type)"><Constant dataType="\(type)">\(value)</Constant></OutputField></Output>
            <RegressionTable intercept="0"/></RegressionModel></Segment>
            """
        }
        let document = PMMLText.document(
            fields: PMMLText.field("x"),
            """
            <MiningModel functionName="regression">\(PMMLText.schema("x"))<Output><OutputField name="l" feature="transformedValue" dataType="string">
            <Apply function="concat"><FieldRef field="o"/><Constant>!</Constant></Apply></OutputField></Output>
            <Segmentation multipleModelMethod="selectFirst">\(segment("1e9", "double", "<SimplePredicate field=\"x\" operator=\"isMissing\"/>"))
            \(segment("text", "string", "<True/>"))</Segmentation></MiningModel>
            """)
        // Such outputs are seen by nobody outside of their segments.
        #expect(isRefused(document))
    }
}
