internal import Scoring
internal import Tabular

/// Scorecards: the partial scores of the characteristics' first matching attributes, and the reasons for
/// the score (PMML 4.4, Scorecard).
struct ScorecardLowering: PartLowering {
    let context: LoweringContext

    /// More reasons are not ranked.
    static let maxReasons = 1_000

    func lower(_ card: Scorecard, in scope: Scope) throws(ScoringError) -> Outcome {
        var codes: [String] = []
        var codePositions: TextMap<Int> = [:]
        func position(_ code: String) -> Double {
            let position = codePositions[code] ?? codes.count
            if position == codes.count {
                codes.append(code)
                codePositions[code] = position
            }
            return Double(position)
        }
        // Cards that explain nothing do not always say so.
        let usesReasonCodes =
            card.usesReasonCodes
            && (card.head.output?.contains { $0.feature == .reasonCode } == true
                || card.characteristics.contains { $0.reasonCode != nil || $0.attributes.contains { $0.reasonCode != nil } })
        var scores: [Formula.Operand] = []
        var entries: [ReasonRanking.Entry] = []
        var unmatched: [(Formula.Operand, Formula.Failure)] = []
        for characteristic in card.characteristics {
            let baseline = characteristic.baselineScore ?? card.baselineScore
            if usesReasonCodes, baseline == nil {
                throw invalid("the characteristic has no baselineScore, which reason codes need", characteristic.place)
            }
            // Results: the attribute's number, its partial score, its reason, what the reason is worth.
            var graph = GraphBuilder(width: 4)
            var next = graph.result([.nan, .nan, .nan, .nan])
            for (index, attribute) in characteristic.attributes.enumerated().reversed() {
                var reason = Double.nan
                if usesReasonCodes {
                    guard let code = attribute.reasonCode ?? characteristic.reasonCode else {
                        throw invalid("the attribute has no reasonCode, and neither has its characteristic", attribute.place)
                    }
                    reason = position(code)
                }
                let score = attribute.complexPartialScore == nil ? attribute.partialScore ?? .nan : .nan
                let points = baseline.map { card.algorithm == .pointsAbove ? score - $0 : $0 - score } ?? .nan
                let result = graph.result([Double(index), score, reason, points])
                next = try lower(
                    attribute.predicate, in: scope, into: &graph, Ways(whenTrue: result, whenFalse: next, whenUnknown: next))
            }
            let slot = builder.decide(graph.graph(entry: next))
            let label = characteristic.name ?? "at \(document.line(characteristic.place))"
            let failure = Formula.Failure(
                field: inputName(of: characteristic) ?? label,
                reason: "no attribute of the characteristic '\(label)' takes this value")
            unmatched.append((.slot(slot), failure))
            var (score, points) = (Formula.Operand.slot(slot + 1), Formula.Operand.slot(slot + 3))
            if characteristic.attributes.contains(where: { $0.complexPartialScore != nil }) {
                (score, points) = try complexScore(characteristic, at: slot, baseline, card, in: scope)
                unmatched.append(
                    (score, .init(field: failure.field, reason: "the partial score of the characteristic '\(label)' is missing")))
            }
            scores.append(score)
            entries.append(ReasonRanking.Entry(code: slot + 2, points: builder.slot(of: points)))
        }
        for (attribute, failure) in unmatched { fail(whereMissing: attribute, failure) }
        var outcome = regressionOutcome(
            builder.combine(.strictSum, [constant(card.initialScore)] + scores), card.head)
        guard usesReasonCodes else { return outcome }
        let asked = card.head.output?.filter { $0.feature == .reasonCode }.map(\.rank).max()
        guard asked ?? 0 <= Self.maxReasons else {
            throw unsupported("a rank above \(Self.maxReasons) of a reason code", card.head.place)
        }
        let places = min(max(asked ?? codes.count, 1), codes.count, Self.maxReasons)
        let into = builder.addSlots(places)
        builder.add(.rankReasons(ReasonRanking(entries: entries, codeCount: codes.count, places: places), into: into))
        outcome.reasons = (0..<places).map { .slot(into + $0) }
        outcome.reasonCodes = codes
        return outcome
    }

    /// Score and points of a characteristic of which attributes compute their scores.
    private func complexScore(
        _ characteristic: Scorecard.Characteristic, at slot: Int, _ baseline: Double?, _ card: Scorecard, in scope: Scope
    ) throws(ScoringError) -> (score: Formula.Operand, points: Formula.Operand) {
        var score = Formula.Operand.slot(slot + 1)
        for (index, attribute) in characteristic.attributes.enumerated() {
            guard let expression = attribute.complexPartialScore else { continue }
            let value = try cast(lower(expression, as: .double, in: scope), to: .double, attribute.place)
            let isMet = builder.apply(.equal, .slot(slot), constant(Double(index)))
            score = choose(isMet, value.operand, score)
        }
        let base = constant(baseline ?? .nan)
        return (
            score, card.algorithm == .pointsAbove ? builder.apply(.subtract, score, base) : builder.apply(.subtract, base, score)
        )
    }

    /// The field that a characteristic is about, for messages.
    private func inputName(of characteristic: Scorecard.Characteristic) -> String? {
        func field(_ predicate: Predicate) -> String? {
            switch predicate {
            case .always, .never: nil
            case .simple(let predicate): predicate.field
            case .set(let predicate): predicate.field
            case .compound(let predicate): first(predicate.parts)
            }
        }
        // The first of a lazy sequence is computed twice, which doubles the work at each level.
        func first(_ predicates: [Predicate]) -> String? {
            for predicate in predicates { if let name = field(predicate) { return name } }
            return nil
        }
        return first(characteristic.attributes.map(\.predicate))
    }
}
