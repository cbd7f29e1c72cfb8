internal import Archives
internal import Foundation
internal import Scoring
internal import Testing

/// Archives that Python's zipfile and Java's jar have written (make_archives.py), in each of their forms.
@Suite struct SampleArchiveTests {
    private static let text = (0..<40).map { index in
        "tree \(index) feature \(index * 7 % 13) left \(2 * index + 1) right \(2 * index + 2)\n"
    }.joined()
    private static let binary = (0..<300).map { UInt8($0 * $0 * 31 % 251) }

    private func unpacked(_ name: String) throws -> ModelArtifact {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appending(path: "Samples/archives/\(name)"))
        return try ModelArtifact.file(name: name, bytes: Array(data)).unpacked()
    }

    @Test(arguments: ["python.zip", "python-streamed.zip", "python-zip64.zip", "python-zip64-streamed.zip", "java.zip"])
    func theContentsAreThoseThatWerePacked(_ name: String) throws {
        let archive = try unpacked(name)
        #expect(try archive.member("model.ini") == Array(Self.text.utf8))
        #expect(try archive.member("trees/t0.bin") == Self.binary)
        #expect(try archive.member("model.ini", 5..<9) == Array("0 fe".utf8))
        #expect(archive.findMember("trees/t0.bin") == .init(path: "trees/t0.bin", size: 300))
    }

    @Test func foldersAreNoMembersAndEmptyFilesAre() throws {
        let archive = try unpacked("python.zip")
        #expect(archive.members.map(\.path) == ["empty", "größe", "model.ini", "trees/t0.bin"])
        #expect(try archive.member("empty") == [])
        #expect(try archive.member("größe") == Array(repeating: UInt8(ascii: "x"), count: 1000))
        #expect(archive.size == Self.text.utf8.count + 1300)
    }
}
