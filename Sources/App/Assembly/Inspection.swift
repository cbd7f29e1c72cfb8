package import Scoring
internal import StrictYAML
internal import TextFormats

/// What `verdict inspect` shows of a model.
package struct Inspection {
    private let path: String
    private let byteCount: Int
    private let description: ModelDescription
    private let signature: Signature
    /// The outputs that make the score.
    private let score: [String]
    /// Names and kinds, `prediction` being what an answer of the server has under that name.
    private let outputs: [(name: String, kind: OutputColumn.Kind)]
    /// Why the repository's model.yaml does not fit the model.
    private let problem: String?

    package init(_ reference: ModelReference) throws(ScoringError) {
        let opened = try reference.open(describesOnly: true)
        try opened.model.verify()
        path = reference.path
        byteCount = opened.byteCount
        description = opened.model.description
        signature = opened.model.signature
        do throws(ScoringError) {
            // Where the library is missing that knows the outputs, nothing can be said of what model.yaml makes of them.
            let chosen = signature.outputs.isEmpty ? nil : try reference.answers(for: signature).score
            score = signature.scoreNames(chosen)
            outputs = AnswerColumns.listing(of: signature, score: chosen)
            problem = nil
        } catch {
            score = signature.scoreNames()
            outputs = AnswerColumns.listing(of: signature, score: nil)
            problem = error.description
        }
    }

    /// Answers carry every class's probability as `prediction`; a table's cell holds one value.
    private var predictionNote: String? {
        guard score.count > 1, let column = signature.outputColumn(named: "prediction"), !signature.outputs[column].isNumeric
        else {
            return nil
        }
        return "in answers of the server, prediction is the list of the class probabilities in the order of the classes; "
            + "the column prediction, in golden.csv, is the class, as label is"
    }

    /// Lines for people.
    package var text: String {
        var facts: [(String, String)] = [("file", path), ("format", description.format), ("engine", description.engine)]
        if let objective = description.objective { facts.append(("objective", objective)) }
        if let trees = description.trees { facts.append(("trees", String(trees))) }
        if let depth = description.depth { facts.append(("depth", String(depth))) }
        facts.append(("bytes", "\(byteCount) in the file, \(description.memoryBytes) in memory"))
        if !signature.roles.classes.isEmpty { facts.append(("classes", signature.roles.classes.joined(separator: ", "))) }
        if !score.isEmpty, score != ["prediction"] { facts.append(("score", "prediction = " + listed(score, atMost: 5))) }
        if let problem { facts.append(("problem", problem)) }
        var lines = facts.map { Self.padded($0.0, 10) + $0.1 }
        if let predictionNote { lines.append(Self.padded("note", 10) + predictionNote) }
        // Texts that a file carries may have lines of their own (CatBoost's producer has ten).
        lines += description.notes.map { note in
            Self.padded("note", 10) + note.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        lines.append("inputs (\(signature.inputs.count))")
        let width = (signature.inputs.map(\.name) + outputs.map(\.name)).reduce(0) { max($0, $1.count) } + 2
        for field in signature.inputs {
            var type = field.kind.name
            if case .category(let levels) = field.kind { type += ", \(levels.count) levels" }
            if field.isRequired { type += ", required" }
            lines.append("  " + Self.padded(field.name, width) + type)
        }
        lines.append("outputs (\(outputs.count))")
        for output in outputs { lines.append("  " + Self.padded(output.name, width) + output.kind.name) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same for programs: one JSON object.
    package var json: String {
        var sink = ByteSink()
        sink.append("{\"file\":")
        sink.append(json: path)
        sink.append(",\"format\":")
        sink.append(json: description.format)
        sink.append(",\"engine\":")
        sink.append(json: description.engine)
        if let objective = description.objective {
            sink.append(",\"objective\":")
            sink.append(json: objective)
        }
        for (name, value) in [("trees", description.trees), ("depth", description.depth)] {
            guard let value else { continue }
            sink.append(",\"\(name)\":\(value)".utf8)
        }
        sink.append(",\"bytes\":\(byteCount),\"memory_bytes\":\(description.memoryBytes)".utf8)
        sink.append(",\"classes\":")
        Self.write(signature.roles.classes, into: &sink)
        sink.append(",\"score\":")
        Self.write(score, into: &sink)
        if let problem {
            sink.append(",\"problem\":")
            sink.append(json: problem)
        }
        sink.append(",\"inputs\":[")
        for (index, field) in signature.inputs.enumerated() {
            sink.append(index == 0 ? "{\"name\":" : ",{\"name\":")
            sink.append(json: field.name)
            sink.append(",\"type\":\"\(field.kind.name)\",\"required\":\(field.isRequired)".utf8)
            if case .category(let levels) = field.kind {
                sink.append(",\"levels\":")
                Self.write(levels.table.symbols, into: &sink)
            }
            sink.append("}")
        }
        sink.append("],\"outputs\":[")
        for (index, output) in outputs.enumerated() {
            sink.append(index == 0 ? "{\"name\":" : ",{\"name\":")
            sink.append(json: output.name)
            sink.append(",\"type\":\"\(output.kind.name)\"}".utf8)
        }
        sink.append("],\"notes\":")
        Self.write((predictionNote.map { [$0] } ?? []) + description.notes, into: &sink)
        sink.append("}\n")
        return sink.string
    }

    private static func write(_ texts: [String], into sink: inout ByteSink) {
        sink.append("[")
        for (index, text) in texts.enumerated() {
            if index > 0 { sink.append(",") }
            sink.append(json: text)
        }
        sink.append("]")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}

extension ByteSink {
    fileprivate mutating func append(_ utf8: String.UTF8View) { append(contentsOf: Array(utf8)) }
}

extension Field.Kind {
    fileprivate var name: String {
        switch self {
        case .number: "number"
        case .integer: "integer"
        case .boolean: "boolean"
        case .category: "category"
        case .text: "string"
        }
    }
}

extension OutputColumn.Kind {
    fileprivate var name: String {
        switch self {
        case .number: "number"
        case .integer: "integer"
        case .boolean: "boolean"
        case .category: "category"
        case .text: "string"
        }
    }
}
