internal import Scoring
internal import Testing

@Suite struct ExactTextTests {
    private let composed = "\u{e9}"
    private let decomposed = "e\u{301}"

    @Test func keysAreBytes() {
        var map: TextMap<Int> = [composed: 1]
        #expect(map[decomposed] == nil)
        map[decomposed] = 2
        map[composed, default: 0] += 10
        #expect(map.count == 2 && map[composed] == 11 && map[decomposed] == 2)
        #expect(map.updateValue(3, forKey: decomposed) == 2 && map.mapValues { $0 + 1 }[decomposed] == 4)
        #expect(TextMap([("a", 1), ("a", 2)])["a"] == 1)
        var set: TextSet = [composed]
        #expect(!set.contains(decomposed) && set.insert(decomposed) && !set.insert(composed) && set.count == 2)
        #expect(composed.isExactly(composed) && !composed.isExactly(decomposed))
        #expect(Optional(composed).isExactly(composed) && String?.none.isExactly(nil) && !Optional(composed).isExactly(nil))
        #expect([composed, decomposed].firstIndex(ofExactly: decomposed) == 1)
    }

    @Test func wideNumbersAreTheSumOfTwoCells() {
        let output = OutputColumn("id", .integer, integers: .int64, remainder: 1)
        #expect(output.whole(0x1p53, remainder: 1) == WholeNumber(magnitude: 1 << 53 + 1))
        #expect(output.whole(-0x1p63, remainder: 0) == WholeNumber(magnitude: 1 << 63, isNegative: true))
        #expect(output.whole(0x1p64, remainder: -1)?.text == "18446744073709551615")
        #expect(output.whole(0x1p64, remainder: 0) == nil)
        #expect(output.whole(-5, remainder: 0)?.text == "-5")
        #expect(output.whole(0.5, remainder: 0) == nil)
        // Without the rest a cell beyond 2^53 may be another number.
        #expect(output.whole(0x1p53, remainder: .nan)?.text == "9007199254740992")
        #expect(output.whole(0x1p54, remainder: .nan) == nil)
    }
}
