internal import Glibc
internal import Scoring
internal import Tabular

extension ReferenceFrame {
    /// Instructions that fail rows are looked at when everything is computed.
    mutating func run(_ formula: Formula) {
        for instruction in formula.instructions where instruction.operation.form != .failure {
            write(results(of: instruction, in: formula), into: Int(instruction.into))
        }
        for instruction in formula.instructions where instruction.operation.form == .failure {
            let value = value(instruction.a, formula)
            guard instruction.operation == .fail ? value == 1 : value.isNaN else { continue }
            fail(formula.failures[Int(instruction.detail)].error)
        }
    }

    private func value(_ operand: Formula.Operand, _ formula: Formula) -> Double {
        operand.slot.map { self[$0] } ?? formula.constants[operand.constant!]
    }

    private func results(of instruction: Formula.Instruction, in formula: Formula) -> [Double] {
        let operation = instruction.operation
        func a() -> Double { value(instruction.a, formula) }
        func b() -> Double { value(instruction.b, formula) }
        func c() -> Double { value(instruction.c, formula) }
        switch operation.form {
        case .one: return [operation.result(a())]
        case .two: return [operation.result(a(), b())]
        case .three: return [operation.result(a(), b(), c())]
        case .lookup: return [formula.tables[Int(instruction.detail)].value(of: a())]
        case .linear:
            guard case .terms(let terms) = formula.tables[Int(instruction.detail)] else { preconditionFailure("no terms") }
            return [
                terms.reduce(b()) { sum, term in
                    let x = value(term.operand, formula)
                    if term.exponent == 1 { return sum + term.coefficient * x }
                    return sum + term.coefficient * (x.isNaN ? x : term.exponent == 2 ? x * x : pow(x, term.exponent))
                }
            ]
        case .list, .spread: return operation.results(of: formula.lists[Int(instruction.detail)].map { value($0, formula) })
        case .failure: return []
        }
    }
}

extension Formula.Operation {
    fileprivate func result(_ x: Double) -> Double {
        switch self {
        case .copy: return x
        case .float32: return Double(Float(x))
        case .absolute: return fabs(x)
        case .floor: return Glibc.floor(x)
        case .ceiling: return ceil(x)
        case .roundHalfUp: return x - Glibc.floor(x) >= 0.5 ? Glibc.floor(x) + 1 : Glibc.floor(x)
        case .roundHalfEven: return rint(x)
        case .truncate: return trunc(x)
        case .squareRoot: return sqrt(x)
        case .exponential: return exp(x)
        case .exponentialMinus1: return expm1(x)
        case .logarithm: return log(x)
        case .logarithm10: return log10(x)
        case .logarithmPlus1: return log1p(x)
        case .sine: return sin(x)
        case .cosine: return cos(x)
        case .tangent: return tan(x)
        case .arcSine: return asin(x)
        case .arcCosine: return acos(x)
        case .arcTangent: return atan(x)
        case .hyperbolicSine: return sinh(x)
        case .hyperbolicCosine: return cosh(x)
        case .hyperbolicTangent: return tanh(x)
        case .errorFunction: return erf(x)
        case .normalDistribution: return 0.5 * erfc(-x / sqrt(2))
        case .normalDensity: return exp(-x * x / 2) / sqrt(2 * Double.pi)
        case .normalQuantile: return NormalQuantile.value(x)
        case .logistic: return 1 / (1 + exp(-x))
        case .logGamma:
            var sign: Int32 = 0
            return lgamma_r(x, &sign)
        case .not: return 1 - x
        case .isMissing: return x.isNaN ? 1 : 0
        case .isPresent: return x.isNaN ? 0 : 1
        default: preconditionFailure("\(self) has not one operand")
        }
    }

    fileprivate func result(_ a: Double, _ b: Double) -> Double {
        func truth(_ holds: Bool) -> Double { a.isNaN || b.isNaN ? .nan : (holds ? 1 : 0) }
        switch self {
        case .add: return a + b
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide: return a / b
        case .power: return a.isNaN || b.isNaN ? .nan : pow(a, b)
        case .hypotenuse: return a.isNaN || b.isNaN ? .nan : hypot(a, b)
        case .arcTangent2: return a.isNaN || b.isNaN ? .nan : atan2(a, b)
        case .modulo: return a - b * Glibc.floor(a / b)
        case .equal: return truth(a == b)
        case .notEqual: return truth(a != b)
        case .less: return truth(a < b)
        case .lessOrEqual: return truth(a <= b)
        case .greater: return truth(a > b)
        case .greaterOrEqual: return truth(a >= b)
        case .and: return a == 0 || b == 0 ? 0 : a * b
        case .or: return a == 1 || b == 1 ? 1 : a + b
        case .exclusiveOr: return fabs(a - b)
        case .coalesce: return a.isNaN ? b : a
        case .only: return b == 1 ? a : .nan
        default: preconditionFailure("\(self) has not two operands")
        }
    }

    fileprivate func result(_ a: Double, _ b: Double, _ c: Double) -> Double {
        switch self {
        case .choose: return a.isNaN ? .nan : a == 1 ? b : c
        case .clamp: return a < b ? b : a > c ? c : a
        default: preconditionFailure("\(self) has not three operands")
        }
    }

    fileprivate func results(of members: [Double]) -> [Double] {
        let present = members.filter { !$0.isNaN }
        let rest = present.dropFirst()
        switch self {
        case .sum: return [present.isEmpty ? .nan : rest.reduce(present[0]) { $0.isNaN ? $1 : $0 + $1 }]
        case .product: return [present.isEmpty ? .nan : rest.reduce(present[0]) { $0.isNaN ? $1 : $0 * $1 }]
        case .minimum: return [present.isEmpty ? .nan : rest.reduce(present[0]) { $1 < $0 ? $1 : $0 }]
        case .maximum: return [present.isEmpty ? .nan : rest.reduce(present[0]) { $1 >= $0 ? $1 : $0 }]
        case .average: return [present.reduce(0, +) / Double(present.count)]
        case .strictSum: return [members.reduce(0, +)]
        case .missingCount: return [Double(members.count - present.count)]
        case .highest:
            guard let highest = present.max() else { return [.nan] }
            return [Double(members.firstIndex(of: highest)!)]
        case .first: return [present.first ?? .nan]
        case .median:
            let sorted = present.sorted()
            guard !sorted.isEmpty else { return [.nan] }
            let middle = sorted.count / 2
            return [sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2]
        case .weightedMedian:
            let pairs = (0..<members.count / 2).map { (value: members[2 * $0], weight: members[2 * $0 + 1]) }
            let entries = pairs.filter { !$0.value.isNaN }
            let total = entries.reduce(0) { $0 + $1.weight }
            let sorted = entries.sorted { $0.value < $1.value }
            var reached = 0.0
            for entry in sorted {
                reached += entry.weight
                if reached >= total / 2 { return [entry.value] }
            }
            return [sorted.last?.value ?? .nan]
        case .softmax: return softmaxed(members)
        case .share:
            let sum = members.reduce(0, +)
            return members.map { $0 / sum }
        default: preconditionFailure("\(self) does not work on a list")
        }
    }
}

extension Formula.Table {
    fileprivate func value(of x: Double) -> Double {
        switch self {
        case .codes(let first, let values, let other, let missing):
            if x.isNaN { return missing }
            for (index, value) in values.enumerated() where x == Double(first) + Double(index) { return value }
            return other
        case .keys(let keys, let values, let other, let missing):
            if x.isNaN { return missing }
            return keys.firstIndex(of: x).map { values[$0] } ?? other
        case .bins(let edges, let values, let missing):
            if x.isNaN { return missing }
            let below = edges.count { $0 < x }
            return values[2 * below + (below < edges.count && edges[below] == x ? 1 : 0)]
        case .polyline(let xs, let ys, let ends, let missing):
            if x.isNaN { return missing }
            if x < xs[0] || x > xs[xs.count - 1] {
                if ends == .missing { return .nan }
                if ends == .held { return x < xs[0] ? ys[0] : ys[ys.count - 1] }
            }
            let piece = min(max(xs.count { $0 < x } - 1, 0), xs.count - 2)
            return ys[piece] + (x - xs[piece]) / (xs[piece + 1] - xs[piece]) * (ys[piece + 1] - ys[piece])
        case .terms: preconditionFailure("terms are no function of one value")
        }
    }
}

/// exp of each value over the sum of all exps.
func softmaxed(_ values: [Double]) -> [Double] {
    let highest = values.dropFirst().reduce(values[0]) { max($0, $1) }
    let powers = values.map { exp($0 - highest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
