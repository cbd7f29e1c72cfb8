internal import Glibc
internal import Scoring
internal import Tabular

/// Anomaly detection: the score of a model within, normalised (PMML 4.4, Anomaly Detection Models).
struct AnomalyDetectionLowering: PartLowering {
    let context: LoweringContext

    func lower(_ model: AnomalyDetectionModel, in scope: Scope) throws(ScoringError) -> Outcome {
        let inner = try lower(model.model, in: scope)
        for field in inner.outputs { scope[field.name] = .known(field.value) }
        let score: Formula.Operand
        switch model.algorithmType {
        case .iforest: score = try isolation(of: number(inner, model), model)
        case .ocsvm, .other: score = try number(inner, model)
        case .clusterMeanDist: score = try clusterDistance(inner, model)
        }
        var outcome = regressionOutcome(score, model.head)
        outcome.entity = inner.entity
        outcome.entities = inner.entities
        outcome.entityNames = inner.entityNames
        return outcome
    }

    private func number(_ inner: Outcome, _ model: AnomalyDetectionModel) throws(ScoringError) -> Formula.Operand {
        guard let value = inner.value else {
            throw unsupported(
                "algorithmType=\"\(model.algorithmType.rawValue)\" with a model that is no regression", model.head.place)
        }
        return value.operand
    }

    /// 2 ^ (-h / c(n)), where h is the mean path length, n the sample size and c(n) what a search in a tree of n
    /// takes on average: 2 H(n - 1) - 2 (n - 1) / n, with H(x) about ln x + 0.57721566.
    private func isolation(of length: Formula.Operand, _ model: AnomalyDetectionModel) throws(ScoringError) -> Formula.Operand {
        guard let n = model.sampleDataSize, n >= 2, n < .infinity else {
            throw invalid("an isolation forest needs a sampleDataSize of at least 2", model.head.place)
        }
        let average = 2 * (log(n - 1) + 0.57721566) - 2 * (n - 1) / n
        let exponent = builder.apply(.subtract, constant(0), builder.apply(.divide, length, constant(average)))
        return builder.apply(.power, constant(2), exponent)
    }

    /// The distance from the nearest cluster's centre over that cluster's mean distance.
    private func clusterDistance(_ inner: Outcome, _ model: AnomalyDetectionModel) throws(ScoringError) -> Formula.Operand {
        guard case .clustering = model.model, let cluster = inner.entity, let distance = inner.rankedAffinities.first else {
            throw unsupported("algorithmType=\"clusterMeanDist\" with a model that is no ClusteringModel", model.head.place)
        }
        guard let means = model.meanClusterDistances, means.count == inner.entities.count else {
            throw invalid("the MeanClusterDistances must be one a cluster", model.head.place)
        }
        let entries = means.enumerated().map { (Double($0.offset), $0.element) }
        return builder.apply(
            .divide, distance, builder.look(up: cluster, in: table(entries, other: .nan, missing: .nan)))
    }
}
