internal import Scoring

package struct NearestNeighborModel {
    package enum ContinuousScoring: String { case median, average, weightedAverage }
    package enum CategoricalScoring: String { case majorityVote, weightedMajorityVote }

    /// A column of the training instances.
    package struct InstanceField {
        package var field: String
        package var column: String
        package var place: Place
    }

    package var head: ModelHeader
    package var neighborCount: Int
    package var continuousScoring: ContinuousScoring
    package var categoricalScoring: CategoricalScoring
    /// What is added to distances before they become weights.
    package var threshold: Double
    package var instanceIDVariable: String?
    package var instanceFields: [InstanceField] = []
    package var table = InlineTable()
    package var measure: ComparisonMeasure
    package var inputs: [ComparisonField] = []
}

extension ElementReader {
    mutating func nearestNeighborModel() throws(ScoringError) -> NearestNeighborModel {
        guard let count = try integer("numberOfNeighbors") else { throw invalid("the attribute 'numberOfNeighbors' is missing") }
        var model = NearestNeighborModel(
            head: try modelHead(), neighborCount: count, continuousScoring: try choice("continuousScoringMethod", or: .average),
            categoricalScoring: try choice("categoricalScoringMethod", or: .majorityVote),
            threshold: try double("threshold", or: 0.001), instanceIDVariable: try string("instanceIdVariable"),
            measure: ComparisonMeasure(kind: .distance, compareFunction: .absDiff, measure: .euclidean, place: place))
        var hasMeasure = false
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            switch tag {
            case .TrainingInstances: try reader.trainingInstances(into: &model)
            case .ComparisonMeasure:
                model.measure = try reader.comparisonMeasure()
                hasMeasure = true
            case .KNNInputs:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .KNNInput else { throw reader.unsupported() }
                    model.inputs.append(try reader.comparisonField())
                }
            default: throw reader.unsupported()
            }
        }
        guard hasMeasure else {
            throw .invalidModel(
                reason: "<NearestNeighborModel>: the ComparisonMeasure is missing", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    private mutating func trainingInstances(into model: inout NearestNeighborModel) throws(ScoringError) {
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .InstanceFields:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .InstanceField else { throw reader.unsupported() }
                    let field = try reader.required("field")
                    model.instanceFields.append(
                        .init(field: field, column: try reader.sharedString("column") ?? field, place: reader.place))
                }
            case .InlineTable: model.table = try reader.inlineTable()
            default: throw reader.unsupported()
            }
        }
    }
}
