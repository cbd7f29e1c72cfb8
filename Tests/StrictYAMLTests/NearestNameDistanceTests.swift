internal import StrictYAML
internal import Testing

/// Finding what was meant by a mistyped name: held against a plain evaluation of the same definition.
@Suite struct NearestNameDistanceTests {
    @Test(arguments: [
        ("amuont", "amount"), ("AMOUNT", "amount"), ("amnt", "amount"), ("hours", "hour"), ("zzzz", nil), ("", nil),
        (String(repeating: "x", count: 65), nil),
    ])
    func slipsAndAbbreviationsAreRecognised(name: String, meant: String?) {
        #expect(NearestName.to(name, among: ["country", "amount", "hour"]) == meant)
    }

    @Test func theNearestIsThatOfThePlainDistance() {
        var random = Steps(state: 7)
        func word(_ longest: Int, _ letters: Int) -> [Character] {
            (0..<1 + random.below(longest)).map { _ in Array("abcdefgh")[random.below(letters)] }
        }
        for _ in 0..<5_000 {
            let letters = 2 + random.below(5)
            let name = word(14, letters)
            let candidate = word(14, letters)
            let edits = distance(name, candidate)
            let isNear = edits <= name.count / 3 && abs(name.count - candidate.count) <= name.count / 3
            guard isNear || abs(name.count - candidate.count) <= name.count / 3 else { continue }
            #expect((NearestName.to(String(name), among: [String(candidate)]) != nil) == isNear, "\(name) \(candidate)")
        }
    }

    /// Optimal string alignment, cell by cell.
    private func distance(_ left: [Character], _ right: [Character]) -> Int {
        var table = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for row in 0...left.count { table[row][0] = row }
        for column in 0...right.count { table[0][column] = column }
        for row in 1...left.count {
            for column in 1...right.count {
                let replaced = table[row - 1][column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
                table[row][column] = min(table[row - 1][column] + 1, table[row][column - 1] + 1, replaced)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    table[row][column] = min(table[row][column], table[row - 2][column - 2] + 1)
                }
            }
        }
        return table[left.count][right.count]
    }
}

/// The same numbers in every run.
private struct Steps {
    var state: UInt64

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }
}
