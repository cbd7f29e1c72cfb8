import PMML
import Scoring
import Testing

@Suite struct ModelExplanationTests {
    func notes(_ explanation: String, header: String = "<Header/>") throws -> [String] {
        let text = PMMLText.document(
            fields: PMMLText.field("x"),
            PMMLText.constantTree.replacing(
                "<Node", with: "<ModelStats><UnivariateStats field='x'/></ModelStats>\(explanation)<Node")
        ).replacing("<Header/>", with: header)
        return try load(text).description.notes
    }

    @Test func theQualityOfAPredictionIsShown() throws {
        let notes = try notes(
            """
            <ModelExplanation><PredictiveModelQuality targetField="y" dataName="june" dataUsage="validation" numOfRecords="1000" r-squared="0.75"
            meanError="-0.5" AIC="12.25" BIC="nothing"><ROC positiveTargetFieldValue="bad"><ROCGraph>
            <XCoordinates><Array type="real" n="3">0 0.25 1</Array></XCoordinates><YCoordinates><Array type="real" n="3">0 0.75 1</Array></YCoordinates>
            </ROCGraph></ROC><ConfusionMatrix/></PredictiveModelQuality></ModelExplanation>
            """)
        // Trapezoids: 0.25 * 0.75 / 2 + 0.75 * 1.75 / 2.
        #expect(
            notes.contains(
                "Quality of 'y' by the file: AUC for 'bad' 0.75, numOfRecords 1000, meanError -0.5, r-squared 0.75, AIC 12.25 on validation data 'june'."
            ))
    }

    @Test func theQualityOfClustersAndCorrelationsAreShown() throws {
        let notes = try notes(
            "<ModelExplanation><ClusteringModelQuality dataName='d' SSE='1.5' SSB='2'/><Correlations/></ModelExplanation>")
        #expect(notes.contains("Quality by the file: SSE 1.5, SSB 2 'd'."))
        #expect(notes.contains("The file lists correlations of its fields."))
    }

    @Test func aQualityThatCannotBeReadDoesNotMakeTheFileWrong() throws {
        let curves = [
            "<XCoordinates><Array>0 1</Array></XCoordinates>",
            "<XCoordinates><Array>0 1</Array></XCoordinates><YCoordinates><Array>0 2</Array></YCoordinates>",
            "<XCoordinates><Array>1 0</Array></XCoordinates><YCoordinates><Array>0 1</Array></YCoordinates>",
            "<XCoordinates><Other/></XCoordinates><YCoordinates><Array>0 1 x</Array></YCoordinates>", "",
        ]
        for curve in curves {
            let notes = try notes(
                "<ModelExplanation><Unknown/><PredictiveModelQuality AIC='many'><ROC><ROCGraph>\(curve)</ROCGraph></ROC></PredictiveModelQuality></ModelExplanation>"
            )
            #expect(notes.contains("Quality by the file: nothing is said on training data."))
        }
    }

    @Test func theHeaderSaysWhoWroteTheFile() throws {
        let notes = try notes(
            "",
            header: """
                <Header copyright="The Bank" description="Risk &#10; of default" modelVersion="7"><Extension name="a"/><Annotation>x</Annotation>
                <Application name="Tool" version="1.2"/><Timestamp>2026-01-02</Timestamp></Header>
                """)
        #expect(
            notes == [
                "The model is a TreeModel.", "The file describes itself: Risk of default",
                "The file gives the model's version: 7",
                "Copyright by the file: The Bank", "It was written by Tool 1.2.", "It was written at 2026-01-02.",
            ])
    }

    @Test func whatTheFileSaysIsCutAndFreeOfControlCharacters() throws {
        let long = String(repeating: "a", count: 5_000)
        let notes = try notes("", header: "<Header description='\(long)' copyright='b\u{9B}31m&#9;c'/>")
        #expect(notes[1] == "The file describes itself: " + String(repeating: "a", count: 200) + "...")
        #expect(notes[2] == "Copyright by the file: b 31m c")
    }
}
