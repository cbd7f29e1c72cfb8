internal import Scoring

/// How many rows one request to a model may have. Known before a row is scored, because what the rows cost is known then:
/// a cell for each input and each output, and the text of an answer.
struct RowAllowance {
    private(set) var rows: Int
    private var reason = ""

    init(_ limits: WireLimits) { rows = limits.maxRows }

    /// Lowers the allowance to what the limit on cells lets the model have. A single row is always allowed.
    mutating func limitCells(of served: ServedModel, _ limits: WireLimits) {
        let signature = served.signature
        lower(to: limits.maxCells / max(1, signature.inputs.count)) { "rows times features are at most \(limits.maxCells)" }
        lower(to: limits.maxCells / max(1, signature.outputs.count)) { "rows times outputs are at most \(limits.maxCells)" }
    }

    /// Lowers it to rows of which an answer, with about `rowBytes` for each, is not too large.
    mutating func limitBytes(_ rowBytes: Int, _ limits: WireLimits) {
        lower(to: limits.maxAnswerBytes / max(1, rowBytes)) {
            "an answer has at most \(limits.maxAnswerBytes) bytes, and a row takes up to \(rowBytes) of them"
        }
    }

    private mutating func lower(to most: Int, _ why: () -> String) {
        guard most < rows else { return }
        rows = max(1, most)
        reason = ": \(why()); send several smaller ones"
    }

    /// - Parameter what: "batch" or "request".
    func error(_ what: StaticString) -> ScoringError {
        .tooLarge(limit: "a \(what) for this model has at most \(rows) \(rows == 1 ? "row" : "rows")\(reason)")
    }
}

/// How long the texts of answers get. What is not known beforehand, such as texts that the model makes, is estimated.
enum AnswerSize {
    /// Members that every result has, and the model's name and version.
    private static let fixed = 512
    /// A double: a sign, 17 digits, a point, an exponent, and the comma behind it.
    private static let number = 25
    private static let text = 80
    /// Labels of an output that are looked at.
    private static let seenLabels = 32

    /// Bytes of the result of one row of a batch. O(outputs).
    static func ofResult(_ served: ServedModel) -> Int {
        let (signature, roles) = (served.signature, served.signature.roles)
        var bytes = fixed + cells(served.score, signature)
        if let label = roles.label { bytes += cell(signature.outputs[label]) }
        for name in roles.classes.prefix(roles.probabilities.count) { bytes += name.utf8.count + 3 + number }
        bytes += cells(roles.reasons, signature) + roles.reasons.count * 10
        for column in roles.named { bytes += signature.outputs[column].name.utf8.count + 3 + cell(signature.outputs[column]) }
        return bytes
    }

    /// Bytes of one row of tensors. O(outputs).
    static func ofTensors(_ outputs: [InferenceOutput], _ served: ServedModel) -> Int {
        outputs.reduce(0) { $0 + ($1 == .decision ? 12 : cells($1.columns(in: served), served.signature)) }
    }

    private static func cells(_ columns: Range<Int>, _ signature: Signature) -> Int {
        columns.reduce(0) { $0 + cell(signature.outputs[$1]) }
    }

    private static func cell(_ output: OutputColumn) -> Int {
        switch output.kind {
        case .number, .integer: number
        case .boolean: 6
        case .category(let labels): 3 + max(4, labels.symbols.prefix(seenLabels).reduce(0) { max($0, $1.utf8.count) })
        case .text: text
        }
    }
}
