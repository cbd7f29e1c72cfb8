import Glibc
import PMML
import Scoring
import Testing

@Suite struct ClusteringTests {
    static let fields = PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("w")

    static let outputs = """
        <Output><OutputField name="cluster"/><OutputField name="id" feature="clusterId"/><OutputField name="shown" feature="predictedDisplayValue"/>
        <OutputField name="entity" feature="entityId" rank="1"/><OutputField name="second" feature="entityId" rank="2"/>
        <OutputField name="fourth" feature="entityId" rank="4"/>
        <OutputField name="best" feature="affinity"/><OutputField name="next" feature="affinity" rank="2"/>
        <OutputField name="winner" feature="clusterAffinity"/>
        <OutputField name="a" feature="affinity" value="A"/><OutputField name="2" feature="clusterAffinity" value="2"/></Output>
        """

    static func cluster(_ attributes: String, _ center: String) -> String {
        "<Cluster \(attributes)><KohonenMap coord1=\"1\"/><Array type=\"real\">\(center)</Array></Cluster>"
    }

    static let clusters =
        cluster("id='A' name='first one'", "0 0 0") + cluster("name='other'", "4 0 2") + cluster("", "1 5 -1")

    static func document(
        _ measure: String, kind: String = "distance", field: (String) -> String = { "<ClusteringField field='\($0)'/>" },
        weights: String = "", clusters: String = clusters, head: String = "modelClass='centerBased'", output: String = outputs
    ) -> String {
        PMMLText.document(
            fields: fields,
            """
            <ClusteringModel functionName="clustering" numberOfClusters="3" \(head)>\(PMMLText.schema("x", "z", "w"))\(output)
            <ComparisonMeasure kind="\(kind)" compareFunction="absDiff">\(measure)</ComparisonMeasure>
            \(["x", "z", "w"].map(field).joined())\(weights)\(clusters)</ClusteringModel>
            """)
    }

    func columns(_ document: String, _ names: [String], _ row: [String: String]) throws -> [String?] {
        let model = try load(document)
        let scores = try score(model, [row])
        return names.map { text(scores, model, row: 0, $0) }
    }

    static let row = ["x": "3", "z": "1", "w": "-2"]

    static let distances: [(String, Double, Double)] = [
        ("<euclidean/>", 14.0.squareRoot(), 18.0.squareRoot()), ("<squaredEuclidean/>", 14, 18), ("<chebychev/>", 3, 4),
        ("<cityBlock/>", 6, 6), ("<minkowski p-parameter='3'/>", pow(36, 1.0 / 3), pow(66, 1.0 / 3)),
    ]

    @Test(arguments: distances)
    func distancesAreThoseOfTheSpecification(_ measure: String, _ a: Double, _ other: Double) throws {
        let names = ["cluster", "id", "shown", "entity", "a", "best", "winner", "2"]
        #expect(
            try columns(Self.document(measure), names, Self.row)
                == ["A", "A", "first one", "A", "\(a)", "\(a)", "\(a)", "\(other)"])
    }

    @Test func clustersAreRankedAndTiesGoToTheFirst() throws {
        // City blocks: 6, 6 and 7.
        let names = ["entity", "second", "fourth", "best", "next"]
        #expect(try columns(Self.document("<cityBlock/>"), names, Self.row) == ["A", "2", "", "6.0", "6.0"])
        #expect(try columns(Self.document("<cityBlock/>"), names, ["x": "1", "z": "5", "w": "0"])[..<2] == ["3", "A"])
        #expect(try columns(Self.document("<cityBlock/>"), ["shown"], ["x": "1", "z": "5", "w": "0"]) == ["3"])
    }

    @Test func fieldsHaveWeightsAndFunctions() throws {
        let functions = [
            "x": "fieldWeight='2'", "z": "compareFunction='delta'", "w": "compareFunction='gaussSim' similarityScale='2'",
        ]
        let document = Self.document("<squaredEuclidean/>", field: { "<ClusteringField field='\($0)' \(functions[$0]!)/>" })
        let similarity = exp(-log(2.0) * 4 / 4)
        #expect(try columns(document, ["a"], Self.row) == ["\(18 + 1 + similarity * similarity)"])
        let equal = Self.document(
            "<cityBlock/>", kind: "similarity", field: { "<ClusteringField field='\($0)' compareFunction='equal'/>" })
        #expect(try columns(equal, ["cluster", "best"], ["x": "1", "z": "5", "w": "0"]) == ["3", "2.0"])
    }

    @Test func fieldsThatAreNoCentersDoNotCount() throws {
        let document = Self.document(
            "<cityBlock/>", field: { "<ClusteringField field='\($0)' isCenterField='\($0 != "z")'/>" },
            clusters: Self.cluster("id='A'", "0 0") + Self.cluster("", "4 0"))
        #expect(try columns(document, ["a", "2"], Self.row) == ["5.0", "3.0"])
    }

    @Test func whatIsMissingIsMadeUpFor() throws {
        let row = ["x": "3", "z": "1"]
        #expect(try columns(Self.document("<squaredEuclidean/>"), ["a"], row) == ["15.0"])
        #expect(try columns(Self.document("<chebychev/>"), ["a"], row) == ["4.5"])
        let weights = "<MissingValueWeights><Array n='3' type='real'>1 3 4</Array></MissingValueWeights>"
        #expect(try columns(Self.document("<squaredEuclidean/>", weights: weights), ["a"], row) == ["20.0"])
        #expect(try columns(Self.document("<euclidean/>"), ["cluster", "best", "a"], [:]) == ["", "", ""])
    }

    static let similarities: [(String, Double, Double)] = [
        // A row of 1 1 0 and centres 1 0 0 and 0 0 1: a11, a10, a01, a00 are 1 1 0 1 and 0 2 1 0.
        ("<simpleMatching/>", 2.0 / 3, 0.0), ("<jaccard/>", 0.5, 0.0), ("<tanimoto/>", 2.0 / 4, 0.0),
        (
            """
            <binarySimilarity c00-parameter="1" c01-parameter="2" c10-parameter="3" c11-parameter="4" d00-parameter="5" d01-parameter="6" d10-parameter="7" d11-parameter="8"/>
            """, 8.0 / 20, 8.0 / 20
        ),
    ]

    @Test(arguments: similarities)
    func similaritiesAreThoseOfTheSpecification(_ measure: String, _ first: Double, _ second: Double) throws {
        let clusters = Self.cluster("id='A'", "1 0 0") + Self.cluster("", "0 0 1")
        let document = Self.document(measure, kind: "similarity", clusters: clusters)
        #expect(
            try columns(document, ["cluster", "a", "2"], ["x": "1", "z": "1", "w": "0"]) == ["A", "\(first)", "\(second)"])
        #expect(try columns(document, ["cluster", "a"], ["x": "1", "z": "1"]) == ["", ""])
        #expect(try columns(document, ["cluster", "a"], ["x": "1", "z": "1", "w": "2"]) == ["", ""])
    }

    @Test func theMostSimilarWins() throws {
        let clusters = Self.cluster("id='A'", "1 0 0") + Self.cluster("", "1 1 1")
        let document = Self.document("<jaccard/>", kind: "similarity", clusters: clusters)
        #expect(try columns(document, ["cluster", "second", "next"], ["x": "1", "z": "1", "w": "0"]) == ["2", "A", "0.5"])
    }

    static let tables: String = {
        let matrix = """
            <Comparisons><Matrix kind="symmetric"><Array type="real">0</Array><Array type="real">0.25 0</Array><Array type="real">1 0.5 0</Array></Matrix></Comparisons>
            """
        return PMMLText.document(
            fields: PMMLText.field("s", "string", "categorical", PMMLText.values("low", "middle", "high")) + PMMLText.field("x"),
            """
            <ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">\(PMMLText.schema("s", "x"))
            <Output><OutputField name="1" feature="affinity" value="1"/><OutputField name="2" feature="affinity" value="2"/></Output>
            <ComparisonMeasure kind="distance"><cityBlock/></ComparisonMeasure>
            <ClusteringField field="s" compareFunction="table">\(matrix)</ClusteringField><ClusteringField field="x"/>
            <Cluster><Array type="string">low 0</Array></Cluster><Cluster><Array type="string">high 1</Array></Cluster></ClusteringModel>
            """)
    }()

    @Test func tablesCompareListedValues() throws {
        let document = Self.tables
        #expect(try columns(document, ["1", "2"], ["s": "middle", "x": "0"]) == ["0.25", "1.5"])
        #expect(try columns(document, ["1", "2"], ["s": "high", "x": "0"]) == ["1.0", "1.0"])
        #expect(try columns(document, ["1", "2"], ["x": "3"]) == ["6.0", "4.0"])
    }

    @Test(arguments: [
        "<Matrix kind='diagonal' offDiagDefault='2'><Array type='real'>0 0 0.5</Array></Matrix>",
        """
        <Matrix nbRows='3' nbCols='3' diagDefault='0' offDiagDefault='2'><MatCell row='3' col='3'>0.5</MatCell></Matrix>
        """,
        "<Matrix><Array type='real'>0 2 2</Array><Array type='real'>2 0 2</Array><Array type='real'>2 2 0.5</Array></Matrix>",
    ])
    func tablesCanBeWrittenInManyWays(_ matrix: String) throws {
        let start = try #require(Self.tables.firstRange(of: "<Matrix")).lowerBound
        let end = try #require(Self.tables.firstRange(of: "</Matrix>")).upperBound
        let document = String(Self.tables[..<start] + matrix + Self.tables[end...])
        #expect(try columns(document, ["1", "2"], ["s": "high", "x": "0"]) == ["2.0", "1.5"])
        #expect(try columns(document, ["1", "2"], ["s": "low", "x": "0"]) == ["0.0", "3.0"])
    }

    @Test(arguments: [
        "<Matrix/>", "<Matrix nbRows='2000000000' nbCols='2000000000'/>",
        "<Matrix kind='diagonal'><Array type='real'>0 0</Array></Matrix>",
        "<Matrix nbRows='3' nbCols='3'><MatCell row='4' col='1'>1</MatCell></Matrix>",
        "<Matrix nbRows='3' nbCols='3'><MatCell row='0' col='1'>1</MatCell></Matrix>",
        "<Matrix nbRows='1'><Array type='real'>0 0</Array><Array type='real'>0 0</Array></Matrix>", "<Matrix kind='other'/>",
    ])
    func tablesThatDoNotFitAreRefused(_ matrix: String) throws {
        let start = try #require(Self.tables.firstRange(of: "<Matrix")).lowerBound
        let end = try #require(Self.tables.firstRange(of: "</Matrix>")).upperBound
        #expect(throws: ScoringError.self) { try load(String(Self.tables[..<start] + matrix + Self.tables[end...])) }
    }

    @Test func theClusterIsThePredictionWithoutOutputs() throws {
        let model = try load(Self.document("<euclidean/>", output: ""))
        #expect(try text(score(model, [Self.row]), model, row: 0, "label") == "A")
        #expect(model.signature.roles.classes == ["A", "2", "3"])
    }

    @Test(arguments: [
        ("modelClass='distributionBased'", "distributionBased"), ("x-mathContext='float' modelClass='centerBased'", "float"),
    ])
    func whatIsNotSupportedIsNamed(_ head: String, _ name: String) {
        let error = #expect(throws: ScoringError.self) { try load(Self.document("<euclidean/>", head: head)) }
        guard case .unsupportedModel(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(name))
    }

    @Test func filesThatContradictThemselvesAreRefused() {
        let e = "<euclidean/>"
        let documents = [
            Self.document(""), Self.document("<minkowski p-parameter='0'/>"), Self.document("<minkowski/>"),
            Self.document("<binarySimilarity c00-parameter='1'/>"), Self.document(e, clusters: ""),
            Self.document(e, clusters: Self.cluster("", "1 2")), Self.document(e, clusters: Self.cluster("", "1 2 NaN")),
            Self.document(e, clusters: Self.cluster("", "1 2 x")),
            Self.document(e, clusters: Self.clusters + Self.cluster("id='A'", "1 1 1")),
            Self.document("<jaccard/>", kind: "similarity"),
            Self.document(e, weights: "<MissingValueWeights><Array type='real'>1 2</Array></MissingValueWeights>"),
            Self.document(e, field: { "<ClusteringField field='\($0)' compareFunction='gaussSim'/>" }),
            Self.document(e, output: "<Output><OutputField name='a' feature='affinity' value='nobody'/></Output>"),
            Self.document(e, output: "<Output><OutputField name='a' feature='affinity' rank='0'/></Output>"),
        ]
        for (index, document) in documents.enumerated() {
            let error = #expect(throws: ScoringError.self, "\(index)") { try load(document) }
            guard case .invalidModel? = error else {
                Issue.record("\(index): \(String(describing: error))")
                continue
            }
        }
    }
}
