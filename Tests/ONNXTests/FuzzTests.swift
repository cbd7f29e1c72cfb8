internal import ONNX
internal import Scoring
internal import Testing

/// Damaged files are read or refused, and what is read can be scored.
@Suite struct FuzzTests {
    private static let samples = Golden.all.filter {
        [
            "mode_mixed", "pipeline", "binary_base", "sklearn_logistic_classes", "imputer", "mixed_inputs", "flat_members",
            "lgb_categories", "layers", "shapes", "machine_missing", "skl_adaboost", "skl_calibrated_isotonic", "label_floats",
        ].contains($0.testDescription)
    }

    @Test(arguments: samples)
    func everyTruncatedFileIsRefused(_ golden: Golden) throws {
        let bytes = try golden.bytes()
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 200)) {
            guard length > 0 else { continue }
            do throws(ScoringError) {
                try score(try Golden.load(Array(bytes[..<length])))
            } catch {
                check(error)
            }
        }
    }

    @Test(arguments: samples)
    func damagedFilesAreReadOrRefused(_ golden: Golden) throws {
        let original = try golden.bytes()
        var random = SystemRandomNumberGenerator()
        var refused = 0
        for _ in 0..<1000 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
                default: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1..<16, using: &random)))
                }
                if bytes.isEmpty { break }
            }
            do throws(ScoringError) {
                try score(try Golden.load(bytes))
            } catch {
                refused += 1
                check(error)
            }
        }
        #expect(refused > 0)
    }

    private func check(_ error: ScoringError) {
        switch error {
        case .invalidModel(let reason, _): #expect(!reason.isEmpty)
        case .unsupportedModel(let message): #expect(!message.isEmpty)
        default: Issue.record("a damaged file gave \(error)")
        }
    }

    private func score(_ model: any ScoringModel) throws(ScoringError) {
        let batch = FeatureBatch()
        batch.reset(width: model.signature.inputs.count)
        batch.addRow()
        try model.score(batch, into: ScoreBatch(), ScoreCall(deadline: nil, workspace: Workspace()))
    }

    @Test(arguments: ["{\"learner\":1}", "<PMML version=\"4.4\">", "tree\nversion=v4", "{L\u{0}\u{0}learner", ""])
    func otherFilesAreNotRecognised(_ content: String) {
        #expect(!ONNXFormat().recognises(.file(name: "model.onnx", bytes: Array(content.utf8))))
    }
}
