internal import Experiments
internal import Testing

struct StickyHashTests {
    /// Made with the Python of docs/experiments.md. They must never change: customers would change versions.
    @Test(arguments: [
        ("fraud", "u1", 1203),
        ("fraud", "u2", 9097),
        ("credit", "u1", 2298),
        ("fraud", "", 7003),
        ("fraud", "café", 7283),
        ("fraud/canary/3", "c81d4e2e-bcf2-11e6-869b-7df92533d2db", 9590),
    ])
    func keysStayInTheirSlots(salt: String, key: String, slot: Int) {
        #expect(StickyHash(salt: salt).slot(of: key) == slot)
    }

    @Test(arguments: ["user", "u", "4929-0000-1111-", "c81d4e2e-bcf2-11e6-869b-"])
    func consecutiveKeysFillAllSlotsEvenly(prefix: String) {
        let hash = StickyHash(salt: "fraud")
        var counts = [Int](repeating: 0, count: 100)
        for number in 0..<200_000 { counts[hash.slot(of: "\(prefix)\(number)") / 100] += 1 }
        // 99 degrees of freedom: 180 is beyond 1 in a million.
        #expect(chiSquare(counts, expected: 2000) < 180)
    }

    @Test func experimentsOfDifferentModelsAreIndependent() {
        let (left, right) = (StickyHash(salt: "fraud"), StickyHash(salt: "credit"))
        var counts = [Int](repeating: 0, count: 100)
        for number in 0..<200_000 {
            counts[left.slot(of: "user\(number)") / 1000 * 10 + right.slot(of: "user\(number)") / 1000] += 1
        }
        #expect(chiSquare(counts, expected: 2000) < 180)
    }

    @Test func drawsWithoutAKeyAreUniform() {
        let draw = RandomDraw(seed: 7)
        var counts = [Int](repeating: 0, count: 100)
        for _ in 0..<200_000 { counts[StickyHash.slot(ofUniform: draw.next()) / 100] += 1 }
        #expect(chiSquare(counts, expected: 2000) < 180)
    }

    private func chiSquare(_ counts: [Int], expected: Double) -> Double {
        counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    }
}
