internal import Glibc
internal import Scoring
internal import Tabular

/// Naive Bayes: for each category of the target a sum of logarithms, one an input; missing inputs add nothing
/// (PMML 4.4, Naive Bayes).
struct NaiveBayesLowering: PartLowering {
    let context: LoweringContext

    /// Values of all inputs, times the categories.
    private static let maxShares = 20_000_000

    func lower(_ model: NaiveBayesModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard model.head.function == .classification else {
            throw invalid("<NaiveBayesModel>: the function is not classification", model.head.place)
        }
        let pairs = model.inputs.reduce(0) { $0 + $1.pairs.count }
        guard model.counts.count * (model.inputs.count + 1) <= LoweringContext.maxInstructions,
            model.counts.count * pairs <= Self.maxShares
        else {
            throw unsupported("a naive Bayes model of so many inputs and categories", model.head.place)
        }
        var classes = classes(of: target(of: .naiveBayes(model)).field)
        let positions = model.counts.map { classes.position(of: $0.category) }
        guard Set(positions).count == positions.count else {
            throw invalid("<BayesOutput>: a category is counted twice", model.head.place)
        }
        // The output's category of each class.
        let rows = Dictionary(uniqueKeysWithValues: positions.enumerated().map { ($0.element, $0.offset) })
        func row(_ category: String) -> Int? { classes.find(category).flatMap { rows[$0] } }
        var members = model.counts.map { [constant(log($0.count))] }
        for input in model.inputs {
            let terms =
                input.distributions.isEmpty
                ? try counted(input, model, row, in: scope) : try measured(input, model, row, in: scope)
            for (index, term) in terms.enumerated() { if let term { members[index].append(term) } }
        }
        let sums = members.map { builder.combine(.strictSum, $0) }
        let first = builder.spread(.softmax, sums)

        var outcome = Outcome()
        outcome.classes = classes
        outcome.probabilities = [Formula.Operand](repeating: constant(0), count: classes.count)
        let values = sums.indices.map { Formula.Operand.slot(first + $0) }
        for (position, value) in zip(positions, values) { outcome.probabilities[position] = value }
        outcome.label = mostProbable(values, at: positions)
        outcome.margins = outcome.probabilities.indices.map { position in rows[position].map { sums[$0] } ?? constant(-.infinity)
        }
        return outcome
    }

    /// The logarithms of the shares of an input's values, one a category of the output. Values that were never
    /// counted say nothing.
    private func counted(
        _ input: NaiveBayesModel.Input, _ model: NaiveBayesModel, _ row: (String) -> Int?, in scope: Scope
    ) throws(ScoringError) -> [Formula.Operand?] {
        let value: Value
        if let field = input.derived {
            guard case .discretize = field.expression else {
                throw unsupported("a derived field other than Discretize in a <BayesInput>", input.place)
            }
            value = try derived(field, in: scope)
        } else {
            value = try self.value(of: input.field, in: scope, input.place)
        }
        let none = [Double](repeating: 0, count: model.counts.count)
        var sums = none
        var (keys, counts): ([Double], [[Double]]) = ([], [])
        var known: Set<Double> = []
        for pair in input.pairs {
            let key = try literal(pair.value, comparedWith: value, input.place)
            guard known.insert(key).inserted else { throw invalid("<BayesInput>: a value is counted twice", input.place) }
            var own = none
            for (category, count) in pair.counts { if let row = row(category) { own[row] += count } }
            for (row, count) in own.enumerated() { sums[row] += count }
            keys.append(key)
            counts.append(own)
            LoadThrottle.step()
        }
        return sums.indices.map { row in
            let entries = keys.indices.map { index in
                let count = counts[index][row]
                return (keys[index], log(count > 0 ? count / sums[row] : model.threshold))
            }
            return builder.look(up: value.operand, in: table(entries, other: 0, missing: 0))
        }
    }

    /// The logarithms of the densities of a number, one a category of the output that has a distribution.
    private func measured(
        _ input: NaiveBayesModel.Input, _ model: NaiveBayesModel, _ row: (String) -> Int?, in scope: Scope
    ) throws(ScoringError) -> [Formula.Operand?] {
        let x = try number(of: input.field, in: scope, input.place)
        var terms = [Formula.Operand?](repeating: nil, count: model.counts.count)
        for (category, distribution) in input.distributions {
            guard let row = row(category) else { continue }
            guard terms[row] == nil else { throw invalid("<BayesInput>: a category has two distributions", input.place) }
            let density =
                switch distribution {
                case .gaussian(let mean, let variance): gaussian(x, mean, variance.squareRoot())
                case .poisson(let mean): poisson(x, mean)
                }
            // A density is not less than the threshold; a missing number adds nothing.
            let limited = builder.apply(.clamp, density, constant(log(model.threshold)), constant(.infinity))
            terms[row] = builder.apply(.coalesce, limited, constant(0))
        }
        return terms
    }

    /// -z * z / 2 - ln(sigma) - ln(2 pi) / 2, where z is the distance from the mean in standard deviations.
    private func gaussian(_ x: Formula.Operand, _ mean: Double, _ deviation: Double) -> Formula.Operand {
        let z = builder.apply(.divide, builder.apply(.subtract, x, constant(mean)), constant(deviation))
        let half = builder.apply(.multiply, builder.apply(.multiply, constant(-0.5), z), z)
        return builder.apply(.subtract, half, constant(log(deviation) + 0.5 * log(2 * .pi)))
    }

    /// x * ln(mean) - mean - ln(x!) of whole numbers from 0; nothing else can come.
    private func poisson(_ x: Formula.Operand, _ mean: Double) -> Formula.Operand {
        let power = builder.apply(.subtract, builder.apply(.multiply, x, constant(log(mean))), constant(mean))
        let density = builder.apply(.subtract, power, builder.apply(.logGamma, builder.apply(.add, x, constant(1))))
        let isCount = builder.apply(
            .and, builder.apply(.equal, x, builder.apply(.floor, x)), builder.apply(.greaterOrEqual, x, constant(0)))
        return builder.apply(.choose, isCount, density, constant(-.infinity))
    }
}
