package import Scoring
internal import Synchronization

/// A model behind an engine that may refuse rows, and that tells a row's fault from its own: an engine fails if it fails for
/// a row that it once took. A call in which every row fails is followed by one with such a row, alone; where that one
/// passes, the rows that failed are at fault, and fail with `.invalidRequest`, each by itself. An id outside a table is of
/// that kind.
///
/// The row to compare with is the first that was ever scored. Until there is one it is a row of zeros and empty texts.
package final class JudgingModel: ScoringModel {
    private struct Example: Sendable {
        var cells: [Double]
        var texts: [String]
        var wideIntegers: [UInt64]
    }

    package let signature: Signature
    package let description: ModelDescription
    package let calls: CallProfile
    private let model: any ScoringModel
    private let example = Mutex<Example?>(nil)
    private let hasExample = Atomic<Bool>(false)

    package init(_ model: any ScoringModel) {
        self.model = model
        (signature, description, calls) = (model.signature, model.description, model.calls)
    }

    package func verify() throws(ScoringError) { try model.verify() }

    package func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        do throws(ScoringError) {
            try model.score(rows, into: scores, call)
        } catch {
            guard case .engineFailure = error, rows.count > 0, takesAnExample(until: call.deadline) else { throw error }
            // Some may have failed for reasons of their own before.
            let known = scores.count == rows.count ? scores.failures : []
            let reasons = Dictionary(known.map { ($0.row, $0.error) }, uniquingKeysWith: { first, _ in first })
            scores.reset(rows: rows.count, width: signature.outputs.count)
            for row in 0..<rows.count { scores.fail(row: row, Self.blame(reasons[row] ?? error)) }
            return
        }
        guard scores.count == rows.count, scores.failures.count < scores.count else { return }
        // Others passed in the same call.
        if !scores.failures.isEmpty { Self.blameRows(of: scores) }
        keepExample(rows, scores)
    }

    private static func blame(_ error: ScoringError) -> ScoringError {
        guard case .engineFailure(let message) = error else { return error }
        return .invalidRequest("the model's engine refuses this row, and takes others: \(message)")
    }

    private static func blameRows(of scores: ScoreBatch) {
        let found = ScoreBatch()
        found.swapContents(with: scores)
        scores.reset(rows: found.count, width: found.width)
        scores.values.update(from: found.values, count: found.count * found.width)
        // In the same order, so that the cells go on naming the same ones.
        for text in found.texts { _ = scores.addText(text) }
        for (row, error) in found.failures { scores.fail(row: row, blame(error)) }
    }

    private func keepExample(_ rows: FeatureBatch, _ scores: ScoreBatch) {
        guard !hasExample.load(ordering: .relaxed) else { return }
        guard let row = (0..<rows.count).first(where: { scores.failure(row: $0) == nil }) else { return }
        let cells = Array(UnsafeBufferPointer(start: rows.values + row * rows.width, count: rows.width))
        example.withLock { $0 = Example(cells: cells, texts: rows.texts, wideIntegers: rows.wideIntegers) }
        hasExample.store(true, ordering: .relaxed)
    }

    /// Whether the engine takes the row to compare with.
    private func takesAnExample(until deadline: Moment?) -> Bool {
        let (rows, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        rows.reset(width: signature.inputs.count)
        let row = rows.addRow()
        let known = example.withLock { $0 }
        for (column, input) in signature.inputs.enumerated() {
            if input.kind == .text {
                let index = known.map { $0.cells[column] } ?? 0
                if !index.isNaN { rows.setText(known?.texts[Int(index)] ?? "", row: row, column: column) }
            } else if let known, input.integers.areWide,
                let bits = FeatureBatch.wideInteger(of: known.cells[column], among: known.wideIntegers)
            {
                rows.setInteger(bits, row: row, column: column)
            } else {
                rows.set(known?.cells[column] ?? 0, row: row, column: column)
            }
        }
        do throws(ScoringError) {
            try model.score(rows, into: scores, ScoreCall(deadline: deadline, workspace: workspace))
            return scores.failures.isEmpty
        } catch {
            return false
        }
    }
}
