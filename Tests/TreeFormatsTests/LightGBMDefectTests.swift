internal import Testing
internal import Scoring
internal import TreeFormats

/// Each defect of a LightGBM file is refused with its reason and its place.
@Suite struct LightGBMDefectTests {
    private static let sound = """
        tree
        version=v4
        num_class=1
        num_tree_per_iteration=1
        label_index=0
        max_feature_idx=2
        objective=binary sigmoid:1
        feature_names=a b c
        feature_infos=[0:1] 0:1:2 [0:1]
        tree_sizes=199 220

        Tree=0
        num_leaves=3
        num_cat=1
        split_feature=0 1
        threshold=0.5 0
        decision_type=2 1
        left_child=1 -2
        right_child=-1 -3
        leaf_value=0.1 0.2 0.3
        cat_boundaries=0 1
        cat_threshold=5
        is_linear=0
        shrinkage=1

        Tree=1
        num_leaves=2
        num_cat=0
        split_feature=2
        threshold=1.5
        decision_type=8
        left_child=-1
        right_child=-2
        leaf_value=-1 1
        is_linear=1
        leaf_const=0.5 0.25
        num_features=1 0
        leaf_features=2  
        leaf_coeff=3.5  
        shrinkage=0.1

        end of trees

        pandas_categorical:null

        """

    private struct Defect: Sendable {
        let old: String
        let new: String
        let says: [String]

        init(_ old: String, _ new: String, _ says: String...) {
            self.old = old
            self.new = new
            self.says = says
        }
    }

    private static let defects: [Defect] = [
        Defect("left_child=1 -2", "left_child=0 -2", "own ancestor", "line 18: Tree=0 left_child[0]"),
        Defect("left_child=1 -2", "left_child=1 -1", "more than one parent", "line 18: Tree=0 left_child[1]"),
        Defect("left_child=1 -2", "left_child=1 2", "not one of the tree's nodes", "line 18: Tree=0 left_child[1]"),
        Defect("right_child=-1 -3", "right_child=-4 -3", "not one of the tree's nodes", "line 19: Tree=0 right_child[0]"),
        Defect("left_child=1 -2", "left_child=1 \(Int.min)", "not one of the tree's nodes", "line 18: Tree=0 left_child[1]"),
        Defect("left_child=1 -2", "left_child=1 99999999999999999999", "expected an integer", "line 18: Tree=0 left_child[1]"),
        Defect("left_child=1 -2", "left_child=1", "1 elements for 2 splits", "line 18: Tree=0 left_child"),
        Defect("left_child=1 -2\n", "", "0 elements for 2 splits", "Tree=0 left_child"),
        Defect(
            "left_child=1 -2\nright_child=-1 -3", "left_child=-2 1\nright_child=-1 -3", "split 1 cannot be reached",
            "line 18: Tree=0 left_child"),
        Defect("left_child=1 -2", "left_child=-2 -2", "", "Tree=0"),
        Defect("num_leaves=3", "num_leaves=4", "3 elements for 4 leaves", "line 20: Tree=0 leaf_value"),
        Defect("num_leaves=3", "num_leaves=-3", "positive number", "line 13: Tree=0 num_leaves"),
        Defect("num_leaves=3", "num_leaves=99999999", "3 elements for 99999999 leaves", "Tree=0 leaf_value"),
        Defect("num_leaves=3\n", "", "positive number", "line 12: Tree=0 num_leaves"),
        Defect("leaf_value=0.1 0.2", "leaf_value=0.1 inf", "not finite", "line 20: Tree=0 leaf_value[1]"),
        Defect("leaf_value=0.1 0.2", "leaf_value=0.1 0,2", "expected a number", "line 20: Tree=0 leaf_value[1]"),
        Defect("threshold=0.5 0", "threshold=nan 0", "not a number", "line 16: Tree=0 threshold[0]"),
        Defect("threshold=0.5 0", "threshold=0.5 1", "no such category set", "line 16: Tree=0 threshold[1]"),
        Defect("threshold=0.5 0", "threshold=0.5 1e300", "no such category set", "line 16: Tree=0 threshold[1]"),
        Defect("decision_type=2 1", "decision_type=2 12", "unknown kind", "line 17: Tree=0 decision_type[1]"),
        Defect("decision_type=2 1", "decision_type=2 -1", "unknown kind", "line 17: Tree=0 decision_type[1]"),
        Defect("split_feature=0 1", "split_feature=0 -1", "negative feature", "line 15: Tree=0 split_feature[1]"),
        Defect("split_feature=0 1", "split_feature=0 3", "feature 3 of 3", "line 12: Tree=0"),
        Defect("num_cat=1", "num_cat=2", "2 boundaries for 2", "line 21: Tree=0 cat_boundaries"),
        Defect("num_cat=1", "num_cat=\(Int.max)", "2 boundaries for", "line 21: Tree=0 cat_boundaries"),
        Defect("cat_boundaries=0 1", "cat_boundaries=0 2", "do not divide", "line 21: Tree=0 cat_boundaries"),
        Defect("cat_threshold=5", "cat_threshold=-5", "32 bits", "line 22: Tree=0 cat_threshold[0]"),
        Defect("num_features=1 0", "num_features=2 0", "more features", "line 37: Tree=1 num_features[0]"),
        Defect("num_features=1 0", "num_features=0 0", "fewer features", "line 37: Tree=1 num_features"),
        Defect("num_features=1 0", "num_features=1", "1 elements for 2 leaves", "line 37: Tree=1 num_features"),
        Defect("leaf_features=2", "leaf_features=-2", "negative feature", "line 38: Tree=1 leaf_features[0]"),
        Defect("leaf_features=2", "leaf_features=7", "feature 7 of 3", "line 26: Tree=1"),
        Defect("leaf_coeff=3.5", "leaf_coeff=nan", "not finite", "line 39: Tree=1 leaf_coeff[0]"),
        Defect("leaf_const=0.5", "leaf_const=inf", "not finite", "line 36: Tree=1 leaf_const[0]"),
        Defect("shrinkage=1\n", "shrinkage=1\nshrinkage=1\n", "given twice", "line 25: Tree=0 shrinkage"),
        Defect("Tree=1", "Tree=2", "expected Tree=1", "line 26"),
        Defect("tree_sizes=199 220", "tree_sizes=199", "2 trees, but the header announces 1", "tree_sizes"),
        Defect("tree_sizes=199 220", "tree_sizes=198 220", "begins at byte 199", "says 198", "Tree=1"),
        Defect("tree_sizes=199 220", "tree_sizes=9223372036854775807 1", "too large", "tree_sizes"),
        Defect("tree_sizes=199 220", "tree_sizes=199 x", "sizes in bytes", "tree_sizes"),
        // What the library refuses though predictions do not depend on it.
        Defect("label_index=0\n", "", "no label index", "label_index"),
        Defect("label_index=0", "label_index=x", "expected an integer", "label_index"),
        Defect("feature_names=a b c\n", "", "0 elements for 3 features", "feature_names"),
        Defect("feature_infos=[0:1] 0:1:2 [0:1]\n", "", "0 elements for 3 features", "feature_infos"),
        Defect("feature_infos=[0:1] 0:1:2 [0:1]", "feature_infos=[0:1] 0:1:2", "2 elements for 3 features", "feature_infos"),
        Defect("tree_sizes", "monotone_constraints=0 1\ntree_sizes", "2 elements for 3 features", "monotone_constraints"),
        Defect("num_cat=1\n", "", "missing", "Tree=0 num_cat"),
        Defect("leaf_value=0.1", "leaf_weight=1 2\nleaf_value=0.1", "2 elements for 3 leaves", "Tree=0 leaf_weight"),
        Defect("leaf_value=0.1", "leaf_weight=1 2 x\nleaf_value=0.1", "expected a number", "Tree=0 leaf_weight[2]"),
        Defect("num_class=1", "num_class=3", "3 classes, but 1 trees a round", "num_class"),
        Defect("binary sigmoid:1", "binary", "'sigmoid' is missing", "objective"),
        Defect("binary sigmoid:1", "multiclass", "'num_class' is missing", "objective"),
        Defect("binary sigmoid:1", "multiclassova num_class:1", "'sigmoid' is missing", "objective"),
        Defect("objective=binary sigmoid:1", "objective=", "a value is missing", "objective"),
        Defect("end of trees\n", "", "ends before its trees do", "end of trees"),
        Defect("num_class=1", "num_class=0", "number of classes", "num_class"),
        Defect("num_class=1", "num_class=1\nnum_class=1", "given twice", "line 4"),
        Defect("num_tree_per_iteration=1", "num_tree_per_iteration=2", "one tree a round", "num_tree_per_iteration"),
        Defect("objective=binary sigmoid:1", "objective=multiclass num_class:3", "3 classes, but 1 trees", "objective"),
        Defect("max_feature_idx=2", "max_feature_idx=3", "3 feature names for 4 features", "feature_names"),
        Defect("max_feature_idx=2", "max_feature_idx=-1", "number of features", "max_feature_idx"),
        Defect("max_feature_idx=2", "max_feature_idx=x", "expected an integer", "line 6: max_feature_idx"),
        Defect(
            "pandas_categorical:null", "pandas_categorical:[[{}]]", "string, a number or a boolean", "line 44: pandas_categorical"
        ),
        Defect("pandas_categorical:null", "pandas_categorical:[[\"a\"]", "unexpected end", "line 44: pandas_categorical"),
    ]

    private func lower(_ defect: Defect) throws -> LoweredTreeModel {
        let isThere = Self.sound.contains(defect.old)
        try #require(isThere, "the file does not contain '\(defect.old)'")
        return try GoldenFile.lower(Array(Self.sound.replacing(defect.old, with: defect.new, maxReplacements: 1).utf8))
    }

    @Test func theFileWithoutADefectIsRead() throws {
        let model = try GoldenFile.lower(Array(Self.sound.utf8))
        #expect(model.description.trees == 2)
        #expect(model.description.depth == 2)
        #expect(model.signature.inputs.map(\.name) == ["a", "b", "c"])
    }

    @Test func defectsAreRefusedWithTheirPlace() throws {
        for defect in Self.defects {
            let error = #expect(throws: ScoringError.self, "\(defect.new) is read") { try lower(defect) }
            guard case .invalidModel(let reason, let place) = error else {
                Issue.record("\(defect.new): \(String(describing: error))")
                continue
            }
            for part in defect.says where !part.isEmpty {
                #expect(
                    "\(reason) (at \(place))".contains(part), "\(defect.new): '\(reason) (at \(place))' does not say '\(part)'")
            }
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = Array(Self.sound.utf8)
        let end = try #require(Self.sound.firstRange(of: "end of trees")?.upperBound).utf16Offset(in: Self.sound)
        for length in 5..<end {
            #expect(throws: ScoringError.self, "the first \(length) bytes are read") {
                try GoldenFile.lower(Array(bytes.prefix(length)))
            }
        }
    }

    @Test func whatIsNotKnownIsNamed() throws {
        #expect(throws: ScoringError.unsupportedModel("the LightGBM objective 'other sigmoid:1' is not supported")) {
            try lower(Defect("binary sigmoid:1", "other sigmoid:1"))
        }
        #expect {
            try lower(Defect("version=v4", "version=v9"))
        } throws: { error in
            "\(error as? ScoringError)".contains("version 'v9'")
        }
    }
}
