internal import Testing
internal import Scoring
internal import TreeFormats

/// Where versions of XGBoost differ, a file means what the version that wrote it makes of it.
@Suite struct XGBoostVersionTests {
    private struct Answer: Equatable {
        let raw: Float
        let prediction: Float

        init(_ raw: Float, _ prediction: Float) {
            (self.raw, self.prediction) = (raw, prediction)
        }
    }

    /// What a document answers for a row of missing values.
    private func score(_ text: String, _ options: LoadOptions = LoadOptions()) throws -> Answer {
        let model = try XGBoostFormat().load(.file(name: "model", bytes: Array(text.utf8)), options: options)
        let rows = FeatureBatch()
        rows.reset(width: model.signature.inputs.count)
        _ = rows.addRow()
        let scores = ScoreBatch()
        try model.score(rows, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        let raw = model.signature.roles.raw
        return Answer(Float(scores[0, raw.lowerBound]), Float(scores[0, 0]))
    }

    // MARK: No rounds

    private func untrained(
        _ objective: String, _ version: String, base: String = "[5E-1]", estimates: String = "1", booster: String = Self.noTrees
    ) -> String {
        """
        {"learner":{"attributes":{},"feature_names":[],"gradient_booster":\(booster),"learner_model_param":{\
        "base_score":"\(base)","boost_from_average":"\(estimates)","num_class":"0","num_feature":"2","num_target":"1"},\
        "objective":{"name":"\(objective)"}},"version":\(version)}
        """
    }

    private static let noTrees = """
        {"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"0"},"iteration_indptr":[0],"tree_info":[],"trees":[]},\
        "name":"gbtree"}
        """
    private static let noWeightsOfTrees = """
        {"gbtree":{"model":{"gbtree_model_param":{"num_trees":"0"},"tree_info":[],"trees":[]},"name":"gbtree"},"name":"dart",\
        "weight_drop":[]}
        """
    private static let noWeights = #"{"model":{"boosted_rounds":0,"weights":[]},"name":"gblinear"}"#
    private static let zeroWeights = #"{"model":{"boosted_rounds":0,"weights":[0,0,0]},"name":"gblinear"}"#

    @Test(arguments: ["[3,1,0]", "[3,2,0]", "[3,4,1]"], [noTrees, noWeightsOfTrees, noWeights, zeroWeights])
    func withoutRoundsABaseScoreThatNoOneSetIsAMarginSince31(_ version: String, _ booster: String) throws {
        #expect(try score(untrained("binary:logistic", version, booster: booster)) == Answer(0.5, 0.62245935))
        #expect(try score(untrained("count:poisson", version, booster: booster)) == Answer(0.5, 1.6487212))
        #expect(try score(untrained("reg:squarederror", version, booster: booster)) == Answer(0.5, 0.5))
    }

    @Test(arguments: [noTrees, noWeightsOfTrees, noWeights, zeroWeights])
    func withoutRoundsABaseScoreIsAPredictionWhereItWasSetOrBefore31(_ booster: String) throws {
        let set = untrained("binary:logistic", "[3,2,0]", base: "[7E-1]", estimates: "0", booster: booster)
        #expect(try score(set) == Answer(0.8472978, 0.7))
        for version in ["[1,7,6]", "[2,1,4]", "[3,0,5]"] {
            let old = untrained("binary:logistic", version, base: "5E-1", booster: booster)
            #expect(try score(old) == Answer(0, 0.5))
        }
    }

    @Test func withRoundsABaseScoreIsAPrediction() throws {
        let stump = #"{"model":{"boosted_rounds":1,"weights":[0,0,0]},"name":"gblinear"}"#
        #expect(try score(untrained("binary:logistic", "[3,2,0]", booster: stump)) == Answer(0, 0.5))
        let tree = Self.noTrees.replacing("\"num_trees\":\"0\"", with: "\"num_trees\":\"1\"").replacing("[0]", with: "[0,1]")
            .replacing("\"tree_info\":[]", with: "\"tree_info\":[0]").replacing("\"trees\":[]", with: "\"trees\":[\(leaf("0"))]")
        #expect(try score(untrained("binary:logistic", "[3,2,0]", booster: tree)) == Answer(0, 0.5))
    }

    @Test func forestsWithoutRoundsAreRead() throws {
        let forest = Self.noTrees.replacing("\"num_parallel_tree\":\"1\"", with: "\"num_parallel_tree\":\"4\"")
            .replacing("\"iteration_indptr\":[0],", with: "")
        #expect(try score(untrained("reg:squarederror", "[1,7,6]", base: "2.5E-1", booster: forest)) == Answer(0.25, 0.25))
    }

    @Test func noRoundCanBeChosenWhereThereIsNone() throws {
        var options = LoadOptions()
        for booster in [Self.noTrees, Self.noWeights] {
            for iterations in [LoadOptions.Iterations.first(1), .best] {
                options.iterations = iterations
                #expect(throws: ScoringError.self) {
                    try score(untrained("binary:logistic", "[3,2,0]", booster: booster), options)
                }
            }
        }
    }

    @Test func roundsWithoutWeightsAreRefused() throws {
        let damaged = Self.noWeights.replacing("\"boosted_rounds\":0", with: "\"boosted_rounds\":3")
        #expect(throws: ScoringError.self) { try score(untrained("binary:logistic", "[3,2,0]", booster: damaged)) }
    }

    // MARK: DART

    /// A tree that is a leaf.
    private func leaf(_ value: String, id: Int = 0) -> String {
        """
        {"base_weights":[\(value)],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],\
        "default_left":[0],"id":\(id),"left_children":[-1],"right_children":[-1],"split_conditions":[\(value)],\
        "split_indices":[0],"split_type":[0],"tree_param":{"num_nodes":"1","size_leaf_vector":"0"}}
        """
    }

    @Test(arguments: [("[1,0,2]", true), ("[1,2,1]", true), ("[1,3,3]", true), ("[1,4,2]", false), ("[3,2,0]", false)])
    func dartAddsTheBaseScoreLastBefore14(_ version: String, _ isLast: Bool) throws {
        let trees = [leaf("2E-8"), leaf("2E-8", id: 1)].joined(separator: ",")
        let dart = """
            {"gbtree":{"model":{"gbtree_model_param":{"num_trees":"2"},"tree_info":[0,0],"trees":[\(trees)]},"name":"gbtree"},\
            "name":"dart","weight_drop":[1,1]}
            """
        let (base, value) = (Float(0.7), Float(2e-8))
        let (first, last) = (base + value + value, value + value + base)
        #expect(first != last)
        let text = untrained("reg:squarederror", version, base: "7E-1", estimates: "0", booster: dart)
        #expect(try score(text).raw == (isLast ? last : first))
    }
}
