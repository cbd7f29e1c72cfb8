internal import Foundation
internal import Scoring
internal import ScoringTestKit
internal import Tabular
internal import Testing
internal import TreeFormats

/// Damaged model files are read or refused, and what is read can be scored; nothing else. `VERDICT_FUZZ` sets
/// how many damaged versions of each sample are tried (default 10,000).
@Suite struct FuzzTests {
    private static let count = ProcessInfo.processInfo.environment["VERDICT_FUZZ"].flatMap { Int($0) } ?? 10_000

    /// Small files that between them hold everything a reader can meet.
    private static let samples = [
        "xgboost-1.0.2/linear.json", "xgboost-1.3.3/dart.json", "xgboost-2.0.3/softprob-vector-leaf.ubj",
        "xgboost-2.1.4/binary.ubj",
        "xgboost-2.1.4/legacy.deprecated", "xgboost-3.2.0/early-stopping.ubj", "xgboost-3.2.0/linear-classes.ubj",
        "xgboost-3.2.0/names.json", "xgboost-3.2.0/stumps.json", "xgboost-3.4.1/dart-vector-leaf.ubj",
        "xgboost-3.4.1/pandas.json",
        "xgboost-3.4.1/pandas.ubj", "lightgbm-3.3.5/zero-as-missing.txt", "lightgbm-4.7.0/categories.txt",
        "lightgbm-4.7.0/forest-multiclass.txt", "lightgbm-4.7.0/linear.txt", "lightgbm-4.7.0/pandas.txt",
    ]

    @Test(.timeLimit(.minutes(30)), arguments: samples)
    func damagedFilesAreReadOrRefused(_ sample: String) throws {
        let original = try GoldenFile.bytes(sample)
        var mutation = Mutation(seed: UInt64(sample.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) }), original: original)
        let workspace = Workspace()
        let scores = ScoreBatch()
        var outcomes = (read: 0, refused: 0)
        for _ in 0..<Self.count {
            do throws(ScoringError) {
                let model = try GoldenFile.lower(mutation.next())
                try score(model, into: scores, using: workspace)
                outcomes.read += 1
            } catch {
                switch error {
                case .invalidModel(let reason, let place): #expect(!reason.isEmpty && !place.isEmpty)
                case .unsupportedModel(let message): #expect(!message.isEmpty)
                default: Issue.record("a damaged file gave \(error)")
                }
                outcomes.refused += 1
            }
        }
        // A fuzzer that breaks every file at its first byte, or none, would prove nothing.
        #expect(outcomes.refused > Self.count / 4)
        #expect(outcomes.read > 0 || sample.hasSuffix(".deprecated"))
    }

    private func score(_ model: LoweredTreeModel, into scores: ScoreBatch, using workspace: Workspace) throws(ScoringError) {
        let rows = FeatureBatch()
        rows.reset(width: model.signature.inputs.count)
        let row = rows.addRow()
        for column in 0..<min(rows.width, 64) {
            rows.set([0.5, .nan, -3, 1e30, 7][column % 5], row: row, column: column)
        }
        let model = try TabularModel(program: model.program, signature: model.signature, description: model.description)
        try model.score(rows, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        #expect(scores.count == 1 && scores.width == model.signature.outputs.count)
    }
}

/// Damages a file in ever other ways; the same seed, the same ways.
struct Mutation {
    private var random: SeededRandom
    private let original: [UInt8]

    /// Numbers at which counts, codes and sizes turn over.
    private static let numbers = [
        "0", "-1", "1", "2", "31", "32", "33", "255", "256", "65535", "65536", "16777215", "16777216", "2147483647", "2147483648",
        "-2147483648", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e308",
        "1e999", "-1e-999", "0.5", "nan", "inf", "-inf", "NaN", "Infinity", "1E-45", "", "-", "true", "null", "[]", "{}", "\"\"",
    ]

    init(seed: UInt64, original: [UInt8]) {
        random = SeededRandom(seed: seed)
        self.original = original
    }

    mutating func next() -> [UInt8] {
        var bytes = original
        for _ in 0...random.below(3) {
            guard !bytes.isEmpty else { break }
            switch random.below(9) {
            case 0: flipBits(&bytes)
            case 1: bytes[random.below(bytes.count)] = UInt8(random.below(256))
            case 2: bytes.removeSubrange(random.below(bytes.count)...)
            case 3: bytes.removeSubrange(range(in: bytes, upTo: 64))
            case 4: bytes.insert(contentsOf: original[range(in: original, upTo: 256)], at: random.below(bytes.count))
            case 5: swapSections(&bytes)
            case 6: editNumber(&bytes)
            case 7: duplicateToken(&bytes)
            default: overwriteInteger(&bytes)
            }
        }
        return bytes
    }

    private mutating func flipBits(_ bytes: inout [UInt8]) {
        for _ in 0...random.below(4) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
    }

    private mutating func swapSections(_ bytes: inout [UInt8]) {
        let first = range(in: bytes, upTo: 512)
        let second = range(in: bytes, upTo: 512)
        guard first.upperBound <= second.lowerBound else { return }
        let sections = [bytes[..<first.lowerBound], bytes[second], bytes[first.upperBound..<second.lowerBound], bytes[first]]
        bytes = sections.flatMap { $0 } + bytes[second.upperBound...]
    }

    /// Puts another number where one is written in digits.
    private mutating func editNumber(_ bytes: inout [UInt8]) {
        let start = random.below(bytes.count)
        guard let digit = bytes[start...].firstIndex(where: { (0x30...0x39).contains($0) }) else { return }
        let end =
            bytes[digit...].firstIndex { !(0x30...0x39).contains($0) && $0 != 0x2e && $0 != 0x45 && $0 != 0x2d } ?? bytes.count
        bytes.replaceSubrange(digit..<end, with: Self.numbers[random.below(Self.numbers.count)].utf8)
    }

    /// Writes what stands between two separators twice, or not at all.
    private mutating func duplicateToken(_ bytes: inout [UInt8]) {
        let separators = Array(",: \n=[]{}\"".utf8)
        let start = random.below(bytes.count)
        let end = bytes[start...].dropFirst().firstIndex { separators.contains($0) } ?? bytes.count
        let token = Array(bytes[start..<min(end, start + 256)])
        if random.below(3) == 0 {
            bytes.removeSubrange(start..<start + token.count)
        } else {
            bytes.insert(contentsOf: token, at: start)
        }
    }

    /// Puts a big-endian number of one to eight bytes anywhere, for binary counts and indices.
    private mutating func overwriteInteger(_ bytes: inout [UInt8]) {
        let values: [UInt64] = [
            0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, .max >> 1, .max, 1 << 63,
        ]
        let value = values[random.below(values.count)]
        let size = 1 << random.below(4)
        let start = random.below(bytes.count)
        for offset in 0..<min(size, bytes.count - start) {
            bytes[start + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - offset)))
        }
    }

    private mutating func range(in bytes: [UInt8], upTo length: Int) -> Range<Int> {
        let start = random.below(bytes.count)
        return start..<min(bytes.count, start + 1 + random.below(length))
    }
}
