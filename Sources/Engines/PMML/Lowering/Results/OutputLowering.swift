internal import Scoring
internal import Tabular
internal import Texts

/// Output fields: what of a model's outcome is given under which name (PMML 4.4, Output).
struct OutputLowering: PartLowering {
    let context: LoweringContext

    func lower(_ field: OutputField, _ whole: Outcome, in scope: Scope) throws(ScoringError) -> OutputResult {
        guard var outcome = self.outcome(for: field, whole) else {
            // "missing" is what the specification gives for a segment that is not there.
            var result = number(field, constant(.nan))
            result.isFinal = field.isFinalResult
            return result
        }
        // Every field looks at all labels, once a rank.
        let labels = field.value == nil ? outcome.classes.count + outcome.entities.count + outcome.reasonCodes.count : 1
        try spend(labels, times: 10 * min(max(field.rank, 1), 100), field.place)
        if field.targetField != nil { try spend(whole.parts.count, field.place) }
        try rank(&outcome, for: field)
        var result: OutputResult
        switch field.feature {
        case .predictedValue: result = try predicted(field, outcome)
        case .predictedDisplayValue: result = try displayed(field, outcome)
        case .transformedValue where field.segment != nil, .decision where field.segment != nil:
            result = try ofSegment(field, outcome)
        case .transformedValue, .decision: result = try transformed(field, in: scope)
        case .probability: result = number(field, try ofClass(field, outcome, outcome.probabilities))
        case .confidence:
            let values = outcome.confidences.isEmpty ? outcome.probabilities : outcome.confidences
            result = number(field, try ofClass(field, outcome, values))
        case .entityId, .clusterId: result = try entity(field, outcome)
        case .affinity, .entityAffinity, .clusterAffinity: result = number(field, try affinity(field, outcome))
        case .reasonCode:
            guard !outcome.reasonCodes.isEmpty, field.rank >= 1 else {
                throw invalid("the output field '\(field.name)' asks for a reason code of a model that has none", field.place)
            }
            let reason = field.rank <= outcome.reasons.count ? outcome.reasons[field.rank - 1] : constant(.nan)
            result = labelled(field, reason, outcome.reasonCodes)
        case .residual: result = number(field, try residual(field, outcome, in: scope))
        case .standardError, .standardDeviation, .warning, .ruleValue, .antecedent, .consequent, .rule, .ruleId,
            .support,
            .lift, .leverage, .confidenceIntervalLower, .confidenceIntervalUpper, .report:
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        result.isFinal = field.isFinalResult
        return result
    }

    /// The outcome that the field is about: the model's, a segment's, or a target's; nil for no segment.
    private func outcome(for field: OutputField, _ whole: Outcome) -> Outcome? {
        if let segment = field.segment { return whole.segments[segment] }
        if let target = field.targetField, let part = whole.parts.last(where: { $0.target.isExactly(target) }) { return part }
        return whole
    }

    /// Puts the class of the field's rank, by probability, in place of the predicted one.
    private func rank(_ outcome: inout Outcome, for field: OutputField) throws(ScoringError) {
        switch field.feature {
        case .predictedValue, .predictedDisplayValue, .probability, .confidence: break
        default: return
        }
        guard field.rank != 1 || field.rankOrder != .descending else { return }
        guard field.rankOrder == .descending, (1...100).contains(field.rank), let label = outcome.label,
            !outcome.probabilities.isEmpty
        else { throw unsupported("the rank of the output field '\(field.name)'", field.place) }
        // The predicted class comes first whatever its probability is.
        var (chosen, rest) = (label, outcome.probabilities)
        for _ in 1..<field.rank {
            rest = rest.enumerated().map { position, probability in
                builder.apply(
                    .only, probability, builder.apply(.notEqual, chosen, constant(Double(position))))
            }
            chosen = mostProbable(rest)
        }
        outcome.label = chosen
    }

    /// An output field of a segment's model, which the field's value names.
    private func ofSegment(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> OutputResult {
        try spend(outcome.outputs.count, field.place)
        guard let name = field.value, var result = outcome.outputs.first(where: { $0.name.isExactly(name) }) else {
            throw invalid("the output field '\(field.name)' names no output field of its segment", field.place)
        }
        result.name = field.name
        return result
    }

    private func number(_ field: OutputField, _ operand: Formula.Operand) -> OutputResult {
        let isFloat = field.type == .float
        return OutputResult(
            name: field.name, value: Value(isFloat ? builder.apply(.float32, operand) : operand, isFloat ? .float : .double))
    }

    /// A value that is a position among labels; for later expressions it is what the label says in the field's type.
    private func labelled(_ field: OutputField, _ position: Formula.Operand, _ labels: [String]) -> OutputResult {
        var type = field.type ?? .string
        var values = labels.map { number($0, type) }
        if values.contains(nil) {
            type = .string
            values = labels.map { Double(symbols.code($0)) }
        }
        let entries = values.enumerated().map { (Double($0.offset), $0.element!) }
        let value = Value(
            builder.look(up: position, in: table(entries, other: .nan, missing: .nan)), type, field.opType ?? .categorical,
            domain: entries.map(\.1))
        return OutputResult(name: field.name, value: value, labels: labels, position: position)
    }

    private func predicted(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> OutputResult {
        if let label = outcome.label {
            var field = field
            if field.type == nil || outcome.targetField != nil { field.type = outcome.classes.type }
            return labelled(field, label, outcome.classes.texts)
        }
        if var value = outcome.value {
            if field.type == .float { value = try cast(value, to: .float, field.place) }
            return OutputResult(name: field.name, value: value)
        }
        guard let entity = outcome.entity else {
            throw invalid("the output field '\(field.name)' has no prediction to show", field.place)
        }
        return labelled(field, entity, outcome.entities)
    }

    private func displayed(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> OutputResult {
        guard let label = outcome.label else {
            if outcome.value == nil, let entity = outcome.entity {
                return labelled(field, entity, outcome.entityNames.isEmpty ? outcome.entities : outcome.entityNames)
            }
            return number(field, outcome.value?.operand ?? constant(.nan))
        }
        let values = (outcome.targetElement?.values.count ?? 0) + (outcome.targetField?.values.count ?? 0)
        try spend(values, times: outcome.classes.count, field.place)
        func isEqual(_ value: String?, _ text: String) -> Bool {
            value.map { $0.isExactly(text) || outcome.classes.find($0) == outcome.classes.find(text) } ?? false
        }
        let names = outcome.classes.texts.map { text in
            outcome.targetElement?.values.first { isEqual($0.value, text) && $0.displayValue != nil }?.displayValue
                ?? outcome.targetField?.values.first { isEqual($0.value, text) }?.displayValue ?? text
        }
        return labelled(field, label, names)
    }

    private func transformed(_ field: OutputField, in scope: Scope) throws(ScoringError) -> OutputResult {
        guard let expression = field.expression else {
            throw invalid("the output field '\(field.name)' has no expression", field.place)
        }
        var value = try lower(expression, as: field.type, in: scope)
        if let type = field.type { value = try cast(value, to: type, field.place) }
        if value.type.isCalendar || value.type == .string && value.domain == nil {
            let text = builder.measure(.output(try register(of: value, field.place)))
            return OutputResult(name: field.name, value: value, text: text)
        }
        guard value.type == .string else { return OutputResult(name: field.name, value: value) }
        // Positions among the strings that it can be; strings that the model does not name cannot be shown.
        let domain = value.domain?.filter { $0 >= 0 } ?? symbols.texts.indices.map { Double($0) }
        let position = builder.look(
            up: value.operand, in: table(domain.enumerated().map { ($0.element, Double($0.offset)) }, other: .nan, missing: .nan))
        return OutputResult(name: field.name, value: value, labels: domain.map { symbols[Int($0)] }, position: position)
    }

    /// What belongs to the class that the field names, or to the predicted one.
    private func ofClass(_ field: OutputField, _ outcome: Outcome, _ values: [Formula.Operand]) throws(ScoringError)
        -> Formula.Operand
    {
        guard let label = outcome.label else {
            throw invalid("the output field '\(field.name)' asks a model for probabilities that it does not have", field.place)
        }
        guard !values.isEmpty else { return constant(.nan) }
        if let text = field.value {
            guard let position = outcome.classes.find(text) else { return constant(0) }
            return values[position]
        }
        var result = constant(.nan)
        for (position, value) in values.enumerated() {
            result = choose(builder.apply(.equal, label, constant(Double(position))), value, result)
        }
        return result
    }

    /// How far the prediction is from the truth, which the row brings under the target's name: the truth less a
    /// regression's value; for a classification, 1 where the prediction is true, else 0, less its probability.
    private func residual(_ field: OutputField, _ outcome: Outcome, in scope: Scope) throws(ScoringError) -> Formula.Operand {
        guard scope.isOutermost, field.segment == nil, let target = outcome.target, let index = context.inputIndex[target],
            let prediction = outcome.prediction ?? outcome.value
        else {
            throw unsupported("the feature residual of the output field '\(field.name)' here", field.place)
        }
        let truth = try FieldPreparation(context: context).rawInput(index, isOpen: true)
        guard outcome.label != nil else {
            guard truth.type != .string else { throw invalid("the target '\(target)' is no number", field.place) }
            return builder.apply(.subtract, truth.operand, prediction.operand)
        }
        guard !outcome.probabilities.isEmpty else {
            throw unsupported("the feature residual of the output field '\(field.name)' without probabilities", field.place)
        }
        for text in outcome.classes.texts { _ = try literal(text, comparedWith: truth, field.place) }
        var ofPrediction = field
        ofPrediction.value = nil
        let probability = try ofClass(ofPrediction, outcome, outcome.probabilities)
        return builder.apply(.subtract, builder.apply(.equal, truth.operand, prediction.operand), probability)
    }

    private func entity(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> OutputResult {
        // Of a selection of models it is the segment that was selected.
        if field.feature == .entityId, field.rank == 1, let segment = outcome.segment {
            return labelled(field, segment, outcome.segmentIds)
        }
        guard let entity = outcome.entity else {
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        guard field.rank != 1 else { return labelled(field, entity, outcome.entities) }
        return labelled(field, try ranked(field, outcome, outcome.ranking), outcome.entities)
    }

    private func affinity(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> Formula.Operand {
        if let name = field.value, !outcome.affinities.isEmpty {
            try spend(outcome.entities.count, field.place)
            guard let position = outcome.entities.firstIndex(where: { $0.isExactly(name) }) else {
                throw invalid("the output field '\(field.name)' names '\(name)', which is not there", field.place)
            }
            return outcome.affinities[position]
        }
        return try ranked(field, outcome, outcome.rankedAffinities)
    }

    /// What belongs to the entity of the field's rank, the best first; missing where there are fewer entities.
    private func ranked(_ field: OutputField, _ outcome: Outcome, _ ranking: [Formula.Operand]) throws(ScoringError)
        -> Formula.Operand
    {
        guard !ranking.isEmpty, field.value == nil else {
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        guard field.rank >= 1 else { throw invalid("the output field '\(field.name)' has no rank above 0", field.place) }
        guard field.rank == 1 || field.rankOrder == .descending else {
            throw unsupported("rankOrder=\"ascending\" of the output field '\(field.name)'", field.place)
        }
        guard field.rank > ranking.count else { return ranking[field.rank - 1] }
        guard ranking.count == outcome.entities.count else {
            throw unsupported("the rank of the output field '\(field.name)'", field.place)
        }
        return constant(.nan)
    }
}

extension OutputLowering {
}
