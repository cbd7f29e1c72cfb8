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

    private func tryNext(_ reason: DegradationReason, otherwise error: ScoringError) throws(ScoringError) -> PredictionProgress {
        while let step = fallbacks?.popFirst() {
            switch step {
            case .constant(let score, let decision):
                fill(score, decision)
                return degraded(reason)
            case .model(let name, let version):
                let version = version.map { VersionReference.number($0) }
                guard let substitute = try? pipeline.served(name, version: version).model, substitute !== served else { continue }
                do throws(ScoringError) {
                    let attempt = try Substitution(for: self, by: substitute)
                    let progress = try attempt.begin { [self] failure in
                        resume { () throws(ScoringError) in
                            if failure == nil, attempt.adopt() { return degraded(reason) }
                            return try tryNext(reason, otherwise: error)
                        }
                    }
                    guard case .answered = progress else { return .pending }
                    if attempt.adopt() { return degraded(reason) }
                } catch {
                    continue
                }
            }
        }
        throw close(error)
    }

    private func degraded(_ reason: DegradationReason) -> PredictionProgress {
        exchange.degradation = reason.rawValue
        exchange.isCached = false
        path.model.degraded.add(reason)
        return answered()
    }

    private func fill(_ score: Double, _ decision: Decision?) {
        restoreRows()
        exchange.scores.reset(rows: rows, width: served.signature.outputs.count)
        exchange.decisions.removeAll(keepingCapacity: true)
        for row in 0..<rows {
            for column in served.score { exchange.scores[row, column] = score }
            if let decision {
                exchange.decisions.append(decision)
            } else if let rule = served.rule {
                exchange.decisions.append(rule.decision(for: score))
            }
        }
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
        let now = Moment.now
        exchange.begin(arrival: now, deadline: nil, width: substitute.signature.inputs.count)
        let translation = try RowTranslation(from: asked.signature, to: substitute.signature)
        for row in 0..<features.count {
            let cells = Array(UnsafeBufferPointer(start: features.values + row * features.width, count: features.width))
            try translation.add(row: cells[...], texts: features.texts, to: exchange.features)
        }
        guard exchange.features.count == passage.rows else { throw .notReady("the rows are lent to a call that hangs") }
        let rest = passage.exchange.deadline.map { $0.nanoseconds(since: now) } ?? 0
        exchange.deadline = now.advanced(byNanoseconds: rest > 0 ? rest : path?.deadline ?? 100_000_000)
        call = EngineCall(exchange, path?.engine ?? substitute.model, path)
    }

    func begin(_ completion: @escaping @Sendable (ScoringError?) -> Void) throws(ScoringError) -> PredictionProgress {
        try call.begin(completion)
    }

    /// Writes the results where the asked model's would be; false where they are no good.
    func adopt() -> Bool {
        let (found, scores) = (exchange.scores, passage.exchange.scores)
        let asked = passage.served
        guard found.count == passage.rows, found.width == substitute.signature.outputs.count, found.failures.isEmpty else {
            return false
        }
        passage.restoreRows()
        scores.reset(rows: passage.rows, width: asked.signature.outputs.count)
        passage.exchange.decisions.removeAll(keepingCapacity: true)
        let rule = substitute.rule ?? asked.rule
        for row in 0..<passage.rows {
            for (target, source) in zip(asked.signature.outputs.indices, columns) {
                guard let source else { continue }
                copy(row, source, target, found, scores)
            }
            for (target, source) in zip(asked.score, substitute.score) { scores[row, target] = found[row, source] }
            if let rule, asked.score.count == 1 {
                passage.exchange.decisions.append(rule.decision(for: scores[row, asked.score.lowerBound]))
            }
        }
        passage.exchange.answeredBy = (substitute.name.text, substitute.versionText)
        return true
    }

    /// For each of the asked model's outputs the substitute's of the same name, if there is one.
    private var columns: [Int?] {
        passage.served.signature.outputs.map { substitute.signature.outputColumn(named: $0.name) }
    }

    private func copy(_ row: Int, _ source: Int, _ target: Int, _ found: ScoreBatch, _ scores: ScoreBatch) {
        let value = found[row, source]
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
            if let text = found.text(row: row, column: source) { scores.setText(text, row: row, column: target) }
        case (.text, .category(let to)):
            guard let text = found.text(row: row, column: source), let position = to.position(of: text) else { return }
            scores[row, target] = Double(position)
        case (.number, .number), (.number, .integer), (.number, .boolean), (.integer, .number), (.integer, .integer),
            (.integer, .boolean), (.boolean, .number), (.boolean, .integer), (.boolean, .boolean):
            scores[row, target] = value
        case (.number, .category), (.integer, .category), (.boolean, .category), (.number, .text), (.integer, .text),
            (.boolean, .text), (.category, .number), (.category, .integer), (.category, .boolean), (.text, .number),
            (.text, .integer), (.text, .boolean):
            return
        }
    }
}
