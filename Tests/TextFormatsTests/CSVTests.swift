internal import ScoringTestKit
internal import Testing
internal import TextFormats

@Suite struct CSVTests {
    private func rows(_ text: String, limits: CSVReader.Limits = .init()) throws(CSVReader.Failure) -> [[String]] {
        try rows(Array(text.utf8), limits: limits)
    }

    private func rows(_ bytes: [UInt8], limits: CSVReader.Limits = .init()) throws(CSVReader.Failure) -> [[String]] {
        try bytes.withUnsafeBufferPointer { buffer throws(CSVReader.Failure) in
            var reader = CSVReader(buffer, limits: limits)
            var rows: [[String]] = []
            while try reader.nextRow() { rows.append((0..<reader.count).map { reader[$0] }) }
            return rows
        }
    }

    private func failure(_ text: String, limits: CSVReader.Limits = .init()) -> CSVReader.Failure? {
        do {
            _ = try rows(text, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func plainRowsAreSplit() throws {
        #expect(try rows("a,b\n1,2\n") == [["a", "b"], ["1", "2"]])
        #expect(try rows("a,b\r\n1,2") == [["a", "b"], ["1", "2"]])
        #expect(try rows("a,,\n,b,\n,,c") == [["a", "", ""], ["", "b", ""], ["", "", "c"]])
        #expect(try rows("") == [])
        #expect(try rows("\n\n") == [])
        #expect(try rows(" a , b ") == [[" a ", " b "]])
    }

    @Test func quotedCellsHoldAnything() throws {
        let table = try rows("\"a,b\",\"c\"\"d\",\"e\nf\r\ng\",\"\"\n1,2,3,4")
        #expect(table == [["a,b", "c\"d", "e\nf\r\ng", ""], ["1", "2", "3", "4"]])
        #expect(try rows("\"\"\"\",\"\"\"\"\"\"") == [["\"", "\"\""]])
    }

    @Test func emptyLinesArePassedOverUnlessThereIsOneColumn() throws {
        #expect(try rows("a,b\n\n1,2\r\n\r\n\n") == [["a", "b"], ["1", "2"]])
        #expect(try rows("a\n\n1\n") == [["a"], [""], ["1"]])
    }

    @Test func theByteOrderMarkIsNoPartOfTheFirstCell() throws {
        #expect(try rows([0xef, 0xbb, 0xbf] + Array("a,b\n".utf8)) == [["a", "b"]])
    }

    @Test func errorsSayTheLine() {
        #expect(failure("a,b\n1,\"2\n3,4")?.line == 2)
        #expect(failure("a,b\n1,2\"\n")?.line == 2)
        #expect(failure("a\n\"1\" 2\n")?.line == 2)
        #expect(failure("a,b\r1,2")?.line == 1)
        #expect(failure("a\n\"x\n\ny\"\n\"z\"z")?.line == 5)
        #expect(failure("a,b\nc,d\"")?.description == "line 2: quote inside a cell that does not start with one (column 2)")
        #expect(throws: CSVReader.Failure.self) { try rows([0x61, 0x0a, 0xff, 0x0a]) }
    }

    @Test func columnsAndCellsAreLimited() throws {
        var limits = CSVReader.Limits()
        limits.columns = 3
        limits.cellBytes = 4
        #expect(try rows("a,b,c\n1234,\"5678\",9", limits: limits).count == 2)
        #expect(failure("a,b,c,d", limits: limits)?.reason == "more than 3 cells")
        #expect(failure("a\n12345", limits: limits)?.line == 2)
    }

    @Test func writtenRowsReadBackTheSame() throws {
        var random = SeededRandom(seed: 7)
        let alphabet = Array("ab,\"\n\r é".unicodeScalars)
        for _ in 0..<2000 {
            var table: [[String]] = []
            var writer = CSVWriter()
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                var row: [String] = []
                for _ in 0..<3 {
                    var cell = ""
                    for _ in 0..<Int.random(in: 0...6, using: &random) {
                        cell.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
                    }
                    row.append(cell)
                    writer.cell(cell)
                }
                writer.endRow()
                table.append(row)
            }
            let read = try rows(writer.sink.array)
            guard read.map({ $0.map { Array($0.utf8) } }) == table.map({ $0.map { Array($0.utf8) } }) else {
                Issue.record("\(table)")
                return
            }
        }
    }

    @Test func numbersAreWrittenToReadBackTheSame() {
        var writer = CSVWriter()
        writer.cell(0.1)
        writer.cell(Double.nan)
        writer.cell(-7)
        writer.emptyCell()
        writer.cell(Double.leastNonzeroMagnitude)
        writer.endRow()
        #expect(writer.sink.string == "0.1,,-7,,5e-324\n")
    }

    @Test func mutatedTablesNeitherCrashNorHang() {
        var random = SeededRandom(seed: 8)
        let sample = Array("id,amount,country\r\n1,2.5,\"N,L\"\n2,,\"a\"\"b\"\n3,1e5,\"line\nbreak\"\n".utf8)
        for _ in 0..<30_000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array("\",\r\n\u{0}".utf8)[Int(random.next() % 5)], at: place)
                }
            }
            if let rows = try? rows(bytes) { #expect(rows.count <= bytes.count) }
        }
    }

    @Test(arguments: [
        ("a,b", ","), ("a;b", ";"), ("a\tb", "\t"), ("a", ","), ("", ","), ("\"x,y,z\";b\n1,2,3;4", ";"),
        ("a;b,c\n", ","), ("\n\r\na;b\n,,,\n", ";"),
    ])
    func theFirstLineShowsTheSeparator(text: String, separator: String) {
        let found = Array(text.utf8).withUnsafeBufferPointer { TableText.separator(of: $0) }
        #expect([found] == Array(separator.utf8))
    }

    @Test func aWrongCellCostsItsRowOnly() throws {
        try Array("a,b\n1,2\n\u{0},4\n5,6\n".utf8.map { $0 == 0 ? 0xff : $0 }).withUnsafeBufferPointer { buffer in
            var reader = CSVReader(buffer)
            for _ in 0..<2 { _ = try reader.nextRow() }
            #expect(throws: CSVReader.Failure(line: 3, reason: "invalid UTF-8 (column 1)")) { try reader.nextRow() }
            #expect(reader.canGoOn)
            #expect(try reader.nextRow() && reader[0] == "5")
        }
    }
}
