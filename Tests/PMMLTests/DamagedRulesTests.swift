import PMML
import Scoring
import Testing

/// Damaged rule sets, trees that follow several ways, ensembles and explanations give an error or a model.
@Suite struct DamagedRulesTests {
    static var documents: [String] {
        let explanation = """
            <ModelExplanation><PredictiveModelQuality targetField="y" AIC="1"><ROC><ROCGraph><XCoordinates><Array n="2">0 1</Array></XCoordinates>
            <YCoordinates><Array n="2">0 1</Array></YCoordinates></ROCGraph></ROC></PredictiveModelQuality></ModelExplanation><RuleSet
            """
        let rules = RuleSetModelTests.three + "<CompoundRule><True/>\(RuleSetModelTests.rule("c", above: -1))</CompoundRule>"
        let votes = EnsembleTests.labels
        return [
            RuleSetModelTests.model("weightedSum", rules).replacing("<RuleSet ", with: explanation + " "),
            RuleSetModelTests.model("weightedMax", rules), RuleSetModelTests.model("firstHit", rules, "defaultScore='c'"),
            TreeMissingValueTests.model("missingValueStrategy='weightedConfidence' missingValuePenalty='0.5'"),
            TreeMissingValueTests.model("missingValueStrategy='aggregateNodes'", isClassification: false),
            TreeMissingValueTests.penalised("missingValueStrategy='defaultChild'"),
            EnsembleTests.ensemble(
                "max", EnsembleTests.shares, "missingPredictionTreatment='skipSegment' missingThreshold='0.5'"),
            EnsembleTests.ensemble("weightedMajorityVote", votes, predicate: "<True/>"),
            EnsembleTests.ensemble(
                "selectFirst", votes, output: "<OutputField name='o' feature='entityId' segmentId='s2' rank='2'/>"),
        ].map { $0.replacing("'", with: "\"") }
    }

    @Test(arguments: documents.indices)
    func damagedFilesGiveAnErrorOrAModel(_ index: Int) throws {
        let sample = Array(Self.documents[index].utf8)
        var random = FuzzTests.Random(state: UInt64(977 * index + 5))
        var (models, errors) = (0, 0)
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        for _ in 0..<max(1, FuzzTests.rounds / 5) {
            do throws(ScoringError) {
                let bytes = FuzzTests.mutate(sample, &random)
                let model = try PMMLFormat().load(.file(name: "damaged", bytes: bytes), options: LoadOptions())
                models += 1
                batch.reset(width: model.signature.inputs.count)
                for value in [Double.nan, 0, 1, -1, 1e300, -Double.infinity] {
                    let row = batch.addRow()
                    for (column, field) in model.signature.inputs.enumerated() {
                        if case .text = field.kind {
                            batch.setText("text", row: row, column: column)
                        } else {
                            batch.set(value, row: row, column: column)
                        }
                    }
                }
                try model.score(batch, into: scores, using: workspace)
            } catch {
                errors += 1
                switch error {
                case .invalidModel, .unsupportedModel, .refusedModel: break
                default: Issue.record("\(error)")
                }
            }
        }
        #expect(models > 0 && errors > 0)
    }
}
