import PMML
import Scoring
import Testing

/// Models exported by the tools that people use, against what the training library itself predicts
/// (`Tests/Samples/PMML/make_samples.py`).
@Suite struct SampleTests {
    static let names = [
        "sklearn_gradient_boosting", "sklearn_random_forest", "sklearn_logistic_regression", "sklearn_decision_tree",
        "xgboost_classifier", "lightgbm_regressor", "nyoka_decision_tree", "nyoka_xgboost",
    ]

    @Test(arguments: names)
    func exportedModelsPredictWhatTheirLibraryPredicts(_ name: String) throws {
        let model = try ScorecardTests.sample("\(name).pmml")
        let table = Table(String(decoding: try #require(contents(of: "\(ScorecardTests.folder)/\(name).csv")), as: UTF8.self))
        let scores = try score(
            model,
            table.rows.map { row in Dictionary(uniqueKeysWithValues: zip(table.header, row).filter { !$0.1.isEmpty }) })
        // XGBoost computes in float32.
        let tolerance = name.contains("xgboost") ? 2e-6 : 1e-9
        var compared = 0
        for (row, cells) in table.rows.enumerated() {
            #expect(scores.failure(row: row) == nil)
            for (header, cell) in zip(table.header, cells) where header.hasPrefix("expected:") {
                let actual = try #require(Double(text(scores, model, row: row, String(header.dropFirst(9))) ?? ""))
                let expected = try #require(Double(cell))
                #expect(abs(actual - expected) <= tolerance * abs(expected), "row \(row), \(header)")
                compared += 1
            }
        }
        #expect(compared >= 40)
    }

    @Test(arguments: ["sklearn_gradient_boosting", "xgboost_classifier", "lightgbm_regressor", "sklearn_random_forest"])
    func ensemblesAreDescribedByTheirTrees(_ name: String) throws {
        let description = try ScorecardTests.sample("\(name).pmml").description
        #expect((description.trees ?? 0) >= 6)
        #expect((2...8).contains(description.depth ?? 0))
        #expect(description.format.hasPrefix("PMML 4"))
    }

    @Test func aBinaryClassifierScoresItsSecondClass() throws {
        let model = try ScorecardTests.sample("sklearn_gradient_boosting.pmml")
        let signature = model.signature
        #expect(signature.outputs[signature.roles.score].map(\.name) == ["probability(1)"])
        #expect(signature.outputs[signature.roles.probabilities].map(\.name) == ["probability(0)", "probability(1)"])
        #expect(signature.roles.classes == ["0", "1"])
        #expect(signature.roles.label == signature.outputColumn(named: "bad"))
    }
}
