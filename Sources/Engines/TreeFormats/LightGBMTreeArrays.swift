internal import Scoring

/// The fields of one tree as a LightGBM file lists them; those that evaluation does not need are not read.
struct LightGBMTreeArrays {
    let index: Int
    /// Where the tree begins.
    let line: Int
    private(set) var leaves: Int?
    private(set) var categorySets = 0
    private(set) var isLinear = false
    private(set) var features: [Int] = []
    private(set) var thresholds: [Double] = []
    private(set) var decisions: [Int] = []
    private(set) var left: [Int] = []
    private(set) var right: [Int] = []
    private(set) var values: [Double] = []
    /// Rows of the training data that came to each leaf and to each split.
    private(set) var leafCovers: [Double] = []
    private(set) var splitCovers: [Double] = []
    /// Of `leaf_weight`, which evaluation does not need; nil without it.
    private(set) var weightCount: Int?
    private(set) var categoryBoundaries: [Int] = []
    private(set) var categoryWords: [Int] = []
    private(set) var constants: [Double] = []
    private(set) var featureCounts: [Int] = []
    private(set) var leafFeatures: [Int] = []
    private(set) var leafCoefficients: [Double] = []
    /// The line of each field, for messages.
    private var lines = TextMap<Int>()

    init(index: Int, line: Int) {
        self.index = index
        self.line = line
    }

    mutating func read(_ key: LightGBMText, _ value: LightGBMText, line: Int) throws(LightGBMFailure) {
        guard let name = key.string else { throw LightGBMFailure("not UTF-8", line: line, "Tree=\(index)") }
        guard lines.updateValue(line, forKey: name) == nil else { throw failure("the field is given twice", name) }
        switch name {
        case "num_leaves": leaves = try integer(value, name)
        case "num_cat": categorySets = try integer(value, name)
        case "is_linear": isLinear = try integer(value, name) != 0
        case "split_feature": features = try integers(value, name)
        case "threshold": thresholds = try doubles(value, name)
        case "decision_type": decisions = try integers(value, name)
        case "left_child": left = try integers(value, name)
        case "right_child": right = try integers(value, name)
        case "leaf_value": values = try doubles(value, name)
        case "leaf_count": leafCovers = try doubles(value, name)
        case "internal_count": splitCovers = try doubles(value, name)
        case "leaf_weight": weightCount = try doubles(value, name).count
        case "cat_boundaries": categoryBoundaries = try integers(value, name)
        case "cat_threshold": categoryWords = try integers(value, name)
        case "leaf_const": constants = try doubles(value, name)
        case "num_features": featureCounts = try integers(value, name)
        case "leaf_features": leafFeatures = try integers(value, name)
        case "leaf_coeff": leafCoefficients = try doubles(value, name)
        default: break
        }
    }

    func has(_ field: String) -> Bool { lines[field] != nil }

    /// The failure of a field or of one of its elements.
    func failure(_ reason: String, _ field: String, _ element: Int? = nil) -> LightGBMFailure {
        LightGBMFailure(reason, line: lines[field] ?? line, "Tree=\(index) \(field)" + (element.map { "[\($0)]" } ?? ""))
    }

    private func integer(_ value: LightGBMText, _ name: String) throws(LightGBMFailure) -> Int {
        guard let integer = value.integer else { throw failure("expected an integer", name) }
        return integer
    }

    private func integers(_ value: LightGBMText, _ name: String) throws(LightGBMFailure) -> [Int] {
        var result: [Int] = []
        try value.forEachWord { (word) throws(LightGBMFailure) in
            guard let integer = word.integer else { throw failure("expected an integer", name, result.count) }
            result.append(integer)
        }
        return result
    }

    private func doubles(_ value: LightGBMText, _ name: String) throws(LightGBMFailure) -> [Double] {
        var result: [Double] = []
        try value.forEachWord { (word) throws(LightGBMFailure) in
            guard let double = word.double else { throw failure("expected a number", name, result.count) }
            result.append(double)
        }
        return result
    }
}
