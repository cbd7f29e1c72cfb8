internal import Scoring
internal import Tabular

/// Regression models: linear sums and a normalisation (PMML 4.4, Regression).
struct RegressionLowering: PartLowering {
    let context: LoweringContext

    func lower(_ model: RegressionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        model.head.function == .classification ? try lowerClassification(model, in: scope) : try lowerRegression(model, in: scope)
    }

    private func lowerRegression(_ model: RegressionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        let isFloat = model.head.isFloat
        let sum = try sum(of: model.tables[0], isFloat, in: scope)
        let result: Formula.Operand
        switch model.normalization {
        case .none: result = sum
        case .softmax where isFloat, .logit where isFloat: result = floatLogistic(sum)
        case .exp where isFloat: result = float(builder.apply(.exponential, sum))
        case .softmax, .logit, .exp, .probit, .cloglog, .loglog, .cauchit: result = normalized(sum, model.normalization)
        case .simplemax: throw unsupported("the normalizationMethod simplemax of a regression", model.head.place)
        }
        var outcome = regressionOutcome(result, model.head)
        outcome.margins = [sum]
        return outcome
    }

    private func lowerClassification(_ model: RegressionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard model.tables.count > 1 else {
            throw invalid("<RegressionModel>: a classification needs a table for each of two categories", model.head.place)
        }
        let field = target(of: .regression(model)).field
        var classes = classes(of: field)
        var positions: [Int] = []
        var sums: [Formula.Operand] = []
        for table in model.tables {
            guard let category = table.targetCategory else {
                throw invalid("<RegressionTable>: the attribute 'targetCategory' is missing", table.place)
            }
            positions.append(classes.position(of: category))
            sums.append(try sum(of: table, model.head.isFloat, in: scope))
        }
        guard Set(positions).count == positions.count else {
            throw invalid("two tables have the same targetCategory", model.head.place)
        }
        let isOrdinal = field?.opType == .ordinal
        let values = isOrdinal ? try ordinal(sums, model) : try nominal(sums, model)

        var outcome = Outcome()
        outcome.classes = classes
        outcome.probabilities = [Formula.Operand](repeating: constant(0), count: classes.count)
        for (position, value) in zip(positions, values) { outcome.probabilities[position] = value }
        outcome.label = mostProbable(values, at: positions)
        outcome.margins = sums
        return outcome
    }

    /// Probabilities of unordered categories.
    private func nominal(_ sums: [Formula.Operand], _ model: RegressionModel) throws(ScoringError) -> [Formula.Operand] {
        switch model.normalization {
        case .softmax where model.head.isFloat: return floatSoftmax(sums)
        case .logit where model.head.isFloat && sums.count == 2:
            let first = floatLogistic(sums[0])
            return [first, float(builder.apply(.subtract, constant(1), first))]
        case .softmax:
            let first = builder.spread(.softmax, sums)
            return sums.indices.map { .slot(first + $0) }
        case .simplemax:
            let first = builder.spread(.share, sums)
            return sums.indices.map { .slot(first + $0) }
        case .none:
            guard sums.count > 2 else { return shared(with: normalized(sums[0], in: 0...1)) }
            // The last category has what the others leave.
            let others = builder.combine(.strictSum, Array(sums.dropLast()))
            return Array(sums.dropLast()) + [builder.apply(.subtract, constant(1), others)]
        case .exp: throw unsupported("the normalizationMethod exp of a classification", model.head.place)
        case .logit, .probit, .cloglog, .loglog, .cauchit:
            if sums.count == 2 { return shared(with: normalized(sums[0], model.normalization)) }
            // The specification has this for two categories only. With more, logit is taken for one model a category.
            guard model.normalization == .logit else {
                throw unsupported(
                    "the normalizationMethod \(model.normalization.rawValue) of more than two categories without an order",
                    model.head.place)
            }
            let first = builder.spread(.share, sums.map { normalized($0, .logit) })
            return sums.indices.map { .slot(first + $0) }
        }
    }

    /// Of two categories the second has what the first leaves.
    private func shared(with first: Formula.Operand) -> [Formula.Operand] {
        [first, builder.apply(.subtract, constant(1), first)]
    }

    private func normalized(_ sum: Formula.Operand, in range: ClosedRange<Double>) -> Formula.Operand {
        builder.apply(.clamp, sum, constant(range.lowerBound), constant(range.upperBound))
    }

    /// Probabilities of ordered categories: differences of cumulative ones.
    private func ordinal(_ sums: [Formula.Operand], _ model: RegressionModel) throws(ScoringError) -> [Formula.Operand] {
        switch model.normalization {
        case .simplemax, .softmax, .exp:
            throw unsupported("the normalizationMethod \(model.normalization.rawValue) of an ordinal target", model.head.place)
        case .none: return cumulative(sums.dropLast().map { normalized($0, in: 0...1) })
        case .logit, .probit, .cloglog, .loglog, .cauchit:
            return cumulative(sums.dropLast().map { normalized($0, model.normalization) })
        }
    }

    /// terms + intercept, in this order. Missing numbers make the sum missing; a missing category counts as none.
    private func sum(of table: RegressionModel.Table, _ isFloat: Bool, in scope: Scope) throws(ScoringError) -> Formula.Operand {
        var terms: [Formula.Term] = []
        for predictor in table.numeric {
            let value = try number(of: predictor.field, in: scope, predictor.place)
            terms.append(Formula.Term(value, coefficient: predictor.coefficient, exponent: predictor.exponent))
        }
        // Predictors of one field share a look-up.
        var (order, byField): ([String], TextMap<[RegressionModel.CategoricalPredictor]>) = ([], [:])
        for predictor in table.categorical {
            if byField[predictor.field] == nil { order.append(predictor.field) }
            byField[predictor.field, default: []].append(predictor)
        }
        for field in order {
            let predictors = byField[field]!
            let value = try value(of: field, in: scope, predictors[0].place)
            var coefficients: [Double: Double] = [:]
            for predictor in predictors {
                let category = try literal(predictor.value, comparedWith: value, predictor.place)
                coefficients[category, default: 0] += predictor.coefficient
            }
            let entries = coefficients.map { (key: $0.key, value: $0.value) }
            terms.append(
                Formula.Term(builder.look(up: value.operand, in: self.table(entries, other: 0, missing: 0)), coefficient: 1))
        }
        for term in table.terms {
            var product = constant(term.coefficient)
            guard !term.fields.isEmpty else { throw invalid("<PredictorTerm> has no FieldRef", term.place) }
            for reference in term.fields {
                var value = try numberValue(of: reference.field, in: scope, reference.place)
                if let text = reference.mapMissingTo { value = try replacingMissing(value, with: text, reference.place) }
                product = builder.apply(.multiply, product, value.operand)
            }
            terms.append(Formula.Term(product, coefficient: 1))
        }
        guard !terms.isEmpty else { return constant(table.intercept) }
        if isFloat { return floatSum(of: terms, table.intercept) }
        terms.append(Formula.Term(constant(1), coefficient: table.intercept))
        return builder.linear(terms, intercept: 0)
    }

    // MARK: Float32

    // Vendor attribute x-mathContext="float" of JPMML: every step of the computation is rounded to float32, as
    // XGBoost computes.

    private func floatSum(of terms: [Formula.Term], _ intercept: Double) -> Formula.Operand {
        var sum = constant(0)
        for term in terms {
            var value = float(term.operand)
            if term.exponent != 1 { value = float(builder.apply(.power, value, constant(term.exponent))) }
            let product = float(builder.apply(.multiply, value, constant(Double(Float(term.coefficient)))))
            sum = float(builder.apply(.add, sum, product))
        }
        return float(builder.apply(.add, sum, constant(Double(Float(intercept)))))
    }

    private func floatLogistic(_ x: Formula.Operand) -> Formula.Operand {
        let power = float(builder.apply(.exponential, builder.apply(.subtract, constant(0), x)))
        return float(builder.apply(.divide, constant(1), float(builder.apply(.add, constant(1), power))))
    }

    private func floatSoftmax(_ sums: [Formula.Operand]) -> [Formula.Operand] {
        let highest = builder.combine(.maximum, sums)
        let powers = sums.map { float(builder.apply(.exponential, float(builder.apply(.subtract, $0, highest)))) }
        let total = powers.dropFirst().reduce(powers[0]) { float(builder.apply(.add, $0, $1)) }
        return powers.map { float(builder.apply(.divide, $0, total)) }
    }
}
