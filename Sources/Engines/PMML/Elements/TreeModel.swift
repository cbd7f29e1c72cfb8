internal import Scoring

package struct TreeModel {
    package enum MissingValueStrategy: String {
        case lastPrediction, nullPrediction, defaultChild, weightedConfidence, aggregateNodes, none
    }

    package enum NoTrueChildStrategy: String { case returnNullPrediction, returnLastPrediction }

    package struct Node {
        package var id: String?
        package var score: String?
        package var recordCount: Double?
        package var defaultChild: String?
        package var predicate: Predicate
        /// The node's slice of `distributions`.
        package var distribution: Range<Int32>
        /// Where the subtree of this node ends in `nodes`; the first child, if any, follows the node.
        package var end: Int32
        package var place: Place
    }

    package struct ScoreDistribution {
        package var value: String
        package var recordCount: Double?
        package var confidence: Double?
        package var probability: Double?

        /// The probabilities that a distribution gives, which add up to 1: its own where it has them for every
        /// category, else its shares of the records.
        package static func shares<Entries: Collection<ScoreDistribution>>(_ entries: Entries) -> [Double] {
            guard entries.allSatisfy({ $0.probability != nil }) else {
                let total = entries.reduce(0) { $0 + ($1.recordCount ?? 0) }
                return entries.map { $0.probability ?? ($0.recordCount ?? 0) / total }
            }
            let total = entries.reduce(0) { $0 + $1.probability! }
            return entries.map { total == 1 ? $0.probability! : $0.probability! / total }
        }
    }

    package var head: ModelHeader
    package var missingValueStrategy: MissingValueStrategy
    package var missingValuePenalty: Double
    package var noTrueChildStrategy: NoTrueChildStrategy
    package var isBinary: Bool
    /// In the order of the file: a node, then its subtrees.
    package var nodes: [Node] = []
    package var distributions: [ScoreDistribution] = []

    /// The children of a node, in order.
    package func children(of node: Int) -> [Int] {
        var children: [Int] = []
        var next = node + 1
        while next < Int(nodes[node].end) {
            children.append(next)
            next = Int(nodes[next].end)
        }
        return children
    }

    package func distribution(of node: Int) -> ArraySlice<ScoreDistribution> {
        distributions[Int(nodes[node].distribution.lowerBound)..<Int(nodes[node].distribution.upperBound)]
    }

    /// For every node the last one on the way to it, itself included, that predicts something; nil if none does.
    package var scoredNodes: [Int?] {
        var scored = [Int?](repeating: nil, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            if node.score != nil || !node.distribution.isEmpty { scored[index] = index }
            for child in children(of: index) { scored[child] = scored[index] }
        }
        return scored
    }
}

extension ElementReader {
    mutating func treeModel() throws(ScoringError) -> TreeModel {
        var model = TreeModel(
            head: try modelHead(), missingValueStrategy: try choice("missingValueStrategy", or: .none),
            missingValuePenalty: try double("missingValuePenalty", or: 1),
            noTrueChildStrategy: try choice("noTrueChildStrategy", or: .returnNullPrediction),
            isBinary: try string("splitCharacteristic") == "binarySplit")
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            guard tag == .Node, model.nodes.isEmpty else { throw reader.unsupported() }
            try reader.readNodes(into: &model)
        }
        guard !model.nodes.isEmpty else {
            throw .invalidModel(reason: "<TreeModel>: the Node is missing", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    /// Reads the current `Node` with its subtrees. A loop, because trees can be deep.
    private mutating func readNodes(into model: inout TreeModel) throws(ScoringError) {
        var open: [Int] = []
        try beginNode(in: &model, open: &open)
        while let current = open.last {
            switch try nextEvent() {
            case .text: continue
            case .finish: return
            case .end:
                model.nodes[current].end = Int32(model.nodes.count)
                open.removeLast()
            case .start:
                let depth = xml.depth - 1
                switch tag {
                case .Node where !xml.isForeign:
                    try beginNode(in: &model, open: &open)
                    continue
                case .Extension, .Partition: break
                case .ScoreDistribution:
                    model.distributions.append(try scoreDistribution())
                    let range = model.nodes[current].distribution
                    guard Int(range.upperBound) == model.distributions.count - 1 || range.isEmpty else {
                        throw invalid("a ScoreDistribution must not follow a child Node")
                    }
                    let end = Int32(model.distributions.count)
                    model.nodes[current].distribution = (range.isEmpty ? end - 1 : range.lowerBound)..<end
                default:
                    guard !xml.isForeign else { break }
                    guard let predicate = try predicate(tag) else { throw unsupported() }
                    model.nodes[current].predicate = predicate
                }
                try skip(to: depth)
            }
        }
    }

    /// What the current `ScoreDistribution` says of one category.
    mutating func scoreDistribution() throws(ScoringError) -> TreeModel.ScoreDistribution {
        let distribution = TreeModel.ScoreDistribution(
            value: try required("value"), recordCount: try double("recordCount"), confidence: try double("confidence"),
            probability: try double("probability"))
        if let probability = distribution.probability, !(0...1).contains(probability) {
            throw invalid("the attribute 'probability' is not within 0 and 1")
        }
        if let count = distribution.recordCount, !(count >= 0) { throw invalid("the attribute 'recordCount' is negative") }
        return distribution
    }

    private mutating func beginNode(in model: inout TreeModel, open: inout [Int]) throws(ScoringError) {
        open.append(model.nodes.count)
        model.nodes.append(
            TreeModel.Node(
                id: try string("id"), score: try string("score"), recordCount: try double("recordCount"),
                defaultChild: try string("defaultChild"), predicate: .always, distribution: 0..<0, end: 0, place: place))
    }
}
