internal import Scoring

/// Copies rows of several requests into one batch and the results back, by position alone: what is at a piece's place in
/// the call goes to the piece's rows, and nothing else is ever looked at.
struct RowPacking: Sendable {
    typealias Piece = BatchPlan<BatchJob>.Piece

    let inputs: Int
    let outputs: Int
    private let textInputs: [Int]
    private let wideInputs: [Int]
    private let textOutputs: [Int]

    init(_ signature: Signature) {
        inputs = signature.inputs.count
        outputs = signature.outputs.count
        textInputs = signature.inputs.indices.filter { signature.inputs[$0].kind == .text }
        wideInputs = signature.inputs.indices.filter { signature.inputs[$0].integers.areWide }
        textOutputs = signature.outputs.indices.filter { signature.outputs[$0].kind == .text }
    }

    /// Makes `batch` the rows of `pieces`, in order.
    func pack(_ pieces: [Piece], into batch: FeatureBatch) {
        batch.reset(width: inputs)
        for piece in pieces {
            let source = piece.request.heldRows.features
            for sourceRow in piece.rows {
                let row = batch.addRow()
                unsafe batch.cells(row: row).update(from: source.cells(row: sourceRow), count: inputs)
                for column in textInputs {
                    if let text = source.text(row: sourceRow, column: column) {
                        batch.setText(text, row: row, column: column)
                    }
                }
                for column in wideInputs {
                    if let bits = source.wideInteger(row: sourceRow, column: column) {
                        batch.setInteger(bits, row: row, column: column)
                    }
                }
            }
        }
    }

    /// Copies the results of one piece, which begin at `firstRow` of the call's, to its request. The first piece
    /// of a request clears what was there.
    func unpack(_ results: ScoreBatch, from firstRow: Int, to piece: Piece) {
        let target = piece.request.heldRows.scores
        if piece.rows.lowerBound == 0 { target.reset(rows: piece.total, width: outputs) }
        unsafe (target.values + piece.rows.lowerBound * outputs)
            .update(from: results.values + firstRow * outputs, count: piece.rows.count * outputs)
        let offset = piece.rows.lowerBound - firstRow
        for column in textOutputs {
            for row in firstRow..<firstRow + piece.rows.count {
                guard let text = results.text(row: row, column: column) else { continue }
                target.setText(text, row: row + offset, column: column)
            }
        }
        for (row, error) in results.failures where row >= firstRow && row < firstRow + piece.rows.count {
            target.fail(row: row + offset, error)
        }
    }

    /// What is wrong with the shape of a call's results; nil if every row and cell is where it has to be. Results that
    /// are wrong here cannot be assigned to requests.
    func defect(of results: ScoreBatch, rows: Int) -> String? {
        guard results.count == rows, results.width == outputs else {
            return "the model answered \(rows) rows with \(results.count) rows of \(results.width) columns"
                + " instead of \(outputs)"
        }
        guard results.failures.allSatisfy({ $0.row >= 0 && $0.row < rows }) else {
            return "the model failed a row that it was not given"
        }
        for column in textOutputs {
            for row in 0..<rows {
                let cell = results[row, column]
                guard cell.isNaN || Int(exactly: cell).map(results.texts.indices.contains) == true else {
                    return "the model answered with a text that is not there"
                }
            }
        }
        return nil
    }
}
