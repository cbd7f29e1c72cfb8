internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

@Suite struct MetadataDocumentsTests {
    private let entries = [
        RepositoryEntry(name: "a", version: "1", state: .ready), RepositoryEntry(name: "a", version: "2", state: .loading),
        RepositoryEntry(name: "b", version: "1", state: .unavailable, reason: "golden.csv \"row\" 3"),
    ]

    private func written(_ body: (inout ByteSink) -> Void) throws -> JSONValue {
        var sink = ByteSink()
        body(&sink)
        return try JSONValue(sink.array)
    }

    @Test func modelMetadataNamesEveryTensorThatAnAnswerHas() throws {
        let served = try serve("m", version: 2, .classifier(), rule: FakeRule())
        let json = try written { MetadataDocuments.model(served, versions: ["1", "2"], into: &$0) }
        #expect(json["name"] == "m")
        #expect(json["versions"] == ["1", "2"])
        #expect(json["platform"] == "verdict_native")
        #expect(json["inputs"]?[0] == ["name": "amount", "datatype": "FP64", "shape": [-1, 1]])
        #expect(json["inputs"]?.count == 2)
        let body = #"{"inputs": [{"name": "x", "shape": [3, 2], "datatype": "FP64", "data": [0, 0, 0, 0, 0, 0]}]}"#
        let answer = try Counter([served]).post("/v2/models/m/infer", body).json
        #expect(json["outputs"]?.count == answer["outputs"]?.count)
        for index in 0..<(json["outputs"]?.count ?? 0) {
            let (described, given) = (json["outputs"]?[index], answer["outputs"]?[index])
            #expect(described?["name"] == given?["name"])
            #expect(described?["datatype"] == given?["datatype"])
            #expect(described?["shape"]?.count == given?["shape"]?.count)
            #expect(described?["shape"]?[0] == -1)
            #expect(described?["shape"]?[1] == given?["shape"]?[1])
        }
    }

    @Test func inputsAreDescribedByTheirKind() throws {
        let fields = [
            Field("n"), Field("i", .integer), Field("b", .boolean), Field("c", .category(CategoryLevels(["x"]))),
            Field("t", .text),
        ]
        let served = try serve("m", .summing(fields))
        let json = try written { MetadataDocuments.model(served, versions: ["1"], into: &$0) }
        let types = (0..<5).map { json["inputs"]?[$0]?["datatype"]?.text }
        #expect(types == ["FP64", "INT64", "BOOL", "BYTES", "BYTES"])
    }

    @Test func healthIsToldInKServesWords() throws {
        #expect(try written { MetadataDocuments.live(true, into: &$0) } == ["live": true])
        #expect(try written { MetadataDocuments.ready(false, into: &$0) } == ["ready": false])
        let name = try #require(ModelName("m"))
        #expect(try written { MetadataDocuments.modelReady(name, true, into: &$0) } == ["name": "m", "ready": true])
        let server = try written { MetadataDocuments.server(version: "0.1", into: &$0) }
        #expect(server == ["name": "verdict", "version": "0.1", "extensions": ["model_repository"]])
        let health = try written { MetadataDocuments.health(isReady: true, entries: entries, into: &$0) }
        #expect(health["status"] == "ok")
        #expect(health["versions"] == ["ready": 1, "loading": 1, "unavailable": 1])
        #expect(health["warning"] == nil)
        let starting = try written { MetadataDocuments.health(isReady: false, entries: [], into: &$0) }
        #expect(starting["ready"] == false && starting["warning"] == nil)
        let empty = try written { MetadataDocuments.health(isReady: true, entries: [], into: &$0) }
        #expect(empty["status"] == "ok" && empty["warning"] == "the model repository is empty")
        let lost = try written { MetadataDocuments.health(isReady: true, entries: entries, problem: "gone \"now\"", into: &$0) }
        #expect(lost["status"] == "ok" && lost["warning"] == "gone \"now\"")
    }

    @Test func theIndexListsEveryVersion() throws {
        let json = try written { MetadataDocuments.index(entries, into: &$0) }
        #expect(json.count == 3)
        #expect(json[2] == ["name": "b", "version": "1", "state": "UNAVAILABLE", "reason": "golden.csv \"row\" 3"])
        #expect(try written { MetadataDocuments.index([], into: &$0) } == [])
    }

    @Test func modelsAreListedOnceWithTheirVersions() throws {
        let json = try written { MetadataDocuments.models(entries, into: &$0) }
        #expect(
            json == [
                "models": [
                    [
                        "name": "a", "ready": true,
                        "versions": [["version": "1", "state": "READY"], ["version": "2", "state": "LOADING"]],
                    ],
                    [
                        "name": "b", "ready": false,
                        "versions": [["version": "1", "state": "UNAVAILABLE", "reason": "golden.csv \"row\" 3"]],
                    ],
                ]
            ])
        #expect(try written { MetadataDocuments.models([], into: &$0) } == ["models": []])
    }

    @Test func repositoryOrdersAreChecked() throws {
        func bytes<Result>(
            _ text: String, _ body: (UnsafeBufferPointer<UInt8>) throws(ScoringError) -> Result
        ) throws(ScoringError) -> Result {
            try Array(text.utf8).withUnsafeBufferPointer { buffer throws(ScoringError) in try body(buffer) }
        }
        #expect(try bytes("", MetadataDocuments.asksForReadyOnly) == false)
        #expect(try bytes("{}", MetadataDocuments.asksForReadyOnly) == false)
        #expect(try bytes(#"{"ready": true}"#, MetadataDocuments.asksForReadyOnly))
        #expect(throws: ScoringError.self) { try bytes("[", MetadataDocuments.asksForReadyOnly) }
        try bytes("", MetadataDocuments.checkOrder)
        try bytes(#"{"parameters": {"unload_dependents": false}}"#, MetadataDocuments.checkOrder)
        #expect(throws: ScoringError.self) { try bytes(#"{"parameters": {"config": "{}"}}"#, MetadataDocuments.checkOrder) }
    }
}
