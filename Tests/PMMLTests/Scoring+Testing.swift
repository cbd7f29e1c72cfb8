import Glibc
import PMML
import Scoring
import Tabular
import Testing

/// The bytes of a file, or nil if it is not there.
func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}

/// Loads a document; on the way the passes must agree with each other.
func load(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws(ScoringError) -> any ScoringModel {
    expectAgreement(ofPassesOver: Array(text.utf8), sourceLocation)
    return try PMMLFormat().load(.file(name: "test.pmml", bytes: Array(text.utf8)), options: LoadOptions())
}

/// Whatever lowering reads was found by typing, and fields come out as what typing announced.
func expectAgreement(ofPassesOver bytes: [UInt8], _ sourceLocation: SourceLocation = #_sourceLocation) {
    guard bytes.count < 1_000_000, let document = try? Document.read(bytes), let typed = try? Typing.typed(document) else {
        return
    }
    do {
        let lowered = try ModelAssembly.lowered(typed)
        for (name, type) in lowered.fieldTypes.pairs {
            guard let announced = typed.fieldTypes[name] else {
                Issue.record("typing does not know '\(name)'", sourceLocation: sourceLocation)
                continue
            }
            #expect(announced.type == type.type, "\(name)", sourceLocation: sourceLocation)
            #expect(announced.opType == type.opType, "\(name)", sourceLocation: sourceLocation)
            #expect(announced.isOrdered == type.isOrdered, "\(name)", sourceLocation: sourceLocation)
            // What typing takes for listed needs no text: lowering must know its values.
            #expect(!announced.isListed || type.isListed, "\(name)", sourceLocation: sourceLocation)
        }
        let read = lowered.signature.inputs.filter { $0.kind == .text }.map(\.name)
        let dates = typed.inputs.filter(\.type.isCalendar).map(\.name)
        #expect(TextSet(read) == typed.textInputs.union(TextSet(dates)), sourceLocation: sourceLocation)
    } catch {
        for sign in ["reading the text of", "was not found to be used"] {
            #expect(!"\(error)".contains(sign), sourceLocation: sourceLocation)
        }
    }
}

/// Sets a feature from text, as a front would: nothing for a missing value.
func set(_ text: String, of field: Field, in batch: FeatureBatch, row: Int, column: Int) {
    switch field.kind {
    case .number, .integer:
        // Truth values count as 1 and 0 where numbers are taken.
        let number = ["TRUE": 1, "FALSE": 0][text.uppercased()] ?? Double(text)
        if let number { batch.set(number, row: row, column: column) }
    case .boolean: batch.set(text.lowercased() == "true" || text == "1" ? 1 : 0, row: row, column: column)
    case .category(let levels):
        batch.set(levels.position(of: text).map { Double($0) } ?? FeatureBatch.unknownLevel, row: row, column: column)
    case .text: batch.setText(text, row: row, column: column)
    }
}

/// Scores rows given as dictionaries from input to text; absent is missing.
func score(_ model: any ScoringModel, _ rows: [[String: String]]) throws -> ScoreBatch {
    let (batch, scores) = (FeatureBatch(), ScoreBatch())
    batch.reset(width: model.signature.inputs.count)
    for row in rows {
        let index = batch.addRow()
        for (column, field) in model.signature.inputs.enumerated() {
            if let text = row[field.name] { set(text, of: field, in: batch, row: index, column: column) }
        }
    }
    try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
    return scores
}

/// A result as text: a number as Swift prints it, a label, "" for missing.
func text(_ scores: ScoreBatch, _ model: any ScoringModel, row: Int, _ name: String) -> String? {
    guard let column = model.signature.outputColumn(named: name) else { return nil }
    let value = scores[row, column]
    if value.isNaN { return "" }
    switch model.signature.outputs[column].kind {
    case .number: return "\(value)"
    case .integer: return abs(value) < 1e15 && value == value.rounded() ? String(Int(value)) : "\(value)"
    case .boolean: return value == 1 ? "true" : "false"
    case .category(let labels): return labels[Int(value)]
    case .text: return scores.text(row: row, column: column)
    }
}
