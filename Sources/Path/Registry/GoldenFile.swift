internal import Scoring
internal import StrictYAML
internal import TextFormats

/// The examples that lie beside a version as golden.csv: inputs with the outputs that the model must give.
///
/// The header names inputs and output columns; a name that is both is an input. Outputs are the columns of
/// the model's signature, `prediction` for the score that model.yaml names or that has no column of that name, `label` likewise, and
/// `decision`. Numbers may differ by the tolerance; categories, texts and decisions must be equal; an empty cell expects a
/// missing value. Golden rows are test data, so refusals show their values.
struct GoldenFile {
    static let name = "golden.csv"
    static let maxBytes = 64 << 20
    static let maxRows = 100_000
    private static let rowsPerBatch = 256
    /// The file is one request where a row's scores depend on its company.
    private var rowsPerCall: Int {
        model.calls.keepsRowsApart ? min(Self.rowsPerBatch, model.calls.maxRows ?? .max) : Self.maxRows
    }

    private enum Target {
        case output(Int)
        case decision
    }

    private struct Expectation {
        let name: String
        let column: Int
        let target: Target
    }

    /// Where the model first disagreed, in words.
    private struct Disagreement {
        let row: Int
        let message: String
    }

    private let model: any ScoringModel
    private let answers: AnswerRules
    private let tolerance: GoldenTolerance
    private let features = FeatureBatch()
    /// The first rows of the file, once it was checked: rows that the model is known to answer.
    let sample = FeatureBatch()
    private let scores = ScoreBatch()
    private let workspace = Workspace()

    init(model: any ScoringModel, answers: AnswerRules, tolerance: GoldenTolerance) {
        self.model = model
        self.answers = answers
        self.tolerance = tolerance
    }

    /// Scores every row and compares. Returns how many rows there are, or throws `.refusedModel` with the first
    /// row that disagrees and how many do.
    func check(_ bytes: [UInt8]) throws(ScoringError) -> Int {
        unsafe try bytes.withUnsafeBufferPointer { bytes throws(ScoringError) in
            do throws(CSVReader.Failure) {
                if let refusal = unsafe TableText.refusal(of: bytes) { throw CSVReader.Failure(line: 1, reason: refusal) }
                var reader = unsafe CSVReader(bytes)
                guard try reader.nextRow() else { throw CSVReader.Failure(line: 1, reason: "the file is empty") }
                let table = try FeatureTable(header: reader, inputs: model.signature.inputs)
                let expectations = try table.others.map { other throws(CSVReader.Failure) in
                    Expectation(name: other.name, column: other.column, target: try target(named: other.name, line: reader.line))
                }
                guard !expectations.isEmpty else {
                    throw CSVReader.Failure(line: 1, reason: "no column holds an expected output (\(outputNames))")
                }
                guard table.absentInputs.count < model.signature.inputs.count || model.signature.inputs.isEmpty else {
                    throw CSVReader.Failure(line: 1, reason: "no column is an input of the model (\(inputNames))")
                }
                return try compare(&reader, table, expectations)
            } catch {
                throw .refusedModel("\(Self.name) \(error)")
            }
        }
    }

    private func compare(
        _ reader: inout CSVReader, _ table: FeatureTable, _ expectations: [Expectation]
    ) throws(CSVReader.Failure) -> Int {
        var rows = 0
        var disagreements = 0
        var first: (line: Int, Disagreement)?
        var lines: [Int] = []
        var expected: [String] = []
        var isMore = true
        while isMore {
            features.reset(width: model.signature.inputs.count)
            lines.removeAll(keepingCapacity: true)
            expected.removeAll(keepingCapacity: true)
            while lines.count < rowsPerCall {
                isMore = try reader.nextRow()
                guard isMore else { break }
                guard rows + lines.count < Self.maxRows else {
                    throw CSVReader.Failure(line: reader.line, reason: "more than \(Self.maxRows) rows")
                }
                try table.addRow(of: reader, to: features)
                for expectation in expectations { expected.append(reader[expectation.column]) }
                lines.append(reader.line)
            }
            if lines.isEmpty { break }
            if rows == 0 { sample.copyRows(of: features) }
            let found = try disagreementsInBatch(expectations, expected, line: lines[0])
            if first == nil, let disagreement = found.first { first = (lines[disagreement.row], disagreement) }
            disagreements += found.count
            rows += lines.count
        }
        guard rows > 0 else { throw CSVReader.Failure(line: 1, reason: "there is no row to check") }
        if let (line, disagreement) = first {
            let extent = disagreements > 1 ? " (\(disagreements) of \(rows) rows disagree)" : ""
            throw CSVReader.Failure(line: line, reason: disagreement.message + extent)
        }
        return rows
    }

    /// The rows of the current batch that disagree, in order.
    private func disagreementsInBatch(
        _ expectations: [Expectation], _ expected: [String], line: Int
    ) throws(CSVReader.Failure) -> [Disagreement] {
        do throws(ScoringError) {
            try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        } catch {
            throw CSVReader.Failure(line: line, reason: "scoring failed: \(error)")
        }
        var found: [Disagreement] = []
        for row in 0..<features.count {
            if let failure = scores.failure(row: row) {
                found.append(Disagreement(row: row, message: "scoring failed: \(failure)"))
                continue
            }
            for (position, expectation) in expectations.enumerated() {
                let text = expected[row * expectations.count + position]
                let got = got(expectation.target, row: row)
                if let reason = got.difference(from: text, tolerance: tolerance) {
                    let hint = hint(expectation, expected: text)
                    found.append(Disagreement(row: row, message: "column \(quoted(expectation.name)): \(reason)\(hint)"))
                    break
                }
            }
        }
        return found
    }

    /// What the column is, where a number is expected of one of a model's classes.
    private func hint(_ expectation: Expectation, expected text: String) -> String {
        guard expectation.name == "prediction", case .output(let column) = expectation.target,
            case .category(let labels) = model.signature.outputs[column].kind, labels.position(of: text) == nil
        else { return "" }
        return
            "; of a model of several classes 'prediction' is the class, and the probabilities are the columns 'probability(<class>)'"
    }

    // MARK: - Outputs

    private func target(named name: String, line: Int) throws(CSVReader.Failure) -> Target {
        if name == "prediction", answers.score != nil, let column = scoreColumn { return .output(column) }
        if let column = model.signature.outputColumn(named: name) { return .output(column) }
        if name == "prediction", let column = scoreColumn { return .output(column) }
        if name == "label", let column = model.signature.roles.label { return .output(column) }
        if name == "decision" {
            guard answers.rule != nil else {
                throw CSVReader.Failure(line: line, reason: "column 'decision' needs a policy in model.yaml")
            }
            return .decision
        }
        if name.isEmpty {
            throw CSVReader.Failure(
                line: line, reason: "a column has no name: pandas writes its index so; leave it out with index=False")
        }
        let names = model.signature.inputs.map(\.name) + model.signature.shownOutputs.map(\.name)
        let hint = NearestName.to(name, among: names).map { "; did you mean \(quoted($0))?" } ?? " (\(outputNames))"
        throw CSVReader.Failure(
            line: line, reason: "column \(quoted(name)) is neither an input nor an output of the model\(hint)")
    }

    private var inputNames: String {
        "its inputs are \(listed(model.signature.inputs.map(\.name)))"
    }

    private var outputNames: String {
        "its outputs are \(listed(model.signature.shownOutputs.map(\.name)))"
    }

    private var scoreColumn: Int? {
        let score = answers.score ?? model.signature.roles.score
        return score.count == 1 ? score.lowerBound : nil
    }

    private func got(_ target: Target, row: Int) -> GoldenValue {
        switch target {
        case .decision:
            guard let column = scoreColumn else { return .missing }
            return (answers.rule?.decision(for: scores[row, column])).map { .text($0.rawValue) } ?? .missing
        case .output(let column):
            let cell = scores[row, column]
            guard !cell.isNaN else { return .missing }
            let output = model.signature.outputs[column]
            switch output.kind {
            case .integer where output.remainder != nil:
                let whole = output.whole(cell, remainder: output.remainder.map { scores[row, $0] } ?? .nan)
                return whole.map { $0.isExactDouble ? .number($0.double) : .whole($0) } ?? .number(cell)
            case .number, .integer: return .number(cell)
            case .boolean: return .boolean(cell != 0)
            case .category(let labels):
                guard let position = Int(exactly: cell), labels.symbols.indices.contains(position) else { return .missing }
                return .text(labels[position])
            case .text: return scores.text(row: row, column: column).map { .text($0) } ?? .missing
            }
        }
    }
}

/// How far a number may be from the one that golden.csv expects: by the relative or by the absolute difference, whichever is larger.
package struct GoldenTolerance: Sendable, Equatable {
    /// At least 0 and below 1.
    package var relative = 1e-6
    /// At least 0 and finite; nil for a millionth of the relative one, for rounding beside zero.
    package var absolute: Double?

    package init() {}

    init(_ node: YAMLNode) throws(YAMLError) {
        let map = try node.mapping(keys: ["tolerance", "absoluteTolerance"])
        if let value = map["tolerance"] {
            relative = try value.number()
            guard (0..<1).contains(relative) else {
                throw value.error("must be at least 0 and below 1: it is a relative difference")
            }
        }
        if let value = map["absoluteTolerance"] {
            let number = try value.number()
            guard number >= 0, number.isFinite else { throw value.error("must be a finite number of at least 0") }
            absolute = number
        }
    }

    /// Whether a wider tolerance may be what is wanted.
    func isNear(_ got: Double, _ expected: Double) -> Bool {
        got.isFinite && expected.isFinite && abs(expected - got) <= 0.01 * max(abs(expected), abs(got), 1)
    }

    func allows(_ got: Double, for expected: Double) -> Bool {
        if expected == got { return true }
        guard expected.isFinite, got.isFinite else { return false }
        return abs(expected - got) <= max(relative * abs(expected), absolute ?? relative * 1e-6)
    }
}

extension GoldenTolerance: CustomStringConvertible {
    package var description: String {
        "tolerance (golden.tolerance: \(relative), golden.absoluteTolerance: \(absolute ?? relative * 1e-6))"
    }
}

/// What a model gave for one expected cell.
private enum GoldenValue {
    case missing
    case number(Double)
    /// An integer beyond what doubles tell apart: identifiers, which are right or wrong, whatever the tolerance.
    case whole(WholeNumber)
    case boolean(Bool)
    case text(String)

    /// Says how the value differs from what the cell expects; nil if it does not.
    func difference(from cell: String, tolerance: GoldenTolerance) -> String? {
        let agrees: Bool
        switch self {
        case .missing:
            agrees = isMissing(cell)
        case .number(let got):
            guard !isMissing(cell) else { agrees = false; break }
            guard let expected = number(cell) else { return "\(quoted(cell)) is not a number" + slip(cell) }
            agrees = tolerance.allows(got, for: expected)
        case .whole(let got):
            var cell = cell
            agrees = cell.withUTF8 { unsafe DecimalParser.numeral($0)?.whole == got }
        case .boolean(let got):
            agrees = (got ? ["true", "True", "TRUE", "1", "1.0"] : ["false", "False", "FALSE", "0", "0.0"]).contains(cell)
        case .text(let got):
            agrees = got.isExactly(cell)
        }
        guard !agrees else { return nil }
        let difference = "expected \(cell.isEmpty ? "nothing" : quoted(cell)), got \(description)"
        guard case .number(let got) = self, let expected = number(cell), !isMissing(cell), tolerance.isNear(got, expected) else {
            return difference
        }
        return difference + ", beyond the \(tolerance)"
    }

    private func isMissing(_ cell: String) -> Bool {
        var cell = cell
        return cell.withUTF8 { unsafe MissingWords.standard.contains($0) }
    }

    private func slip(_ cell: String) -> String {
        var cell = cell
        return cell.withUTF8 { unsafe NumberSlip.hint($0) }
    }

    private func number(_ cell: String) -> Double? {
        var cell = cell
        return cell.withUTF8 { unsafe FeatureCell.number($0) }
    }

    private var description: String {
        switch self {
        case .missing: "nothing"
        case .number(let value): "'\(value)'"
        case .whole(let value): "'\(value.text)'"
        case .boolean(let value): "'\(value)'"
        case .text(let text): quoted(text)
        }
    }
}
