import PMML
import Scoring
import Testing

/// Damaged models of vectors, clusters and neighbours give an error or a model, never a crash or a hang.
@Suite struct VectorModelFuzzTests {
    static let documents: [String] = [
        SupportVectorMachineTests.regression(
            "<SigmoidKernelType gamma='0.5' coef0='-1'/>",
            SupportVectorMachineTests.machine(SupportVectorMachineTests.terms, 0.125)),
        SupportVectorMachineTests.classification(
            "classificationMethod='OneAgainstOne' threshold='0.5'",
            SupportVectorMachineTests.line(0, "targetCategory='yes' alternateTargetCategory='no'"),
            SupportVectorMachineTests.line(1, "targetCategory='yes' alternateTargetCategory='maybe'")),
        ClusteringTests.document(
            "<minkowski p-parameter='3'/>", weights: "<MissingValueWeights><Array>1 2 3</Array></MissingValueWeights>"),
        ClusteringTests.document(
            "<jaccard/>", kind: "similarity",
            clusters: ClusteringTests.cluster("id='A'", "1 0 0") + ClusteringTests.cluster("id='2'", "0 1 1")),
        ClusteringTests.tables,
        NearestNeighborTests.document(
            ["y", "c"], "numberOfNeighbors='3' instanceIdVariable='name' continuousScoringMethod='weightedAverage'",
            function: "mixed",
            output: NearestNeighborTests.outputs),
        AnomalyDetectionTests.document(
            "algorithmType='clusterMeanDist'", AnomalyDetectionTests.clusters,
            "<MeanClusterDistances><Array type='real'>4 0.5</Array></MeanClusterDistances>"),
        AnomalyDetectionTests.document("algorithmType='iforest' sampleDataSize='256'", AnomalyDetectionTests.forest),
    ]

    @Test(arguments: documents.indices)
    func damagedFilesGiveAnErrorOrAModel(_ index: Int) throws {
        let sample = Array(Self.documents[index].utf8)
        #expect(throws: Never.self) { try PMMLFormat().load(.file(name: "sample", bytes: sample), options: LoadOptions()) }
        var random = FuzzTests.Random(state: UInt64(index) * 77 + 5)
        var (models, errors) = (0, 0)
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        for _ in 0..<FuzzTests.rounds / 5 {
            let mutation = FuzzTests.mutate(sample, &random)
            do throws(ScoringError) {
                let model = try PMMLFormat().load(.file(name: "sample", bytes: mutation), options: LoadOptions())
                models += 1
                batch.reset(width: model.signature.inputs.count)
                for value in [Double.nan, 0, 1, -1, 1e300, -Double.infinity] {
                    let row = batch.addRow()
                    for column in model.signature.inputs.indices { batch.set(value, row: row, column: column) }
                }
                try model.score(batch, into: scores, using: workspace)
                for row in 0..<6 {
                    for (column, output) in model.signature.outputs.enumerated() {
                        guard case .category(let labels) = output.kind, !scores[row, column].isNaN else { continue }
                        #expect(scores[row, column] >= 0 && Int(scores[row, column]) < labels.count)
                    }
                }
            } catch {
                errors += 1
                switch error {
                case .invalidModel, .unsupportedModel, .refusedModel: break
                default: Issue.record("\(error)")
                }
            }
        }
        #expect(models > 0 && errors > 0)
    }
}
