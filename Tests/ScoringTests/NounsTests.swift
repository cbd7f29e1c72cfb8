internal import Scoring
internal import Testing

@Suite struct NounsTests {
    @Test func symbolsAreFoundByTheirBytesAndOnlyByThem() {
        let symbols = (0..<3_000).map { "feature_\($0)" } + ["", "é", "a", "aa"]
        let table = SymbolTable(symbols)
        for (position, symbol) in symbols.enumerated() { #expect(table.position(of: symbol) == position) }
        for stranger in ["feature_3000", "feature_", "e\u{301}", "A", "aaa", " "] { #expect(table.position(of: stranger) == nil) }
        #expect(SymbolTable([]).position(of: "a") == nil)
        #expect(SymbolTable(["x", "y", "x"]).position(of: "x") == 0, "the first of equals is found")
    }

    @Test func numericLevelsAreFoundByNumberAndByLabel() {
        let levels = CategoryLevels(["1", "2.5", "-3"], numbers: [1, 2.5, -3])
        #expect(levels.position(of: 2.5) == 1 && levels.position(of: "2.5") == 1)
        #expect(levels.position(of: 2) == nil && levels.position(of: Double.nan) == nil)
        #expect(CategoryLevels(["1"]).position(of: 1.0) == nil, "levels that are strings are not numbers")
    }

    @Test(arguments: ["a", "fraud-2.1_x", String(repeating: "m", count: 128)])
    func safeModelNamesAreTaken(name: String) {
        #expect(ModelName(name)?.text == name)
    }

    @Test(arguments: ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\n", "a\"", String(repeating: "m", count: 129)])
    func otherModelNamesAreRefused(name: String) {
        #expect(ModelName(name) == nil)
    }

    @Test func versionsArePositiveWholeNumbersWithoutLeadingZeros() {
        #expect(ModelVersion("12")?.number == 12)
        for text in ["0", "-1", "01", "1.0", "", " 1", "+1", "1e3", "99999999999999999999"] { #expect(ModelVersion(text) == nil) }
        #expect(ModelVersion("9")! < ModelVersion("10")!)
    }

    @Test func rowsOfABatchStartMissingAndKeepTheirValuesWhileItGrows() {
        let batch = FeatureBatch()
        batch.reset(width: 7)
        for row in 0..<500 {
            #expect(batch.addRow() == row)
            batch.set(Double(row), row: row, column: row % 7)
        }
        for row in 0..<500 {
            for column in 0..<7 {
                #expect(column == row % 7 ? batch[row, column] == Double(row) : batch[row, column].isNaN)
            }
        }
        batch.setText("x", row: 3, column: 0)
        #expect(batch.text(row: 3, column: 0) == "x" && batch.text(row: 2, column: 0) == nil)
        batch.removeLastRow()
        #expect(batch.count == 499)
        batch.reset(width: 2)
        batch.addRow()
        #expect(batch[0, 0].isNaN && batch[0, 1].isNaN, "nothing of the request before is left")
    }

    @Test func scoresOfTheRequestBeforeAreGone() {
        let scores = ScoreBatch()
        scores.reset(rows: 2, width: 2)
        scores[1, 1] = 5
        scores.fail(row: 0, .deadlineExceeded)
        #expect(scores.failure(row: 0) == .deadlineExceeded && scores.failure(row: 1) == nil)
        scores.reset(rows: 2, width: 2)
        #expect(scores[1, 1].isNaN && scores.failures.isEmpty)
    }

    @Test func momentsDoNotOverflow() {
        let late = Moment(nanoseconds: .max - 5)
        #expect(late.advanced(byMilliseconds: 1).nanoseconds == .max)
        #expect(Moment(nanoseconds: 0).advanced(byMilliseconds: .max).nanoseconds == .max)
        #expect(Moment(nanoseconds: 3).nanoseconds(since: Moment(nanoseconds: 9)) == 0)
    }
}
