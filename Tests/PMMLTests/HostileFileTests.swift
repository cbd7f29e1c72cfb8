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

/// Predicates in one another, whose parts are lowered for each of their ways out.
extension HostileFileTests {
    private indirect enum Test {
        case greater(String, Int)
        case compound(String, [Test])

        var text: String {
            switch self {
            case .greater(let field, let limit):
                "<SimplePredicate field=\"\(field)\" operator=\"greaterThan\" value=\"\(limit)\"/>"
            case .compound(let operation, let parts):
                "<CompoundPredicate booleanOperator=\"\(operation)\">\(parts.map(\.text).joined())</CompoundPredicate>"
            }
        }

        /// The specification's three-valued logic; nil for unknown.
        func holds(_ row: [String: Int]) -> Bool? {
            switch self {
            case .greater(let field, let limit): return row[field].map { $0 > limit }
            case .compound(let operation, let parts):
                let values = parts.map { $0.holds(row) }
                switch operation {
                case "and": return values.contains(false) ? false : values.contains(nil) ? nil : true
                case "or": return values.contains(true) ? true : values.contains(nil) ? nil : false
                case "xor": return values.contains(nil) ? nil : values.count { $0 == true } % 2 == 1
                default: return values.first { $0 != nil } ?? nil
                }
            }
        }
    }

    private func card(_ tests: [Test]) -> String {
        let fields = ["x", "y", "z"]
        let characteristics = tests.map { test in
            """
            <Characteristic><Attribute partialScore="1">\(test.text)</Attribute><Attribute partialScore="2"><CompoundPredicate
            booleanOperator="surrogate">\(test.text)<True/></CompoundPredicate></Attribute><Attribute partialScore="4"><True/></Attribute></Characteristic>
            """
        }.joined()
        return PMMLText.document(
            fields: fields.map { PMMLText.field($0) }.joined(),
            """
            <Scorecard functionName="regression" useReasonCodes="false">\(PMMLText.schema("x", "y", "z"))<Characteristics>\(characteristics)</Characteristics></Scorecard>
            """)
    }

    @Test func nestedPredicatesMeanWhatTheSpecificationSays() throws {
        var random = SystemRandomNumberGenerator()
        func test(_ depth: Int) -> Test {
            guard depth > 0, Int.random(in: 0..<5, using: &random) > 0 else {
                return .greater(["x", "y", "z"].randomElement(using: &random)!, Int.random(in: 0..<3, using: &random))
            }
            let operation = ["and", "or", "xor", "surrogate"].randomElement(using: &random)!
            return .compound(operation, (0..<Int.random(in: 2...3, using: &random)).map { _ in test(depth - 1) })
        }
        let values: [Int?] = [nil, 0, 1, 2, 3]
        var rows: [[String: Int]] = []
        for x in values {
            for y in values { for z in values { rows.append(["x": x, "y": y, "z": z].compactMapValues(\.self)) } }
        }
        for _ in 0..<60 {
            let one = test(7)
            let scores = try score(try load(card([one])), rows.map { $0.mapValues { String($0) } })
            for (index, row) in rows.enumerated() {
                let expected: Double = one.holds(row).map { $0 ? 1 : 4 } ?? 2
                #expect(scores[index, 0] == expected, "\(one.text) of \(row)")
            }
        }
    }

    /// Each level doubled the ways out: three kilobytes made four million tests and were refused after seconds.
    @Test func predicatesOfSeveralKindsAreLoweredInLinearTime() throws {
        func side(_ level: Int) -> Test { .greater("z", level % 3) }
        func nest(_ depth: Int) -> Test {
            var test = Test.greater("x", 1)
            for level in 0..<depth {
                test = .compound(level % 2 == 0 ? "xor" : "or", [test, .greater("y", level % 5), side(level)])
            }
            return test
        }
        let deep = nest(60)
        let rows = [["x": 2, "y": 0, "z": 0], ["x": 0, "y": 3, "z": 2], ["x": 2], [:]]
        let scores = try score(try load(card([deep, nest(59), nest(58)])), rows.map { $0.mapValues { String($0) } })
        for (index, row) in rows.enumerated() {
            let expected = [deep, nest(59), nest(58)].reduce(0.0) { $0 + ($1.holds(row).map { $0 ? 1 : 4 } ?? 2) }
            #expect(scores[index, 0] == expected)
        }
        // Both sides of every level are compound, as in a balanced tree of predicates.
        func balanced(_ depth: Int) -> Test {
            depth == 0 ? .greater("x", 1) : .compound(depth % 2 == 0 ? "xor" : "or", [balanced(depth - 1), balanced(depth - 1)])
        }
        #expect(!isRefused(card([balanced(12)])))
    }

    /// Names were compared with those of all fields before, and models of many were refused.
    @Test func manyOutputFieldsTakeLinearTime() throws {
        let outputs = (0..<20_000).map { "<OutputField name=\"o\($0)\" feature=\"predictedValue\"/>" }.joined()
        let document = PMMLText.document(
            fields: PMMLText.field("x"),
            """
            <RegressionModel functionName="regression">\(PMMLText.schema("x"))<Output>\(outputs)<OutputField name="o7" feature="predictedValue"/></Output>
            <RegressionTable intercept="3"/></RegressionModel>
            """)
        let model = try PMMLFormat().load(.file(name: "test.pmml", bytes: Array(document.utf8)), options: LoadOptions())
        let named = model.signature.outputs[model.signature.roles.named].map(\.name)
        #expect(named.count == 20_000 && named.first == "o0" && named.last == "o7")
    }

    @Test func stringsOfDifferentBytesAreDifferent() throws {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        func equal(_ text: String, _ score: Int) -> String {
            "<Node score=\"\(score)\"><SimplePredicate field=\"s\" operator=\"equal\" value=\"\(text)\"/></Node>"
        }
        let tree = """
            <TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">\(PMMLText.schema("s"))
            <Node score="9"><True/>\(equal(composed, 1))\(equal(decomposed, 2))</Node></TreeModel>
            """
        for values in ["", PMMLText.values(composed, decomposed, "z")] {
            let document = PMMLText.document(fields: PMMLText.field("s", "string", "categorical", values), tree)
            let scores = try score(try load(document), [["s": composed], ["s": decomposed], ["s": "z"]])
            #expect((0..<3).map { scores[$0, 0] } == [1, 2, 9])
        }
        // Fields of such names are two.
        let sum = PMMLText.document(
            fields: PMMLText.field(composed) + PMMLText.field(decomposed),
            """
            <RegressionModel functionName="regression">\(PMMLText.schema(composed, decomposed))<RegressionTable intercept="0">
            <NumericPredictor name="\(composed)" coefficient="1"/><NumericPredictor name="\(decomposed)" coefficient="10"/></RegressionTable></RegressionModel>
            """)
        let model = try load(sum)
        let batch = FeatureBatch()
        batch.reset(width: 2)
        batch.addRow()
        batch.set(3, row: 0, column: model.signature.inputNames.position(of: composed)!)
        batch.set(4, row: 0, column: model.signature.inputNames.position(of: decomposed)!)
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        #expect(scores[0, 0] == 43)
    }
}
