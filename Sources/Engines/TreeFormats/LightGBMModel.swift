internal import Scoring
internal import Tabular

/// Checks a LightGBM document as a whole and lowers it to a program of the native engine.
struct LightGBMModel {
    private let document: LightGBMDocument
    private let options: LoadOptions
    private let objective: LightGBMObjective
    private let features: Int
    /// Sums, and trees a boosting round.
    private let outputs: Int
    private var notes: [String] = []

    static func lower(_ document: LightGBMDocument, options: LoadOptions) throws(ScoringError) -> LoweredTreeModel {
        var model = try LightGBMModel(document, options: options)
        return try model.lower()
    }

    private init(_ document: LightGBMDocument, options: LoadOptions) throws(ScoringError) {
        guard let version = document.version, ["v2", "v3", "v4"].contains(version) else {
            throw .unsupportedModel(
                "version '\(document.version ?? "none")' of LightGBM's format is not supported; v2, v3 and v4 are "
                    + "(LightGBM 2.1 to 4)")
        }
        guard let classes = document.classes, classes > 0 else {
            throw .invalidModel(reason: "there is no number of classes", place: "num_class")
        }
        guard let highestFeature = document.highestFeature, highestFeature >= 0, highestFeature < Int(Int32.max) else {
            throw .invalidModel(reason: "there is no number of features", place: "max_feature_idx")
        }
        if document.objective.isEmpty {
            objective = .custom
        } else if let known = LightGBMObjective(document.objective) {
            if let parameter = known.missingParameter {
                throw .invalidModel(reason: "the parameter '\(parameter)' is missing", place: "objective")
            }
            objective = known
        } else {
            throw .unsupportedModel("the LightGBM objective '\(document.objective.joined(separator: " "))' is not supported")
        }
        self.document = document
        self.options = options
        features = highestFeature + 1
        outputs = document.treesPerRound ?? classes
        guard outputs > 0, outputs <= TreeModelPlan.maxOutputs else {
            throw .unsupportedModel("the model has \(outputs) outputs; 1 to \(TreeModelPlan.maxOutputs) are supported")
        }
        if let announced = objective.classes, announced != outputs {
            throw .invalidModel(reason: "\(announced) classes, but \(outputs) trees a round", place: "objective")
        }
        switch objective.task {
        case .multiclass where outputs < 2:
            throw .invalidModel(reason: "a multiclass objective needs several trees a round", place: "num_tree_per_iteration")
        case .binary where outputs != 1:
            throw .invalidModel(reason: "a binary objective has one tree a round", place: "num_tree_per_iteration")
        default: break
        }
    }

    private mutating func lower() throws(ScoringError) -> LoweredTreeModel {
        let inputs = try inputs()
        try checkHeader()
        let rounds = try usedRounds()
        var forest = Forest(
            comparison: .lessOrEqual, inputPrecision: .float64, sumPrecision: .float64, featureCount: features,
            outputCount: outputs,
            base: [Double](repeating: 0, count: outputs))
        forest.categoryRounding = .truncateThenRefuseNegative
        let trees = document.trees.prefix(rounds * outputs)
        for (index, source) in document.trees.enumerated() {
            guard source.highestFeature < features else {
                throw .invalidModel(
                    reason: "the tree asks for feature \(source.highestFeature) of \(features)",
                    place: "line \(source.line): Tree=\(index)")
            }
        }
        for (index, source) in trees.enumerated() {
            var tree = source.tree
            tree.output = index % outputs
            forest.trees.append(tree)
        }
        var description = ModelDescription(format: "LightGBM \(document.version ?? "")")
        description.objective = document.objective.isEmpty ? "custom" : document.objective.joined(separator: " ")
        description.trees = trees.count
        description.depth = trees.map(\.depth).max() ?? 0
        var plan = TreeModelPlan(inputs: inputs, outputs: outputs)
        plan.add(forest)
        if document.averagesOutput {
            notes.append("Predictions are made of the trees' mean; raw is their sum, as the library's raw score is.")
        }
        let classes = try TreeModelPlan.classes(
            of: objective.task, outputs: outputs, options: options, objective: description.objective ?? "")
        let (program, signature) = plan.finish(
            task: objective.task, classes: classes, link: objective.link, precision: .float64,
            divisor: document.averagesOutput ? Double(max(rounds, 1)) : 1)
        description.notes = notes
        return LoweredTreeModel(program: program, signature: signature, description: description)
    }

    /// What the library refuses a file for, though its predictions do not depend on it.
    private func checkHeader() throws(ScoringError) {
        if let classes = document.classes, classes != outputs {
            throw .invalidModel(reason: "\(classes) classes, but \(outputs) trees a round", place: "num_class")
        }
        guard document.hasLabelIndex else { throw .invalidModel(reason: "there is no label index", place: "label_index") }
        for (name, count) in [
            ("feature_names", document.featureNames.count), ("feature_infos", document.featureInfos.count),
            ("monotone_constraints", document.monotoneConstraints?.count ?? features),
        ] where count != features {
            throw .invalidModel(reason: "\(count) elements for \(features) features", place: name)
        }
    }

    // MARK: Rounds

    private mutating func usedRounds() throws(ScoringError) -> Int {
        let trees = document.trees.count
        if let announced = document.announcedSizes?.count, announced != trees {
            throw .invalidModel(reason: "\(trees) trees, but the header announces \(announced)", place: "tree_sizes")
        }
        guard document.hasEndOfTrees else {
            throw .invalidModel(reason: "the file ends before its trees do", place: "end of trees")
        }
        guard trees % outputs == 0 else {
            throw .invalidModel(reason: "\(trees) trees are no whole rounds of \(outputs)", place: "num_tree_per_iteration")
        }
        let rounds = trees / outputs
        switch options.iterations {
        case .asTrained, .all: return rounds
        case .best:
            throw .refusedModel(
                "'iterations' asks for the best round, but LightGBM files name none: save_model writes the best rounds alone, "
                    + "unless told otherwise")
        case .first(let count):
            guard (1...max(rounds, 1)).contains(count) else {
                throw .refusedModel("'iterations' asks for the first \(count) rounds, but the model has \(rounds)")
            }
            notes.append("Uses \(count) of \(rounds) boosting rounds, as configured.")
            return count
        }
    }

    // MARK: Inputs

    private mutating func inputs() throws(ScoringError) -> [Field] {
        let names = try TreeModelPlan.names(of: document.featureNames, count: features, options: options, place: "feature_names")
        guard let columns = LightGBMLevelColumns.match(document, features: features) else {
            notes.append(
                "The file's pandas levels cannot be assigned to features with certainty (ordered columns are among them): "
                    + "categories are taken as codes.")
            return names.map { Field($0) }
        }
        return names.enumerated().map { index, name in
            // As in the library, a level not seen in training counts as missing.
            columns[index].map { Field(name, .category($0), unknownLevel: .missing) } ?? Field(name)
        }
    }
}
