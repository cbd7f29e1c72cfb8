internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Damaged files are read or refused, and what is read is scored or not, without harm. The damage is the same each time;
/// FUZZ_VARIANTS names how many variants of each model are tried instead, in another order each.
@Suite struct RuntimeFuzzTests {
    private static let models = ["scan", "mlp_pipeline", "knn_classifier", "mixed_inputs", "own_function", "isolation_forest"]
        .map { RuntimeGolden.named($0) }

    private struct Random {
        var state: UInt64

        mutating func below(_ limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(truncatingIfNeeded: (state >> 20) % UInt64(limit))
        }
    }

    @Test(arguments: models)
    func everyTruncatedFileIsRefusedOrScored(_ golden: RuntimeGolden) throws {
        let bytes = try golden.bytes()
        for length in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 60)) { attempt(Array(bytes[..<length])) }
    }

    @Test(arguments: models)
    func damagedFilesAreRefusedOrScored(_ golden: RuntimeGolden) throws {
        let original = try golden.bytes()
        let asked = ProcessInfo.processInfo.environment["FUZZ_VARIANTS"].flatMap { Int($0) }
        var random = Random(state: asked == nil ? 0x9e37_79b9_7f4a_7c15 : UInt64.random(in: 1 ... .max))
        var refused = 0
        let variants = asked ?? 500
        for _ in 0..<variants {
            var bytes = original
            for _ in 0...random.below(3) {
                let place = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[place] ^= 1 << UInt8(random.below(8))
                case 1: bytes[place] = UInt8(random.below(256))
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(16)))
                default:
                    bytes.insert(contentsOf: Array(original[random.below(original.count)...].prefix(random.below(24))), at: place)
                }
                if bytes.isEmpty { bytes = original }
            }
            if !attempt(bytes) { refused += 1 }
        }
        #expect(refused > 0 && refused < variants)
    }

    /// Returns whether the file was read.
    @discardableResult
    private func attempt(_ bytes: [UInt8]) -> Bool {
        do throws(ScoringError) {
            let model = try RuntimeGolden.load(bytes)
            let batch = FeatureBatch()
            batch.reset(width: model.signature.inputs.count)
            for row in 0..<2 {
                batch.addRow()
                for (column, field) in model.signature.inputs.enumerated() {
                    if field.kind == .text {
                        batch.setText("NL", row: row, column: column)
                    } else {
                        batch.set(Double(row), row: row, column: column)
                    }
                }
            }
            let call = ScoreCall(deadline: Moment.now.advanced(byMilliseconds: 2000), workspace: Workspace())
            do throws(ScoringError) {
                try model.score(batch, into: ScoreBatch(), call)
            } catch {
                switch error {
                case .engineFailure, .rowRefused, .deadlineExceeded: break
                default: Issue.record("scoring gave \(error)")
                }
            }
            return true
        } catch {
            switch error {
            case .invalidModel(let reason, _): #expect(!reason.isEmpty)
            case .unsupportedModel(let message): #expect(!message.isEmpty)
            default: Issue.record("a damaged file gave \(error)")
            }
            return false
        }
    }
}
