internal import Scoring

package struct AnomalyDetectionModel {
    package enum AlgorithmType: String { case iforest, ocsvm, clusterMeanDist, other }

    package var head: ModelHeader
    package var algorithmType: AlgorithmType
    /// How many rows each tree of an isolation forest was trained on.
    package var sampleDataSize: Double?
    package var model: Model
    /// One a cluster.
    package var meanClusterDistances: [Double]?
}

extension ElementReader {
    mutating func anomalyDetectionModel() throws(ScoringError) -> AnomalyDetectionModel {
        let type: AnomalyDetectionModel.AlgorithmType = try requiredChoice("algorithmType")
        let size = try double("sampleDataSize")
        var head = try modelHead()
        var (model, distances): (Model?, [Double]?) = (nil, nil)
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &head) { return }
            if tag == .MeanClusterDistances {
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .Array || tag == .NUM_ARRAY else { throw reader.unsupported() }
                    distances = try reader.numberArray()
                }
            } else if model == nil, let found = try reader.model(tag) {
                model = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let model else {
            throw .invalidModel(reason: "<AnomalyDetectionModel>: the model is missing", place: xml.place(of: Int(head.place)))
        }
        return AnomalyDetectionModel(
            head: head, algorithmType: type, sampleDataSize: size, model: model, meanClusterDistances: distances)
    }
}
