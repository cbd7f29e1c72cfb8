internal import Scoring
internal import Tabular

/// Cluster models by centres (PMML 4.4, Cluster Models).
struct ClusteringLowering: PartLowering {
    let context: LoweringContext

    static let maxClusters = 10_000

    func lower(_ model: ClusteringModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard !model.head.isFloat else { throw unsupported("x-mathContext=\"float\" of a ClusteringModel", model.head.place) }
        guard !model.clusters.isEmpty else { throw invalid("<ClusteringModel>: a Cluster is missing", model.head.place) }
        guard model.clusters.count <= Self.maxClusters else {
            throw unsupported("a ClusteringModel of more than \(Self.maxClusters) clusters", model.head.place)
        }
        let fields = model.fields.filter(\.isCenterField)
        if let shares = model.missingValueWeights, shares.count != fields.count {
            throw invalid("there are \(shares.count) MissingValueWeights for \(fields.count) fields", model.head.place)
        }
        for cluster in model.clusters where cluster.center.count != fields.count {
            throw invalid("the cluster has \(cluster.center.count) numbers for \(fields.count) fields", cluster.place)
        }
        var outcome = Outcome()
        // A cluster without an id has its position, counted from 1.
        outcome.entities = model.clusters.enumerated().map { $0.element.id ?? String($0.offset + 1) }
        outcome.entityNames = zip(model.clusters, outcome.entities).map { $0.name ?? $1 }
        guard TextSet(outcome.entities).count == outcome.entities.count else {
            throw invalid("two clusters have the same id", model.head.place)
        }
        let result = try ComparisonLowering(context: context).search(
            ComparisonLowering.Points(texts: model.clusters.map(\.center), places: model.clusters.map(\.place)),
            by: model.measure, fields,
            shares: model.missingValueWeights, places: places(asked: model.head, of: model.clusters.count),
            givesAll: asksForEntities(model.head), in: scope)
        outcome.entity = result.positions[0]
        outcome.ranking = result.positions
        outcome.rankedAffinities = result.values
        outcome.affinities = result.all
        return outcome
    }
}

extension OutputField {
    var isAboutEntities: Bool {
        switch feature {
        case .entityId, .clusterId, .affinity, .entityAffinity, .clusterAffinity: true
        default: false
        }
    }
}
