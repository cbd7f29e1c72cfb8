import PMML
import Scoring
import Tabular
import Testing

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
