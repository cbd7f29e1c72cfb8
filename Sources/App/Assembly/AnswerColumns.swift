internal import Scoring

/// The columns that `verdict score` writes: all that an answer of the server holds, under names that are the same for every format.
/// The score is `prediction` and the label is `label`, also where the file names the columns that hold them otherwise, unless the
/// file has another output of that name.
struct AnswerColumns {
    /// Names, and the model's outputs that fill them.
    let all: [(name: String, output: Int)]

    /// - Parameters:
    ///   - score: The columns that model.yaml's `score` chooses; nil for the model's own choice.
    ///   - withRaw: Whether the margins are among them.
    init(of signature: Signature, score: Range<Int>?, withRaw: Bool) {
        let (roles, outputs) = (signature.roles, signature.outputs)
        var columns: [(name: String, output: Int)] = []
        var names: TextSet = []
        func add(_ output: Int, as name: String? = nil) {
            let name = name ?? outputs[output].name
            if names.insert(name) { columns.append((name, output)) }
        }
        if let prediction = Self.chosenPrediction(of: signature, score) ?? Self.ownPrediction(of: signature) {
            add(prediction, as: "prediction")
        } else {
            for output in roles.score { add(output) }
        }
        if let label = roles.label { add(label, as: signature.outputColumn(named: "label") == nil ? "label" : nil) }
        for output in Array(roles.probabilities) + Array(roles.named) + Array(roles.reasons) { add(output) }
        // Under the file's own names as well.
        for output in Array(roles.score) + (roles.label.map { [$0] } ?? []) { add(output) }
        if withRaw { for output in roles.raw { add(output) } }
        all = columns
    }

    /// What `verdict inspect` lists: the model's outputs, `prediction` being what model.yaml's `score` chooses.
    static func listing(of signature: Signature, score: Range<Int>?) -> [(name: String, kind: OutputColumn.Kind)] {
        var listing = signature.shownOutputs.map { (name: $0.name, kind: $0.kind) }
        if let prediction = chosenPrediction(of: signature, score) {
            listing.removeAll { $0.name == "prediction" }
            listing.insert((name: "prediction", kind: signature.outputs[prediction].kind), at: 0)
        }
        return listing
    }

    /// The model's own score where it is one column and no other output is called `prediction`.
    private static func ownPrediction(of signature: Signature) -> Int? {
        guard signature.roles.score.count == 1, let score = signature.roles.score.first else { return nil }
        let namesake = signature.outputColumn(named: "prediction")
        return namesake == nil || namesake == score ? score : nil
    }

    /// The column that `prediction` is because model.yaml's `score` says so; nil where it is the model's own choice, and where the
    /// file has an output of that name.
    private static func chosenPrediction(of signature: Signature, _ score: Range<Int>?) -> Int? {
        guard let score, score.count == 1, score != signature.roles.score,
            !signature.roles.named.contains(where: { signature.outputs[$0].name == "prediction" })
        else { return nil }
        return score.lowerBound
    }
}
