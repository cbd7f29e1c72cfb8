internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Node cases of the onnx package; written by make_node_cases.py.
@Suite struct NodeCaseTests {
    private struct Case: Decodable {
        enum Cell: Decodable {
            case number(Double)
            case text(String)
            case missing

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if container.decodeNil() {
                    self = .missing
                } else if let number = try? container.decode(Double.self) {
                    self = .number(number)
                } else {
                    let text = try container.decode(String.self)
                    self = text == "inf" ? .number(.infinity) : text == "-inf" ? .number(-.infinity) : .text(text)
                }
            }
        }

        var name: String
        var `operator`: String
        var model: Data
        var rows: [[Cell]]
        var expected: [[Cell]]
    }

    private func cases() throws -> [Case] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "GoldenTests/onnx-nodes.jsonl")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Case.self, from: Data($0.utf8))
        }
    }

    @Test func everyCaseIsLoweredAndEqualOrRefusedByName() throws {
        var (lowered, refused) = (0, 0)
        for example in try cases() {
            do throws(ScoringError) {
                let model = try Golden.load([UInt8](example.model))
                lowered += 1
                try compare(example, model)
            } catch {
                refused += 1
                guard case .unsupportedModel(let message) = error else {
                    Issue.record("\(example.name): \(error)")
                    continue
                }
                #expect(
                    message.contains(example.operator) || message.contains("input '") || message.contains("output '"),
                    "\(example.name): \(message)")
            }
        }
        // What is refused needs ONNX Runtime: rows that mix, integers whose arithmetic wraps, types of other sizes.
        #expect(lowered == 250)
        #expect(refused == 49)
    }

    /// The expected numbers are the specification's, computed by NumPy in steps of float32.
    private func compare(_ example: Case, _ model: any ScoringModel) throws(ScoringError) {
        let batch = FeatureBatch()
        batch.reset(width: model.signature.inputs.count)
        for cells in example.rows {
            let row = batch.addRow()
            guard cells.count == model.signature.inputs.count else {
                Issue.record("\(example.name): \(model.signature.inputs.count) inputs")
                return
            }
            for (column, cell) in cells.enumerated() {
                switch cell {
                case .number(let number): batch.set(number, row: row, column: column)
                case .missing: break
                case .text(let text):
                    guard case .category(let levels) = model.signature.inputs[column].kind else { continue }
                    let level = levels.position(of: text).map(Double.init) ?? FeatureBatch.unknownLevel
                    batch.set(level, row: row, column: column)
                }
            }
        }
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        for (row, cells) in example.expected.enumerated() {
            #expect(scores.failure(row: row) == nil, "\(example.name)")
            #expect(cells.count == model.signature.outputs.count, "\(example.name)")
            for (column, cell) in cells.enumerated() where column < model.signature.outputs.count {
                let got = scores[row, column]
                switch cell {
                case .missing: #expect(got.isNaN, "\(example.name)")
                case .text(let text):
                    guard case .category(let labels) = model.signature.outputs[column].kind else {
                        Issue.record("\(example.name): a string as a number")
                        continue
                    }
                    #expect(labels[Int(got)] == text, "\(example.name)")
                case .number(let wanted):
                    var number = got
                    if case .category(let labels) = model.signature.outputs[column].kind {
                        number = Double(labels[Int(got)]) ?? .nan
                    }
                    let isClose = number == wanted || abs(number - wanted) <= max(abs(wanted) * 4e-6, 2e-7)
                    #expect(isClose, "\(example.name): \(number), not \(wanted)")
                }
            }
        }
    }
}
