internal import Scoring
internal import Tabular

/// What a tree model's predictions are.
enum TreeTask: Equatable {
    /// A value, or one a target.
    case regression
    /// The probability of the second of two classes.
    case binary
    /// A probability a class. The label is the class of the greatest margin or of the greatest probability:
    /// they differ where rounding makes two probabilities equal.
    case multiclass(labelOfMargins: Bool)
}

/// Builds program and signature of a tree model from its margins on: the outputs that all tree libraries
/// share, in Verdict's order.
struct TreeModelPlan {
    /// Signatures wider than this are refused before anything of that size is made.
    static let maxFeatures = 100_000
    static let maxOutputs = 10_000

    private(set) var program: Program
    /// Slots of the features, in order.
    let features: [Int]
    /// The first slot of the margins.
    let margins: Int
    private let inputs: [Field]
    private let outputCount: Int

    init(inputs: [Field], outputs: Int) {
        program = Program(inputCount: inputs.count)
        self.inputs = inputs
        outputCount = outputs
        features = Array(0..<inputs.count)
        margins = program.addSlots(outputs)
    }

    mutating func add(_ forest: Forest) {
        program.steps.append(.forest(forest, features: features, into: margins))
    }

    mutating func add(_ function: LinearFunction) {
        program.steps.append(.linear(function, features: features, into: margins))
    }

    /// Adds what turns margins into predictions and describes all outputs.
    ///
    /// - Parameters:
    ///   - classes: the names of a classifier's classes, as `classes(of:outputs:options:objective:)` gives them.
    ///   - precision: in which the library's wrapper computes 1 - p.
    ///   - divisor: margins are divided by this before the link function; `raw` stays undivided.
    mutating func finish(
        task: TreeTask, classes: [String], link: Link, precision: Forest.Precision, divisor: Double = 1
    ) -> (program: Program, signature: Signature) {
        var means = margins
        if divisor != 1 {
            means = program.addSlots(outputCount)
            program.steps.append(.link(.quotient64(by: divisor), from: margins, count: outputCount, into: means))
        }
        switch task {
        case .regression: return finishRegression(link, means)
        case .binary: return finishBinary(link, means, precision, classes)
        case .multiclass(let labelOfMargins): return finishMulticlass(link, means, labelOfMargins, classes)
        }
    }

    private mutating func predictions(_ link: Link, _ means: Int) -> Int {
        guard link != .identity else { return means }
        let first = program.addSlots(outputCount)
        program.steps.append(.link(link, from: means, count: outputCount, into: first))
        return first
    }

    private mutating func finishRegression(_ link: Link, _ means: Int) -> (Program, Signature) {
        let first = predictions(link, means)
        var head = ModelHead<Int>()
        let values = Array(first..<first + outputCount)
        head.addScore(values, kinds: values.map { _ in .number })
        head.addMargins(Array(margins..<margins + outputCount), classes: [])
        return finished(head)
    }

    private mutating func finishBinary(
        _ link: Link, _ means: Int, _ precision: Forest.Precision, _ classes: [String]
    ) -> (Program, Signature) {
        // Both probabilities lie side by side; the label is the first of the greater ones.
        let complement = program.addSlots(2)
        let probability = complement + 1
        program.steps.append(.link(link, from: means, count: 1, into: probability))
        program.steps.append(.complement(of: probability, precision: precision, into: complement))
        let label = program.addSlots()
        if precision == .float32 {
            program.steps.append(.exceeds(slot: probability, threshold: 0.5, into: label))
        } else {
            program.steps.append(.highest(from: complement, count: 2, into: label))
        }
        var head = ModelHead<Int>()
        head.addProbabilities([complement, probability], classes: classes)
        head.addLabel(label, classes: classes)
        head.addMargins([margins], classes: [])
        return finished(head)
    }

    private mutating func finishMulticlass(
        _ link: Link, _ means: Int, _ labelOfMargins: Bool, _ classes: [String]
    ) -> (Program, Signature) {
        let first = predictions(link, means)
        let label = program.addSlots()
        program.steps.append(.highest(from: labelOfMargins ? means : first, count: outputCount, into: label))
        var head = ModelHead<Int>()
        head.addProbabilities(Array(first..<first + outputCount), classes: classes)
        head.addLabel(label, classes: classes)
        head.addMargins(Array(margins..<margins + outputCount), classes: classes)
        head.add("prediction", .category(SymbolTable(classes)), label)
        return finished(head)
    }

    private mutating func finished(_ head: ModelHead<Int>) -> (Program, Signature) {
        program.outputs = head.sources
        return (program, head.signature(inputs: inputs))
    }

    // MARK: Names

    /// The classes' names: those of model.yaml, else their numbers; none for what is no classifier.
    static func classes(
        of task: TreeTask, outputs: Int, options: LoadOptions, objective: String
    ) throws(ScoringError) -> [String] {
        let count: Int
        switch task {
        case .regression:
            guard options.classes.isEmpty else {
                throw .refusedModel("'classes' names classes, but a model of the objective '\(objective)' has none")
            }
            return []
        case .binary: count = 2
        case .multiclass: count = outputs
        }
        guard !options.classes.isEmpty else { return (0..<count).map(String.init) }
        guard options.classes.count == count else {
            throw .refusedModel("'classes' names \(options.classes.count) classes, but the model has \(count)")
        }
        return options.classes
    }

    /// The inputs' names: those of model.yaml, else the file's, else `f0`, `f1`, ...
    static func names(of file: [String], count: Int, options: LoadOptions, place: String) throws(ScoringError) -> [String] {
        guard count <= maxFeatures else {
            throw .unsupportedModel("the model has \(count) features; at most \(maxFeatures) are supported")
        }
        var names = file
        if !options.inputs.isEmpty {
            guard options.inputs.count == count else {
                throw .refusedModel("'inputs' names \(options.inputs.count) features, but the model has \(count)")
            }
            names = options.inputs
        }
        if names.isEmpty { return (0..<count).map { "f\($0)" } }
        guard names.count == count else {
            throw .invalidModel(reason: "\(names.count) feature names for \(count) features", place: place)
        }
        var seen = TextSet()
        for name in names where !seen.insert(name) {
            guard options.inputs.isEmpty else { throw .refusedModel("'inputs' names '\(name)' twice") }
            throw .invalidModel(reason: "two features are named '\(name)'", place: place)
        }
        return names
    }
}
