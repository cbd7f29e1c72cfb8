internal import Scoring
internal import StrictYAML
internal import TextFormats

/// A tensor that a model gives through Open Inference; the same list for answers and for metadata.
package enum InferenceOutput: Equatable, Sendable {
    case prediction
    case label
    case probabilities
    case decision
    case reasons
    /// Margins before the link function; on request only.
    case raw
    /// A column of the scores under its own name.
    case column(Int)

    /// What is answered to a request that names no outputs.
    static func standard(of served: ServedModel) -> [InferenceOutput] {
        let roles = served.signature.roles
        var outputs = wellKnown(of: served)
        outputs.removeAll { $0 == .raw }
        for column in roles.named where wellKnown(named: served.signature.outputs[column].name, of: served) == nil {
            outputs.append(.column(column))
        }
        return outputs
    }

    /// The output of that name: one of the standard ones, else any column of the scores.
    static func named(_ name: String, of served: ServedModel) -> InferenceOutput? {
        wellKnown(named: name, of: served) ?? served.signature.outputColumn(named: name).map { .column($0) }
    }

    /// What was probably meant by a name that is no output's.
    static func hint(insteadOf name: String, of served: ServedModel) -> String {
        let outputs = served.signature.outputs
        let standard = wellKnown(of: served).map { $0.name(in: served) }
        guard outputs.count <= Signature.maxCandidates, name.utf8.count <= Signature.maxNameBytes else { return "" }
        // A class's own column is another class's in one letter: `probability(1)` would be a guess.
        let names = standard + outputs.map(\.name).filter { !$0.hasPrefix("probability(") && !$0.hasPrefix("raw(") }
        return NearestName.to(name, among: names).map { "; did you mean '\(Quoted.name($0))'?" }
            ?? "; it has \(standard.joined(separator: ", ")) and what verdict inspect lists"
    }

    private static func wellKnown(named name: String, of served: ServedModel) -> InferenceOutput? {
        wellKnown(of: served).first { $0.name(in: served) == name }
    }

    private static func wellKnown(of served: ServedModel) -> [InferenceOutput] {
        let roles = served.signature.roles
        var outputs: [InferenceOutput] = served.score.isEmpty ? [] : [.prediction]
        if roles.label != nil { outputs.append(.label) }
        if !roles.probabilities.isEmpty { outputs.append(.probabilities) }
        if served.rule != nil { outputs.append(.decision) }
        if !roles.reasons.isEmpty { outputs.append(.reasons) }
        if !roles.raw.isEmpty { outputs.append(.raw) }
        return outputs
    }

    func name(in served: ServedModel) -> String {
        switch self {
        case .prediction: "prediction"
        case .label: "label"
        case .probabilities: "probabilities"
        case .decision: "decision"
        case .reasons: "reasons"
        case .raw: "raw"
        case .column(let column): served.signature.outputs[column].name
        }
    }

    /// The columns of the scores that the tensor holds; empty for the decision.
    func columns(in served: ServedModel) -> Range<Int> {
        let roles = served.signature.roles
        switch self {
        case .prediction: return served.score
        case .label: return roles.label.map { $0..<$0 + 1 } ?? 0..<0
        case .probabilities: return roles.probabilities
        case .decision: return 0..<0
        case .reasons: return roles.reasons
        case .raw: return roles.raw
        case .column(let column): return column..<column + 1
        }
    }

    func type(in served: ServedModel) -> TensorType {
        switch self {
        case .decision: return .bytes
        case .prediction, .label, .probabilities, .reasons, .raw, .column:
            guard let first = columns(in: served).first else { return .fp64 }
            switch served.signature.outputs[first].kind {
            case .number: return .fp64
            case .integer: return served.signature.outputs[first].integers == .uint64 ? .uint64 : .int64
            case .boolean: return .bool
            case .category, .text: return .bytes
            }
        }
    }

    /// The size of the tensor's second dimension; nil if it has but one.
    func width(in served: ServedModel) -> Int? {
        switch self {
        case .probabilities, .reasons: columns(in: served).count
        case .prediction, .raw: columns(in: served).count == 1 ? nil : columns(in: served).count
        case .label, .decision, .column: nil
        }
    }
}
