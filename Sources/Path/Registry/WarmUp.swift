internal import Scoring

/// Scores some rows before a version answers, so that its first requests find memory mapped, caches filled
/// and lazily made state made: rows of golden.csv where there is one, else made-up ones.
///
/// A warm-up is no judge. What is made up may lie outside of what the model takes (an identifier beyond a table), so that an
/// engine that fails such rows is reported as a note.
struct WarmUp {
    struct Outcome {
        /// What the quickest call for one row took; nil if that row was refused.
        var rowNanoseconds: UInt64?
        /// The first row that was answered; nil if none was.
        var answeredRow: AnsweredRow?
        var notes: [String] = []
    }

    private static let rows = 64
    /// Longest run over these rows; a model that takes longer would hold up those behind it for ever.
    private static let patience: UInt64 = 30_000

    /// Scores rows, one alone and up to 64 together. Throws only if a call does not come to an end.
    ///
    /// - Parameter sample: Rows that the model is known to answer; nil for made-up ones.
    @discardableResult
    static func run(_ model: any ScoringModel, rows sample: FeatureBatch? = nil) throws(ScoringError) -> Outcome {
        let scores = ScoreBatch()
        let workspace = Workspace()
        var outcome = Outcome()
        for count in [1, rows] {
            let features = sample.map { copy(of: $0, atMost: count) } ?? madeUp(count, for: model.signature.inputs)
            let call = ScoreCall(deadline: Moment.now.advanced(byMilliseconds: patience), workspace: workspace)
            do throws(ScoringError) {
                try model.score(features, into: scores, call)
                if let error = scores.failures.first?.error, Self.isOfEngine(error), scores.failedCount == features.count {
                    throw error
                }
                outcome.noteAnswer(in: scores, to: features, of: model.signature.inputs)
                guard count == 1 else { continue }
                for _ in 0..<3 {
                    let start = Moment.now
                    try model.score(features, into: scores, call)
                    outcome.rowNanoseconds = min(outcome.rowNanoseconds ?? .max, Moment.now.nanoseconds(since: start))
                }
            } catch {
                if error == .deadlineExceeded {
                    throw .refusedModel("scoring \(features.count) rows takes longer than \(patience / 1000) s")
                }
                if Self.isOfEngine(error), outcome.notes.isEmpty {
                    let kind = sample == nil ? "made-up rows; a golden.csv gives real ones" : "rows of golden.csv"
                    outcome.notes.append("The engine failed in the warm-up, with \(kind): \(error)")
                }
            }
        }
        return outcome
    }

    /// Whether the engine itself said so, rather than what reads its rows.
    private static func isOfEngine(_ error: ScoringError) -> Bool {
        switch error {
        case .engineFailure, .rowRefused: true
        default: false
        }
    }

    /// The first rows of a batch.
    private static func copy(of sample: FeatureBatch, atMost count: Int) -> FeatureBatch {
        let rows = FeatureBatch()
        rows.copyRows(of: sample)
        while rows.count > count { rows.removeLastRow() }
        return rows
    }

    private static func madeUp(_ count: Int, for inputs: [Field]) -> FeatureBatch {
        let features = FeatureBatch()
        var random = Random()
        features.reset(width: inputs.count)
        for row in 0..<count {
            features.addRow()
            for (column, field) in inputs.enumerated() { fill(field, row: row, column: column, of: features, &random) }
        }
        return features
    }

    /// One cell in eight stays missing, as in real data.
    private static func fill(
        _ field: Field, row: Int, column: Int, of features: FeatureBatch, _ random: inout Random
    ) {
        guard field.isRequired || random.next(below: 8) > 0 else { return }
        switch field.kind {
        case .number:
            // Magnitudes from hundredths to tens of thousands, a quarter of them negative: amounts, ages, ratios.
            let scales = [0.01, 1, 100, 10_000]
            let value = Double(random.next(below: 1_000)) / 1_000 * scales[random.next(below: 4)]
            features.set(random.next(below: 4) == 0 ? -value : value, row: row, column: column)
        case .integer: features.set(Double(random.next(below: 100)), row: row, column: column)
        case .boolean: features.set(Double(random.next(below: 2)), row: row, column: column)
        case .category(let levels):
            guard levels.count > 0 else { return }
            features.set(Double(random.next(below: levels.count)), row: row, column: column)
        case .text: features.setText("warm-up", row: row, column: column)
        }
    }

    /// The same rows every time (xorshift64).
    private struct Random {
        private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

        mutating func next(below limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(truncatingIfNeeded: (state >> 33) % UInt64(limit))
        }
    }
}

extension WarmUp.Outcome {
    fileprivate mutating func noteAnswer(in scores: ScoreBatch, to rows: FeatureBatch, of inputs: [Field]) {
        guard answeredRow == nil, scores.count == rows.count else { return }
        guard let row = (0..<rows.count).first(where: { scores.failure(row: $0) == nil }) else { return }
        answeredRow = AnsweredRow(rows, row: row, of: inputs)
    }
}
