internal import Tabular

/// What a LightGBM model file says, as far as evaluation needs it. Trees are in the internal representation
/// already, all else is as written.
struct LightGBMDocument {
    /// "v4".
    var version: String?
    var classes: Int?
    var treesPerRound: Int?
    var highestFeature: Int?
    /// The objective and its parameters: ["binary", "sigmoid:1"]; empty for a custom one, which no line names.
    var objective: [String] = []
    /// Whether predictions are made of the trees' mean (random forests).
    var averagesOutput = false
    var featureNames: [String] = []
    /// "none", a range "[0:1]" or category codes "3:1:2", by feature.
    var featureInfos: [String] = []
    /// The column of the label in the training data; not used, but no file is without it.
    var hasLabelIndex = false
    var monotoneConstraints: [String]?
    /// Bytes of each tree, as the header announces them.
    var announcedSizes: [Int]?
    var hasEndOfTrees = false
    var trees: [LightGBMTree] = []
    /// The training parameter `categorical_feature`, where the file keeps it.
    var categoricalFeatures: [Int]?
    /// The levels of pandas columns, in the order of those columns, as JSON.
    var pandasLevels: [[LightGBMLevel]] = []
}

/// A level of a pandas column.
enum LightGBMLevel: Equatable {
    case text(String)
    /// A number as it is written.
    case number(Double, label: String)
    case boolean(Bool)
}

/// A tree in the internal representation, with what has to be checked against the rest of the file.
struct LightGBMTree {
    var tree: Forest.Tree
    var depth: Int
    /// The highest feature that the tree asks for, and the line that says so; -1 if there is none.
    var highestFeature: Int
    /// Where the tree begins.
    var line: Int
}

/// Why a LightGBM file cannot be read, and where: "line 12: Tree=3 left_child[5]".
struct LightGBMFailure: Error {
    var reason: String
    var line: Int
    var place: String

    init(_ reason: String, line: Int, _ place: String = "") {
        self.reason = reason
        self.line = line
        self.place = place
    }

    var description: String { place.isEmpty ? "line \(line)" : "line \(line): \(place)" }
}
