internal import Foundation
internal import Registry
internal import Scoring
internal import Testing

/// What a format is given of a folder: the files that were listed, or an error.
@Suite struct DiskFolderTests {
    /// Gives the folder's artifact to the test.
    private struct FolderFormat: ModelFormat {
        let name = "Folder"
        let keys: Set<LoadOptions.Key> = []
        let read: @Sendable (ModelArtifact) throws -> Void

        func recognises(_ artifact: ModelArtifact) -> Bool { artifact.findMember("saved_model.pb") != nil }

        func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
            do {
                try read(artifact)
            } catch let error as ScoringError {
                throw error
            } catch {
                throw .engineFailure("\(error)")
            }
            return FakeModel(factor: 1, kind: "sum", options: options, census: Census())
        }
    }

    private static let files = ["saved_model.pb": "graph", "variables/data": "0123456789"]

    private func saved(_ files: [String: String] = Self.files) throws -> RepositoryFixture {
        let fixture = try RepositoryFixture()
        for (path, text) in files { try fixture.write("m/1/saved/" + path, text) }
        return fixture
    }

    private typealias Read = @Sendable (ModelArtifact) throws -> Void

    @discardableResult
    private func open(
        _ fixture: RepositoryFixture, maxBytes: Int = 1 << 30, _ read: @escaping Read = { _ in }
    ) throws -> ModelOpener.Opened {
        var opener = ModelOpener(formats: [FolderFormat(read: read)])
        opener.maxBytes = maxBytes
        return try opener.open(fixture.root + "/m/1/saved", hashes: true)
    }

    private func refusal(
        _ fixture: RepositoryFixture, maxBytes: Int = 1 << 30, _ read: @escaping Read = { _ in }
    ) throws -> String {
        try #require(throws: ScoringError.self) { try open(fixture, maxBytes: maxBytes, read) }.description
    }

    @Test func theFilesAreMembersByTheirPaths() throws {
        let fixture = try saved()
        try fixture.write("m/1/saved/.hidden", "x")
        try fixture.write("m/1/saved/variables/a/b", "")
        let opened = try open(fixture) { (folder) throws in
            #expect(folder.name == "saved" && !folder.isFile && folder.head.isEmpty)
            #expect(folder.members.map(\.path) == ["saved_model.pb", "variables/a/b", "variables/data"])
            #expect(folder.members.map(\.size) == [5, 0, 10])
            #expect(try folder.member("saved_model.pb") == Array("graph".utf8))
            #expect(try folder.member("variables/data", 3..<7) == Array("3456".utf8))
            #expect(try folder.member("variables/a/b") == [])
        }
        #expect(opened.byteCount == 15 && opened.digest.isEmpty && opened.format == "Folder")
    }

    @Test func whatIsNotThereIsNotRead() throws {
        let fixture = try saved()
        #expect(try refusal(fixture) { _ = try $0.member("variables/index") } == "there is no such file (at variables/index)")
        #expect(try refusal(fixture) { _ = try $0.member(".hidden") }.contains("no such file"))
        #expect(try refusal(fixture) { _ = try $0.member("../../model.yaml") }.contains("no such file"))
        #expect(
            try refusal(fixture) { _ = try $0.member("variables/data", 8..<11) }
                == "the file has 10 bytes, and bytes 8 to 11 are needed (at variables/data)")
        #expect(try refusal(fixture) { _ = try $0.member("variables/data", 11..<11) }.contains("11 to 11 are needed"))
        #expect(try refusal(fixture) { _ = try $0.bytes() } == "this is a folder, and a model of this format is a file")
    }

    @Test func aFileThatChangesAfterItWasListedIsRefused() throws {
        let fixture = try saved()
        let path = fixture.root + "/m/1/saved/variables/data"
        let reason = try refusal(fixture) { (folder) throws in
            try Data("0123456789a".utf8).write(to: URL(filePath: path))
            _ = try folder.member("variables/data", 0..<2)
        }
        #expect(reason == "'variables/data' changed while it was read")
    }

    @Test func aFileThatIsReplacedByAnotherIsRefused() throws {
        let fixture = try saved()
        try fixture.write("other", "9876543210")
        let reason = try refusal(fixture) { (folder) throws in
            try fixture.remove("m/1/saved/variables/data")
            try fixture.move("other", to: "m/1/saved/variables/data")
            _ = try folder.member("variables/data")
        }
        #expect(reason.contains("'variables/data' changed while it was read"))
        let gone = try refusal(fixture) { (folder) throws in
            try fixture.remove("m/1/saved/variables/data")
            _ = try folder.member("variables/data")
        }
        #expect(gone.hasPrefix("'variables/data' cannot be opened"))
    }

    @Test func aLinkOutOfTheFolderIsRefused() throws {
        let other = "../../../other"
        for (link, target) in [("weights", other), ("variables/more", "/etc/passwd"), ("saved_model.pb", other)] {
            let fixture = try saved(["variables/data": "x", "saved_model.txt": "x"])
            try fixture.write("other", "secret")
            if link != "saved_model.pb" { try fixture.write("m/1/saved/saved_model.pb", "graph") }
            try fixture.link("m/1/saved/\(link)", to: target)
            let expected = "'\(link)' links to a place outside the model's folder; copy what it leads to into the folder"
            #expect(try refusal(fixture) == expected)
        }
        let fixture = try saved()
        try fixture.write("all/secret", "x")
        try fixture.link("m/1/saved/all", to: "../../../all")
        #expect(try refusal(fixture).hasPrefix("'all' links to a place outside"))
    }

    @Test func aLinkWithinTheFolderIsFollowed() throws {
        let fixture = try saved()
        try fixture.link("m/1/saved/latest", to: "variables")
        try fixture.link("m/1/saved/copy", to: "variables/data")
        try open(fixture) { (folder) throws in
            #expect(try folder.member("copy") == Array("0123456789".utf8))
            #expect(try folder.member("latest/data", 9..<10) == Array("9".utf8))
        }
    }

    @Test func theFilesTogetherAreLimited() throws {
        let fixture = try saved()
        try open(fixture, maxBytes: 15)
        #expect(try refusal(fixture, maxBytes: 14) == "'saved' is larger than the limit of 14 bytes")
    }

    @Test func aFolderOfNoFormatIsRefusedWithTheKnownFormats() throws {
        let fixture = try saved(["saved_model.txt": "x"])
        #expect(try refusal(fixture) == "'saved' is of no format that this version reads (Folder)")
    }
}
