internal import Registry
internal import Scoring
internal import Testing

/// golden.csv: what agrees, what does not, and what the refusal says. The model doubles the sum of a, b and c.
@Suite struct GoldenFileTests {
    @Test func rowsThatAgreePass() throws {
        #expect(try rows("a,b,prediction\n1,2,6\n0.25,,0.5\n,,\n") == 3)
    }

    @Test func categoriesTextsAndBooleansMustBeEqual() throws {
        #expect(try rows("a,c,label,big,half\n3,x,low,false,3\n30,y,high,1,31\n") == 2)
        #expect(try refused("a,label\n3,high\n").contains("line 2: column 'label': expected 'high', got 'low'"))
        #expect(try refused("a,big\n3,true\n").contains("column 'big': expected 'true', got 'false'"))
    }

    @Test func numbersMayDifferByTheTolerance() throws {
        #expect(try rows("a,prediction\n1,2.000001\n") == 1)
        let beyond = try refused("a,prediction\n1,2.00001\n")
        #expect(beyond.contains("expected '2.00001', got '2.0', beyond the tolerance (golden.tolerance: 1e-06"))
        // What is far off needs no other tolerance.
        #expect(try !refused("a,prediction\n1,3\n").contains("tolerance"))
        #expect(try rows("a,prediction\n1,2.1\n", yaml: "golden: { tolerance: 0.1 }") == 1)
        #expect(try rows("a,prediction\n1,2\n", yaml: "golden: { tolerance: 0 }") == 1)
        #expect(try refused("a,prediction\n1,2.0000000001\n", yaml: "golden: { tolerance: 0 }").contains("expected"))
        // Relative, also for small numbers.
        #expect(try refused("a,prediction\n0.0001,0.00020001\n").contains("expected"))
        #expect(try rows("a,prediction\n0,0.0000000000001\n") == 1)
    }

    @Test func scoresAroundZeroCanHaveAnAbsoluteTolerance() throws {
        let yaml = "golden: { tolerance: 1e-6, absoluteTolerance: 1e-4 }"
        #expect(try rows("a,prediction\n0.000001,0.00005\n-1,-2.00009\n", yaml: yaml) == 2)
        #expect(try refused("a,prediction\n0,0.00011\n", yaml: yaml).contains("expected"))
        // The larger of both counts.
        #expect(try rows("a,prediction\n1000,2000.001\n", yaml: yaml) == 1)
        #expect(try refused("a,prediction\n0,0.0000000001\n", yaml: "golden: { absoluteTolerance: 0 }").contains("expected"))
    }

    @Test func missingValuesMustBeMissing() throws {
        #expect(try refused("a,prediction\n,0\n").contains("expected '0', got nothing"))
        #expect(try refused("a,prediction\n1,\n").contains("expected nothing, got '2.0'"))
        #expect(try rows("a,prediction\n,NaN\n") == 1)
    }

    @Test func theRefusalCountsTheRowsThatDisagree() throws {
        var text = "a,prediction\n"
        for row in 0..<1000 { text += "\(row + 1000),\(row < 700 ? (row + 1000) * 2 : -1)\n" }
        let reason = try refused(text)
        #expect(reason.contains("golden.csv line 702: column 'prediction': expected '-1', got '3400.0'"))
        #expect(reason.contains("(300 of 1000 rows disagree)"))
    }

    @Test func rowsThatCannotBeScoredAreRefused() throws {
        #expect(try refused("a,prediction\n1,2\n666,1332\n").contains("line 3: scoring failed: feature 'a': of all sums"))
    }

    @Test func columnsMustBeInputsOrOutputs() throws {
        #expect(try refused("a,predicton\n1,2\n").contains("'predicton' is neither an input nor an output of the model; did"))
        #expect(try refused("a,customer\n1,2\n").contains("its outputs are prediction, half, label, big"))
        #expect(try refused("a,customer\n1,2\n", model: "many 25").contains("score19 and 8 more)"))
        #expect(try refused(",a,prediction\n0,1,2\n").contains("leave it out with index=False"))
        #expect(try refused("a,a,prediction\n1,1,2\n").contains("two columns are named 'a'"))
    }

    @Test func aFileThatChecksNothingIsRefused() throws {
        #expect(try refused("a,b\n1,2\n").contains("no column holds an expected output"))
        #expect(try refused("a,prediction\n").contains("there is no row to check"))
        #expect(try refused("").contains("the file is empty"))
    }

    @Test func otherKindsOfFilesAreRefusedWithWhatToDo() throws {
        #expect(try refused("PAR1 and more").contains("Parquet"))
        #expect(try refused("PK\u{3}\u{4} and more").contains("Excel"))
        #expect(try refused("prediction,label\n1,low\n").contains("no column is an input of the model (its inputs are a, b, c)"))
    }

    @Test func tablesFollowTheRulesOfScore() throws {
        #expect(try rows("a;b;prediction\n1;2;6\nTrue;NA;2\n<NA>;None;\n") == 3)
        #expect(try rows("a\tb\tbig\tprediction\n10\tTRUE\tTrue\t22\n1\tFalse\tFalse\t2\n") == 2)
    }

    @Test func malformedFilesAreRefusedWithTheLine() throws {
        #expect(try refused("a,prediction\n1,2,3\n").contains("line 2: 3 cells where the header has 2"))
        #expect(try refused("a,prediction\none,2\n").contains("line 2: feature 'a': expected a number"))
        #expect(try refused("a,prediction\n1,two\n").contains("line 2: column 'prediction': 'two' is not a number"))
        #expect(try refused("a,prediction\n1,\"2\n").contains("line 2"))
    }

    @Test func decisionsAreCheckedAgainstThePolicy() throws {
        let yaml = "policy: { block: 10, review: 5 }"
        #expect(try rows("a,decision\n1,ALLOW\n3,REVIEW\n6,BLOCK\n,\n", yaml: yaml) == 4)
        #expect(try refused("a,decision\n6,REVIEW\n", yaml: yaml).contains("expected 'REVIEW', got 'BLOCK'"))
        #expect(try refused("a,decision\n6,REVIEW\n").contains("needs a policy in model.yaml"))
    }

    @Test func predictionMeansTheScoreWhereNoOutputHasTheName() throws {
        #expect(try rows("a,prediction\n1,3\n", yaml: "score: score1", model: "many 3") == 1)
        #expect(try refused("a,prediction\n1,3\n", model: "many 3").contains("'prediction' is neither"))
    }

    @Test func namesOfModelYAMLAreTheInputs() throws {
        #expect(try rows("amount,prediction\n4,8\n", yaml: "inputs: [age, amount]") == 1)
        #expect(try refused("a,prediction\n4,8\n", yaml: "inputs: [age, amount]").contains("'a' is neither"))
    }

    @Test func rowsAreLimited() throws {
        let text = "a,prediction\n" + String(repeating: "1,2\n", count: 100_001)
        #expect(try refused(text).contains("more than 100000 rows"))
        #expect(try rows(String(text.dropLast(4))) == 100_000)
    }

    private func rows(_ golden: String, yaml: String? = nil, model: String = "sum 2") throws -> Int {
        try load(["model.txt": model, "golden.csv": golden], yaml: yaml).goldenRows
    }

    private func refused(_ golden: String, yaml: String? = nil, model: String = "sum 2") throws -> String {
        try refusal(["model.txt": model, "golden.csv": golden], yaml: yaml)
    }
}
