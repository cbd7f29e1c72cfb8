import PMML
import Scoring
import Testing

/// Models exported by the tools that people use, against what the training library itself predicts
/// (`Tests/Samples/PMML/make_samples.py`).
@Suite struct SampleTests {
    static let names = [
        "lightgbm_regressor", "nyoka_decision_tree", "nyoka_xgboost", "sklearn_adaboost", "sklearn_bagging",
        "sklearn_calibrated", "sklearn_calibrated_isotonic", "sklearn_decision_tree", "sklearn_discriminant",
        "sklearn_gamma_regression", "sklearn_gradient_boosting", "sklearn_hist_gradient_boosting",
        "sklearn_isolation_forest", "sklearn_kmeans", "sklearn_logistic_regression", "sklearn_naive_bayes",
        "sklearn_nearest_neighbours", "sklearn_neighbour_regression", "sklearn_neural_network", "sklearn_neural_regression",
        "sklearn_one_class_svm", "sklearn_random_forest", "sklearn_stacking", "sklearn_svc", "sklearn_svc_polynomial",
        "sklearn_svr", "sklearn_svr_sigmoid", "sklearn_tfidf", "sklearn_three_classes", "sklearn_voting",
        "sklearn_word_counts", "xgboost_classifier",
    ]

    @Test(arguments: names)
    func exportedModelsPredictWhatTheirLibraryPredicts(_ name: String) throws {
        let model = try ScorecardTests.sample("\(name).pmml")
        let table = Table(String(decoding: try #require(contents(of: "\(ScorecardTests.folder)/\(name).csv")), as: UTF8.self))
        let scores = try score(
            model,
            table.rows.map { row in Dictionary(uniqueKeysWithValues: zip(table.header, row).filter { !$0.1.isEmpty }) })
        // XGBoost computes in float32; models beside trees share the trees' float32 inputs once exported.
        let tolerance = name.contains("xgboost") || ["sklearn_voting", "sklearn_stacking"].contains(name) ? 2e-6 : 1e-9
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
