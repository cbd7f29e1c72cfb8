internal import Experiments
internal import Resilience
internal import Scoring

/// A request as another model sees it, and that model's results as the asked one would have given them.
///
/// `@unchecked Sendable` is safe: it belongs to whoever has the run.
final class FallbackCall: @unchecked Sendable {
    /// How long a substitute without a limit of its own may take where the request's time is over.
    private static let grace: UInt64 = 100_000_000

    private let run: PredictionRun
    private let substitute: ServedModel
    /// Positions in the request.
    private let rows: [Int]
    private let group: RowGroup

    /// Throws where the substitute needs inputs that the asked model has not, or gives a score of another kind.
    init(for run: PredictionRun, by substitute: ServedModel) throws(ScoringError) {
        self.run = run
        self.substitute = substitute
        // A request that cannot wait cannot wait for its fallback either.
        group = run.group.completion == nil ? RowGroup() : RowGroup { _ in }
        let asked = run.served
        guard substitute.score.count == asked.score.count else {
            throw .refusedModel("the model gives \(substitute.score.count) scores, not \(asked.score.count)")
        }
        let features = run.group.features
        guard features.count == run.rows else { throw .notReady("the rows are lent to a call that hangs") }
        let now = Moment.now
        // The rest of the request's time; where that is over, the substitute's own limit.
        let rest = run.deadline.map { $0.nanoseconds(since: now) } ?? 0
        let limit = rest > 0 ? rest : substitute.stages?.timeLimit ?? Self.grace
        group.begin(RequestInfo(arrival: now, deadline: now.advanced(byNanoseconds: limit)), RowGroup.Target(substitute))
        if run.group.completion != nil { group.shareCancellation(of: run.group) }
        let translation = try RowTranslation(from: asked.signature, to: substitute.signature)
        var rows: [Int] = []
        for row in run.rowsToReplace {
            let cells = unsafe Array(UnsafeBufferPointer(start: features.values + row * features.width, count: features.width))
            // A row that the substitute cannot be asked for is none of the others' business.
            do throws(ScoringError) {
                try translation.add(
                    row: cells[...], texts: features.texts, wideIntegers: features.wideIntegers, to: group.features)
                rows.append(row)
            } catch {
                continue
            }
        }
        guard !rows.isEmpty else { throw .notReady("no row fits the model") }
        self.rows = rows
    }

    func begin(_ completion: @escaping @Sendable (ScoringError?) -> Void) throws(ScoringError) -> PredictionProgress {
        if let stages = substitute.stages { return try stages.callEngine(group, completion) }
        let call = ScoreCall(deadline: group.info.deadline, workspace: group.workspace)
        try substitute.model.score(group.features, into: group.scores, call)
        return .answered
    }

    /// Writes the results where the asked model's would be: of the rows that were scored and have a score.
    func adopt(_ reason: DegradationReason) {
        let (found, scores) = (group.scores, run.group.scores)
        let asked = run.served
        guard found.count == rows.count, found.width == substitute.signature.outputs.count else { return }
        let failed = Set(found.failures.map(\.row))
        let side = StandInFit.Side(asked.signature, score: asked.score, hasPolicy: asked.rule != nil)
        let good = rows.indices.filter { position in
            !failed.contains(position)
                && zip(asked.score, substitute.score).allSatisfy { StandInFit.allows(found[position, $1], in: $0, of: side) }
        }
        guard !good.isEmpty else { return }
        run.replace(good.map { rows[$0] }, by: substitute, reason)
        let rule = substitute.rule ?? asked.rule
        let columns = columns
        for position in good {
            let row = rows[position]
            for (target, source) in zip(asked.signature.outputs.indices, columns) {
                guard let source else { continue }
                copy(from: position, source, to: row, target, found, scores)
            }
            for (target, source) in zip(asked.score, substitute.score) { scores[row, target] = found[position, source] }
            if let rule, asked.score.count == 1 {
                run.decide(rule.decision(for: scores[row, asked.score.lowerBound]), row)
            }
        }
    }

    /// For each of the asked model's outputs the substitute's of the same name, if there is one.
    private var columns: [Int?] {
        run.served.signature.outputs.map { $0.isRemainder ? nil : substitute.signature.outputColumn(named: $0.name) }
    }

    private func copy(
        from position: Int, _ source: Int, to row: Int, _ target: Int, _ found: ScoreBatch, _ scores: ScoreBatch
    ) {
        let value = found[position, source]
        guard !value.isNaN else { return }
        let kinds = (substitute.signature.outputs[source].kind, run.served.signature.outputs[target].kind)
        switch kinds {
        case (.category(let from), .category(let to)):
            guard (0..<from.count).contains(Int(value)), let position = to.position(of: from[Int(value)]) else { return }
            scores[row, target] = Double(position)
        case (.category(let from), .text):
            guard (0..<from.count).contains(Int(value)) else { return }
            scores.setText(from[Int(value)], row: row, column: target)
        case (.text, .text):
            if let text = found.text(row: position, column: source) { scores.setText(text, row: row, column: target) }
        case (.text, .category(let to)):
            guard let text = found.text(row: position, column: source), let position = to.position(of: text) else { return }
            scores[row, target] = Double(position)
        case (.integer, .integer):
            let (output, asked) = (substitute.signature.outputs[source], run.served.signature.outputs[target])
            let remainder = output.remainder.map { found[position, $0] } ?? .nan
            // Beyond 2^53 the cell alone is another number.
            if let place = asked.remainder {
                (scores[row, target], scores[row, place]) = (value, remainder)
            } else if output.remainder == nil || output.whole(value, remainder: remainder)?.isExactDouble == true {
                scores[row, target] = value
            }
        case (.number, .number), (.number, .integer), (.number, .boolean), (.integer, .number), (.integer, .boolean),
            (.boolean, .number), (.boolean, .integer), (.boolean, .boolean):
            scores[row, target] = value
        case (.number, .category), (.integer, .category), (.boolean, .category), (.number, .text), (.integer, .text),
            (.boolean, .text), (.category, .number), (.category, .integer), (.category, .boolean), (.text, .number),
            (.text, .integer), (.text, .boolean):
            return
        }
    }
}
