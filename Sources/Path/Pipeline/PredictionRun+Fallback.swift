internal import Experiments
internal import Resilience
internal import Scoring

/// What answers where the model cannot: constants, other versions, other models. The answer keeps the shape that the
/// asked model's has.
extension PredictionRun {
    func fill(_ score: Double, _ decision: Decision?, _ reason: DegradationReason) {
        let taken = rowsToReplace
        replace(taken, by: nil, reason)
        for row in taken {
            for column in served.score { group.scores[row, column] = score }
            decide(decision ?? served.rule?.decision(for: score), row)
        }
    }

    /// The rows that a fallback is to answer still.
    var rowsToReplace: [Int] { replacedRows ?? Array(0..<rows) }

    /// Makes room for the results of a fallback for these rows, and notes who gives them.
    func replace(_ taken: [Int], by substitute: ServedModel?, _ reason: DegradationReason) {
        if !hasClearedRows {
            hasClearedRows = true
            group.outcome.decisions.removeAll(keepingCapacity: true)
            if replacedRows == nil {
                restoreRows()
                group.scores.reset(rows: rows, width: served.signature.outputs.count)
            } else {
                group.decide()
            }
        }
        for row in taken {
            for column in 0..<group.scores.width { group.scores[row, column] = .nan }
        }
        let answered = Set(taken)
        group.outcome.degradations.append(
            Degradation(
                reason, answeredBy: substitute.map { ($0.name.text, $0.versionText) },
                rows: taken.count == rows ? nil : taken))
        if let substitute { standIns.append((substitute, rows: taken.count)) }
        replacedRows = rowsToReplace.filter { !answered.contains($0) }
    }

    /// Gives a replaced row its decision.
    func decide(_ decision: Decision?, _ row: Int) {
        guard decision != nil || row < group.outcome.decisions.count else { return }
        while group.outcome.decisions.count < rows { group.outcome.decisions.append(nil) }
        group.outcome.decisions[row] = decision
    }

    /// Rows that are lent to a call which never returned are replaced by missing ones: what is written reads their number.
    func restoreRows() {
        guard group.features.count != rows else { return }
        group.features.reset(width: served.signature.inputs.count)
        for _ in 0..<rows { group.features.addRow() }
    }
}
