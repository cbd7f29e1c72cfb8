internal import Caching
internal import Scoring
internal import ScoringTestKit
internal import Testing

@Suite struct StoredValueTests {
    private let scope = makeScope(outputs: 3, textOutputs: [1, 2])
    private let key = SharedCacheKey(high: 5, low: 6)

    private var score: CachedScore {
        get throws {
            let scores = makeScores([0.5, .nan, .nan])
            scores.setText("reason é", row: 0, column: 2)
            scores.setText("", row: 0, column: 1)
            return try #require(CachedScore(scores, row: 0, of: scope))
        }
    }

    @Test func aValueReadsBackForItsOwnKeyAndGeneration() throws {
        let bytes = StoredValue.bytes(of: try score, for: key, generation: 9)
        #expect(StoredValue.read(bytes, for: key, generation: 9, of: scope) == .score(try score))
        #expect(StoredValue.read(bytes, for: key, generation: 8, of: scope) == .outdated)
        #expect(
            StoredValue.read(bytes, for: SharedCacheKey(high: 5, low: 7), generation: 9, of: scope)
                == .wrong)
        #expect(
            StoredValue.read(
                bytes, for: key, generation: 9, of: makeScope(outputs: 4, textOutputs: [1, 2])) == .wrong)
        #expect(StoredValue.read(bytes, for: key, generation: 9, of: makeScope(outputs: 3)) == .wrong)
        #expect(
            StoredValue.read([2] + bytes.dropFirst(), for: key, generation: 9, of: scope) == .outdated)
    }

    @Test func noDamagedValueIsEverAScore() throws {
        let bytes = StoredValue.bytes(of: try score, for: key, generation: 9)
        for length in 0..<bytes.count {
            #expect(
                StoredValue.read(Array(bytes[..<length]), for: key, generation: 9, of: scope) == .wrong)
        }
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if Int.random(in: 0..<4, using: &random) == 0 { damaged.append(0) }
            guard damaged != bytes,
                case .score = StoredValue.read(damaged, for: key, generation: 9, of: scope)
            else { continue }
            Issue.record("taken: \(damaged)")
        }
    }
}
