internal import Scoring
internal import Testing

/// What formats read, without a disk.
@Suite struct ModelArtifactTests {
    private func refusal(_ read: () throws -> Void) throws -> String {
        try #require(throws: ScoringError.self, performing: read).description
    }

    @Test func aFileHasBytesAndNoMembers() throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let file = ModelArtifact.file(name: "model.bin", bytes: bytes)
        #expect(file.isFile && file.name == "model.bin" && file.size == 10_000 && file.members.isEmpty)
        #expect(try file.bytes() == bytes)
        #expect(file.head.elementsEqual(bytes[..<4096]))
        #expect(try file.read(9_998..<10_000).elementsEqual(bytes[9_998...]))
        #expect(try file.read(10_000..<10_000).isEmpty)
        #expect(
            try refusal { _ = try file.read(9_998..<10_001) }
                == "the file has 10000 bytes, and bytes 9998 to 10001 are needed (at byte 9998)")
        #expect(try refusal { _ = try file.read(-1..<3) }.contains("bytes -1 to 3 are needed"))
        #expect(try refusal { _ = try file.read(0..<Int.max) }.contains("are needed"))
        #expect(
            try refusal { _ = try file.member("a") } == "this is a file, and a model of this format is a folder or an archive")
        #expect(file.findMember("a") == nil)
    }

    @Test func aFolderHasMembersInTheOrderOfTheirBytes() throws {
        let folder = ModelArtifact.folder(
            name: "saved", files: [("variables/index", [1, 2, 3]), ("B", []), ("a", [4]), ("variables.txt", [5])])
        #expect(!folder.isFile && folder.head.isEmpty && folder.size == 5)
        #expect(folder.members.map(\.path) == ["B", "a", "variables.txt", "variables/index"])
        for member in folder.members { #expect(try folder.member(member.path).count == member.size) }
        #expect(try folder.member("variables/index", 1..<3) == [2, 3])
        #expect(folder.findMember("variables") == nil && folder.findMember("") == nil && folder.findMember("z") == nil)
        #expect(try refusal { _ = try folder.member("variables") } == "there is no such file (at variables)")
        #expect(try refusal { _ = try folder.member("a", 0..<2) }.contains("has 1 bytes, and bytes 0 to 2 are needed (at a)"))
        #expect(try refusal { _ = try folder.read(0..<1) } == "this is a folder, and a model of this format is a file")
    }

    @Test func pathsOfOtherBytesAreOtherMembers() throws {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        let folder = ModelArtifact.folder(name: "x", files: [(composed, [1]), (decomposed, [2])])
        #expect(composed == decomposed)
        #expect(try folder.member(composed) == [1])
        #expect(try folder.member(decomposed) == [2])
    }

    @Test func aSourceThatReturnsLessThanItAnnouncedIsRefused() throws {
        struct Short: MemberSource {
            func read(_ position: Int, _ range: Range<Int>) -> [UInt8] { Array(repeating: 0, count: range.count / 2) }
        }
        let folder = ModelArtifact(name: "x", members: [.init(path: "a", size: 8)], source: Short())
        #expect(try refusal { _ = try folder.member("a") } == "the file has 4 bytes where 8 were announced (at a)")
        #expect(try refusal { _ = try folder.member("a", 2..<4) }.contains("1 bytes where 2"))
    }
}
