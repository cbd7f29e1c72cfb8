internal import Scoring
internal import Tabular

/// Functions of strings are tabulated when the model is loaded: wherever the strings that a value can have
/// are known, which is so for every field that lists its values, the function costs a look-up.
extension LoweringVocabulary {
    /// The function of the values' texts, as a table over everything that the values can be.
    /// - Parameter function: nil where the result is missing.
    func tabulated(
        _ values: [Value], _ type: DataType, _ place: Place, _ function: ([String]) -> Double?
    ) throws(ScoringError) -> Value {
        var domains: [[Double]] = []
        var size = 1
        for value in values {
            guard let domain = value.domain else {
                throw unsupported("a function of strings that the model does not list", place)
            }
            domains.append(domain)
            let (product, overflow) = size.multipliedReportingOverflow(by: max(domain.count, 1))
            guard !overflow, product <= LoweringContext.maxCombinations else {
                throw unsupported("a function of so many different strings", place)
            }
            size = product
        }
        try spend(size, times: values.count, place)
        var results: [Double] = []
        var entries: [(key: Double, value: Double)] = []
        for combination in 0..<size {
            var (rest, texts): (Int, [String]) = (combination, [])
            for (value, domain) in zip(values, domains).reversed() where !domain.isEmpty {
                if let text = text(of: domain[rest % domain.count], value.type) { texts.insert(text, at: 0) }
                rest /= domain.count
            }
            guard texts.count == values.count, let result = function(texts) else { continue }
            entries.append((Double(combination), result))
            results.append(result)
        }
        guard let operand = try combinationNumber(values, domains) else {
            return Value(constant(results.first ?? .nan), type, domain: distinct(results))
        }
        let table = table(entries, other: type == .string ? unknownSymbol : .nan, missing: .nan)
        return Value(builder.look(up: operand, in: table), type, domain: distinct(results))
    }

    /// The number of the combination that the values have in a row; nil if all are constant.
    private func combinationNumber(_ values: [Value], _ domains: [[Double]]) throws(ScoringError) -> Formula.Operand? {
        guard values.contains(where: { builder.value(of: $0.operand) == nil }) else { return nil }
        var number: Formula.Operand?
        for (value, domain) in zip(values, domains) {
            let position = builder.look(
                up: value.operand,
                in: table(domain.enumerated().map { ($0.element, Double($0.offset)) }, other: -1e18, missing: .nan))
            number =
                number.map { builder.apply(.add, builder.apply(.multiply, $0, constant(Double(max(domain.count, 1)))), position) }
                ?? position
        }
        return number
    }
}
