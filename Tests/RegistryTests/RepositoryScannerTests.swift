internal import Foundation
internal import Registry
internal import Scoring
internal import Testing

/// What a scan sees of a repository's folders, and what it refuses to follow.
@Suite struct RepositoryScannerTests {
    @Test func theLayoutIsListed() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/model.yaml", "score: prediction")
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "sum 2")
        try fixture.write("fraud/2/golden.csv", "a,prediction\n1,2\n")
        try fixture.write("credit/1/anything.bin", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        #expect(Set(listing.models.keys.map(\.text)) == ["fraud", "credit"])
        let fraud = try #require(listing.models[model("fraud")])
        #expect(try fraud.manifest.content.get().score == "prediction")
        #expect(fraud.versions.count == 2)
        let second = try #require(fraud.versions[version(2)])
        #expect(second.hasGolden && second.candidates == ["model.txt"] && second.problem == nil)
        #expect(second.files.map(\.path) == ["golden.csv", "model.txt"])
        #expect(second.totalBytes == 22)
        #expect(try scanner.scan() == listing)
    }

    @Test func otherThingsArePassedOver() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("README.md", "about")
        try fixture.write(".git/config", "")
        try fixture.write("fraud/.staging/model.txt", "sum 1")
        try fixture.write("fraud/notes.txt", "")
        try fixture.write("fraud/old/model.txt", "sum 1")
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/1/.DS_Store", "")
        try fixture.write("fraud/1/README", "")
        try fixture.write("fraud/1/LICENSE.txt", "")
        try fixture.write("fraud/7", "a file named like a version")
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        #expect(listing.models.count == 1 && listing.remarks.isEmpty)
        let fraud = try #require(listing.models[model("fraud")])
        #expect(fraud.versions.count == 1)
        #expect(fraud.versions[try version(1)]?.candidates == ["model.txt"])
    }

    @Test(arguments: [
        ("a/b/1/model.txt", "its versions are too deep, in 'a/b': move them up into 'a'"),
        ("a/b/c/12/model.txt", "its versions are too deep, in 'a/b/c': move them up into 'a'"),
        ("a/model.pmml", "the file 'a/model.pmml' is in no version's folder: move it into 'a/1'"),
        ("a/README.md", nil), ("a/old/model.txt", nil), ("a/b/c/d/e/1/model.txt", nil),
    ])
    func whatWasMeantAsAVersionIsFoundWhereThereIsNone(file: String, sentence: String?) throws {
        let fixture = try RepositoryFixture()
        try fixture.write(file, "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        #expect(try scanner.scan().models[model("a")]?.misplaced == sentence)
        // A model with a version has none of it.
        try fixture.write("a/1/model.txt", "sum 1")
        #expect(try scanner.scan().models[model("a")]?.misplaced == nil)
    }

    @Test func foldersWithWrongNamesAreReported() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("my model/1/model.txt", "sum 1")
        try fixture.write("fraud/01/model.txt", "sum 1")
        try fixture.write("fraud/0/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        #expect(listing.remarks.count == 1 && listing.remarks[0].contains("'my model'"))
        #expect(listing.models[try model("fraud")]?.misnamedVersions == ["0", "01"])
    }

    @Test(arguments: [
        ("v1", "; rename it to '1'"), ("V_02", "; rename it to '2'"), ("version-12", "; rename it to '12'"),
        ("ver3", "; rename it to '3'"), ("007", "; rename it to '7'"), ("v0", ""),
        ("v9", ", and '9' is there already; rename it to a free one"),
    ])
    func aFolderThatWasMeantAsAVersionIsToldItsName(folder: String, advice: String) throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/\(folder)/model.txt", "sum 1")
        if folder == "v9" { try fixture.write("fraud/9/model.txt", "sum 1") }
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        let rule = "the folder '\(folder)' is no version: a version's folder is a positive whole number without leading zeros"
        #expect(listing.problems == ["fraud: \(rule)\(advice)"])
        let misplaced = listing.models[try model("fraud")]?.misplaced
        #expect(misplaced == (folder == "v9" ? nil : rule + advice))
    }

    @Test(arguments: ["v", "vault1", "v1-notebooks", "version", "-1", "1v"])
    func otherFoldersAreNotMeantAsVersions(folder: String) throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/\(folder)/model.txt", "sum 1")
        try fixture.write("fraud/v2", "a file")
        var scanner = RepositoryScanner(root: fixture.root)
        #expect(try scanner.scan().problems.isEmpty)
    }

    @Test(arguments: ["model.yaml", "model.yml", "Model.YAML"])
    func settingsInAVersionsFolderAreReported(name: String) throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/1/\(name)", "policy: { block: 0.5 }")
        try fixture.write("fraud/2/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        let versions = try #require(scanner.scan().models[model("fraud")]?.versions)
        let problem = try #require(versions[version(1)]?.problem)
        #expect(problem.hasPrefix("'fraud/1/\(name)' is in a version's folder and is not read there"))
        #expect(problem.hasSuffix("move it into the model's folder, as model.yaml"))
        #expect(versions[try version(2)]?.problem == nil)
    }

    @Test func aFileThatLiesBesideTheModelsIsKnown() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("README.md", "about")
        try fixture.write("verdict.yaml", "http: { port: 1 }")
        try fixture.write(".hidden", "")
        var scanner = RepositoryScanner(root: fixture.root)
        #expect(try scanner.scan().looseFile == nil)
        try fixture.write("model.json", "sum 1")
        #expect(try scanner.scan().looseFile == "model.json")
    }

    @Test func whatAnUnmountedDiskLeavesIsNoEmptyRepository() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("credit/1/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        let whole = try scanner.scan()
        // A model's own disk, then the repository's: another folder, with nothing in it, appears under the same path.
        let files = FileManager.default
        try files.moveItem(atPath: fixture.root + "/fraud", toPath: fixture.root + "/.fraud")
        try files.createDirectory(atPath: fixture.root + "/fraud", withIntermediateDirectories: false)
        #expect(try scanner.scan().models[model("fraud")]?.problem?.contains("unmounted") == true)
        #expect(try scanner.scan().models[model("credit")]?.problem == nil)
        try files.moveItem(atPath: fixture.root, toPath: fixture.root + "-away")
        try files.createDirectory(atPath: fixture.root, withIntermediateDirectories: false)
        for _ in 0..<2 {
            let error = #expect(throws: ScoringError.self) { try scanner.scan() }
            #expect(error?.description.contains("unmounted") == true)
        }
        try files.removeItem(atPath: fixture.root)
        try files.moveItem(atPath: fixture.root + "-away", toPath: fixture.root)
        try files.removeItem(atPath: fixture.root + "/fraud")
        try files.moveItem(atPath: fixture.root + "/.fraud", toPath: fixture.root + "/fraud")
        #expect(try scanner.scan() == whole)
    }

    @Test func aRepositoryThatIsEmptiedIsEmpty() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        _ = try scanner.scan()
        try FileManager.default.removeItem(atPath: fixture.root + "/fraud/1")
        #expect(try scanner.scan().models[model("fraud")] == ModelListing())
        try FileManager.default.removeItem(atPath: fixture.root + "/fraud")
        #expect(try scanner.scan().models.isEmpty)
    }

    @Test func everyChangeIsSeen() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        var last = try scanner.scan()
        func expectChange(_ what: Comment, _ change: () throws -> Void) throws {
            try change()
            let now = try scanner.scan()
            #expect(now != last, what)
            last = now
        }
        try expectChange("same size, later time") { try fixture.write("fraud/1/model.txt", "sum 2") }
        try expectChange("a new file") { try fixture.write("fraud/1/golden.csv", "a") }
        try expectChange("a renamed file") { try fixture.move("fraud/1/model.txt", to: "fraud/1/other.txt") }
        try expectChange("a file in a folder") { try fixture.write("fraud/1/folder/deep/file", "x") }
        try expectChange("a model.yaml") { try fixture.write("fraud/model.yaml", "") }
        try expectChange("another model.yaml") { try fixture.write("fraud/model.yaml", "score: x") }
        try expectChange("a removed file") { try fixture.remove("fraud/1/golden.csv") }
        try expectChange("a removed version") { try fixture.remove("fraud/1") }
        #expect(try scanner.scan() == last)
    }

    @Test func linksInsideTheRepositoryAreFollowed() throws {
        let fixture = try RepositoryFixture()
        try fixture.write(".data/abc/model.txt", "sum 1")
        try fixture.write("fraud/2/.keep", "")
        try fixture.link("fraud/1", to: "../.data/abc")
        try fixture.link("fraud/2/model.txt", to: fixture.root + "/.data/abc/model.txt")
        try fixture.link("credit", to: "fraud")
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        for name in ["fraud", "credit"] {
            for number in [1, 2] {
                let folder = try #require(listing.models[model(name)]?.versions[version(number)])
                #expect(folder.problem == nil && folder.candidates == ["model.txt"])
            }
        }
    }

    @Test func theRootMayBeALink() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("data/fraud/1/model.txt", "sum 1")
        try fixture.link("models", to: "data")
        var scanner = RepositoryScanner(root: fixture.root + "/models//")
        #expect(try scanner.scan().models[model("fraud")]?.versions[version(1)]?.problem == nil)
        #expect(try scanner.scan().models.count == 1)
    }

    @Test func linksThatLeaveTheRepositoryAreRefused() throws {
        let outside = try RepositoryFixture()
        try outside.write("1/model.txt", "sum 1")
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/3/.keep", "")
        try fixture.link("fraud/1", to: outside.root + "/1")
        try fixture.link("fraud/3/model.txt", to: outside.root + "/1/model.txt")
        try fixture.link("fraud/4", to: "nowhere")
        try fixture.link("fraud/5", to: "5")
        try fixture.link("credit", to: outside.root)
        try fixture.write("yaml/1/model.txt", "sum 1")
        try fixture.link("yaml/model.yaml", to: "/etc/passwd")
        var scanner = RepositoryScanner(root: fixture.root)
        let listing = try scanner.scan()
        let fraud = try #require(listing.models[model("fraud")])
        for number in [1, 3] {
            let problem = try #require(fraud.versions[version(number)]?.problem)
            #expect(problem.contains("outside the model repository") && !problem.contains(fixture.root))
        }
        for number in [4, 5] { #expect(fraud.versions[try version(number)]?.problem != nil) }
        #expect(listing.models[try model("credit")]?.problem?.contains("outside") == true)
        #expect(listing.models[try model("yaml")]?.problem?.contains("outside") == true)
    }

    @Test func loopsAndDeepFoldersEndInAnError() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/folder/file", "x")
        try fixture.link("fraud/1/folder/again", to: "..")
        var scanner = RepositoryScanner(root: fixture.root)
        let problem = try scanner.scan().models[model("fraud")]?.versions[version(1)]?.problem
        #expect(problem?.contains("nested more than 16 levels deep") == true)
    }

    @Test func pipesAreNotOpened() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/.keep", "")
        #expect(mkfifo(fixture.root + "/fraud/1/model.txt", 0o600) == 0)
        #expect(mkfifo(fixture.root + "/fraud/model.yaml", 0o600) == 0)
        var scanner = RepositoryScanner(root: fixture.root)
        let fraud = try #require(try scanner.scan().models[model("fraud")])
        #expect(fraud.versions[try version(1)]?.problem?.contains("neither a file nor a folder") == true)
        #expect(throws: ScoringError.self) { try fraud.manifest.content.get() }
    }

    @Test func aManifestUnderAnotherNameIsAnError() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/model.yml", "policy: { block: 0.8 }")
        try fixture.write("fraud/1/model.txt", "sum 1")
        var scanner = RepositoryScanner(root: fixture.root)
        let fraud = try #require(try scanner.scan().models[model("fraud")])
        #expect(throws: ScoringError.refusedModel("'model.yml' must be named model.yaml")) { try fraud.manifest.content.get() }
    }

    @Test func aRepositoryThatCannotBeReadIsAnError() throws {
        var scanner = RepositoryScanner(root: "/nonexistent/models")
        let error = try #require(throws: ScoringError.self) { try scanner.scan() }
        #expect(error.description.contains("No such file"))
    }
}
