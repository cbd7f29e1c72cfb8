internal import Scoring

/// Scores made-up rows before a version answers, so that its first requests find memory mapped, caches filled
/// and lazily made state made.
struct WarmUp {
    private static let rows = 64
    /// Longest run over these rows; a model that takes longer would hold up those behind it for ever.
    private static let patience: UInt64 = 30_000

    /// Scores plausible rows, one alone and all together. Rows may well be refused, because what they hold is made up;
    /// throws only if the engine itself fails or does not come to an end.
    ///
    /// Returns the nanoseconds that the quickest call for one row took; nil if that row was refused.
    @discardableResult
    static func run(_ model: any ScoringModel) throws(ScoringError) -> UInt64? {
        let features = FeatureBatch()
        let scores = ScoreBatch()
        let workspace = Workspace()
        var random = Random()
        var quickest: UInt64?
        for count in [1, rows] {
            features.reset(width: model.signature.inputs.count)
            for row in 0..<count {
                features.addRow()
                for (column, field) in model.signature.inputs.enumerated() {
                    fill(field, row: row, column: column, of: features, &random)
                }
            }
            workspace.deadline = Moment.now.advanced(byMilliseconds: patience)
            do throws(ScoringError) {
                try model.score(features, into: scores, using: workspace)
                guard count == 1 else { continue }
                for _ in 0..<3 {
                    let start = Moment.now
                    try model.score(features, into: scores, using: workspace)
                    quickest = min(quickest ?? .max, Moment.now.nanoseconds(since: start))
                }
            } catch {
                if case .engineFailure = error { throw error }
                if error == .deadlineExceeded {
                    throw .refusedModel("scoring \(count) made-up rows takes longer than \(patience / 1000) s")
                }
            }
        }
        return quickest
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
