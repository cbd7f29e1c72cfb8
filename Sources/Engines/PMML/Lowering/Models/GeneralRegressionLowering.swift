internal import Scoring
internal import Tabular

/// General regression: sums of parameters, each times the product of its predictors, and a link (PMML 4.4,
/// General Regression).
struct GeneralRegressionLowering: PartLowering {
    let context: LoweringContext

    /// Every cell of a factor with contrasts is a table of all its categories.
    private static let maxContrasts = 1_000
    /// Terms of all categories together.
    private static let maxTerms = 5_000_000

    /// What a parameter is multiplied with; nil for an intercept.
    private typealias Products = TextMap<Formula.Term>

    func lower(_ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        let isClassification = model.head.function == .classification
        switch model.type {
        case .multinomialLogistic, .ordinalMultinomial:
            guard isClassification else {
                throw invalid("the modelType \(model.type.rawValue) is for classifications", model.head.place)
            }
        case .regression, .generalLinear, .cox:
            guard !isClassification else {
                throw invalid("the modelType \(model.type.rawValue) is for regressions", model.head.place)
            }
        case .generalizedLinear: break
        case .logLinear: throw unsupported("the modelType logLinear", model.head.place)
        }
        if isClassification { return try lowerClassification(model, in: scope) }
        guard model.parameterCells.allSatisfy({ $0.category == nil }), model.predictorCells.allSatisfy({ $0.category == nil })
        else { throw invalid("a regression's parameters have a targetCategory", model.head.place) }
        let sum = linear(model.parameterCells, try products(model.predictorCells, model, in: scope))
        if model.type == .cox { return regressionOutcome(try hazard(sum, model, in: scope), model.head) }
        var outcome: Outcome
        if model.type == .generalizedLinear {
            let shifted = try withOffset(sum, model, in: scope)
            var result = try inverseLink(shifted, model)
            if let field = model.trialsField {
                result = builder.apply(.multiply, result, try number(of: field, in: scope, model.head.place))
            } else if let trials = model.trials {
                result = builder.apply(.multiply, result, constant(trials))
            }
            outcome = regressionOutcome(result, model.head)
            outcome.margins = [shifted]
        } else {
            outcome = regressionOutcome(sum, model.head)
        }
        return outcome
    }

    // MARK: Sums

    /// What each parameter is multiplied with: 1 where its factors have their categories, times its covariates.
    private func products(
        _ cells: [GeneralRegressionModel.PredictorCell], _ model: GeneralRegressionModel, in scope: Scope
    ) throws(ScoringError) -> Products {
        var (order, byParameter): ([String], TextMap<[GeneralRegressionModel.PredictorCell]>) = ([], [:])
        for cell in cells {
            if byParameter[cell.parameter] == nil { order.append(cell.parameter) }
            byParameter[cell.parameter, default: []].append(cell)
        }
        var products: Products = [:]
        for parameter in order { products[parameter] = try product(byParameter[parameter]!, model, in: scope) }
        return products
    }

    private func product(
        _ cells: [GeneralRegressionModel.PredictorCell], _ model: GeneralRegressionModel, in scope: Scope
    ) throws(ScoringError) -> Formula.Term {
        var factors: Formula.Operand?
        var covariates: [(operand: Formula.Operand, exponent: Double)] = []
        for cell in cells {
            let value = try value(of: cell.field, in: scope, cell.place)
            if let factor = model.factors[cell.field] {
                let match = try self.match(cell, factor, value)
                factors = factors.map { builder.apply(.multiply, $0, match) } ?? match
            } else if model.covariates.contains(cell.field) {
                guard let exponent = NumberText.double(cell.value) else {
                    throw invalid("the exponent '\(cell.value.prefix(40))' is not a number", cell.place)
                }
                guard value.type != .string else { throw invalid("the field '\(cell.field)' is no number", cell.place) }
                covariates.append((value.operand, exponent))
            } else {
                throw invalid("the predictor '\(cell.field)' is neither a factor nor a covariate", cell.place)
            }
        }
        if factors == nil, covariates.count == 1 {
            return Formula.Term(covariates[0].operand, coefficient: 1, exponent: covariates[0].exponent)
        }
        var product = factors
        for (operand, exponent) in covariates {
            let power = exponent == 1 ? operand : builder.apply(.power, operand, constant(exponent))
            product = product.map { builder.apply(.multiply, $0, power) } ?? power
        }
        if let factors, let whole = product, !covariates.isEmpty {
            // Where a factor has another category, its covariates do not matter, missing or not.
            product = builder.apply(.choose, builder.apply(.equal, factors, constant(0)), constant(0), whole)
        }
        return Formula.Term(product!, coefficient: 1)
    }

    /// 1 where a factor has the cell's category, else 0; or the contrast of the two.
    private func match(
        _ cell: GeneralRegressionModel.PredictorCell, _ factor: GeneralRegressionModel.Factor, _ value: Value
    ) throws(ScoringError) -> Formula.Operand {
        guard let contrasts = factor.contrasts else {
            return builder.apply(.equal, value.operand, constant(try literal(cell.value, comparedWith: value, cell.place)))
        }
        guard let column = factor.categories.firstIndex(ofExactly: cell.value) else {
            throw invalid("the category '\(cell.value.prefix(40))' has no contrasts", cell.place)
        }
        guard factor.categories.count <= Self.maxContrasts else {
            throw unsupported("a factor with contrasts of more than \(Self.maxContrasts) categories", factor.place)
        }
        try spend(factor.categories.count, times: 8, cell.place)
        let entries = try factor.categories.enumerated().map { (row, category) throws(ScoringError) in
            guard let contrast = contrasts[row, column] else {
                throw invalid("the matrix of contrasts is too small", factor.place)
            }
            return (try literal(category, comparedWith: value, factor.place), contrast)
        }
        guard Set(entries.map(\.0)).count == entries.count else { throw invalid("a category is listed twice", factor.place) }
        return builder.look(up: value.operand, in: table(entries, other: .nan, missing: .nan))
    }

    /// The sum of the parameters, in the order of the file.
    private func linear(_ cells: [GeneralRegressionModel.ParameterCell], _ products: Products) -> Formula.Operand {
        builder.linear(
            cells.map { cell in
                let product = products[cell.parameter]
                return Formula.Term(
                    product?.operand ?? constant(1), coefficient: cell.beta, exponent: product?.exponent ?? 1)
            }, intercept: 0)
    }

    private func withOffset(_ sum: Formula.Operand, _ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError)
        -> Formula.Operand
    {
        if let field = model.offsetField {
            return builder.apply(.add, sum, try number(of: field, in: scope, model.head.place))
        }
        return model.offset.map { builder.apply(.add, sum, constant($0)) } ?? sum
    }

    // MARK: Links

    private func inverseLink(_ sum: Formula.Operand, _ model: GeneralRegressionModel) throws(ScoringError) -> Formula.Operand {
        let place = model.head.place
        let one = constant(1)
        func negative(_ x: Formula.Operand) -> Formula.Operand { builder.apply(.subtract, constant(0), x) }
        func linkParameter() throws(ScoringError) -> Double {
            guard let parameter = model.linkParameter else { throw invalid("the linkParameter is missing", place) }
            return parameter
        }
        switch model.link {
        case nil: throw invalid("<GeneralRegressionModel>: the attribute 'linkFunction' is missing", place)
        case .identity: return sum
        case .log: return builder.apply(.exponential, sum)
        case .logit: return normalized(sum, .logit)
        case .cloglog: return normalized(sum, .cloglog)
        case .loglog: return normalized(sum, .loglog)
        case .probit: return normalized(sum, .probit)
        case .cauchit: return normalized(sum, .cauchit)
        case .logc: return negative(builder.apply(.exponentialMinus1, sum))
        case .negbin:
            guard let parameter = model.distParameter else { throw invalid("the distParameter is missing", place) }
            let denominator = builder.apply(.exponentialMinus1, negative(sum))
            return builder.apply(.divide, one, builder.apply(.multiply, constant(parameter), denominator))
        case .oddspower:
            let parameter = try linkParameter()
            guard parameter != 0 else { return normalized(sum, .logit) }
            let base = builder.apply(.add, one, builder.apply(.multiply, constant(parameter), sum))
            let power = builder.apply(.power, base, constant(-1 / parameter))
            return builder.apply(.divide, one, builder.apply(.add, one, power))
        case .power:
            let parameter = try linkParameter()
            return parameter == 0
                ? builder.apply(.exponential, sum) : builder.apply(.power, sum, constant(1 / parameter))
        }
    }

    // MARK: Classification

    private func lowerClassification(_ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        let place = model.head.place
        var classes = classes(of: target(of: .generalRegression(model)).field)
        var cells: [Int: [GeneralRegressionModel.ParameterCell]] = [:]
        for cell in model.parameterCells {
            if let category = cell.category { cells[classes.position(of: category), default: []].append(cell) }
        }
        var reference = model.referenceCategory.map { classes.position(of: $0) }
        let common = model.parameterCells.filter { $0.category == nil }
        if reference == nil, model.type != .ordinalMultinomial {
            let others = (0..<classes.count).filter { cells[$0] == nil }
            guard others.count == 1 else {
                throw invalid("it cannot be told which category is the targetReferenceCategory", place)
            }
            reference = others[0]
        }
        guard classes.count >= 2 else { throw invalid("the target has fewer than two categories", place) }
        // In the order of the target's values, with the reference category at the end.
        let order = (0..<classes.count).filter { $0 != reference } + (reference.map { [$0] } ?? [])
        var predictors: [Int?: [GeneralRegressionModel.PredictorCell]] = [:]
        for cell in model.predictorCells { predictors[cell.category.map { classes.position(of: $0) }, default: []].append(cell) }
        guard classes.count == order.count else {
            throw invalid("<PPMatrix> names a category that the target does not have", place)
        }
        var products: [Int?: Products] = [:]
        for (position, cells) in predictors { products[position] = try self.products(cells, model, in: scope) }

        guard order.count * (common.count + 1) <= Self.maxTerms else {
            throw unsupported("a general regression of so many parameters and categories", place)
        }
        let sums = try order.dropLast().map { (position) throws(ScoringError) in
            let products = products[position] ?? products[nil] ?? [:]
            var own = cells[position] ?? []
            if model.type == .ordinalMultinomial {
                guard own.count == 1 else { throw invalid("every category but the last needs one intercept", place) }
                // The intercept comes last.
                return try withOffset(linear(common + own, products), model, in: scope)
            }
            if own.isEmpty, classes.count == 2 { own = common }
            guard !own.isEmpty else { throw invalid("the category '\(classes.texts[position])' has no parameters", place) }
            return linear(own, products)
        }
        var outcome = Outcome()
        outcome.classes = classes
        outcome.probabilities = [Formula.Operand](repeating: constant(0), count: classes.count)
        let values = try probabilities(sums, model, in: scope)
        for (position, value) in zip(order, values) { outcome.probabilities[position] = value }
        outcome.label = mostProbable(values, at: order)
        return outcome
    }

    private func probabilities(_ sums: [Formula.Operand], _ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError)
        -> [Formula.Operand]
    {
        switch model.type {
        case .multinomialLogistic:
            guard model.offset == nil, model.offsetField == nil else {
                throw unsupported("the offset of a multinomialLogistic model", model.head.place)
            }
            // The sum of the last category is zero.
            let first = builder.spread(.softmax, sums + [constant(0)])
            return (0...sums.count).map { .slot(first + $0) }
        case .ordinalMultinomial:
            guard let link = model.cumulativeLink else {
                throw invalid("the attribute 'cumulativeLink' is missing", model.head.place)
            }
            guard let method = RegressionModel.Normalization(rawValue: link.rawValue) else { return [] }
            return cumulative(sums.map { normalized($0, method) })
        default:
            guard sums.count == 1 else {
                throw unsupported("a generalizedLinear model of more than two categories", model.head.place)
            }
            guard model.trials == nil, model.trialsField == nil else {
                throw unsupported("the trials of a classification", model.head.place)
            }
            let first = try inverseLink(try withOffset(sums[0], model, in: scope), model)
            return [first, builder.apply(.subtract, constant(1), first)]
        }
    }

    // MARK: Survival

    /// The cumulative hazard: that of the baseline at the end time, times what the predictors make of it.
    private func hazard(_ sum: Formula.Operand, _ model: GeneralRegressionModel, in scope: Scope) throws(ScoringError)
        -> Formula.Operand
    {
        let place = model.head.place
        guard let field = model.endTimeField else { throw invalid("the attribute 'endTimeVariable' is missing", place) }
        guard !model.baselines.isEmpty else { throw invalid("the BaseCumHazardTables are missing", place) }
        let time = try number(of: field, in: scope, place)
        var reference = 0.0
        for cell in model.parameterCells { reference += cell.beta * (model.parameters[cell.parameter] ?? 0) }
        let factor = builder.apply(.exponential, builder.apply(.subtract, sum, constant(reference)))
        let hazards = try model.baselines.map { (_, baseline) throws(ScoringError) in
            let (table, first) = try table(of: baseline)
            let hazard = builder.apply(.multiply, factor, builder.look(up: time, in: table))
            return builder.apply(.choose, builder.apply(.less, time, constant(first)), constant(0), hazard)
        }
        guard let name = model.strataField else {
            guard model.baselines.count == 1, model.baselines[0].stratum == nil else {
                throw invalid("the attribute 'baselineStrataVariable' is missing", place)
            }
            return hazards[0]
        }
        let stratum = try value(of: name, in: scope, place)
        var result = constant(.nan)
        for ((text, baseline), hazard) in zip(model.baselines, hazards).reversed() {
            guard let text else { throw invalid("a baseline is of no stratum", baseline.place) }
            let literal = try literal(text, comparedWith: stratum, baseline.place)
            result = choose(builder.apply(.equal, stratum.operand, constant(literal)), hazard, result)
        }
        return result
    }

    /// The hazard by time: nothing before the first moment, that of the last moment reached, missing past the end.
    private func table(of baseline: GeneralRegressionModel.Baseline) throws(ScoringError) -> (Formula.Table, first: Double) {
        let cells = baseline.cells.sorted { $0.time < $1.time }
        guard let first = cells.first?.time else { throw invalid("a baseline has no BaselineCell", baseline.place) }
        guard cells.allSatisfy({ $0.time.isFinite && $0.hazard.isFinite }), baseline.maxTime.isFinite else {
            throw invalid("the times and hazards of a baseline must be finite, and maxTime be there", baseline.place)
        }
        var (edges, hazards): ([Double], [Double]) = ([], [])
        for cell in cells where edges.last != cell.time {
            edges.append(cell.time)
            hazards.append(cell.hazard)
        }
        while let last = edges.last, last > baseline.maxTime {
            edges.removeLast()
            hazards.removeLast()
        }
        // Before the first edge, then on and behind each.
        var values = [0.0]
        for hazard in hazards { values += [hazard, hazard] }
        if edges.last == baseline.maxTime {
            values[values.count - 1] = .nan
        } else {
            values += [hazards.last ?? 0, .nan]
            edges.append(baseline.maxTime)
        }
        return (.bins(edges: edges, values: values, missing: .nan), first)
    }
}
