internal import Scoring
internal import Tabular
internal import TextFormats

/// Checks an XGBoost document as a whole and lowers it to a program of the native engine.
struct XGBoostModel {
    private static let booster = "learner.gradient_booster"
    private static let parameters = "learner.learner_model_param"

    private let document: XGBoostDocument
    private let options: LoadOptions
    private let objectiveName: String
    private let objective: XGBoostObjective
    private let features: Int
    private let outputs: Int
    private var notes: [String] = []

    static func lower(_ document: XGBoostDocument, format: String, options: LoadOptions) throws(ScoringError) -> LoweredTreeModel
    {
        var model = try XGBoostModel(document, options: options)
        return try model.lower(format: format)
    }

    private init(_ document: XGBoostDocument, options: LoadOptions) throws(ScoringError) {
        guard document.hasLearner else { throw .invalidModel(reason: "there is no learner", place: "learner") }
        guard let name = document.objective else {
            throw .invalidModel(reason: "there is no objective", place: "learner.objective.name")
        }
        guard let objective = XGBoostObjective(name, document: document) else {
            throw .unsupportedModel("the XGBoost objective '\(name)' is not supported")
        }
        guard let features = document.features else {
            throw .invalidModel(reason: "there is no number of features", place: "\(Self.parameters).num_feature")
        }
        self.document = document
        self.options = options
        self.objective = objective
        self.features = features
        objectiveName = name
        outputs = max(document.classes, document.targets, 1)
        try checkOutputs()
    }

    private func checkOutputs() throws(ScoringError) {
        if document.classes > 1, document.targets > 1 {
            throw .invalidModel(reason: "both several classes and several targets", place: "\(Self.parameters).num_target")
        }
        guard outputs <= TreeModelPlan.maxOutputs else {
            throw .unsupportedModel("the model has \(outputs) outputs; at most \(TreeModelPlan.maxOutputs) are supported")
        }
        if case .multiclass = objective.task, document.classes < 2 {
            throw .invalidModel(reason: "a multiclass objective needs several classes", place: "\(Self.parameters).num_class")
        }
    }

    private mutating func lower(format: String) throws(ScoringError) -> LoweredTreeModel {
        let inputs = try inputs()
        let base = try base()
        var plan = TreeModelPlan(inputs: inputs, outputs: outputs)
        var description = ModelDescription(format: format)
        switch document.booster {
        case "gbtree", "dart":
            let forest = try forest(base: base)
            description.trees = forest.trees.count
            description.depth = document.trees.prefix(forest.trees.count).map(\.depth).max() ?? 0
            plan.add(forest)
        case "gblinear" where document.isUntrained && document.linearWeights?.isEmpty == true:
            try checkLinearRounds()
            // The first round makes the weights; until then all outputs are the first base score, added to zeros.
            plan.add(emptyForest(base: [Float](repeating: 0 + base[0], count: outputs)))
        case "gblinear": plan.add(try linearFunction(base: base))
        case nil: throw .invalidModel(reason: "there is no booster", place: "\(Self.booster).name")
        case let name?: throw .unsupportedModel("the XGBoost booster '\(name)' is not supported")
        }
        // Several targets of a binary objective are labels that do not exclude each other: one value each.
        let task = objective.task == .binary && outputs > 1 ? .regression : objective.task
        let classes = try TreeModelPlan.classes(of: task, outputs: outputs, options: options, objective: objectiveName)
        let (program, signature) = plan.finish(task: task, classes: classes, link: objective.link, precision: .float32)
        description.objective = objectiveName
        description.notes = notes
        return LoweredTreeModel(program: program, signature: signature, description: description)
    }

    // MARK: Base score

    /// The margin that each output's sum starts from.
    private func base() throws(ScoringError) -> [Float] {
        let place = "\(Self.parameters).base_score"
        guard let text = document.baseScore else { throw .invalidModel(reason: "there is no base score", place: place) }
        var list = Substring(text)
        if list.hasPrefix("["), list.hasSuffix("]") { list = list.dropFirst().dropLast() }
        var scores: [Float] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let score = DecimalParser.float(String(part.drop { $0 == " " })), score.isFinite else {
                throw .invalidModel(reason: "the base score is not a number", place: place)
            }
            scores.append(score)
        }
        if scores.count == 1 { scores = [Float](repeating: scores[0], count: outputs) }
        guard scores.count == outputs else {
            throw .invalidModel(reason: "\(scores.count) base scores for \(outputs) outputs", place: place)
        }
        // Since 3.1 the library makes a margin of a base score that no one set when it estimates it, in the first round.
        if document.isUntrained, document.estimatesBaseScore, document.isSince(3, 1) { return scores }
        let margins = objective.margins(of: scores, isClamped: document.isSince(3, 2))
        guard margins.allSatisfy(\.isFinite) else {
            throw .invalidModel(reason: "the base score is outside the domain of \(objectiveName)", place: place)
        }
        return margins
    }

    // MARK: Trees

    private mutating func forest(base: [Float]) throws(ScoringError) -> Forest {
        let model = "\(Self.booster).model"
        if let announced = document.announcedTrees, announced != document.trees.count {
            throw .invalidModel(reason: "\(document.trees.count) trees, but num_trees is \(announced)", place: "\(model).trees")
        }
        guard document.treeOutputs.count == document.trees.count else {
            throw .invalidModel(
                reason: "\(document.treeOutputs.count) elements for \(document.trees.count) trees", place: "\(model).tree_info")
        }
        if let weights = document.treeWeights, weights.count != document.trees.count, !weights.isEmpty {
            throw .invalidModel(
                reason: "\(weights.count) weights for \(document.trees.count) trees", place: "\(Self.booster).weight_drop")
        }
        if document.booster == "dart", document.treeWeights == nil, !document.trees.isEmpty {
            throw .invalidModel(reason: "a DART model without weights", place: "\(Self.booster).weight_drop")
        }
        var forest = emptyForest(base: base)
        // Before 1.3 the library added up the trees first, and DART's before 1.4.
        forest.baseIsAddedLast = document.booster == "dart" ? !document.isSince(1, 4) : !document.isSince(1, 3)
        let ordered = try treesByID(model)
        let used = try usedTrees(model)
        forest.trees.reserveCapacity(used)
        for index in 0..<used {
            LoadThrottle.step()
            forest.trees.append(try tree(ordered[index], index: index, place: "\(model).trees[\(ordered[index])]"))
        }
        return forest
    }

    private func emptyForest(base: [Float]) -> Forest {
        Forest(
            comparison: .less, inputPrecision: .float32, sumPrecision: .float32, featureCount: features, outputCount: outputs,
            base: base.map(Double.init))
    }

    /// For each tree of the ensemble its position in the file.
    private func treesByID(_ model: String) throws(ScoringError) -> [Int] {
        var positions = [Int](repeating: -1, count: document.trees.count)
        for (position, tree) in document.trees.enumerated() {
            guard positions.indices.contains(tree.id), positions[tree.id] < 0 else {
                throw .invalidModel(reason: "the id is out of range or taken", place: "\(model).trees[\(position)].id")
            }
            positions[tree.id] = position
        }
        return positions
    }

    private func tree(_ position: Int, index: Int, place: String) throws(ScoringError) -> Forest.Tree {
        let source = document.trees[position]
        guard source.highestFeature < features else {
            throw .invalidModel(
                reason: "a split asks for feature \(source.highestFeature) of \(features)", place: "\(place).split_indices")
        }
        guard source.leafSize == 1 || source.leafSize == outputs else {
            throw .invalidModel(
                reason: "leaves of \(source.leafSize) values for \(outputs) outputs",
                place: "\(place).tree_param.size_leaf_vector")
        }
        let output = Int(document.treeOutputs[index])
        guard (0..<outputs).contains(output) else {
            throw .invalidModel(
                reason: "output \(output) is not one of the \(outputs)", place: "\(Self.booster).model.tree_info[\(index)]")
        }
        var tree = source.tree
        tree.output = output
        if let weights = document.treeWeights, !weights.isEmpty {
            // The library multiplies when it scores; the product is the same.
            for leaf in tree.values.indices {
                let value = weights[index] * Float(tree.values[leaf])
                guard value.isFinite else { throw .invalidModel(reason: "a leaf's weighted value is not finite", place: place) }
                tree.values[leaf] = Double(value)
            }
        }
        return tree
    }

    // MARK: Rounds

    /// How many trees, from the first, the options ask for.
    private mutating func usedTrees(_ model: String) throws(ScoringError) -> Int {
        let ends = try roundEnds(model)
        let rounds = ends.count - 1
        let best = bestRounds(rounds)
        let used: Int
        switch options.iterations {
        case .all: used = rounds
        case .first(let count):
            guard count >= 1, count <= rounds else {
                throw .refusedModel("'iterations' asks for the first \(count) rounds, but the model has \(rounds)")
            }
            used = count
        case .best:
            guard let best else {
                throw .refusedModel(
                    "'iterations' asks for the best round, but the model names none: it was trained without early stopping")
            }
            used = best
        case .asTrained: used = document.wasWrittenByScikitLearn ? best ?? rounds : rounds
        }
        if let best {
            let reason =
                switch options.iterations {
                case .asTrained where document.wasWrittenByScikitLearn: "as its scikit-learn wrapper does after early stopping"
                case .asTrained: "as Booster.predict does"
                default: "as configured"
                }
            notes.append(
                "Uses \(used) of \(rounds) boosting rounds, \(reason); early stopping found the first \(best) to be best.")
        } else if used < rounds {
            notes.append("Uses \(used) of \(rounds) boosting rounds, as configured.")
        }
        return ends[used]
    }

    /// Rounds up to the best one. Slicing a booster keeps the attribute of the whole, and models of no rounds carry -1:
    /// an attribute that names none of the rounds is as good as none.
    private func bestRounds(_ rounds: Int) -> Int? {
        guard let text = document.bestIteration, let best = Int(text), (0..<rounds).contains(best) else { return nil }
        return best + 1
    }

    /// Where each round's trees end: element r is the number of trees of the first r rounds.
    private func roundEnds(_ model: String) throws(ScoringError) -> [Int] {
        let trees = document.trees.count
        if let rounds = document.rounds {
            let ends = rounds.map(Int.init)
            guard ends.first == 0, ends.last == trees, zip(ends, ends.dropFirst()).allSatisfy(<=) else {
                throw .invalidModel(reason: "the rounds do not divide the \(trees) trees", place: "\(model).iteration_indptr")
            }
            return ends
        }
        guard trees > 0 else { return [0] }
        // Before 2.0 every round has a tree an output, or `num_parallel_tree` of them; before 1.4 that number is
        // only in attributes that early stopping leaves behind.
        let groups = (document.treeOutputs.max().map(Int.init) ?? 0) &+ 1
        var parallel = document.parallelTrees ?? 1
        if document.parallelTrees == nil, let limit = document.bestTreeLimit.flatMap({ Int($0) }),
            let best = document.bestIteration.flatMap({ Int($0) }), best >= 0, best < Int.max, limit > 0, limit % (best + 1) == 0
        {
            parallel = limit / (best + 1)
        }
        guard groups > 0, parallel > 0, parallel <= trees, groups <= trees, trees % (parallel * groups) == 0
        else {
            throw .invalidModel(
                reason: "\(trees) trees cannot be rounds of \(parallel) for each of \(groups) outputs",
                place: "\(model).gbtree_model_param.num_parallel_tree")
        }
        return Array(stride(from: 0, through: trees, by: parallel * groups))
    }

    // MARK: Linear

    private mutating func linearFunction(base: [Float]) throws(ScoringError) -> LinearFunction {
        let place = "\(Self.booster).model.weights"
        guard let weights = document.linearWeights else { throw .invalidModel(reason: "there are no weights", place: place) }
        try checkLinearRounds()
        guard features <= TreeModelPlan.maxFeatures, weights.count == (features + 1) * outputs else {
            throw .invalidModel(reason: "\(weights.count) weights for \(features) features and \(outputs) outputs", place: place)
        }
        if let position = weights.firstIndex(where: { !$0.isFinite }) {
            throw .invalidModel(reason: "the weight is not finite", place: "\(place)[\(position)]")
        }
        // The library starts all outputs from the first base score.
        let start = weights.suffix(outputs).map { Double($0 + base[0]) }
        return LinearFunction(
            precision: .float32, featureCount: features, outputCount: outputs, start: start,
            weights: weights.dropLast(outputs).map(Double.init))
    }

    private func checkLinearRounds() throws(ScoringError) {
        switch options.iterations {
        case .asTrained, .all: break
        case .best, .first:
            throw .refusedModel("'iterations' cannot choose among the rounds of a linear booster: the model keeps only the last")
        }
    }

    // MARK: Inputs

    private mutating func inputs() throws(ScoringError) -> [Field] {
        let names = try TreeModelPlan.names(
            of: document.featureNames, count: features, options: options, place: "learner.feature_names")
        guard !document.levels.isEmpty else { return names.map { Field($0) } }
        let place = "\(Self.booster).model.cats.enc"
        guard document.levels.count == features else {
            throw .invalidModel(reason: "levels of \(document.levels.count) features for \(features) features", place: place)
        }
        var fields: [Field] = []
        for (feature, levels) in document.levels.enumerated() {
            let kind = try XGBoostLevelNames.kind(of: levels, document: document, place: "\(place)[\(feature)]")
            fields.append(Field(names[feature], kind))
        }
        return fields
    }
}
