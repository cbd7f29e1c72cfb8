internal import Experiments
internal import Resilience
internal import Scoring

/// What answers where the model cannot: constants, other versions, other models. The answer keeps the shape that the
/// asked model's has.
extension Passage {
    /// How long another model may take where the request's own time is over.
    private static let grace: UInt64 = 100_000_000

    func fallBack(_ reason: DegradationReason, otherwise error: ScoringError) throws(ScoringError) -> PredictionProgress {
        fallbacks = pipeline.stock.chain(of: served.name)?.steps[...] ?? []
        return try tryNext(reason, otherwise: error)
    }

    /// Asks one after the other for the rows that are still without an answer. Each row goes the way that it would go alone.
    private func tryNext(_ reason: DegradationReason, otherwise error: ScoringError) throws(ScoringError) -> PredictionProgress {
        while !rowsToReplace.isEmpty, let step = fallbacks?.popFirst() {
            switch step {
            case .constant(let score, let decision):
                fill(score, decision, reason)
            case .model(let name, let version):
                let version = version.map { VersionReference.number($0) }
                guard let substitute = try? pipeline.served(name, version: version).model, substitute !== served else { continue }
                do throws(ScoringError) {
                    let attempt = try Substitution(for: self, by: substitute)
                    let progress = try attempt.begin { [self] failure in
                        resume { () throws(ScoringError) in
                            if failure == nil { attempt.adopt(reason) }
                            return try tryNext(reason, otherwise: error)
                        }
                    }
                    guard case .answered = progress else { return .pending }
                    attempt.adopt(reason)
                } catch {
                    continue
                }
            }
        }
        return try settled(reason, otherwise: error)
    }

    /// The end of the chain: rows that nothing answered have the error, others what they got.
    private func settled(_ reason: DegradationReason, otherwise error: ScoringError) throws(ScoringError) -> PredictionProgress {
        if !exchange.degradations.isEmpty {
            exchange.isCached = false
            path.model.degraded.add(reason)
        }
        guard let replacedRows else { throw close(error) }
        for row in replacedRows { exchange.scores.fail(row: row, error) }
        return answered()
    }

    private func fill(_ score: Double, _ decision: Decision?, _ reason: DegradationReason) {
        let taken = rowsToReplace
        replace(taken, by: nil, reason)
        for row in taken {
            for column in served.score { exchange.scores[row, column] = score }
            decide(decision ?? served.rule?.decision(for: score), row)
        }
    }

    /// The rows that a fallback is to answer still.
    var rowsToReplace: [Int] { replacedRows ?? Array(0..<rows) }

    /// Makes room for the results of a fallback for these rows, and notes who gives them.
    func replace(_ taken: [Int], by substitute: ServedModel?, _ reason: DegradationReason) {
        if !hasClearedRows {
            hasClearedRows = true
            exchange.decisions.removeAll(keepingCapacity: true)
            if replacedRows == nil {
                restoreRows()
                exchange.scores.reset(rows: rows, width: served.signature.outputs.count)
            } else {
                pipeline.decide(exchange, served.rule, served.score)
            }
        }
        for row in taken {
            for column in 0..<exchange.scores.width { exchange.scores[row, column] = .nan }
        }
        let answered = Set(taken)
        exchange.degradations.append(
            Degradation(
                reason: reason.rawValue, answeredBy: substitute.map { ($0.name.text, $0.versionText) },
                rows: taken.count == rows ? nil : taken))
        replacedRows = rowsToReplace.filter { !answered.contains($0) }
    }

    /// Gives a replaced row its decision.
    func decide(_ decision: Decision?, _ row: Int) {
        guard decision != nil || row < exchange.decisions.count else { return }
        while exchange.decisions.count < rows { exchange.decisions.append(nil) }
        exchange.decisions[row] = decision
    }

    /// Rows that are lent to a call which never returned are replaced by missing ones: what is written reads their number.
    func restoreRows() {
        guard exchange.features.count != rows else { return }
        exchange.features.reset(width: served.signature.inputs.count)
        for _ in 0..<rows { exchange.features.addRow() }
    }
}

/// A request as another model sees it, and that model's results as the asked one would have given them.
final class Substitution: @unchecked Sendable {
    private let passage: Passage
    private let substitute: ServedModel
    /// Positions in the request.
    private let rows: [Int]
    private let exchange = PredictionExchange(completion: { _, _ in })
    private let call: EngineCall

    /// Throws where the substitute needs inputs that the asked model has not, or gives a score of another kind.
    init(for passage: Passage, by substitute: ServedModel) throws(ScoringError) {
        self.passage = passage
        self.substitute = substitute
        let asked = passage.served
        guard substitute.score.count == asked.score.count else {
            throw .refusedModel("the model gives \(substitute.score.count) scores, not \(asked.score.count)")
        }
        let path = substitute.stages as? VersionPath
        let features = passage.exchange.features
        guard features.count == passage.rows else { throw .notReady("the rows are lent to a call that hangs") }
        let now = Moment.now
        exchange.begin(arrival: now, deadline: nil, width: substitute.signature.inputs.count)
        let translation = try RowTranslation(from: asked.signature, to: substitute.signature)
        var rows: [Int] = []
        for row in passage.rowsToReplace {
            let cells = Array(UnsafeBufferPointer(start: features.values + row * features.width, count: features.width))
            // A row that the substitute cannot be asked for is none of the others' business.
            do throws(ScoringError) {
                try translation.add(
                    row: cells[...], texts: features.texts, wideIntegers: features.wideIntegers, to: exchange.features)
                rows.append(row)
            } catch {
                continue
            }
        }
        guard !rows.isEmpty else { throw .notReady("no row fits the model") }
        self.rows = rows
        let rest = passage.exchange.deadline.map { $0.nanoseconds(since: now) } ?? 0
        exchange.deadline = now.advanced(byNanoseconds: rest > 0 ? rest : path?.deadline ?? 100_000_000)
        call = EngineCall(exchange, path?.engine ?? substitute.model, path)
    }

    func begin(_ completion: @escaping @Sendable (ScoringError?) -> Void) throws(ScoringError) -> PredictionProgress {
        try call.begin(completion)
    }

    /// Writes the results where the asked model's would be: of the rows that were scored and have a score.
    func adopt(_ reason: DegradationReason) {
        let (found, scores) = (exchange.scores, passage.exchange.scores)
        let asked = passage.served
        guard found.count == rows.count, found.width == substitute.signature.outputs.count else { return }
        let failed = Set(found.failures.map(\.row))
        let good = rows.indices.filter { position in
            !failed.contains(position) && !substitute.score.contains { found[position, $0].isNaN }
        }
        guard !good.isEmpty else { return }
        passage.replace(good.map { rows[$0] }, by: substitute, reason)
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
                passage.decide(rule.decision(for: scores[row, asked.score.lowerBound]), row)
            }
        }
    }

    /// For each of the asked model's outputs the substitute's of the same name, if there is one.
    private var columns: [Int?] {
        passage.served.signature.outputs.map { $0.isRemainder ? nil : substitute.signature.outputColumn(named: $0.name) }
    }

    private func copy(
        from position: Int, _ source: Int, to row: Int, _ target: Int, _ found: ScoreBatch, _ scores: ScoreBatch
    ) {
        let value = found[position, source]
        guard !value.isNaN else { return }
        let kinds = (substitute.signature.outputs[source].kind, passage.served.signature.outputs[target].kind)
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
            let (output, asked) = (substitute.signature.outputs[source], passage.served.signature.outputs[target])
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
