/// What an XGBoost model file says, as far as evaluation needs it; the same for JSON and UBJSON and for every
/// version's layout. Trees are in the internal representation already, all else is as written.
struct XGBoostDocument {
    /// [3, 2, 0]; empty where the file does not say.
    var version: [Int32] = []
    var hasLearner = false
    /// A float, or a list of them in brackets.
    var baseScore: String?
    /// Whether the library estimates the base score in the first round, because no one set it.
    var estimatesBaseScore = true
    var features: Int?
    var classes = 0
    var targets = 1
    var objective: String?
    /// "gbtree", "dart" or "gblinear".
    var booster: String?
    var featureNames: [String] = []
    /// User and library attributes; those that evaluation knows.
    var bestIteration: String?
    var bestTreeLimit: String?
    var wasWrittenByScikitLearn = false

    var trees: [XGBoostTree] = []
    var announcedTrees: Int?
    var parallelTrees: Int?
    /// Which output each tree belongs to.
    var treeOutputs: [Int32] = []
    /// Where each boosting round's trees begin, and where the last one's end; since 2.0.
    var rounds: [Int32]?
    /// One factor a tree (DART).
    var treeWeights: [Float]?
    /// gblinear: feature-major, the bias last.
    var linearWeights: [Float]?
    /// gblinear: how many rounds it was trained; since 1.4.
    var linearRounds: Int?
    /// The levels of categorical features by feature; since 3.1.
    var levels: [XGBoostLevels] = []

    /// Whether the file's version is at least this; files without one count as new.
    func isSince(_ wanted: Int32...) -> Bool { version.isEmpty || !version.lexicographicallyPrecedes(wanted) }

    /// Whether the model was saved before its first round.
    var isUntrained: Bool {
        guard booster == "gblinear" else { return trees.isEmpty }
        return linearRounds.map { $0 == 0 } ?? (linearWeights?.isEmpty == true)
    }
}

/// The levels of one feature, in the order of their codes; empty for a numeric feature.
struct XGBoostLevels {
    /// UTF-8 of all levels.
    var bytes: [UInt8] = []
    /// Where each level begins in `bytes`, and where the last one ends.
    var offsets: [Int32] = []
    var numbers: [Int] = []
}
