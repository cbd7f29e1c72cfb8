internal import Foundation
internal import TensorRuntime
internal import Testing

@Suite struct LibrarySearchTests {
    private let search = LibrarySearch(file: "libscores.so", folder: "scores")

    private func withFolder(_ files: [String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "verdict-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in files { try Data().write(to: folder.appending(path: file)) }
        try body(folder.path)
    }

    @Test func aFolderGivesItsLibraryAlsoWithAVersionBehindTheName() throws {
        try withFolder(["libscores.so.1.2.0", "libscores.so.1.10", "libother.so"]) { folder in
            #expect(search.library(at: folder) == folder + "/libscores.so.1.10")
        }
        try withFolder(["libscores.so.2", "libscores.so"]) { folder in
            #expect(search.library(at: folder) == folder + "/libscores.so")
        }
    }

    @Test func aConfiguredPathIsTakenWhateverIsThere() throws {
        #expect(search.library(at: "/nowhere/libscores.so") == "/nowhere/libscores.so")
        #expect(search.library(at: "nowhere")?.hasSuffix("/nowhere") == true)
        #expect(search.searched("/nowhere") == ["/nowhere"])
        try withFolder([]) { folder in #expect(search.library(at: folder) == folder + "/libscores.so") }
    }

    @Test func theDefaultPlacesAreBesideTheProgram() {
        #expect(search.library(at: nil) == nil)
        let places = search.searched(nil)
        #expect(!places.isEmpty && places.allSatisfy { $0.hasPrefix("/") && $0.hasSuffix("/scores") })
    }
}
