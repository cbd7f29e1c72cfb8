internal import Scoring
internal import Tabular
internal import Texts

/// What results have in common.
extension LoweringVocabulary {
    /// A regression's result after the model's targets: limits, then scale, then rounding
    /// (PMML 4.4, Targets; the order is that of the specification). A default takes the place of a missing result before.
    func applyTargets(_ result: Value, _ head: ModelHeader) -> Value {
        guard let target = targetElement(of: head) else { return result }
        var value = result
        func set(_ operand: Formula.Operand) { value.operand = head.isFloat ? builder.apply(.float32, operand) : operand }
        if let replacement = target.values.first?.defaultValue {
            value.operand = builder.apply(.coalesce, value.operand, constant(replacement))
        }
        if target.min != nil || target.max != nil {
            set(builder.apply(.clamp, value.operand, constant(target.min ?? -.infinity), constant(target.max ?? .infinity)))
        }
        if target.rescaleFactor != 1 { set(builder.apply(.multiply, value.operand, constant(target.rescaleFactor))) }
        if target.rescaleConstant != 0 { set(builder.apply(.add, value.operand, constant(target.rescaleConstant))) }
        switch target.castInteger {
        case .round: value.operand = builder.apply(.roundHalfUp, value.operand)
        case .ceiling: value.operand = builder.apply(.ceiling, value.operand)
        case .floor: value.operand = builder.apply(.floor, value.operand)
        case nil: break
        }
        if target.castInteger != nil { value.type = .integer }
        return value
    }

    /// A regression's outcome from its sum.
    func regressionOutcome(_ operand: Formula.Operand, _ head: ModelHeader) -> Outcome {
        var outcome = Outcome()
        outcome.value = applyTargets(Value(operand, head.isFloat ? .float : .double), head)
        return outcome
    }

    /// The probabilities as output fields give them, which may be rounded to float32.
    func shown(_ probabilities: [Formula.Operand], _ outputs: [OutputResult]) -> [Formula.Operand] {
        let given = Set(outputs.map(\.value.operand))
        guard outputs.contains(where: { $0.value.type == .float }), !probabilities.allSatisfy(given.contains) else {
            return probabilities
        }
        let rounded = probabilities.map { builder.apply(.float32, $0) }
        return rounded.allSatisfy(given.contains) ? rounded : probabilities
    }

    /// How many of the nearest the output fields show; at least one.
    func places(asked head: ModelHeader, of count: Int) -> Int {
        let ranks = (head.output ?? []).filter(\.isAboutEntities).map(\.rank)
        return min(max(ranks.max() ?? 1, 1), count)
    }

    /// Whether an output field names an entity whose distance it shows.
    func asksForEntities(_ head: ModelHeader) -> Bool {
        (head.output ?? []).contains { $0.isAboutEntities && $0.value != nil }
    }

    /// What a model predicts, whatever it is; nil if nothing.
    func result(of outcome: Outcome) -> Formula.Operand? { outcome.label ?? outcome.value?.operand ?? outcome.entity }

    /// Refuses output fields that ask a model without probabilities for them.
    func refuseProbabilities(_ head: ModelHeader) throws(ScoringError) {
        for field in head.output ?? [] where field.segment == nil {
            guard field.feature == .probability || field.feature == .confidence else { continue }
            throw unsupported(
                "the feature \(field.feature.rawValue) of the output field '\(field.name)', of a model without probabilities,",
                field.place)
        }
    }

    /// The text of the first value where the condition is true, else of the second; nil if both are known by their codes.
    func text(where condition: Formula.Operand, _ first: Value, _ second: Value) -> TextProgram.Register? {
        guard let a = first.text, let b = second.text, a != b else { return first.text ?? second.text }
        return builder.text(.choose(builder.slot(of: condition), a, b))
    }
}

/// Sums and what becomes of them.
extension LoweringVocabulary {
    func float(_ operand: Formula.Operand) -> Formula.Operand { builder.apply(.float32, operand) }

    /// The place of a field that is a number.
    func number(of field: String, in scope: Scope, _ place: Place) throws(ScoringError) -> Formula.Operand {
        try numberValue(of: field, in: scope, place).operand
    }

    /// A field that is a number, or counts as one.
    func numberValue(of field: String, in scope: Scope, _ place: Place) throws(ScoringError) -> Value {
        let value = try value(of: field, in: scope, place)
        guard value.type != .string else { throw invalid("the field '\(field)' is no number", place) }
        return value
    }

    /// The inverse link of one sum.
    func normalized(_ sum: Formula.Operand, _ method: RegressionModel.Normalization) -> Formula.Operand {
        let negative = { [self] (x: Formula.Operand) in builder.apply(.subtract, constant(0), x) }
        switch method {
        case .none, .simplemax: return sum
        case .softmax, .logit: return builder.apply(.logistic, sum)
        case .exp: return builder.apply(.exponential, sum)
        case .probit: return builder.apply(.normalDistribution, sum)
        case .cloglog:
            // 1 - exp(-exp(y))
            return negative(builder.apply(.exponentialMinus1, negative(builder.apply(.exponential, sum))))
        case .loglog: return builder.apply(.exponential, negative(builder.apply(.exponential, negative(sum))))
        case .cauchit:
            return builder.apply(.add, constant(0.5), builder.apply(.divide, builder.apply(.arcTangent, sum), constant(.pi)))
        }
    }

    /// The probabilities of ordered categories from the cumulative ones of all but the last.
    func cumulative(_ sums: [Formula.Operand]) -> [Formula.Operand] {
        var (values, below): ([Formula.Operand], Formula.Operand) = ([], constant(0))
        for sum in sums {
            values.append(builder.apply(.subtract, sum, below))
            below = sum
        }
        return values + [builder.apply(.subtract, constant(1), below)]
    }
}
