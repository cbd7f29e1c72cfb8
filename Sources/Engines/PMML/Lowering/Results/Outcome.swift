internal import Scoring
internal import Tabular

/// What a lowered model yields, as places in the frame.
struct Outcome {
    /// A regression's value, after its targets.
    var value: Value?
    /// A classification's categories.
    var classes = Classes()
    /// The position of the predicted category among the classes; missing if there is none.
    var label: Formula.Operand?
    /// One a class, or empty where the model has only a label.
    var probabilities: [Formula.Operand] = []
    /// Before the link function: one for a regression, one a class for a classification. May be empty.
    var margins: [Formula.Operand] = []
    /// The position among `entities` of the node, cluster or rule that decided.
    var entity: Formula.Operand?
    var entities: [String] = []
    /// What the entities are called for people; empty if they are called as they are.
    var entityNames: [String] = []
    /// The positions of the best entities, the best first, and their distances or similarities.
    var ranking: [Formula.Operand] = []
    var rankedAffinities: [Formula.Operand] = []
    /// One an entity: its distance or similarity.
    var affinities: [Formula.Operand] = []
    /// The predicted category's confidence, where it differs from its probability; one a class.
    var confidences: [Formula.Operand] = []
    /// Positions among `reasonCodes`, most important first.
    var reasons: [Formula.Operand] = []
    var reasonCodes: [String] = []
    /// The name of the target field, and how it is defined.
    var target: String?
    var targetField: DataField?
    /// What the model's targets say about it.
    var targetElement: Target?
    /// The position among `segmentIds` of the segment whose model decided, where one did.
    var segment: Formula.Operand?
    var segmentIds: [String] = []
    /// Outcomes of the segments, by their ids, for outputs that name a segment.
    var segments: TextMap<Outcome> = [:]
    /// What the model says of each of its targets, where it has several.
    var parts: [Outcome] = []
    /// Whether all parts are the result. Else they are shown beside it.
    var isOfAllParts = false

    /// The prediction as a value that later expressions can use.
    var prediction: Value?
    /// The output fields of the model and, of chains and selections, of its segments.
    var outputs: [OutputResult] = []
}

/// A lowered output field.
struct OutputResult {
    var name: String
    var value: Value
    /// The labels of which the value's position is found in `position`; nil for numbers and truth values.
    var labels: [String]?
    var position: Formula.Operand?
    /// Where the index of a text is found that is given as it is.
    var text: Formula.Operand?
    /// Whether it is shown to the caller, or only meant for later models of a chain.
    var isFinal = true
}

/// The categories of a classification, in order.
struct Classes {
    private(set) var texts: [String] = []
    let type: DataType
    private var positions: TextMap<Int> = [:]
    private var numberPositions: [Double: Int] = [:]

    init(type: DataType = .string) { self.type = type }

    /// The position of a category, which is added if it is new. Categories of a number are equal if the
    /// numbers are: "1" and "1.0".
    mutating func position(of text: String) -> Int {
        if let position = find(text) { return position }
        texts.append(text)
        positions[text] = texts.count - 1
        if let key = key(text) { numberPositions[key] = texts.count - 1 }
        return texts.count - 1
    }

    func find(_ text: String) -> Int? {
        positions[text] ?? key(text).flatMap { numberPositions[$0] }
    }

    private func key(_ text: String) -> Double? {
        switch type {
        case .string: nil
        case .boolean: ["true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0][text.lowercased()]
        default: NumberText.double(text)
        }
    }

    var count: Int { texts.count }
    var isEmpty: Bool { texts.isEmpty }
}

extension LoweringVocabulary {
    /// The categories that the target's data field lists; empty if there is no target or no list.
    func classes(of target: DataField?) -> Classes {
        guard let target else { return Classes() }
        var classes = Classes(type: target.type)
        for value in target.values where value.property == .valid { _ = classes.position(of: value.value) }
        return classes
    }

    /// The predicted category as a value of the target's type.
    func labelValue(_ outcome: Outcome) throws(ScoringError) -> Value? {
        guard let label = outcome.label else { return nil }
        let type = outcome.classes.type
        var entries: [(Double, Double)] = []
        for (position, text) in outcome.classes.texts.enumerated() {
            entries.append((Double(position), number(text, type) ?? .nan))
        }
        return Value(
            builder.look(up: label, in: table(entries, other: .nan, missing: .nan)), type, .categorical, domain: entries.map(\.1))
    }

    /// The position of the most probable class; the first of equals.
    func mostProbable(_ probabilities: [Formula.Operand]) -> Formula.Operand {
        builder.combine(.highest, probabilities)
    }
}

extension LoweringVocabulary {
    /// The most probable of some classes, whose positions are given; the first of equals.
    func mostProbable(_ probabilities: [Formula.Operand], at positions: [Int]) -> Formula.Operand {
        let highest = mostProbable(probabilities)
        guard positions != Array(positions.indices) else { return highest }
        let entries = positions.enumerated().map { (Double($0.offset), Double($0.element)) }
        return builder.look(up: highest, in: table(entries, other: .nan, missing: .nan))
    }
}
