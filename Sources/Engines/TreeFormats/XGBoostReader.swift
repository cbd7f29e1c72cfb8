internal import Scoring
internal import TextFormats

/// Reads an XGBoost model from a document, JSON or UBJSON, of versions 1.0 to 3.4: the model alone
/// (`{"learner": ..., "version": ...}`) or a snapshot with its configuration (`{"Config": ..., "Model": ...}`).
struct XGBoostReader<Cursor: DocumentCursor & ~Copyable>: ~Copyable {
    private enum Step {
        case name(String)
        case index(Int)
    }

    private var cursor: Cursor
    private(set) var document = XGBoostDocument()
    private var arrays = XGBoostTreeArrays()
    private var path: [Step] = []
    private var roomForCategories: Int

    /// - Parameter size: the file's size in bytes, which bounds what may be made of it.
    init(_ cursor: consuming Cursor, size: Int) {
        self.cursor = cursor
        // A set's size depends on its highest member alone. XGBoost has the same memory to spend; a model of
        // many high-cardinality splits stays far below this.
        roomForCategories = (1 << 22) + size * 8
    }

    /// Reads the whole document. On failure, `place` tells where.
    mutating func read() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in try reader.readTopLevel(key) }
        try cursor.end()
    }

    /// Where reading stands: "learner.gradient_booster.model.trees[3].left_children[5]".
    func place(of failure: DocumentFailure) -> String {
        var place = ""
        for step in path {
            switch step {
            case .name(let name): place += place.isEmpty ? name : ".\(name)"
            case .index(let index): place += "[\(index)]"
            }
        }
        if let element = failure.element { place += "[\(element)]" }
        return place.isEmpty ? "byte \(failure.offset)" : "\(place), byte \(failure.offset)"
    }

    // MARK: Structure

    private mutating func members(
        _ read: (inout Self, JSONString) throws(DocumentFailure) -> Void
    ) throws(DocumentFailure) {
        try cursor.beginObject()
        while let key = try cursor.nextKey() {
            path.append(.name(key.string))
            try read(&self, key)
            path.removeLast()
        }
    }

    private mutating func elements(_ read: (inout Self, Int) throws(DocumentFailure) -> Void) throws(DocumentFailure) {
        try cursor.beginArray()
        var index = 0
        while try cursor.nextElement() {
            path.append(.index(index))
            try read(&self, index)
            path.removeLast()
            index += 1
        }
    }

    private mutating func readTopLevel(_ key: JSONString) throws(DocumentFailure) {
        switch key {
        case "learner": try readLearner()
        case "version": try cursor.integers(into: &document.version)
        case "Model": try members { (reader, key) throws(DocumentFailure) in try reader.readTopLevel(key) }
        default: try cursor.skip()
        }
    }

    private mutating func readLearner() throws(DocumentFailure) {
        // A snapshot has a learner of its own in the skipped "Config", so a second one is a mistake.
        guard !document.hasLearner else { throw failure("a second learner") }
        document.hasLearner = true
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "learner_model_param": try reader.readModelParameters()
            case "gradient_booster": try reader.readBooster()
            case "objective": try reader.readObjective()
            case "attributes": try reader.readAttributes()
            case "feature_names":
                try reader.elements { (reader, _) throws(DocumentFailure) in
                    reader.document.featureNames.append(try reader.cursor.string())
                }
            case "feature_types":
                try reader.elements { (reader, _) throws(DocumentFailure) in _ = try reader.cursor.string() }
            default: try reader.cursor.skip()
            }
        }
    }

    private mutating func readModelParameters() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "base_score": reader.document.baseScore = try reader.cursor.string()
            case "boost_from_average":
                guard let estimates = Int(try reader.cursor.string()) else { throw reader.failure("expected an integer") }
                reader.document.estimatesBaseScore = estimates != 0
            case "num_feature": reader.document.features = try reader.count()
            case "num_class": reader.document.classes = try reader.count()
            case "num_target": reader.document.targets = try reader.count()
            default: try reader.cursor.skip()
            }
        }
    }

    private mutating func readObjective() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "name": reader.document.objective = try reader.cursor.string()
            default: try reader.cursor.skip()
            }
        }
    }

    private mutating func readAttributes() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "best_iteration": reader.document.bestIteration = try reader.cursor.string()
            case "best_ntree_limit": reader.document.bestTreeLimit = try reader.cursor.string()
            case "scikit_learn":
                reader.document.wasWrittenByScikitLearn = true
                _ = try reader.cursor.string()
            default: _ = try reader.cursor.string()
            }
        }
    }

    // MARK: Booster

    /// gbtree and gblinear have their model beside their name; DART of versions before 3.3 has a gbtree and
    /// the trees' weights there, since 3.3 the weights are in the model.
    private mutating func readBooster() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "name": reader.document.booster = try reader.cursor.string()
            case "model": try reader.readModel()
            case "weight_drop": try reader.readTreeWeights()
            case "gbtree":
                try reader.members { (reader, key) throws(DocumentFailure) in
                    switch key {
                    case "model": try reader.readModel()
                    default: try reader.cursor.skip()
                    }
                }
            default: try reader.cursor.skip()
            }
        }
    }

    private mutating func readModel() throws(DocumentFailure) {
        guard document.trees.isEmpty, document.linearWeights == nil else { throw failure("a second model") }
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "trees": try reader.elements { (reader, _) throws(DocumentFailure) in try reader.readTree() }
            case "tree_info": try reader.cursor.integers(into: &reader.document.treeOutputs)
            case "iteration_indptr":
                var rounds: [Int32] = []
                try reader.cursor.integers(into: &rounds)
                reader.document.rounds = rounds
            case "weight_drop": try reader.readTreeWeights()
            case "weights":
                var weights: [Float] = []
                try reader.cursor.floats(into: &weights)
                reader.document.linearWeights = weights
            case "boosted_rounds": reader.document.linearRounds = try reader.cursor.integer()
            case "cats": try reader.readLevels()
            case "gbtree_model_param":
                try reader.members { (reader, key) throws(DocumentFailure) in
                    switch key {
                    case "num_trees": reader.document.announcedTrees = try reader.count()
                    case "num_parallel_tree":
                        let parallel = try reader.count()
                        guard parallel > 0 else { throw reader.failure("expected a positive integer") }
                        reader.document.parallelTrees = parallel
                    default: try reader.cursor.skip()
                    }
                }
            default: try reader.cursor.skip()
            }
        }
    }

    private mutating func readTreeWeights() throws(DocumentFailure) {
        guard document.treeWeights == nil else { throw failure("the trees have weights already") }
        var weights: [Float] = []
        try cursor.floats(into: &weights)
        if let position = weights.firstIndex(where: { !$0.isFinite }) {
            throw DocumentFailure("the weight is not finite", at: cursor.offset, element: position)
        }
        document.treeWeights = weights
    }

    private mutating func readTree() throws(DocumentFailure) {
        arrays.removeAll()
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "id": reader.arrays.id = try reader.cursor.integer()
            case "tree_param":
                try reader.members { (reader, key) throws(DocumentFailure) in
                    switch key {
                    case "num_nodes": reader.arrays.announcedNodes = try reader.count()
                    case "num_deleted", "num_feature": _ = try reader.count()
                    case "size_leaf_vector": reader.arrays.leafSize = max(1, try reader.count())
                    default: try reader.cursor.skip()
                    }
                }
            case "left_children": try reader.cursor.integers(into: &reader.arrays.left)
            case "right_children": try reader.cursor.integers(into: &reader.arrays.right)
            case "split_indices": try reader.cursor.integers(into: &reader.arrays.features)
            case "split_conditions": try reader.cursor.floats(into: &reader.arrays.conditions)
            case "default_left": try reader.cursor.integers(into: &reader.arrays.defaultLeft)
            case "split_type": try reader.cursor.integers(into: &reader.arrays.splitTypes)
            case "sum_hessian": try reader.cursor.floats(into: &reader.arrays.covers)
            case "base_weights": try reader.cursor.floats(into: &reader.arrays.baseWeights)
            case "parents":
                var parents: [Int32] = []
                try reader.cursor.integers(into: &parents)
                reader.arrays.parents = parents
            case "loss_changes":
                var changes: [Float] = []
                try reader.cursor.floats(into: &changes)
                reader.arrays.lossChanges = changes
            case "leaf_weights":
                var weights: [Float] = []
                try reader.cursor.floats(into: &weights)
                reader.arrays.leafWeights = weights
            case "categories": try reader.cursor.integers(into: &reader.arrays.categories)
            case "categories_nodes": try reader.cursor.integers(into: &reader.arrays.categoryNodes)
            case "categories_segments": try reader.cursor.integers(into: &reader.arrays.categoryStarts)
            case "categories_sizes": try reader.cursor.integers(into: &reader.arrays.categoryCounts)
            default: try reader.cursor.skip()
            }
        }
        do {
            let tree = try XGBoostTreeAssembly.assemble(arrays, roomForCategories: roomForCategories)
            roomForCategories -= tree.categoryWords
            document.trees.append(tree)
            LoadThrottle.step()
        } catch {
            path.append(.name(error.place))
            throw failure(error.reason)
        }
    }

    // MARK: Levels

    private mutating func readLevels() throws(DocumentFailure) {
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "enc": try reader.elements { (reader, _) throws(DocumentFailure) in try reader.readLevelsOfFeature() }
            default: try reader.cursor.skip()
            }
        }
    }

    /// Strings as bytes and offsets, or integers beside the number of their type in XGBoost's JSON values.
    private mutating func readLevelsOfFeature() throws(DocumentFailure) {
        var values: [Int] = []
        var offsets: [Int32]?
        var type: Int?
        try members { (reader, key) throws(DocumentFailure) in
            switch key {
            case "offsets":
                var all: [Int32] = []
                try reader.cursor.integers(into: &all)
                offsets = all
            case "values":
                try reader.elements { (reader, _) throws(DocumentFailure) in values.append(try reader.cursor.integer()) }
            case "type": type = try reader.cursor.integer()
            default: try reader.cursor.skip()
            }
        }
        switch (offsets, type) {
        case (let offsets?, nil):
            document.levels.append(XGBoostLevels(bytes: values.map { UInt8(truncatingIfNeeded: $0) }, offsets: offsets))
        case (nil, let type?):
            // UBJSON has no unsigned numbers of 16 and 32 bits; XGBoost writes the signed ones of the same bits.
            let mask = type == 12 ? 0xffff : type == 14 ? 0xffff_ffff : -1
            document.levels.append(XGBoostLevels(numbers: values.map { $0 & mask }))
        default: throw failure("levels are either strings with offsets or numbers with a type")
        }
    }

    // MARK: Values

    /// A non-negative integer in quotes.
    private mutating func count() throws(DocumentFailure) -> Int {
        guard let value = Int(try cursor.string()), value >= 0 else { throw failure("expected a non-negative integer") }
        return value
    }

    private func failure(_ reason: String) -> DocumentFailure { DocumentFailure(reason, at: cursor.offset) }
}
