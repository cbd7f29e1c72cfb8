internal import Scoring
internal import Testing
internal import TextFormats

@Suite struct FeatureTableTests {
    private let fields = [
        Field("amount"), Field("age", .integer), Field("new", .boolean),
        Field("country", .category(CategoryLevels(["NL", "NA", "DE"]))),
        Field("zone", .category(CategoryLevels(["1", "2"], numbers: [1, 2])), unknownLevel: .missing), Field("note", .text),
    ]

    /// Reads a table whose rows all fit; NaN becomes -999 so that rows can be compared.
    private func read(
        _ text: String, fields: [Field]? = nil
    ) throws -> (table: FeatureTable, rows: [[Double]], batch: FeatureBatch) {
        let fields = fields ?? self.fields
        let batch = FeatureBatch()
        batch.reset(width: fields.count)
        let table = try Array(text.utf8).withUnsafeBufferPointer { buffer throws(CSVReader.Failure) in
            var reader = CSVReader(buffer)
            _ = try reader.nextRow()
            let table = try FeatureTable(header: reader, inputs: fields)
            while try reader.nextRow() { try table.addRow(of: reader, to: batch) }
            return table
        }
        let rows = (0..<batch.count).map { row in (0..<fields.count).map { batch[row, $0].isNaN ? -999 : batch[row, $0] } }
        return (table, rows, batch)
    }

    @Test func integersKeepTheirDigitsWhereTheFieldTakesThem() throws {
        let (limit, next) = ("9007199254740992", "9007199254740993")
        func bits(_ cell: String, _ integers: Field.Integers) throws -> (cell: Double, wide: UInt64?) {
            let (_, rows, batch) = try read("id\n\(cell)", fields: [Field("id", .integer, integers: integers)])
            return (rows[0][0], integers.areWide ? batch.wideInteger(row: 0, column: 0) : nil)
        }
        #expect(try bits(next, .int64).wide == 1 << 53 + 1)
        #expect(try bits("-" + next, .int64).wide == 0 &- (1 << 53 + 1))
        #expect(try bits("-9223372036854775808", .int64).wide == 1 << 63)
        #expect(try bits("18446744073709551615", .uint64).wide == .max)
        for integers in [Field.Integers.int64, .uint64, .exactDoubles, .doubles] {
            let found = try bits(limit, integers)
            #expect(found.cell == 0x1p53 && found.wide == nil)
            #expect(try bits("1e3", integers).cell == 1000)
            #expect(try bits("True", integers).cell == 1)
        }
        #expect(try bits(next, .doubles).cell == 0x1p53)
        for (cell, integers) in [
            (next, Field.Integers.exactDoubles), ("9223372036854775808", .int64), ("-9223372036854775809", .int64),
            ("-1", .uint64),
            ("18446744073709551616", .uint64), (next + ".0", .int64), ("1e17", .int64), ("0.5", .uint64), ("inf", .int64),
        ] {
            #expect(throws: CSVReader.Failure.self, "\(cell)") { try bits(cell, integers) }
        }
    }

    @Test func onlyWhatInt64HoldsIsSaidToBeForONNXRuntime() {
        for (cell, isForRuntime) in [
            ("9007199254740993", true), ("-9223372036854775808", true), ("9223372036854775807", true),
            ("9223372036854775808", false), ("-9223372036854775809", false), ("18446744073709551615", false),
            ("18446744073709551616", false), ("1e25", false),
        ] {
            let error = #expect(throws: CSVReader.Failure.self) {
                try read("id\n\(cell)", fields: [Field("id", .integer, integers: .exactDoubles)])
            }
            #expect(error?.reason.contains("engine: onnxruntime") == isForRuntime, "\(cell)")
            #expect(error?.reason.contains("must be a whole number that fits into int64") == !isForRuntime, "\(cell)")
        }
    }

    @Test(arguments: [
        ("\"28,38\"", "; it has a comma"), ("\"-1.234,5\"", "; it has a comma"), ("\"1,234,567\"", "; it has a comma"),
        ("\"1, 2\"", "; it is a list"), ("\"[1,2]\"", "; it is a list"), ("0.5 1", "; it is a list"),
        ("\"1,2,3\"", "; it is a list"),
        ("many", ""), ("\"a,b\"", ""), ("\",\"", ""), ("[]", ""),
    ])
    func numbersInOtherFormsAreRecognised(cell: String, hint: String) {
        let error = #expect(throws: CSVReader.Failure.self) { try read("amount\n\(cell)") }
        #expect(error?.reason.hasPrefix("feature 'amount': expected a number" + hint) == true, "\(error?.reason ?? "")")
        #expect(hint.isEmpty == (error?.reason == "feature 'amount': expected a number"))
        #expect(error?.reason.contains("28") == false && error?.reason.contains("1.234") == false, "values are not repeated")
    }

    @Test func fractionsThatDoublesDoNotHaveAreFractions() throws {
        for kind in [Field.Kind.integer, .boolean] {
            for cell in ["0.99999999999999999999", "1.00000000000000000000000001", "10000000000000000000001e-22"] {
                #expect(throws: CSVReader.Failure.self, "\(cell)") { try read("n\n\(cell)", fields: [Field("n", kind)]) }
            }
        }
        #expect(throws: CSVReader.Failure.self) { try read("n\n4503599627370497.3", fields: [Field("n", .integer)]) }
        for (cell, number) in [
            ("1.000000000000000000000000000", 1), ("10e-1", 1), ("0.0001e4", 1), ("0e-5", 0), ("-0.0", 0), ("1e3", 1000),
            ("4503599627370497.0", 4_503_599_627_370_497),
        ] {
            #expect(try read("n\n\(cell)", fields: [Field("n", .integer)]).rows[0][0] == Double(number), "\(cell)")
        }
        #expect(try read("n\n0.99999999999999999999", fields: [Field("n")]).rows[0][0] == 1)
    }

    @Test func columnsAreNamedByTheirBytes() throws {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        let (table, rows, _) = try read("\(decomposed),\(composed)\n2,1", fields: [Field(composed), Field(decomposed)])
        #expect(rows == [[1, 2]] && table.others.isEmpty && table.absentInputs.isEmpty)
    }

    @Test func cellsBecomeFeaturesByTheirColumnsName() throws {
        let text = """
            prediction,note,zone,country,new,age,amount
            0.5,"free, text",2,DE,true,42,1.25e1
            0.25,,1.0,NL,0,-1,inf
            """
        let (table, rows, batch) = try read(text)
        #expect(rows == [[12.5, 42, 1, 2, 1, 0], [.infinity, -1, 0, 0, 0, -999]])
        #expect(batch.text(row: 0, column: 5) == "free, text")
        #expect(table.others.map(\.name) == ["prediction"])
        #expect(table.others.map(\.column) == [0])
        #expect(table.absentInputs == [])
    }

    @Test func emptyCellsAndTheUsualWordsAreMissing() throws {
        let text = "amount,age,new,country,zone,note\n,,,,,\nNA,NaN,nan,null,NA,NA\n"
        let (_, rows, batch) = try read(text)
        #expect(rows == [Array(repeating: -999, count: 6), [-999, -999, -999, -999, -999, 0]])
        #expect(batch.text(row: 1, column: 5) == "NA")
    }

    @Test func aLevelMayBeCalledLikeAMissingValue() throws {
        #expect(try read("country\nNA\n", fields: [fields[3]]).rows == [[1]])
    }

    @Test func unknownLevelsFollowTheirField() throws {
        let refused = #expect(throws: CSVReader.Failure.self) { try read("country\nNL\nXX\n", fields: [fields[3]]) }
        #expect(refused?.line == 3)
        #expect(refused?.reason.contains("XX") == false)
        #expect(try read("zone,x\n7,\n", fields: [fields[4]]).rows == [[-999]])
        let passed = Field("c", .category(CategoryLevels(["a"])), unknownLevel: .passed)
        #expect(try read("c\nz\n", fields: [passed]).rows == [[-1]])
    }

    @Test(arguments: [
        "amount\nabc\n", "amount\n1.2.3\n", "age\n1.5\n", "new\nyes\n", "amount,b\n1\n", "amount\n1,2\n",
        "amount,amount\n1,2\n",
    ])
    func whatDoesNotFitIsRefusedWithItsLine(text: String) {
        let failure = #expect(throws: CSVReader.Failure.self) { try read(text) }
        #expect((failure?.line ?? 0) >= 1)
    }

    @Test func aRefusedRowLeavesTheBatchAsItWas() throws {
        let batch = FeatureBatch()
        batch.reset(width: 1)
        try Array("amount\n1\nx\n3\n".utf8).withUnsafeBufferPointer { buffer throws(CSVReader.Failure) in
            var reader = CSVReader(buffer)
            _ = try reader.nextRow()
            let table = try FeatureTable(header: reader, inputs: [Field("amount")])
            while try reader.nextRow() { try? table.addRow(of: reader, to: batch) }
        }
        #expect(batch.count == 2)
        #expect(batch[1, 0] == 3)
    }

    @Test func absentInputsAreToldAndRequiredOnesRefused() throws {
        #expect(try read("amount\n1\n").table.absentInputs == ["age", "new", "country", "zone", "note"])
        #expect(throws: CSVReader.Failure.self) { try read("x\n1\n", fields: [Field("a", isRequired: true)]) }
    }
}
