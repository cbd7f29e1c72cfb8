internal import Scoring
internal import Tabular

/// Output fields: what of a model's outcome is given under which name (PMML 4.4, Output).
extension Lowering {
    func lower(_ field: OutputField, _ whole: Outcome, in scope: Scope) throws(ScoringError) -> OutputResult {
        let outcome = try self.outcome(for: field, whole)
        var result: OutputResult
        switch field.feature {
        case .predictedValue: result = try predicted(field, outcome)
        case .predictedDisplayValue: result = displayed(field, outcome)
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
        case .residual, .standardError, .standardDeviation, .warning, .ruleValue, .antecedent, .consequent, .rule, .ruleId,
            .support,
            .lift, .leverage, .confidenceIntervalLower, .confidenceIntervalUpper, .report:
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        result.isFinal = field.isFinalResult
        return result
    }

    /// The outcome that the field is about: the model's, a segment's, or a target's.
    private func outcome(for field: OutputField, _ whole: Outcome) throws(ScoringError) -> Outcome {
        if let segment = field.segment {
            guard let outcome = whole.segments[segment] else {
                throw invalid("the output field '\(field.name)' names the segment '\(segment)', which is not there", field.place)
            }
            return outcome
        }
        if let target = field.targetField, let part = whole.parts.last(where: { $0.target == target }) { return part }
        return whole
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

    private func displayed(_ field: OutputField, _ outcome: Outcome) -> OutputResult {
        guard let label = outcome.label else {
            return number(field, outcome.value?.operand ?? constant(.nan))
        }
        let names = outcome.classes.texts.map { text in
            outcome.targetField?.values.first { $0.value == text }?.displayValue ?? text
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

    private func entity(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> OutputResult {
        guard let entity = outcome.entity, field.rank == 1 else {
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        return labelled(field, entity, outcome.entities)
    }

    private func affinity(_ field: OutputField, _ outcome: Outcome) throws(ScoringError) -> Formula.Operand {
        guard !outcome.affinities.isEmpty else {
            throw unsupported("the feature \(field.feature.rawValue) of the output field '\(field.name)'", field.place)
        }
        if let name = field.value {
            guard let position = outcome.entities.firstIndex(of: name) else {
                throw invalid("the output field '\(field.name)' names '\(name)', which is not there", field.place)
            }
            return outcome.affinities[position]
        }
        var result = constant(.nan)
        for (position, value) in outcome.affinities.enumerated() {
            result = choose(builder.apply(.equal, outcome.entity ?? constant(.nan), constant(Double(position))), value, result)
        }
        return result
    }
}
