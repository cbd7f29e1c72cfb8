import PMML
import Scoring
import Testing

/// The first pass: the elements say what the text says.
@Suite struct ElementReadingTests {
    func document(_ models: String) throws(ScoringError) -> Document {
        try Document.read(Array(PMMLText.document(fields: "", models).utf8))
    }

    func tree(_ content: String, _ attributes: String = "functionName='regression'") -> String {
        "<TreeModel \(attributes)>\(content)<Node score='1'><True/></Node></TreeModel>"
    }

    @Test func miningFieldsKeepTheirTreatments() throws {
        let field = try document(
            tree(
                """
                <MiningSchema><MiningField name="x" usageType="supplementary" optype="ordinal" outliers="asExtremeValues" lowValue="-1"
                highValue="2" missingValueReplacement="0" missingValueTreatment="asMean" invalidValueTreatment="asValue"
                invalidValueReplacement="9"/></MiningSchema>
                """)
        ).model.head.miningSchema[0]
        #expect(field.name == "x" && field.usage == .supplementary && field.opType == .ordinal)
        #expect(field.outliers == .asExtremeValues && field.low == -1 && field.high == 2)
        #expect(field.missingReplacement == "0" && field.missingTreatment == .asMean)
        #expect(field.invalidTreatment == .asValue && field.invalidReplacement == "9")
    }

    @Test func targetsAndOutputsAreRead() throws {
        let head = try document(
            tree(
                """
                <MiningSchema/><Output><OutputField name="p" feature="probability" value="a" dataType="float" isFinalResult="false" rank="2"/>
                <OutputField name="q"><FieldRef field="p"/></OutputField></Output>
                <Targets><Target field="y" castInteger="floor" min="1" max="2" rescaleFactor="3" rescaleConstant="4">
                <TargetValue value="a" priorProbability="0.25"/></Target></Targets>
                """)
        ).model.head
        let output = try #require(head.output)
        #expect(output[0].feature == .probability && output[0].value == "a" && output[0].type == .float && output[0].rank == 2)
        #expect(!output[0].isFinalResult && output[1].feature == .transformedValue)
        #expect(head.targets[0].castInteger == .floor && head.targets[0].min == 1 && head.targets[0].max == 2)
        #expect(head.targets[0].rescaleFactor == 3 && head.targets[0].rescaleConstant == 4)
        #expect(head.targets[0].values[0].priorProbability == 0.25)
    }

    @Test(arguments: [
        "<MiningSchema><MiningField/></MiningSchema>", "<MiningSchema><Node/></MiningSchema>",
        "<MiningSchema><MiningField name='x' lowValue='low'/></MiningSchema>", "<Output><OutputField/></Output>",
        "<Targets><OutputField name='x'/></Targets>",
        "<LocalTransformations><DerivedField name='d' dataType='double'/></LocalTransformations>",
        "<LocalTransformations><DerivedField name='d' dataType='number'><Constant>1</Constant></DerivedField></LocalTransformations>",
        "<Segmentation multipleModelMethod='sum'/>",
    ])
    func elementsThatAreWrongAreRefusedWithTheirLine(_ content: String) {
        let error = #expect(throws: ScoringError.self) { try document(tree(content)) }
        #expect("\(error!)".contains("line"))
    }
}
