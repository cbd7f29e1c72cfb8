import Glibc
import PMML
import Scoring
import Testing

@Suite struct AnomalyDetectionTests {
    static let outputs = """
        <Output><OutputField name="score" feature="predictedValue"/><OutputField name="isAnomaly" dataType="boolean" feature="decision">
        <Apply function="greaterThan"><FieldRef field="score"/><Constant dataType="double">0.6</Constant></Apply></OutputField></Output>
        """

    static func document(_ head: String, _ model: String, _ more: String = "", output: String = outputs) -> String {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("c", "string", "categorical", PMMLText.values("a", "b")),
            """
            <AnomalyDetectionModel functionName="regression" \(head)>\(PMMLText.schema("x"))\(output)\(model)\(more)</AnomalyDetectionModel>
            """)
    }

    /// Mean path lengths of 2 below 0, else 8; missing gives nothing.
    static let forest: String = {
        func tree(_ below: Int, _ above: Int) -> String {
            """
            <Segment><True/><TreeModel functionName="regression" missingValueStrategy="nullPrediction">\(PMMLText.schema("x"))<Node><True/>
            <Node score="\(below)"><SimplePredicate field="x" operator="lessThan" value="0"/></Node>
            <Node score="\(above)"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel></Segment>
            """
        }
        return """
            <MiningModel functionName="regression">\(PMMLText.schema("x"))<Segmentation multipleModelMethod="average">\(tree(1, 7) + tree(3, 9))
            </Segmentation></MiningModel>
            """
    }()

    static let machine = """
        <SupportVectorMachineModel functionName="regression">\(PMMLText.schema("x"))<LinearKernelType/>
        <VectorDictionary><VectorFields><FieldRef field="x"/></VectorFields><VectorInstance id="v"><Array type="real">1</Array></VectorInstance></VectorDictionary>
        <SupportVectorMachine><SupportVectors><SupportVector vectorId="v"/></SupportVectors>
        <Coefficients absoluteValue="-1"><Coefficient value="2"/></Coefficients></SupportVectorMachine></SupportVectorMachineModel>
        """

    static let clusters = """
        <ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">\(PMMLText.schema("x"))
        <ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><ClusteringField field="x"/>
        <Cluster><Array type="real">0</Array></Cluster><Cluster><Array type="real">10</Array></Cluster></ClusteringModel>
        """

    func columns(_ document: String, _ names: [String], _ rows: [[String: String]]) throws -> [[String?]] {
        let model = try load(document)
        let scores = try score(model, rows)
        return rows.indices.map { row in names.map { text(scores, model, row: row, $0) } }
    }

    @Test func pathLengthsAreNormalised() throws {
        let average = 2 * (log(255.0) + 0.57721566) - 2 * 255.0 / 256
        let results = try columns(
            Self.document("algorithmType='iforest' sampleDataSize='256'", Self.forest), ["score", "isAnomaly"],
            [["x": "-1"], ["x": "1"], [:]])
        for (result, length) in zip(results, [2.0, 8.0]) {
            let number = try #require(result[0].flatMap { Double($0) })
            #expect(abs(number - pow(2, -length / average)) < 1e-15)
        }
        #expect(results.map { $0[1] } == ["true", "false", ""])
        #expect(results[2][0] == "")
    }

    @Test(arguments: ["ocsvm", "other"])
    func otherScoresAreThoseOfTheModelWithin(_ type: String) throws {
        let results = try columns(
            Self.document("algorithmType='\(type)'", Self.machine), ["score", "isAnomaly"], [["x": "3"], ["x": "0.75"], [:]])
        #expect(results == [["5.0", "true"], ["0.5", "false"], ["", ""]])
    }

    @Test func distancesAreComparedWithTheClustersMean() throws {
        let means = "<MeanClusterDistances><Array type='real'>4 0.5</Array></MeanClusterDistances>"
        let document = Self.document("algorithmType='clusterMeanDist'", Self.clusters, means)
        #expect(try columns(document, ["score"], [["x": "-2"], ["x": "9"], [:]]) == [["0.5"], ["2.0"], [""]])
    }

    @Test func theScoreIsThePrediction() throws {
        let model = try load(Self.document("algorithmType='ocsvm'", Self.machine, output: ""))
        #expect(try text(score(model, [["x": "3"]]), model, row: 0, "prediction") == "5.0")
    }

    @Test func outputsOfTheModelWithinCanBeUsed() throws {
        let machine = Self.machine.replacing(
            "</MiningSchema>", with: "</MiningSchema><Output><OutputField name='inner'/></Output>")
        let output = """
            <Output><OutputField name="negative" feature="transformedValue" dataType="double"><Apply function="*"><FieldRef field="inner"/><Constant>-1</Constant></Apply></OutputField></Output>
            """
        let document = Self.document("algorithmType='ocsvm'", machine, output: output)
        #expect(try columns(document, ["negative"], [["x": "3"]]) == [["-5.0"]])
    }

    @Test func whatCannotBeScoredIsRefused() {
        let iforest = "algorithmType='iforest'"
        let documents = [
            Self.document("", Self.machine), Self.document("algorithmType='lof'", Self.machine),
            Self.document(iforest, Self.forest),
            Self.document(iforest + " sampleDataSize='1'", Self.forest),
            Self.document(iforest + " sampleDataSize='9'", Self.clusters),
            Self.document("algorithmType='clusterMeanDist'", Self.clusters),
            Self.document(
                "algorithmType='clusterMeanDist'", Self.clusters,
                "<MeanClusterDistances><Array type='real'>4</Array></MeanClusterDistances>"),
            Self.document(
                "algorithmType='clusterMeanDist'", Self.machine,
                "<MeanClusterDistances><Array type='real'>4</Array></MeanClusterDistances>"),
            Self.document("algorithmType='ocsvm'", ""), Self.document("algorithmType='ocsvm'", Self.machine + Self.machine),
        ]
        for (index, document) in documents.enumerated() {
            let error = #expect(throws: ScoringError.self, "\(index)") { try load(document) }
            switch error {
            case .invalidModel?, .unsupportedModel?: continue
            default: Issue.record("\(index): \(String(describing: error))")
            }
        }
    }
}
