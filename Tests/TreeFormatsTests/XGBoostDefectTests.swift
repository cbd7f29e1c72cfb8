internal import Testing
internal import Scoring
internal import TreeFormats

/// Each defect of an XGBoost file is refused with its reason and its place.
@Suite struct XGBoostDefectTests {
    /// Two classes, three features, a tree with a numeric split (node 0) and a categorical one (node 2).
    private static let sound = """
        {"learner":{"attributes":{"best_iteration":"0"},"feature_names":["a","b","c"],"feature_types":["float","float","c"],\
        "gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"iteration_indptr":[0,1],\
        "tree_info":[0],"trees":[{"base_weights":[0,0,0,0,0],"categories":[1,3],"categories_nodes":[2],"categories_segments":[0],\
        "categories_sizes":[2],"default_left":[1,0,0,0,0],"id":0,"left_children":[1,-1,3,-1,-1],"parents":[2147483647,0,0,2,2],\
        "right_children":[2,-1,4,-1,-1],"split_conditions":[5E-1,1E0,1E-45,2E0,3E0],"split_indices":[0,0,2,0,0],\
        "split_type":[0,0,1,0,0],"tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"5","size_leaf_vector":"1"}}]},\
        "name":"gbtree"},"learner_model_param":{"base_score":"[5E-1]","num_class":"0","num_feature":"3","num_target":"1"},\
        "objective":{"name":"binary:logistic"}},"version":[3,2,0]}
        """

    private func lower(replacing old: String = "", with new: String = "") throws -> LoweredTreeModel {
        if old.isEmpty { return try GoldenFile.lower(Array(Self.sound.utf8)) }
        let isThere = Self.sound.contains(old)
        try #require(isThere, "the file does not contain what the test edits")
        return try GoldenFile.lower(Array(Self.sound.replacing(old, with: new, maxReplacements: 1).utf8))
    }

    private struct Defect: CustomTestStringConvertible, Sendable {
        let old: String
        let new: String
        /// Parts of the message, its place included.
        let says: [String]
        var testDescription: String { new }

        init(_ old: String, _ new: String, _ says: String...) {
            self.old = old
            self.new = new
            self.says = says
        }
    }

    @Test func theFileWithoutADefectIsRead() throws {
        let model = try lower()
        #expect(model.description.trees == 1)
        #expect(model.description.depth == 2)
    }

    private static let tree = "learner.gradient_booster.model.trees[0]"

    private static let defects: [Defect] = [
        // The shape of the tree.
        Defect("\"left_children\":[1,", "\"left_children\":[0,", "own child", "\(tree).left_children[0]"),
        Defect("\"left_children\":[1,-1,3", "\"left_children\":[1,-1,0", "own ancestor", "\(tree).left_children[2]"),
        Defect("\"right_children\":[2,-1,4", "\"right_children\":[2,-1,3", "more than one parent", "\(tree).right_children[2]"),
        Defect("\"right_children\":[2,", "\"right_children\":[5,", "not one of the tree's 5 nodes", "\(tree).right_children[0]"),
        Defect("\"left_children\":[1,", "\"left_children\":[-2,", "not one of", "\(tree).left_children[0]"),
        Defect("\"left_children\":[1,", "\"left_children\":[99999999999,", "too large", "\(tree).left_children[0]"),
        Defect("\"left_children\":[1,-1,3,-1,-1]", "\"left_children\":[]", "no nodes", "\(tree).left_children"),
        Defect("\"num_nodes\":\"5\"", "\"num_nodes\":\"6\"", "num_nodes is 6", "\(tree).left_children"),
        Defect("\"default_left\":[1,0,", "\"default_left\":[1,", "4 elements for 5 nodes", "\(tree).default_left"),
        Defect("\"split_indices\":[0,", "\"split_indices\":[3,", "feature 3 of 3", "\(tree).split_indices"),
        Defect("\"split_indices\":[0,", "\"split_indices\":[-1,", "negative feature", "\(tree).split_indices[0]"),
        Defect("[5E-1,1E0", "[NaN,1E0", "not a number", "\(tree).split_conditions[0]"),
        Defect("[5E-1,1E0", "[5E-1,Infinity", "not finite", "\(tree).split_conditions[1]"),
        Defect("[5E-1,1E0", "[5E-1,1E99", "not finite", "\(tree).split_conditions[1]"),
        Defect("[5E-1,1E0", "[5E-1,x", "expected a number", "\(tree).split_conditions[1], byte"),
        // The library takes anything but 1 for right.
        Defect("\"default_left\":[1,", "\"default_left\":[2,", "neither 0 nor 1", "\(tree).default_left[0]"),
        Defect("\"default_left\":[1,0,", "\"default_left\":[1,-1,", "neither 0 nor 1", "\(tree).default_left[1]"),
        // What evaluation does not need, but the library checks.
        Defect("\"parents\":[2147483647,", "\"parents\":[", "4 elements for 5 nodes", "\(tree).parents"),
        Defect("\"parents\":[2147483647,", "\"parents\":[\"x\",", "expected a number", "\(tree).parents[0], byte"),
        Defect("\"base_weights\":[0,", "\"base_weights\":[", "4 elements for 5 nodes", "\(tree).base_weights"),
        Defect("\"id\":0", "\"id\":0,\"loss_changes\":[1]", "1 elements for 5 nodes", "\(tree).loss_changes"),
        Defect("\"id\":0", "\"id\":0,\"loss_changes\":{}", "expected an array", "\(tree).loss_changes"),
        Defect("\"id\":0", "\"id\":0,\"sum_hessian\":[1,1,1,1,1,1]", "6 elements for 5 nodes", "\(tree).sum_hessian"),
        Defect("\"num_deleted\":\"0\"", "\"num_deleted\":\"x\"", "non-negative integer", "tree_param.num_deleted, byte"),
        Defect("\"num_parallel_tree\":\"1\"", "\"num_parallel_tree\":\"0\"", "positive integer", "num_parallel_tree, byte"),
        Defect("[\"float\",\"float\",\"c\"]", "[1]", "expected a string", "learner.feature_types[0], byte"),
        Defect("\"best_iteration\":\"0\"", "\"note\":5", "expected a string", "learner.attributes.note, byte"),
        // Categories.
        Defect("\"split_type\":[0,", "\"split_type\":[2,", "unknown kind", "\(tree).split_type[0]"),
        Defect("\"split_type\":[0,", "\"split_type\":[1,", "without categories", "\(tree).split_type[0]"),
        Defect("\"categories_sizes\":[2]", "\"categories_sizes\":[3]", "not within", "\(tree).categories_segments[0]"),
        Defect("\"categories_segments\":[0]", "\"categories_segments\":[-1]", "not within", "\(tree).categories_segments[0]"),
        Defect("\"categories_sizes\":[2]", "\"categories_sizes\":[]", "as many", "\(tree).categories_nodes"),
        Defect("\"categories\":[1,3]", "\"categories\":[1,-3]", "outside", "\(tree).categories[1]"),
        Defect("\"categories\":[1,3]", "\"categories\":[1,16777216]", "outside", "\(tree).categories[1]"),
        // The ensemble.
        Defect("\"num_trees\":\"1\"", "\"num_trees\":\"2\"", "num_trees is 2", "model.trees"),
        Defect("\"num_trees\":\"1\"", "\"num_trees\":\"-1\"", "non-negative integer", "gbtree_model_param.num_trees, byte"),
        Defect("\"tree_info\":[0]", "\"tree_info\":[1]", "output 1", "model.tree_info[0]"),
        Defect("\"tree_info\":[0]", "\"tree_info\":[]", "0 elements for 1 trees", "model.tree_info"),
        Defect("\"id\":0", "\"id\":1", "out of range", "trees[0].id"),
        Defect("\"id\":0,", "", "no id", "\(tree).id"),
        Defect("[0,1],", "[0,2],", "do not divide", "model.iteration_indptr"),
        Defect("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"", "5 elements", "base_weights"),
        Defect("\"name\":\"gbtree\"", "\"name\":\"dart\"", "without weights", "weight_drop"),
        Defect("\"name\":\"gbtree\"", "\"name\":\"gbtree\",\"weight_drop\":[1,2]", "2 weights for 1 trees", "weight_drop"),
        Defect("\"name\":\"gbtree\"", "\"name\":\"gbtree\",\"weight_drop\":[1E39]", "not finite", "weight_drop[0]"),
        Defect("\"name\":\"gbtree\"", "\"name\":\"gblinear\"", "no weights", "model.weights"),
        Defect(
            "\"name\":\"gbtree\"", "\"name\":\"gbtree\",\"gbtree\":{\"model\":{}}", "second model",
            "gradient_booster.gbtree.model"),
        // The learner.
        Defect("\"base_score\":\"[5E-1]\"", "\"base_score\":\"[5E-1,1]\"", "2 base scores for 1 outputs", "base_score"),
        Defect("\"base_score\":\"[5E-1]\"", "\"base_score\":\"[]\"", "not a number", "base_score"),
        Defect("\"base_score\":\"[5E-1]\"", "\"base_score\":\"2\"", "domain of binary:logistic", "base_score"),
        Defect("\"base_score\":\"[5E-1]\"", "\"base_score\":5", "expected a string", "base_score"),
        Defect(
            "\"num_feature\":\"3\",\"num_target\"", "\"num_feature\":\"2\",\"num_target\"", "feature names",
            "learner.feature_names"),
        Defect("\"num_class\":\"0\"", "\"num_class\":\"3\",\"num_target\":\"2\"", "duplicate key", "byte"),
        Defect("[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"a\"]", "named 'a'", "learner.feature_names"),
        Defect("\"version\":[3,2,0]", "\"version\":[3,2,0],\"learner\":{}", "duplicate key", "byte"),
        Defect("}},\"version\":[3,2,0]}", "", "unexpected end", "byte"),
        Defect("\"version\":[3,2,0]}", "\"version\":[3,2,0]} x", "unexpected text", "byte"),
    ]

    @Test func defectsAreRefusedWithTheirPlace() throws {
        for defect in Self.defects {
            let error = #expect(throws: ScoringError.self, "\(defect.new) is read") {
                try lower(replacing: defect.old, with: defect.new)
            }
            guard case .invalidModel(let reason, let place) = error else {
                Issue.record("\(defect.new): \(String(describing: error))")
                continue
            }
            for part in defect.says {
                #expect(
                    "\(reason) (at \(place))".contains(part), "\(defect.new): '\(reason) (at \(place))' does not say '\(part)'")
            }
        }
    }

    /// Slices of a booster keep its attribute; boosters of no rounds have -1.
    @Test(arguments: ["1", "17", "-1", "none"])
    func aBestIterationThatIsNoRoundIsIgnored(_ text: String) throws {
        let model = try lower(replacing: "\"best_iteration\":\"0\"", with: "\"best_iteration\":\"\(text)\"")
        #expect(model.description.trees == 1)
    }

    @Test func unknownObjectivesAndBoostersAreNamed() throws {
        #expect(throws: ScoringError.unsupportedModel("the XGBoost objective 'reg:other' is not supported")) {
            try lower(replacing: "binary:logistic", with: "reg:other")
        }
        #expect(throws: ScoringError.unsupportedModel("the XGBoost booster 'other' is not supported")) {
            try lower(replacing: "\"gbtree\"}", with: "\"other\"}")
        }
    }

    @Test func sizesThatAreMerelyAnnouncedAreRefused() throws {
        let names = "\"feature_names\":[\"a\",\"b\",\"c\"],"
        for (old, new) in [
            ("\"num_feature\":\"3\",\"num_target\"", "\"num_feature\":\"4294967295\",\"num_target\""),
            ("\"num_class\":\"0\"", "\"num_class\":\"2147483647\""), ("\"num_target\":\"1\"", "\"num_target\":\"2147483647\""),
        ] {
            let text = Self.sound.replacing(names, with: "").replacing(old, with: new)
            #expect {
                try GoldenFile.lower(Array(text.utf8))
            } throws: { error in
                guard case .unsupportedModel(let message) = error as? ScoringError else { return false }
                return message.contains("at most")
            }
        }
    }

    @Test func categorySetsFarLargerThanTheFileAreRefused() throws {
        // 200 nodes whose sets reach to the highest code would take 400 MB.
        let nodes = (0..<200).map(String.init).joined(separator: ",")
        let zeros = Array(repeating: "0", count: 200).joined(separator: ",")
        let ones = Array(repeating: "1", count: 200).joined(separator: ",")
        let text = Self.sound.replacing("\"categories\":[1,3]", with: "\"categories\":[16777215]")
            .replacing("\"categories_nodes\":[2]", with: "\"categories_nodes\":[\(nodes)]")
            .replacing("\"categories_segments\":[0]", with: "\"categories_segments\":[\(zeros)]")
            .replacing("\"categories_sizes\":[2]", with: "\"categories_sizes\":[\(ones)]")
        #expect {
            try GoldenFile.lower(Array(text.utf8))
        } throws: { error in
            "\(error as? ScoringError)".contains("far larger")
        }
    }
}
