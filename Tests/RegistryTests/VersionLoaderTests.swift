internal import Foundation
internal import Glibc
internal import Registry
internal import Scoring
internal import Testing

/// What stands between a folder and serving: formats, sizes, model.yaml against the model, the model's own examples.
@Suite struct VersionLoaderTests {
    @Test func theFormatIsSniffedFromTheContent() throws {
        let loaded = try load(["model.onnx": "sum 2"])
        #expect(loaded.format == "Fake" && loaded.byteCount == 5 && loaded.goldenRows == 0)
    }

    @Test func aFolderCanBeTheModel() throws {
        #expect(try load(["saved/fake.folder": "", "saved/weights/1": "x", "README.md": ""]).format == "Fake")
    }

    @Test func theVersionsFolderItselfCanBeTheModel() throws {
        #expect(try load(["fake.folder": "", "variables/1": "x", "assets/2": ""]).format == "Fake")
    }

    @Test func severalCandidatesAreRefusedByName() throws {
        let reason = try refusal(["model.json": "sum 1", "model.txt": "sum 2"])
        #expect(reason.contains("'model.json', 'model.txt'"))
    }

    @Test func emptyFoldersAndFilesAreRefused() throws {
        #expect(try refusal([".hidden": "", "golden.csv": "a\n"]).contains("holds no model"))
        #expect(try refusal(["model.json": ""]) == "'model.json' is empty")
    }

    @Test func unknownContentIsRefusedWithTheKnownFormats() throws {
        #expect(try refusal(["model.pkl": "\u{80}pickle"]).contains("(Fake)"))
    }

    @Test func contentThatTwoFormatsClaimIsRefused() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        let opener = ModelOpener(formats: [fixture.format, FakeFormat()])
        let error = try #require(throws: ScoringError.self) { try opener.open(fixture.root + "/fraud/1/model.txt") }
        #expect(error.description.contains("looks like several formats: Fake, Fake"))
    }

    @Test func filesOverTheLimitAreRefusedBeforeTheyAreRead() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        // A file of a terabyte that takes no place: reading it would take hours.
        #expect(truncate(fixture.root + "/fraud/1/model.txt", 1 << 40) == 0)
        #expect(try refusal(in: fixture).contains("more than the limit of \(1 << 30)"))
        let opener = ModelOpener(formats: [fixture.format])
        #expect(throws: ScoringError.self) { try opener.open(fixture.root + "/fraud/1/model.txt") }
    }

    @Test func theModelsOwnExamplesMustAgree() throws {
        #expect(try refusal(["model.txt": "unverifiable"]) == "its own example 1 disagrees")
    }

    @Test func anEngineThatFailsMadeUpRowsIsReportedAndNotRefused() throws {
        let notes = try load(["model.txt": "crashing"]).notes
        #expect(notes.count == 1)
        #expect(notes.first?.contains("made-up rows") == true && notes.first?.contains("the engine crashed") == true)
        #expect(try load(["model.txt": "sum 2"]).notes.isEmpty)
    }

    @Test func onlyWhatANativeLibraryCompilesIsTriedAndWhatTheTrialRefusesIsRefused() throws {
        struct Trial: LoadTrial {
            let refuses: Bool
            func run(_ folder: VersionListing) throws(ScoringError) {
                if refuses { throw .refusedModel("the process was ended by signal 6") }
            }
        }
        let compiled = ["model.txt": "compiled 2"]
        #expect(try refusal(compiled, trial: Trial(refuses: true)) == "the process was ended by signal 6")
        #expect(try load(compiled, trial: Trial(refuses: false)).format == "Fake")
        #expect(try load(["model.txt": "sum 2"], trial: Trial(refuses: true)).format == "Fake")
    }

    @Test func brokenFilesAreRefusedWithTheirPlace() throws {
        #expect(try refusal(["model.txt": "broken"]) == "this one is broken (at byte 0)")
    }

    @Test func theManifestReachesTheModel() throws {
        let yaml = "inputs: [u, v]\niterations: 12\nscore: half\npolicy: { block: 1 }\nunknownFeatures: ignore"
        let loaded = try load(["model.txt": "sum 4"], yaml: yaml)
        let fake = try #require(loaded.model as? FakeModel)
        #expect(fake.options.inputs == ["u", "v"] && fake.options.iterations == .first(12))
        #expect(loaded.answers.score == 1..<2)
        #expect(loaded.answers.rule?.decision(for: 2) == .block)
        #expect(loaded.answers.ignoresUnknownFeatures)
    }

    @Test func theServedVersionIsTheDefaultOne() throws {
        func chosen(_ yaml: String) throws -> Int? {
            let versions = (1...3).compactMap { ModelVersion($0) }
            return try ModelManifest(parsing: Array(yaml.utf8)).defaultVersion(of: versions)?.number
        }
        #expect(try chosen("") == 3)
        #expect(try chosen("versions: { serve: [1, 2] }") == 2)
        #expect(try chosen("versions: { serve: [1], shadow: [3] }") == 1)
        #expect(try chosen("versions: { shadow: [3] }") == 2)
        #expect(try chosen("versions: { serve: [1, 2], canary: { version: 3 } }") == 2)
        #expect(try chosen("versions: { serve: [2, 3], canary: { version: 3 }, labels: { stable: 2 } }") == 2)
    }

    @Test func keysThatMeanNothingForTheFormatAreRefused() throws {
        #expect(
            try refusal(["model.txt": "sum 4"], yaml: "classes: [low, high]")
                == "model.yaml: 'classes' means nothing for Fake files")
        #expect(try refusal(["model.txt": "sum 4"], yaml: "rows: together").contains("'rows' means nothing for Fake files"))
        #expect(try refusal(["model.txt": "sum 4"], yaml: "onnxruntime: { threads: 2 }").contains("'onnxruntime' means nothing"))
    }

    @Test func aScoreThatTheModelDoesNotHaveIsRefused() throws {
        #expect(try refusal(["model.txt": "sum 4"], yaml: "score: halv").contains("no output 'halv'; did you mean 'half'?"))
        #expect(
            try refusal(["model.txt": "sum 4"], yaml: "score: zzzzzz").contains("the outputs are prediction, half, label, big"))
        #expect(try refusal(["model.txt": "sum 4"], yaml: "score: label").contains("'label' is not a number"))
    }

    @Test func whatModelYAMLSaysWithoutEffectIsNoted() throws {
        let files = ["model.txt": "sum 2"]
        #expect(try load(files, yaml: "batching: { maxBatchRows: 8 }").notes.first?.contains("batching has no effect") == true)
        #expect(try load(files, yaml: "fallback: { version: 1 }").notes.first?.contains("names this version itself") == true)
        #expect(try load(files, yaml: "fallback: { version: 2 }").notes.isEmpty)
    }

    @Test func aPolicyNeedsOneScore() throws {
        let yaml = "policy: { block: 0.8 }"
        #expect(try refusal(["model.txt": "many 3"], yaml: yaml).contains("name one with 'score' (score0, score1, score2"))
        #expect(try load(["model.txt": "many 3"], yaml: yaml + "\nscore: score1").answers.score == 1..<2)
    }

    @Test func nothingOfTheFileStaysInMemory() throws {
        let fixture = try RepositoryFixture()
        let bytes = 96 << 20
        try fixture.write("fraud/1/model.txt", Data("sum 2".utf8) + Data(count: bytes))
        let before = try residentBytes()
        let loaded = try load(in: fixture)
        #expect(try residentBytes() - before < bytes / 2)
        #expect(loaded.byteCount == bytes + 5)
    }

    /// The second number of statm is the resident memory in pages. Blocks of this size go back to the system at once.
    private func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// Loads version 1 of a model made of these files.
func load(_ files: [String: String], yaml: String? = nil, trial: (any LoadTrial)? = nil) throws -> VersionLoader.Loaded {
    let fixture = try RepositoryFixture()
    for (path, text) in files { try fixture.write("fraud/1/" + path, text) }
    if let yaml { try fixture.write("fraud/model.yaml", yaml) }
    return try load(in: fixture, trial: trial)
}

func load(in fixture: RepositoryFixture, trial: (any LoadTrial)? = nil) throws -> VersionLoader.Loaded {
    var scanner = RepositoryScanner(root: fixture.root)
    let found = try #require(try scanner.scan().models[model("fraud")])
    let folder = try #require(found.versions[version(1)])
    return try VersionLoader(opener: ModelOpener(formats: [fixture.format]), trial: trial).load(
        version(1), in: folder, manifest: found.manifest.content.get())
}

/// Why version 1 of a model made of these files is refused.
func refusal(_ files: [String: String], yaml: String? = nil, trial: (any LoadTrial)? = nil) throws -> String {
    try #require(throws: ScoringError.self) { try load(files, yaml: yaml, trial: trial) }.description
}

func refusal(in fixture: RepositoryFixture) throws -> String {
    try #require(throws: ScoringError.self) { try load(in: fixture) }.description
}
