internal import Experiments
internal import Scoring
internal import Testing

struct VersionSplitTests {
    @Test(arguments: [[2: 90, 3: 10], [2: 1, 3: 1], [1: 1, 2: 1, 3: 1], [7: 50, 8: 30, 9: 15, 10: 5], [4: 3]])
    func everyVersionGetsItsShareOfTheSlots(weights: [Int: Int]) throws {
        let split = try self.split(weights)
        let total = weights.values.reduce(0, +)
        var counts: [ModelVersion: Int] = [:]
        for slot in 0..<StickyHash.slots { counts[split.version(ofSlot: slot), default: 0] += 1 }
        #expect(counts.count == weights.count)
        for (version, weight) in split.weights {
            #expect(abs(counts[version]! - weight * 10_000 / total) <= weights.count)
        }
    }

    /// Weights before and after, and the percent that may move at most.
    @Test(arguments: [
        ([2: 90, 3: 10], [2: 80, 3: 20], 10), ([2: 80, 3: 20], [2: 90, 3: 10], 10), ([2: 95, 3: 5], [2: 5, 3: 95], 90),
        ([2: 80, 3: 10, 4: 10], [2: 70, 3: 20, 4: 10], 10), ([2: 80, 3: 10, 4: 10], [2: 70, 3: 10, 4: 20], 10),
        ([2: 90, 3: 10], [2: 80, 3: 10, 4: 10], 20), ([2: 80, 3: 10, 4: 10], [2: 80, 3: 15, 4: 5], 10),
        ([2: 9, 3: 1], [2: 900, 3: 100], 0),
    ])
    func aRampMovesOnlyTheShareThatChangesHands(before: [Int: Int], after: [Int: Int], percent: Int) throws {
        let (first, second) = (try split(before), try split(after))
        let moved = (0..<StickyHash.slots).filter { first.version(ofSlot: $0) != second.version(ofSlot: $0) }.count
        #expect(moved <= percent * 100)
    }

    @Test func aRampTakesNoKeyFromTheVersionThatGrows() throws {
        let (first, second) = (try split([2: 90, 3: 10]), try split([2: 80, 3: 20]))
        for slot in 0..<StickyHash.slots where first.version(ofSlot: slot).number == 3 {
            #expect(second.version(ofSlot: slot).number == 3)
        }
    }

    @Test(arguments: [
        ([:], "at least one"), ([2: 0], "versions.split.2"), ([2: -1, 3: 5], "versions.split.2"),
        ([2: 100_000, 3: 1], "versions.split.3 is under 0.01 %"), ([2: 1, 3: 100_000], "versions.split.2 is under 0.01 %"),
    ])
    func weightsThatCannotBeKeptAreRefused(weights: [Int: Int], reason: String) throws {
        let error = try #require(throws: ScoringError.self) { try split(weights) }
        #expect(error.description.contains(reason))
    }

    private func split(_ weights: [Int: Int]) throws -> VersionSplit {
        try VersionSplit(Dictionary(uniqueKeysWithValues: weights.map { (ModelVersion($0.key)!, $0.value) }))
    }
}
