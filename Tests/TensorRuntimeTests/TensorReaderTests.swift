internal import Scoring
internal import TensorRuntime
internal import Testing

/// Rows go into a tensor's memory and come out of it again.
@Suite struct TensorReaderTests {
    private static let numbers = TensorElement.allCases.filter { $0 != .string }

    private func reader(_ tensor: TensorOutput, labels: [String]? = nil) -> TensorReader {
        var source = OutputLayout.Source(tensor)
        source.labels = labels
        return TensorReader(0, labels: labels, in: OutputLayout([source]).head)
    }

    private func input(_ element: TensorElement, width: Int) -> TensorInput {
        TensorInput(name: "x", element: element, first: 0, width: width, dims: [width])
    }

    private func memory(_ input: TensorInput, rows: [Int]) -> RunMemory {
        let memory = RunMemory(inputBytes: [input.rowBytes], outputBytes: [])
        memory.reserve(rows: rows.count)
        memory.rows = rows
        return memory
    }

    private func batch(_ rows: [[Double]]) -> FeatureBatch {
        let batch = FeatureBatch()
        batch.reset(width: rows[0].count)
        for (row, cells) in rows.enumerated() {
            _ = batch.addRow()
            for (column, cell) in cells.enumerated() { batch.set(cell, row: row, column: column) }
        }
        return batch
    }

    @Test(arguments: numbers)
    func numbersOfEveryTypeComeOutAsTheyWentIn(element: TensorElement) throws {
        let input = TensorInput(name: "x", element: element, first: 1, width: 2, dims: [2])
        let memory = memory(input, rows: [2, 0])
        #expect(UInt(bitPattern: memory.inputs[0]) % 64 == 0)
        let batch = batch([[9, 1, 0], [9, 0, 0], [9, 0, 1]])
        memory.fill(input, at: 0, 0..<2, of: batch)
        let tensor = TensorOutput(name: "y", element: element, width: 2)
        let reader = reader(tensor)
        let scores = ScoreBatch()
        scores.reset(rows: 3, width: element.isWide ? 4 : 2)
        try reader.read(memory.inputs[0], of: tensor, memory, 0..<2, into: scores)
        #expect(reader.columns.map(\.element) == [0, 1])
        #expect([0, 2].map { row in reader.columns.map { scores[row, $0.column] } } == [[1, 0], [0, 1]])
    }

    @Test(arguments: [TensorElement.int64, .uint64])
    func wideIntegersKeepEveryDigit(element: TensorElement) throws {
        let input = input(element, width: 1)
        let memory = memory(input, rows: [0])
        let batch = batch([[0]])
        batch.setInteger(9_007_199_254_740_993, row: 0, column: 0)
        memory.fill(input, at: 0, 0..<1, of: batch)
        let tensor = TensorOutput(name: "y", element: element, width: 1)
        let scores = ScoreBatch()
        scores.reset(rows: 1, width: 2)
        try reader(tensor).read(memory.inputs[0], of: tensor, memory, 0..<1, into: scores)
        #expect([scores[0, 0], scores[0, 1]] == [9_007_199_254_740_992, 1])
    }

    @Test func integersBecomePositionsOfTheirLabels() throws {
        let input = input(.int32, width: 1)
        let memory = memory(input, rows: [0, 1])
        memory.fill(input, at: 0, 0..<2, of: batch([[7], [-1]]))
        let tensor = TensorOutput(name: "y", element: .int32, width: 1)
        let scores = ScoreBatch()
        scores.reset(rows: 2, width: 1)
        try reader(tensor, labels: ["-1", "7"]).read(memory.inputs[0], of: tensor, memory, 0..<2, into: scores)
        #expect([scores[0, 0], scores[1, 0]] == [1, 0])
        #expect(throws: ScoringError.engineFailure("'y' is none of the labels that the graph shows")) {
            try reader(tensor, labels: ["-1", "8"]).read(memory.inputs[0], of: tensor, memory, 0..<2, into: scores)
        }
    }

    @Test func stringsAreCollectedAndRead() throws {
        let texts = ["", "a", "über"]
        let batch = FeatureBatch()
        batch.reset(width: 1)
        for (row, text) in texts.enumerated() {
            _ = batch.addRow()
            batch.setText(text, row: row, column: 0)
        }
        let input = input(.string, width: 1)
        let memory = memory(input, rows: [2, 0, 1])
        memory.collectTexts(input, 0..<3, of: batch)
        #expect(memory.textBytes == Array("über\0\0a\0".utf8))
        #expect(memory.textStarts == [0, 6, 7])

        // As a library gives them: without ends, and with the place behind the last.
        memory.textBytes = Array("übera".utf8)
        memory.textStarts = [0, 5, 5, 6]
        let tensor = TensorOutput(name: "y", element: .string, width: 1)
        let scores = ScoreBatch()
        scores.reset(rows: 3, width: 1)
        try reader(tensor).readTexts(of: tensor, memory, 0..<3, into: scores)
        #expect((0..<3).map { scores.text(row: $0, column: 0) } == texts)
        try reader(tensor, labels: texts).readTexts(of: tensor, memory, 0..<3, into: scores)
        #expect((0..<3).map { scores[$0, 0] } == [0, 1, 2])
    }

    @Test func memoryGrowsWithTheRows() {
        let input = input(.double, width: 3)
        let memory = RunMemory(inputBytes: [input.rowBytes], outputBytes: [input.rowBytes, 0])
        for count in [1, 2, 700, 3, 5000] {
            memory.reserve(rows: count)
            for place in [memory.inputs[0], memory.outputs[0]] {
                place.initializeMemory(as: UInt8.self, repeating: 1, count: count * input.rowBytes)
            }
        }
        #expect(memory.inputs[0].load(fromByteOffset: 5000 * input.rowBytes - 1, as: UInt8.self) == 1)
    }

    private static let shapes: [(element: TensorElement, dims: [Int], rows: Int, isSound: Bool)] = [
        (.float, [3, 2], 3, true), (.float, [1, 2], 1, true), (.float, [2], 1, true), (.float, [2, 3], 3, false),
        (.double, [3, 2], 3, false), (.float, [3], 3, false), (.float, [], 1, false),
    ]

    @Test(arguments: shapes)
    func tensorsOfOtherShapesAreRefused(element: TensorElement, dims: [Int], rows: Int, isSound: Bool) {
        let tensor = TensorOutput(name: "y", element: .float, width: 2)
        do throws(ScoringError) {
            try tensor.check(element, dims, rows: rows)
            #expect(isSound)
        } catch {
            #expect(!isSound && "\(error)".hasPrefix("'y' has the dimensions \(dims) for \(rows) rows"))
        }
    }
}
