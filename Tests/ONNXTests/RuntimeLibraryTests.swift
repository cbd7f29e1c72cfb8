internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Libraries that are not there, are cut off, or are something else.
@Suite struct RuntimeLibraryTests {
    private static let library: URL = {
        var folder = URL(filePath: #filePath).deletingLastPathComponent()
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.appending(path: ".runtime").path) {
            folder = folder.deletingLastPathComponent()
        }
        return folder.appending(path: ".runtime/onnxruntime/libonnxruntime.so")
    }()

    private func error(_ path: String) throws -> String {
        do throws(ScoringError) {
            _ = try RuntimeGolden.load(
                RuntimeGolden.named("scan").bytesOrNone, { $0.engine = .automatic }, runtime: RuntimeLocation(path: path))
            return ""
        } catch {
            guard case .unsupportedModel(let message) = error else { throw error }
            return message
        }
    }

    /// Makes a file for the length of `body`.
    private func withFile<Result>(_ content: Data, _ body: (String) throws -> Result) throws -> Result {
        let file = FileManager.default.temporaryDirectory.appending(path: "verdict-\(UUID().uuidString).so")
        try content.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try body(file.path)
    }

    private func expectRefusal(_ message: String, _ reason: String) {
        #expect(message.contains(reason), "\(message)")
        for remedy in ["'scripts/fetch-runtime onnxruntime'", "VERDICT_ONNXRUNTIME", "--onnxruntime", "'onnxruntime'"] {
            #expect(message.contains(remedy), "\(message)")
        }
        #expect(message.contains("is not computed by the native engine"), "\(message)")
    }

    @Test func theLibraryThatTheTestsNeedIsThere() {
        #expect(
            FileManager.default.fileExists(atPath: Self.library.path),
            "scripts/fetch-runtime onnxruntime did not get ONNX Runtime; the tests of its engine fail without it")
    }

    @Test func aMissingLibraryIsNamedWithTheWayToGetIt() throws {
        expectRefusal(try error("/nowhere/libonnxruntime.so"), "/nowhere/libonnxruntime.so")
        expectRefusal(try error("/tmp"), "libonnxruntime.so")
        expectRefusal(try error("/dev/null"), "it is no file")
    }

    @Test func whatTheNativeEngineComputesNeedsNoLibrary() throws {
        let bytes = try RuntimeGolden.named("passed_on").bytes()
        let model = try RuntimeGolden.load(bytes, { $0.engine = .automatic }, runtime: RuntimeLocation(path: "/nowhere"))
        #expect(model.description.engine == "native")
    }

    @Test func aLibraryThatIsCutOffIsRefusedBeforeItIsOpened() throws {
        let whole = try Data(contentsOf: Self.library, options: .alwaysMapped)
        for length in [0, 1, 63, 64, 1000, 4096, 1 << 20, whole.count / 2, whole.count - 4096, whole.count - 1] {
            try withFile(whole.prefix(length)) { path in
                let message = try error(path)
                expectRefusal(message, "cannot be used as ONNX Runtime: it is ")
            }
        }
    }

    @Test func otherLibrariesAreRefusedBeforeTheyAreOpened() throws {
        let folders = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib", "/lib64"]
        let other = folders.map { $0 + "/libz.so.1" }.first { FileManager.default.fileExists(atPath: $0) }
        expectRefusal(try error(try #require(other)), "it is another library: it has no function OrtGetApiBase")
    }

    @Test func filesThatAreNoLibrariesAreRefused() throws {
        try withFile(Data(String(repeating: "not a library\n", count: 100).utf8)) { path in
            expectRefusal(try error(path), "it is no 64-bit shared library")
        }
        expectRefusal(try error("/proc/self/exe"), "cannot be used as ONNX Runtime")
    }

    @Test func aLibraryWithDamagedTablesIsRefusedOrOpened() throws {
        // Only the tables that are looked at before the linker does.
        var whole = try Data(contentsOf: Self.library)
        for (place, value) in [(4, 1), (5, 2), (16, 2), (18, 0xff), (32, 0xff), (40, 0xff), (46, 0xff), (54, 1), (58, 1)]
            as [(Int, UInt8)]
        {
            let old = whole[place]
            whole[place] = value
            let message = try withFile(whole) { try error($0) }
            #expect(message.contains("cannot be used as ONNX Runtime"), "byte \(place): \(message)")
            whole[place] = old
        }
    }
}

extension RuntimeGolden {
    /// The model's bytes; none where it is missing, which no format takes.
    var bytesOrNone: [UInt8] { (try? bytes()) ?? [] }
}
