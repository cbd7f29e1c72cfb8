internal import Scoring
internal import ScoringTestKit
internal import Tabular

/// Draws forests that use every rule of the representation in random combination, and rows that hit their edges.
struct RandomForests {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func forest() -> Forest {
        let comparison: Forest.Comparison = chance(0.5) ? .less : .lessOrEqual
        let outputs = chance(0.6) ? 1 : Int.random(in: 2...4, using: &random)
        var forest = Forest(
            comparison: comparison, inputPrecision: chance(0.5) ? .float32 : .float64,
            sumPrecision: chance(0.5) ? .float32 : .float64, featureCount: Int.random(in: 1...12, using: &random),
            outputCount: outputs, base: (0..<outputs).map { _ in number() })
        forest.baseIsAddedLast = chance(0.3)
        forest.divisor = chance(0.3) ? Double(Int.random(in: 2...30, using: &random)) : 1
        forest.categoryRounding = chance(0.5) ? .refuseNegativeThenTruncate : .truncateThenRefuseNegative
        let categorical = chance(0.4) ? 0.3 : 0
        let linear = chance(0.2)
        let deepest = chance(0.5) ? 5 : 14
        // Threshold values repeat, as they do in histogram-trained trees.
        let thresholds = (0..<Int.random(in: 1...80, using: &random)).map { _ in number() }
        for index in 0..<Int.random(in: 1...40, using: &random) {
            forest.trees.append(
                tree(
                    index, of: forest, depth: Int.random(in: 0...deepest, using: &random), categorical: categorical,
                    linear: linear,
                    thresholds: thresholds))
        }
        return forest
    }

    /// A row near the forest's thresholds, with missing values, zeros, categories and extremes.
    mutating func row(for forest: Forest) -> [Double] {
        var thresholds: [Double] = [0]
        for case .split(let split) in forest.trees.randomElement(using: &random)!.nodes {
            if case .threshold(let threshold) = split.condition { thresholds.append(threshold) }
        }
        let extremes: [Double] = [
            .nan, .infinity, -.infinity, 0, -0.0, 1e-35, 2e-35, -1e-36, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 3.4e38,
            1e300,
        ]
        return (0..<forest.featureCount).map { _ in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: extremes.randomElement(using: &random)!
            case 1: thresholds.randomElement(using: &random)!
            case 2: thresholds.randomElement(using: &random)!.nextUp
            case 3: thresholds.randomElement(using: &random)!.nextDown
            case 4: Double(Int.random(in: -2...70, using: &random))
            case 5: Double(Int.random(in: -2...70, using: &random)) + 0.7
            default: number()
            }
        }
    }

    private mutating func tree(
        _ index: Int, of forest: Forest, depth: Int, categorical: Double, linear: Bool, thresholds: [Double]
    ) -> Forest.Tree {
        var tree = Forest.Tree()
        tree.output = index % forest.outputCount
        tree.valueWidth = forest.outputCount > 1 && chance(0.3) ? forest.outputCount : 1
        let rules: [Forest.Missing] = chance(0.5) ? [.nan] : [.nan, .zeroOrNaN, .none]
        // Nodes are appended as they are split, so that children follow their parents.
        tree.nodes = [.leaf(0)]
        var open = [(node: 0, depth: 0)]
        while let (node, level) = open.popLast() {
            guard level < depth, level == 0 || chance(depth > 6 ? 0.75 : 0.9) else {
                if !tree.values.isEmpty, chance(0.1) {
                    tree.nodes[node] = .leaf(Int.random(in: 0..<tree.distinctLeafCount, using: &random))
                    continue
                }
                tree.nodes[node] = .leaf(tree.distinctLeafCount)
                for _ in 0..<tree.valueWidth { tree.values.append(number()) }
                if linear && tree.valueWidth == 1 { tree.linearLeaves.append(linearLeaf(features: forest.featureCount)) }
                continue
            }
            let left = tree.nodes.count
            let condition: Forest.Condition
            if chance(categorical) {
                condition = .categories(tree.categorySets.count)
                let words = (0..<Int.random(in: 1...2, using: &random)).map { _ in
                    UInt32.random(in: 0...UInt32.max, using: &random)
                }
                tree.categorySets.append(Forest.CategorySet(words: words))
            } else {
                condition = .threshold(thresholds.randomElement(using: &random)!)
            }
            tree.nodes[node] = .split(
                Forest.Split(
                    feature: Int.random(in: 0..<forest.featureCount, using: &random), condition: condition,
                    missing: rules.randomElement(using: &random)!, missingGoesLeft: chance(0.5), left: left, right: left + 1))
            tree.nodes += [.leaf(0), .leaf(0)]
            open += [(left, level + 1), (left + 1, level + 1)]
        }
        return tree
    }

    private mutating func linearLeaf(features: Int) -> Forest.LinearLeaf {
        let used = (0..<Int.random(in: 0...3, using: &random)).map { _ in Int.random(in: 0..<features, using: &random) }
        return Forest.LinearLeaf(constant: number(), features: used, coefficients: used.map { _ in number() })
    }

    private mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }

    /// A float32 value, a double that is none, or an integer.
    private mutating func number() -> Double {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: Double.random(in: -3...3, using: &random)
        case 1: Double(Int.random(in: -4...4, using: &random))
        default: Double(Float.random(in: -2...2, using: &random))
        }
    }
}
