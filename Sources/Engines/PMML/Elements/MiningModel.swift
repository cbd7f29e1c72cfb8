internal import Scoring

/// A model made of models.
package struct MiningModel {
    package enum Method: String {
        case majorityVote, weightedMajorityVote, average, weightedAverage, median, max, sum, weightedSum, selectFirst, selectAll
        case modelChain
        case weightedMedian, xWeightedSum = "x-weightedSum"
        /// Vendor method of JPMML: a chain of which every model gives results.
        case multiModelChain = "x-multiModelChain"

        package var isVote: Bool { self == .majorityVote || self == .weightedMajorityVote }

        /// Whether the segments' weights count.
        package var isWeighted: Bool {
            switch self {
            case .weightedMajorityVote, .weightedAverage, .weightedSum, .xWeightedSum, .weightedMedian: true
            default: false
            }
        }
    }

    package enum MissingPrediction: String { case `continue`, skipSegment, returnMissing }

    package struct Segment {
        package var id: String?
        package var weight: Double
        package var predicate: Predicate
        package var model: Model
        package var place: Place
    }

    package var head: ModelHeader
    package var method: Method
    package var missingPrediction: MissingPrediction
    package var missingThreshold: Double
    package var segments: [Segment] = []

    /// Whether the result of a segment that predicts this field is one of the model's own results: in a chain whose models all
    /// give results, and for the targets of a chain that lists several.
    func showsTarget(_ name: String) -> Bool {
        if method == .multiModelChain { return true }
        let targets = head.miningSchema.filter(\.usage.isTarget)
        return method == .modelChain && targets.count > 1 && targets.contains { $0.name == name }
    }
}

extension ElementReader {
    mutating func miningModel() throws(ScoringError) -> MiningModel {
        var model = MiningModel(head: try modelHead(), method: .selectFirst, missingPrediction: .continue, missingThreshold: 1)
        var hasSegmentation = false
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            guard tag == .Segmentation, !hasSegmentation else { throw reader.unsupported() }
            hasSegmentation = true
            model.method = try reader.requiredChoice("multipleModelMethod")
            model.missingPrediction = try reader.choice("missingPredictionTreatment", or: .continue)
            if let vendor: MiningModel.MissingPrediction = try reader.choice("x-missingPredictionTreatment") {
                model.missingPrediction = vendor
            }
            model.missingThreshold = try reader.double("missingThreshold", or: 1)
            guard (0...1).contains(model.missingThreshold) else {
                throw reader.invalid("the attribute 'missingThreshold' is not within 0 and 1")
            }
            try reader.children { (reader, tag) throws(ScoringError) in
                guard tag == .Segment else { throw reader.unsupported() }
                model.segments.append(try reader.segment())
            }
        }
        guard !model.segments.isEmpty else {
            throw .invalidModel(reason: "<MiningModel>: a Segment is missing", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    private mutating func segment() throws(ScoringError) -> MiningModel.Segment {
        let (place, id, weight) = (place, try string("id"), try double("weight", or: 1))
        guard weight.isFinite else { throw invalid("the attribute 'weight' is no finite number") }
        var (predicate, model): (Predicate?, Model?) = (nil, nil)
        try children { (reader, tag) throws(ScoringError) in
            if let found = try reader.predicate(tag) {
                predicate = found
            } else if let found = try reader.model(tag) {
                model = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let model else { throw .invalidModel(reason: "<Segment>: the model is missing", place: xml.place(of: Int(place))) }
        guard let predicate else {
            throw .invalidModel(reason: "<Segment>: the predicate is missing", place: xml.place(of: Int(place)))
        }
        return MiningModel.Segment(id: id, weight: weight, predicate: predicate, model: model, place: place)
    }
}
