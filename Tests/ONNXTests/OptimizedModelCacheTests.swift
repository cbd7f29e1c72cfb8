internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Optimised graphs are kept and taken again, but only what is whole and belongs to the model.
@Suite struct OptimizedModelCacheTests {
    private let golden = RuntimeGolden.named("mlp_pipeline")

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "verdict-cache-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    /// Loads the model with the cache, checks its answers, and returns what it says of the cache.
    private func load(_ folder: URL, _ change: (inout LoadOptions) -> Void = { _ in }) throws -> String {
        let model = try RuntimeGolden.load(try golden.bytes()) { options in
            options.runtime.optimizedModelCache = folder.path
            change(&options)
        }
        let scores = ScoreBatch()
        try model.score(try golden.batch(for: model), into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        let expected = try golden.table("expected.csv")
        for (place, name) in expected.names.enumerated() {
            let column = try #require(model.signature.outputColumn(named: name))
            for row in expected.rows.indices {
                #expect(RuntimeGolden.agree(RuntimeGolden.text(scores, row, column, model), expected.rows[row][place]))
            }
        }
        return model.description.notes.first { $0.contains("cache") || $0.contains("optimised") } ?? ""
    }

    private func files(_ folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    }

    @Test func anOptimisedGraphIsKeptAndTakenAgain() throws {
        try withFolder { (folder: URL) throws in
            #expect(try load(folder).contains("was put into the cache"))
            #expect(try files(folder).count == 1)
            #expect(try load(folder).contains("comes from the cache"))
            #expect(try load(folder) { $0.runtime.optimization = .basic }.contains("was put into the cache"))
            #expect(try files(folder).count == 2)
        }
    }

    @Test func whatIsDamagedOrOfAnotherModelIsMadeAnew() throws {
        try withFolder { (folder: URL) throws in
            _ = try load(folder)
            let file = try #require(try files(folder).first)
            let whole = try Data(contentsOf: file)
            for place in [0, 20, 50, 80, whole.count / 2, whole.count - 1] {
                var damaged = whole
                damaged[place] ^= 1
                try damaged.write(to: file)
                #expect(try load(folder).contains("was put into the cache"), "byte \(place)")
                #expect(try Data(contentsOf: file).count == whole.count)
            }
            for length in [0, 10, whole.count - 1] {
                try whole.prefix(length).write(to: file)
                #expect(try load(folder).contains("was put into the cache"), "\(length) bytes")
            }
            // Another model's file under this one's name.
            let other = try RuntimeGolden.load(try RuntimeGolden.named("knn_classifier").bytes()) {
                $0.runtime.optimizedModelCache = folder.path
            }
            #expect(other.description.engine.hasPrefix("onnxruntime"))
            let others = try files(folder).filter { $0.lastPathComponent != file.lastPathComponent }
            try Data(contentsOf: try #require(others.first)).write(to: file)
            #expect(try load(folder).contains("was put into the cache"))
        }
    }

    @Test func aFolderThatIsNotThereCostsNothingButTheCache() throws {
        #expect(try load(URL(filePath: "/nowhere/at/all")).contains("cannot be used"))
    }
}
