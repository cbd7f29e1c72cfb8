internal import Glibc
internal import Tabular

extension LinearFunction {
    func sums(of row: [Double]) -> [Double] {
        (0..<outputCount).map { output in
            var (narrow, wide) = (Float(start[output]), start[output])
            for feature in row.indices where !row[feature].isNaN {
                let weight = weights[feature * outputCount + output]
                narrow += Float(row[feature]) * Float(weight)
                wide += row[feature] * weight
            }
            return precision == .float32 ? Double(narrow) : wide
        }
    }
}

extension Link {
    func results(of margins: [Double]) -> [Double] {
        switch self {
        case .softmax32:
            let narrow = margins.map { Float($0) }
            let highest = narrow.dropFirst().reduce(narrow[0]) { max($0, $1) }
            let powers = narrow.map { expf($0 - highest) }
            let sum = Float(powers.reduce(0.0) { $0 + Double($1) })
            return powers.map { Double($0 / sum) }
        case .softmax64: return softmaxed(margins)
        case .ascending32:
            var results: [Float] = []
            for margin in margins.map({ Float($0) }) {
                let softplus = margin > 0 ? margin + log1pf(expf(-margin)) : log1pf(expf(margin))
                results.append(results.isEmpty ? margin : results[results.count - 1] + (1e-6 + softplus))
            }
            return results.map { Double($0) }
        default: return margins.map(result)
        }
    }

    private func result(of x: Double) -> Double {
        switch self {
        case .identity, .softmax32, .softmax64, .ascending32: x
        case .logistic32: Double(1 / (expf(min(-Float(x), 88.7)) + 1))
        case .logistic64(let slope): 1 / (1 + exp(-slope * x))
        case .exponential32: Double(expf(Float(x)))
        case .exponential64: exp(x)
        case .softplus64: log1p(exp(x))
        case .signedSquare64: x < 0 ? -(x * x) : x * x
        case .quotient64(let divisor): x / divisor
        case .step: x.isNaN ? x : x > 0 ? 1 : 0
        }
    }
}

extension LayeredNetwork {
    func results(of inputs: [Double]) -> [Double] {
        guard !inputs.contains(where: \.isNaN) else { return outputs.map { _ in .nan } }
        var units = inputs
        for layer in layers {
            let sums = layer.neurons.map { neuron -> Double in
                var sum = 0.0
                for (source, weight) in zip(neuron.sources, neuron.weights) {
                    let value = units[Int(source)]
                    sum += layer.activation == .radialBasis ? (value - weight) * (value - weight) : weight * value
                }
                guard layer.activation == .radialBasis else { return layer.activation.result(of: sum + neuron.bias) }
                let height = neuron.altitude == 1 ? 0 : log(neuron.altitude) * Double(neuron.sources.count)
                return exp(sum / (neuron.width * neuron.width * -2) + height)
            }
            switch layer.normalization {
            case .none: units += sums
            case .softmax: units += softmaxed(sums)
            case .share:
                let sum = sums.reduce(0, +)
                units += sums.map { sum == 0 ? .nan : $0 / sum }
            }
        }
        return outputs.map { units[$0] }
    }
}

extension LayeredNetwork.Activation {
    func result(of z: Double) -> Double {
        switch self {
        case .threshold(let threshold): z.isNaN ? .nan : z > threshold ? 1 : 0
        case .logistic: 1 / (1 + exp(-z))
        case .tanh: Glibc.tanh(z)
        case .identity, .radialBasis: z
        case .exponential: exp(z)
        case .reciprocal: 1 / z
        case .square: z * z
        case .gauss: exp(-(z * z))
        case .sine: sin(z)
        case .cosine: cos(z)
        case .elliott: z / (1 + fabs(z))
        case .arctan: 2 * atan(z) / .pi
        case .rectifier(let leakage): z > 0 || z.isNaN ? z : leakage == 0 ? 0 : z * leakage
        }
    }
}

extension KernelMachines {
    func sums(of row: [Double]) -> [Double] {
        guard !row.contains(where: \.isNaN) else { return machines.map { _ in .nan } }
        return machines.map { machine in
            machine.terms.reduce(0) { sum, term in
                sum + term.coefficient * value(row, Array(vectors[term.vector * width..<(term.vector + 1) * width]))
            } + machine.intercept
        }
    }

    private func value(_ row: [Double], _ vector: [Double]) -> Double {
        let product = zip(row, vector).reduce(0) { $0 + $1.1 * $1.0 }
        switch kernel {
        case .linear: return product
        case .polynomial(let gamma, let offset, let degree): return pow(gamma * product + offset, degree)
        case .sigmoid(let gamma, let offset): return tanh(gamma * product + offset)
        case .radialBasis(let gamma):
            let distance = zip(row, vector).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return exp(-distance * gamma)
        }
    }
}

extension PointSearch {
    func results(of row: [Double]) -> [Double] {
        let width = coordinates.count
        let values = (0..<pointCount).map { value(row, Array(points[$0 * width..<($0 + 1) * width])) }
        // Of equals the first is nearer. A point whose result is missing is none.
        let order = values.indices.filter { !values[$0].isNaN }.sorted { a, b in
            values[a] == values[b] ? a < b : prefersGreatest ? values[a] > values[b] : values[a] < values[b]
        }
        let nearest = (0..<places).map { $0 < order.count ? order[$0] : nil }
        let positions = nearest.map { $0.map { Double($0) } ?? .nan }
        // Similarities are found as negative numbers, so that none is -0.
        let found = nearest.map { place in
            place.map { prefersGreatest ? 0 - (-values[$0]) : values[$0] } ?? .nan
        }
        return positions + found + (givesAll ? values : [])
    }

    private func value(_ row: [Double], _ point: [Double]) -> Double {
        if case .counts(let dividend, let divisor) = measure { return quotient(row, point, dividend, divisor) }
        let present = coordinates.indices.filter { !row[$0].isNaN }
        let shares = present.reduce(0) { $0 + coordinates[$1].share }
        let factor = shares == 0 ? .nan : coordinates.reduce(0) { $0 + $1.share } / shares
        let differences = present.map { (difference($0, row[$0], point[$0]), coordinates[$0].weight) }
        switch measure {
        case .powers(let power, let root):
            let sum = differences.reduce(0) { sum, part in
                let x = part.0
                return sum + (power == 2 ? x * x : power == 1 ? x : pow(x, power)) * part.1
            }
            let whole = sum * factor
            return root == 1 ? whole : root == 2 ? sqrt(whole) : pow(whole, 1 / root)
        case .greatest:
            return differences.reduce(-Double.infinity) { greatest, part in
                let weighted = part.0 * part.1
                return weighted > greatest || weighted.isNaN ? weighted : greatest
            } * factor
        case .counts: preconditionFailure("counts have no differences")
        }
    }

    private func difference(_ coordinate: Int, _ x: Double, _ y: Double) -> Double {
        switch coordinates[coordinate].difference {
        case .absolute: return x - y < 0 ? -(x - y) : x - y
        case .gaussian(let scale): return exp(-log(2.0) * (x - y) * (x - y) / (scale * scale))
        case .unequal: return x == y ? 0 : 1
        case .equal: return x == y ? 1 : 0
        case .table(let index):
            let (table, positions) = (tables[index], [x, y])
            guard positions.allSatisfy({ $0 >= 0 && $0 < Double(table.size) }) else { return .nan }
            return table.values[Int(x) * table.size + Int(y)]
        }
    }

    private func quotient(_ row: [Double], _ point: [Double], _ dividend: CountWeights, _ divisor: CountWeights) -> Double {
        guard row.allSatisfy({ $0 == 0 || $0 == 1 }) else { return .nan }
        var (both, onlyRow, onlyPoint, neither) = (0.0, 0.0, 0.0, 0.0)
        for (x, y) in zip(row, point) {
            if x == 1 {
                both += y
                onlyRow += 1 - y
            } else {
                onlyPoint += y
                neither += 1 - y
            }
        }
        func count(_ weights: CountWeights) -> Double {
            both * weights.both + onlyRow * weights.onlyRow + onlyPoint * weights.onlyPoint + neither * weights.neither
        }
        return count(divisor) == 0 ? .nan : count(dividend) / count(divisor)
    }
}

extension PairwiseCoupling {
    /// Wu, Lin and Weng's second method, iterated in float32 as LIBSVM does.
    func probabilities(of pairs: [Double]) -> [Double] {
        let n = classCount
        var r = [[Float]](repeating: [Float](repeating: 0, count: n), count: n)
        var next = 0
        for i in 0..<n {
            for j in i + 1..<max(n, i + 1) {
                r[i][j] = Float(pairs[next])
                r[j][i] = 1 - r[i][j]
                next += 1
            }
        }
        var q = [[Float]](repeating: [Float](repeating: 0, count: n), count: n)
        for i in 0..<n {
            for j in 0..<n where j != i {
                q[i][i] += r[j][i] * r[j][i]
                q[i][j] = j < i ? q[j][i] : -r[j][i] * r[i][j]
            }
        }
        var p = [Float](repeating: 1 / Float(n), count: n)
        for _ in 0..<100 {
            var product = (0..<n).map { i in (0..<n).reduce(Float(0)) { $0 + q[i][$1] * p[$1] } }
            var whole = (0..<n).reduce(Float(0)) { $0 + p[$1] * product[$1] }
            let error = product.reduce(Float(0)) { max($0, abs($1 - whole)) }
            if error < 0.005 / Float(n) { break }
            for i in 0..<n {
                let change = (whole - product[i]) / q[i][i]
                p[i] += change
                whole = (whole + change * (change * q[i][i] + 2 * product[i])) / (1 + change) / (1 + change)
                for j in 0..<n {
                    product[j] = (product[j] + change * q[i][j]) / (1 + change)
                    p[j] /= 1 + change
                }
            }
        }
        return p.map { Double($0) }
    }
}

/// What a mixture says of a row, by recursion.
struct ReferenceMixture {
    private let mixture: TreeMixture
    private let tests: [Double]

    init(_ mixture: TreeMixture, _ frame: ReferenceFrame) {
        self.mixture = mixture
        tests = mixture.nodes.map { frame[$0.test] }
    }

    /// The node that the row ends in, missing where ways part or lead nowhere, and the averages.
    var results: [Double] {
        let nothing = [Double](repeating: .nan, count: mixture.width + 1)
        guard tests[0] == 1 else { return nothing }
        if mixture.weighting == .byBranch {
            guard let arrival = branch(0) else { return nothing }
            return [arrival.node.map { Double($0) } ?? .nan] + arrival.values
        }
        let (nodes, hasParted) = ends(0)
        guard let last = nodes.last else { return nothing }
        var (weight, sums) = (0.0, [Double](repeating: 0, count: mixture.width))
        for node in nodes {
            weight += mixture.nodes[node].weight
            for (column, value) in values(node).enumerated() { sums[column] += value }
        }
        return [hasParted ? .nan : Double(last)] + sums.map { $0 / weight }
    }

    private func children(_ node: Int) -> [Int] {
        var (children, next): ([Int], Int) = ([], node + 1)
        while next < mixture.nodes[node].end {
            children.append(next)
            next = mixture.nodes[next].end
        }
        return children
    }

    private func isOpen(_ node: Int) -> Bool { tests[node] == 1 || tests[node].isNaN }

    private func values(_ node: Int) -> [Double] {
        Array(mixture.results[node * mixture.width..<(node + 1) * mixture.width])
    }

    private func branch(_ node: Int) -> (node: Int?, values: [Double])? {
        let open = children(node).filter(isOpen)
        guard let first = open.first else { return mixture.nodes[node].result.map { ($0, values($0)) } }
        if tests[first] == 1 { return branch(first) }
        var (total, sums, hasArrived) = (0.0, [Double](repeating: 0, count: mixture.width), false)
        for child in open {
            guard let arrival = branch(child) else { continue }
            hasArrived = true
            total += mixture.nodes[child].weight
            for (column, value) in arrival.values.enumerated() { sums[column] += mixture.nodes[child].weight * value }
        }
        guard hasArrived else { return nil }
        return (
            nil,
            sums.enumerated().map { column, sum in
                mixture.penalised.contains(column) ? sum / total * mixture.penalty : sum / total
            }
        )
    }

    private func ends(_ node: Int) -> (nodes: [Int], hasParted: Bool) {
        var (reached, hasParted, isFollowed): ([Int], Bool, Bool) = ([], false, false)
        for child in children(node) where isOpen(child) {
            isFollowed = true
            let part = ends(child)
            reached += part.nodes
            hasParted = hasParted || tests[child].isNaN || part.hasParted
            if tests[child] == 1 { break }
        }
        return isFollowed ? (reached, hasParted) : (mixture.nodes[node].result.map { [$0] } ?? [], false)
    }
}
