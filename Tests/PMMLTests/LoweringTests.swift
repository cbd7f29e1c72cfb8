import PMML
import Scoring
import Tabular
import Testing
import Texts

/// The third pass: the program that comes of a document.
@Suite struct LoweringTests {
    func program(_ text: String) throws -> Program {
        try ModelAssembly.lowered(Typing.typed(Document.read(Array(text.utf8)))).program
    }

    func apply(_ function: String, _ arguments: String...) -> String { ExpressionText.apply(function, arguments) }

    /// How many instructions the program's formulas have.
    func instructions(_ program: Program) -> Int {
        program.steps.reduce(0) { count, step in
            if case .formula(let formula) = step { count + formula.instructions.count } else { count }
        }
    }

    func textSteps(_ program: Program) -> [TextProgram] {
        program.steps.compactMap { if case .texts(let texts) = $0 { texts } else { nil } }
    }

    @Test func anEnsembleOfTreesIsOneForest() throws {
        let tree = { (field: String) in
            """
            <Segment><True/><TreeModel functionName="regression" splitCharacteristic="binarySplit">\(PMMLText.schema("x", "z"))<Node><True/>
            <Node score="1"><SimplePredicate field="\(field)" operator="lessThan" value="0"/></Node>
            <Node score="2"><SimplePredicate field="\(field)" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel></Segment>
            """
        }
        let program = try program(
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("z"),
                """
                <MiningModel functionName="regression">\(PMMLText.schema("x", "z"))
                <Segmentation multipleModelMethod="sum">\(tree("x"))\(tree("z"))\(tree("x"))</Segmentation></MiningModel>
                """))
        let forests = program.steps.filter { if case .forest = $0 { true } else { false } }
        #expect(forests.count == 1)
    }

    /// The covers of each tree of an ensemble whose trees begin with these nodes.
    func covers(_ strategy: String, _ trees: String...) throws -> [[Double]?] {
        let segments = trees.map { nodes in
            """
            <Segment><True/><TreeModel functionName="regression" \(strategy)>\(PMMLText.schema("x", "z"))\(nodes)</TreeModel></Segment>
            """
        }
        let program = try program(
            PMMLText.document(
                fields: PMMLText.field("x") + PMMLText.field("z"),
                """
                <MiningModel functionName="regression">\(PMMLText.schema("x", "z"))
                <Segmentation multipleModelMethod="sum">\(segments.joined())</Segmentation></MiningModel>
                """))
        for case .forest(let forest, _, _) in program.steps { return forest.trees.map(\.covers) }
        return []
    }

    func node(_ score: String, _ count: String, _ test: (String, String, String)? = nil, id: String = "", _ children: String = "")
        -> String
    {
        let predicate =
            test.map { "<SimplePredicate field=\"\($0.0)\" operator=\"\($0.1)\" value=\"\($0.2)\"/>" } ?? "<True/>"
        let attributes = [("id", id), ("score", score), ("recordCount", count)].map { $0.1.isEmpty ? "" : "\($0.0)=\"\($0.1)\"" }
        return "<Node \(attributes.joined(separator: " "))>\(predicate)\(children)</Node>"
    }

    @Test func recordCountsBecomeCovers() throws {
        let deep = node(
            "", "100", nil,
            node("1", "60", ("x", "lessOrEqual", "5"))
                + node(
                    "", "40", ("x", "greaterThan", "5"),
                    node("2", "33", ("z", "lessThan", "0")) + node("3", "7", ("z", "greaterOrEqual", "0"))))
        // The two leaves below the second node become one.
        let merged = node(
            "", "100", nil,
            node("1", "60.5", ("x", "lessOrEqual", "5"))
                + node(
                    "", "39.5", ("x", "greaterThan", "5"),
                    node("3", "30", ("z", "lessThan", "0")) + node("3", "9.5", ("z", "greaterOrEqual", "0"))))
        let uncounted = node(
            "", "100", nil, node("1", "60", ("x", "lessOrEqual", "5")) + node("2", "", ("x", "greaterThan", "5")))
        // Rows of which no child is true end in their parent.
        let found = try covers(
            "noTrueChildStrategy=\"returnLastPrediction\" missingValueStrategy=\"lastPrediction\"", deep, merged, uncounted)
        #expect(found.count == 3)
        #expect(found[2] == nil)
        let covers = try #require(found[0])
        #expect(covers[0] == 100 && covers.contains(60) && covers.contains(40) && covers.contains(33) && covers.contains(7))
        let less = try #require(found[1])
        #expect(less[0] == 100 && less.contains(60.5) && less.contains(39.5) && !less.contains(30))
    }

    @Test func recordCountsOfTwoWayTreesAreThoseOfTheFile() throws {
        func tree(_ first: String, _ second: String) -> String {
            node(
                "0", "12", nil, id: "r",
                node("\(first)", "5", ("x", "lessThan", "1"), id: "a")
                    + node("\(second)", "7", ("x", "greaterOrEqual", "1"), id: "b")
            )
            .replacing("<Node id=\"r\"", with: "<Node defaultChild=\"b\" id=\"r\"")
        }
        let found = try covers(
            "missingValueStrategy=\"defaultChild\" splitCharacteristic=\"binarySplit\"", tree("1", "2"), tree("4", "4"))
        #expect(found[0] == [12, 5, 7] || found[0] == [12, 7, 5])
        // One score, one leaf.
        #expect(found[1] == [12])
    }

    @Test func aSetOfNumbersIsOneTestHoweverLongItIs() throws {
        func document(_ numbers: [Double], _ operation: String = "isIn") -> String {
            PMMLText.document(
                fields: PMMLText.field("x"),
                """
                <TreeModel functionName="regression">\(PMMLText.schema("x"))<Node score="1"><True/><Node score="2">
                <SimpleSetPredicate field="x" booleanOperator="\(operation)"><Array type="real">\(numbers.map { "\($0)" }.joined(separator: " "))</Array></SimpleSetPredicate></Node>
                <Node score="3"><SimplePredicate field="x" operator="isMissing"/></Node><Node score="4"><True/></Node></Node></TreeModel>
                """)
        }
        func tests(_ program: Program) -> Int {
            program.steps.reduce(0) { count, step in
                switch step {
                case .decide(let walks): count + walks.reduce(0) { $0 + $1.graph.tests.count }
                case .forest(let forest, _, _): count + forest.trees.reduce(0) { $0 + $1.nodes.count }
                default: count
                }
            }
        }
        let numbers = (0..<2_000).map { Double($0) * 1.5 - 100 }
        #expect(try tests(program(document(numbers))) < 10)
        for (numbers, operation) in [(numbers, "isIn"), (numbers, "isNotIn"), (Array(numbers[..<5]), "isIn")] {
            let model = try load(document(numbers, operation))
            for (value, isMember) in [("-100", true), ("-94", true), ("-0.99", false), ("2900", false), ("-99.999999", false)] {
                let expected = isMember == (operation == "isIn") ? 2.0 : 4
                #expect(try score(model, [["x": value]])[0, 0] == expected, "\(value)")
            }
            #expect(try score(model, [[:]])[0, 0] == 3)
        }
    }

    @Test(arguments: ["double", "string"])
    func setsOfFewOfManyCategoriesTakeLinearMemory(_ type: String) throws {
        let (count, size) = (3_000, 20)
        let nodes = (0..<count).map { index in
            let members = (0..<size).map { "\(index * size + $0)" }.joined(separator: " ")
            return """
                <Node score="\(index)"><SimpleSetPredicate field="x" booleanOperator="isIn"><Array type="\(type)">\(members)</Array></SimpleSetPredicate></Node>
                """
        }.joined()
        let document = PMMLText.document(
            fields: PMMLText.field("x", type, "categorical"),
            """
            <TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">\(PMMLText.schema("x"))
            <Node score="-1"><True/>\(nodes)</Node></TreeModel>
            """)
        let words = try program(document).steps.reduce(0) { count, step in
            switch step {
            case .decide(let walks): count + walks.flatMap(\.graph.sets).reduce(0) { $0 + $1.words.count }
            case .forest(let forest, _, _): count + forest.trees.flatMap(\.categorySets).reduce(0) { $0 + $1.words.count }
            default: count
            }
        }
        // A word is 32 categories: a set of its own for each predicate would take 2.8 million.
        #expect(words < 1_100_000)
        let model = try load(document)
        for (value, expected) in [
            ("0", 0.0), ("19", 0), ("20", 1), ("30005", 1_500), ("59999", 2_999), ("60000", -1), ("-1", -1),
        ] {
            #expect(try score(model, [["x": value]])[0, 0] == expected, "\(value)")
        }
    }

    @Test func equalExpressionsAreComputedOnce() throws {
        let once = try program(PMMLText.expression(apply("exp", "x")))
        let product = try program(PMMLText.expression(apply("*", apply("exp", "x"), apply("exp", "x"))))
        #expect(instructions(product) < 2 * instructions(once))
    }

    @Test func constantsAreFolded() throws {
        let folded = try program(PMMLText.expression(apply("+", "x", apply("*", "2.0", "3.0"))))
        let plain = try program(PMMLText.expression(apply("+", "x", "6.0")))
        #expect(instructions(folded) == instructions(plain))
    }

    @Test func functionsOfListedStringsNeedNoTexts() throws {
        #expect(try textSteps(program(PMMLText.expression(apply("uppercase", "s"), type: "string"))).isEmpty)
        #expect(try textSteps(program(PMMLText.expression(apply("uppercase", "t"), type: "string"))).count == 1)
    }

    @Test func unusedFieldsCostNothing() throws {
        let fields = PMMLText.field("x")
        let unused = "<DerivedField name='d' dataType='double' optype='continuous'>\(apply("exp", "x"))</DerivedField>"
        let bare = try program(PMMLText.document(fields: fields, PMMLText.constantTree))
        let more = try program(PMMLText.document(fields: fields, functions: unused, PMMLText.constantTree))
        #expect(instructions(more) == instructions(bare) && more.steps.count == bare.steps.count)
    }

    @Test func aTextIsSplitOnceForAllItsTerms() throws {
        var sum = "<Apply function=\"sum\">"
        for term in 0..<100 { sum += "<TextIndex textField=\"t\"><Constant dataType=\"string\">w\(term)</Constant></TextIndex>" }
        let lines = try textSteps(program(PMMLText.expression(sum + "</Apply>"))).flatMap(\.lines)
        let splits = lines.filter { if case .words = $0.instruction { true } else { false } }
        #expect(splits.count == 1)
    }
}
