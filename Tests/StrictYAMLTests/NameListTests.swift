internal import StrictYAML
internal import Testing

/// Lists of names in messages.
@Suite struct NameListTests {
    @Test(arguments: [
        ([], 2, ""), (["a"], 2, "a"), (["a", "b"], 2, "a, b"), (["a", "b", "c"], 2, "a, b and 1 more"),
        (["a", "b", "c", "d"], 1, "a and 3 more"),
    ])
    func aListIsCutWithItsRestCounted(names: [String], limit: Int, text: String) {
        #expect(listed(names, atMost: limit) == text)
    }

    @Test func alternativesAreCutAlike() {
        #expect(listed(["a", "b", "c"], atMost: 2, separator: " or ") == "a or b and 1 more")
        #expect(listed((1...21).map(String.init)).hasSuffix("19, 20 and 1 more"))
    }
}
