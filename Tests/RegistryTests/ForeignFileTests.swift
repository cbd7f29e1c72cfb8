internal import Foundation
internal import Registry
internal import Scoring
internal import Testing

/// Files that people take for models are refused with what they are and what to do.
@Suite struct ForeignFileTests {
    private struct Example: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let says: [String]

        init(_ name: String, _ start: [UInt8], _ text: String, _ says: String...) {
            (testDescription, bytes, self.says) = (name, start + Array(text.utf8), says)
        }
    }

    private static let examples: [Example] = [
        Example("pickle of XGBoost", [0x80, 4, 0x95], "xgboost.sklearn XGBClassifier", "pickle", "save_model(\"model.json\")"),
        Example("joblib of LightGBM", [0x80, 4, 0x95], "lightgbm.basic Booster", "joblib", "save_model(\"model.txt\")"),
        Example("pickle of a pipeline", [0x80, 5], "sklearn.pipeline Pipeline xgboost.core", "pickle", "skl2onnx"),
        Example("pickle of an own class", [0x80, 3], "c__main__ Model", "pickle", "ONNX or PMML"),
        Example("pickle of protocol 0", [], "ccopy_reg\n_reconstructor\n(csklearn.tree", "pickle", "skl2onnx"),
        Example("gzip", [0x1f, 0x8b, 8, 0], "", "compressed with gzip", "unpack"),
        Example("bzip2", [], "BZh91AY", "compressed with bzip2"),
        Example("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "", "compressed with xz"),
        Example("zstd", [0x28, 0xb5, 0x2f, 0xfd], "", "compressed with zstd"),
        Example("lz4", [0x04, 0x22, 0x4d, 0x18], "", "compressed with lz4"),
        Example("compressed joblib", [0x78, 0x9c], "", "compressed with zlib", "joblib"),
        Example("zip", [0x50, 0x4b, 3, 4], "model.txt", "zip archive"),
        Example("PyTorch", [0x50, 0x4b, 3, 4], "archive/data.pkl", "PyTorch", "torch.onnx.export"),
        Example("HDF5", [0x89], "HDF\r\n\u{1a}\n", "HDF5", "tf2onnx"),
        Example("Git LFS", [], "version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        Example(
            "JSON dump of XGBoost", [], "[\n  { \"nodeid\": 0, \"depth\": 0, \"split\": \"b\"", "dump_model",
            "save_model(\"model.json\")"),
        Example("dump of XGBoost's leaf", [], "[\n  { \"nodeid\": 0, \"leaf\": 0.5 }]", "dump_model"),
        Example("text dump of XGBoost", [], "booster[0]:\n0:[f0<1]", "dump_model"),
        Example(
            "dump of LightGBM", [], "{\"name\": \"tree\", \"version\": \"v4\", \"num_tree_per_iteration\": 1", "dump_model",
            "save_model(\"model.txt\")"),
        Example("CatBoost", [], "CBM1", "CatBoost", "format=\"onnx\""),
        Example("HTML", [], "\n<!DOCTYPE html><html>", "HTML page"),
        Example("UTF-16", [0xff, 0xfe], "t\0r\0", "UTF-16"),
        Example("byte order mark", [0xef, 0xbb, 0xbf], "tree\nversion=v4\n", "byte order mark", "UTF-8 without"),
    ]

    @Test(arguments: examples)
    private func theRefusalSaysWhatTheFileIsAndWhatToDo(_ example: Example) throws {
        let message = try refusal(example.bytes)
        #expect(message.contains("'model.bin' is of no format that this version reads (Fake): it "))
        for part in example.says { #expect(message.contains(part), "'\(message)' does not say '\(part)'") }
    }

    /// Neither short files nor those that only look alike get a wrong hint.
    @Test(arguments: ["x", "\u{1}", "P", "PK", "[1, 2]", "{}", "{\"a\": 1}", "x1", "version 1", "a,b\n1,2\n", "booster"])
    func otherFilesGetNoHint(_ text: String) throws {
        #expect(try refusal(Array(text.utf8)).hasSuffix("reads (Fake)"))
        #expect(try refusal([0x80]).hasSuffix("reads (Fake)"))
        #expect(try refusal([0x80, 9]).hasSuffix("reads (Fake)"))
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.bin", Data(bytes))
        let opener = ModelOpener(formats: [fixture.format])
        return try #require(throws: ScoringError.self) { try opener.open(fixture.root + "/fraud/1/model.bin") }.description
    }
}
