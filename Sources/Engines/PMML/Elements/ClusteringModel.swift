internal import Scoring

package struct ClusteringModel {
    package enum ModelClass: String { case centerBased }

    package struct Cluster {
        package var id: String?
        package var name: String?
        /// The centre, as texts.
        package var center: [String]
        package var place: Place
    }

    package var head: ModelHeader
    package var measure: ComparisonMeasure
    package var fields: [ComparisonField] = []
    package var missingValueWeights: [Double]?
    package var clusters: [Cluster] = []
}

extension ElementReader {
    mutating func clusteringModel() throws(ScoringError) -> ClusteringModel {
        let _: ClusteringModel.ModelClass = try choice("modelClass", or: .centerBased)
        var head = try modelHead()
        var (measure, fields): (ComparisonMeasure?, [ComparisonField]) = (nil, [])
        var (weights, clusters): ([Double]?, [ClusteringModel.Cluster]) = (nil, [])
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &head) { return }
            switch tag {
            case .ComparisonMeasure: measure = try reader.comparisonMeasure()
            case .ClusteringField: fields.append(try reader.comparisonField())
            case .MissingValueWeights:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .Array || tag == .NUM_ARRAY else { throw reader.unsupported() }
                    weights = try reader.numberArray()
                }
            case .Cluster: clusters.append(try reader.cluster())
            default: throw reader.unsupported()
            }
        }
        guard let measure else {
            throw .invalidModel(
                reason: "<ClusteringModel>: the ComparisonMeasure is missing", place: xml.place(of: Int(head.place)))
        }
        return ClusteringModel(
            head: head, measure: measure, fields: fields, missingValueWeights: weights, clusters: clusters)
    }

    private mutating func cluster() throws(ScoringError) -> ClusteringModel.Cluster {
        var cluster = ClusteringModel.Cluster(id: try string("id"), name: try string("name"), center: [], place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Array, .NUM_ARRAY: cluster.center = try reader.array()
            case .KohonenMap, .Partition, .Covariances: break
            default: throw reader.unsupported()
            }
        }
        return cluster
    }
}
