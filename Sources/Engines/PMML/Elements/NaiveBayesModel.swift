internal import Scoring

package struct NaiveBayesModel {
    /// How often each category of the target was seen.
    package typealias Counts = [(category: String, count: Double)]

    package enum Distribution {
        case gaussian(mean: Double, variance: Double)
        case poisson(mean: Double)
    }

    package struct Input {
        package var field: String
        /// Makes categories of numbers.
        package var derived: DerivedField?
        package var pairs: [(value: String, counts: Counts)] = []
        package var distributions: [(category: String, distribution: Distribution)] = []
        package var place: Place
    }

    package var head: ModelHeader
    /// What a probability of zero becomes.
    package var threshold: Double
    package var inputs: [Input] = []
    package var targetField: String?
    package var counts: Counts = []
}

extension ElementReader {
    mutating func naiveBayesModel() throws(ScoringError) -> NaiveBayesModel {
        var model = NaiveBayesModel(head: try modelHead(), threshold: try requiredDouble("threshold"))
        guard model.threshold >= 0, model.threshold.isFinite else { throw invalid("the threshold is negative") }
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            switch tag {
            case .BayesInputs: try reader.bayesInputs { model.inputs.append($0) }
            case .BayesOutput:
                model.targetField = try reader.string("fieldName")
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .TargetValueCounts else { throw reader.unsupported() }
                    model.counts = try reader.targetValueCounts()
                }
            default: throw reader.unsupported()
            }
        }
        guard !model.counts.isEmpty else {
            throw .invalidModel(
                reason: "<NaiveBayesModel>: the BayesOutput is missing or empty", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    /// Before 4.2, inputs with distributions were written as extensions; they are read like the others.
    private mutating func bayesInputs(_ collect: (NaiveBayesModel.Input) -> Void) throws(ScoringError) {
        let depth = xml.depth
        while true {
            switch try nextEvent() {
            case .start where tag == .Extension: continue
            case .start where tag == .BayesInput:
                let inner = xml.depth
                collect(try bayesInput())
                try skip(to: inner - 1)
            case .start:
                guard xml.depth > depth + 1 || xml.isForeign else { throw unsupported() }
                try skip(to: xml.depth - 1)
            case .end: if xml.depth < depth { return }
            case .text: continue
            case .finish: return
            }
        }
    }

    private mutating func bayesInput() throws(ScoringError) -> NaiveBayesModel.Input {
        var input = NaiveBayesModel.Input(field: try required("fieldName"), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .DerivedField: input.derived = try reader.derivedField()
            case .PairCounts:
                let value = try reader.required("value")
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .TargetValueCounts else { throw reader.unsupported() }
                    input.pairs.append((value, try reader.targetValueCounts()))
                }
            case .TargetValueStats:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .TargetValueStat else { throw reader.unsupported() }
                    input.distributions.append((try reader.required("value"), try reader.targetDistribution()))
                }
            default: throw reader.unsupported()
            }
        }
        guard input.pairs.isEmpty != input.distributions.isEmpty else {
            throw .invalidModel(
                reason: "<BayesInput>: either PairCounts or TargetValueStats are needed", place: xml.place(of: Int(input.place)))
        }
        return input
    }

    private mutating func targetValueCounts() throws(ScoringError) -> NaiveBayesModel.Counts {
        var counts: NaiveBayesModel.Counts = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .TargetValueCount else { throw reader.unsupported() }
            let count = try reader.requiredDouble("count")
            guard count >= 0, count.isFinite else { throw reader.invalid("the count is negative") }
            counts.append((try reader.required("value"), count))
        }
        return counts
    }

    private mutating func targetDistribution() throws(ScoringError) -> NaiveBayesModel.Distribution {
        let place = place
        var distribution: NaiveBayesModel.Distribution?
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .GaussianDistribution:
                let variance = try reader.requiredDouble("variance")
                guard variance > 0 else { throw reader.invalid("the variance must be positive") }
                distribution = .gaussian(mean: try reader.requiredDouble("mean"), variance: variance)
            case .PoissonDistribution:
                let mean = try reader.requiredDouble("mean")
                guard mean > 0 else { throw reader.invalid("the mean must be positive") }
                distribution = .poisson(mean: mean)
            default: throw reader.unsupported()
            }
        }
        guard let distribution else {
            throw .invalidModel(reason: "<TargetValueStat>: the distribution is missing", place: xml.place(of: Int(place)))
        }
        return distribution
    }
}
