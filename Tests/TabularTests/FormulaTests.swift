import Glibc
import Scoring
import Tabular
import Testing

@Suite struct FormulaTests {
    /// Builds a formula over the inputs, and scores rows with it.
    func results(_ rows: [[Double]], _ build: (inout ProgramBuilder, [Formula.Operand]) -> [Formula.Operand]) throws -> [[Double]]
    {
        let width = rows[0].count
        var builder = ProgramBuilder(inputCount: width)
        let outputs = build(&builder, (0..<width).map { .slot($0) })
        let program = builder.finish(outputs: outputs)
        let signature = Signature(
            inputs: (0..<width).map { Field("x\($0)") }, outputs: outputs.indices.map { OutputColumn("y\($0)") },
            roles: Roles(score: 0..<1))
        let model = try TabularModel(program: program, signature: signature, description: ModelDescription(format: "test"))
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: width)
        for row in rows {
            let index = batch.addRow()
            for (column, value) in row.enumerated() { batch.set(value, row: index, column: column) }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return rows.indices.map { row in outputs.indices.map { scores[row, $0] } }
    }

    func same(_ a: [Double], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }

    static let numbers: [Double] = [.nan, -2.5, -1, -0.5, 0, 0.3, 0.5, 1, 2.5, 7, .infinity, -.infinity]

    @Test func foldedConstantsGiveWhatSlotsGive() throws {
        // Every operation of one or two operands: once over slots, once over constants.
        for operation in Formula.Operation.allCases where operation.form.operandCount > 0 {
            for a in Self.numbers {
                for b in [Double.nan, 0, 1, -3, 2.5] {
                    let c = 4.0
                    let slots = try results([[a, b, c]]) { builder, x in [builder.apply(operation, x[0], x[1], x[2])] }
                    let constants = try results([[0]]) { builder, _ in
                        let operands = [builder.constant(a), builder.constant(b), builder.constant(c)]
                        return [builder.apply(operation, operands[0], operands[1], operands[2])]
                    }
                    let mixed = try results([[a]]) { builder, x in
                        let operands = [builder.constant(b), builder.constant(c)]
                        return [builder.apply(operation, x[0], operands[0], operands[1])]
                    }
                    #expect(same(slots[0], constants[0]) && same(slots[0], mixed[0]), "\(operation) of \(a), \(b)")
                }
            }
        }
    }

    @Test func anythingWithAMissingOperandIsMissingUnlessItSaysOtherwise() throws {
        let excused: Set<Formula.Operation> = [
            .isMissing, .isPresent, .coalesce, .and, .or, .choose, .only, .clamp, .lookup, .fail, .failMissing,
        ]
        for operation in Formula.Operation.allCases where operation.form.operandCount > 0 && !excused.contains(operation) {
            let result = try results([[.nan, 0, 1], [0, .nan, 1]]) { builder, x in [builder.apply(operation, x[0], x[1], x[2])] }
            #expect(result[0][0].isNaN, "\(operation)")
            if operation.form.operandCount > 1 { #expect(result[1][0].isNaN, "\(operation)") }
        }
    }

    @Test func logicIsThreeValued() throws {
        let (t, f, u) = (1.0, 0.0, Double.nan)
        let rows = [[t, t], [t, f], [t, u], [f, t], [f, f], [f, u], [u, t], [u, f], [u, u]]
        let all = try results(rows) { builder, x in
            [builder.apply(.and, x[0], x[1]), builder.apply(.or, x[0], x[1]), builder.apply(.exclusiveOr, x[0], x[1])]
        }
        #expect(same(all.map { $0[0] }, [t, f, u, f, f, f, u, f, u]))
        #expect(same(all.map { $0[1] }, [t, t, t, t, f, u, t, u, u]))
        #expect(same(all.map { $0[2] }, [f, t, u, t, f, u, u, u, u]))
    }

    @Test func valuesAreComputedOnce() {
        var builder = ProgramBuilder(inputCount: 2)
        let a = builder.apply(.add, .slot(0), .slot(1))
        let b = builder.apply(.add, .slot(0), .slot(1))
        #expect(a == b)
        let table = Formula.Table.keys(keys: [1], values: [2], other: 0, missing: 0)
        let (first, second) = (builder.look(up: a, in: table), builder.look(up: b, in: table))
        #expect(first == second)
        #expect(builder.instructionCount == 2)
        let (three, four) = (builder.constant(3), builder.constant(4))
        let seven = builder.apply(.add, three, four)
        #expect(builder.value(of: seven) == 7)
        #expect(builder.constant(3) == three)
    }

    @Test func tablesAnswerByCodeKeyAndBin() throws {
        let rows: [[Double]] = [[-1], [0], [1], [1.5], [2], [3], [.nan]]
        let all = try results(rows) { builder, x in
            [
                builder.look(up: x[0], in: .codes(first: 1, values: [10, 20], other: -1, missing: -2)),
                builder.look(up: x[0], in: .keys(keys: [0, 1.5, 3], values: [5, 6, 7], other: -1, missing: -2)),
                builder.look(up: x[0], in: .bins(edges: [1, 2], values: [0, 1, 2, 3, 4], missing: -2)),
                builder.look(up: x[0], in: .bins(edges: [], values: [9], missing: -2)),
                builder.look(up: x[0], in: .keys(keys: [], values: [], other: 8, missing: -2)),
            ]
        }
        #expect(all.map { $0[0] } == [-1, -1, 10, -1, 20, -1, -2])
        #expect(all.map { $0[1] } == [-1, 5, -1, 6, -1, 7, -2])
        #expect(all.map { $0[2] } == [0, 0, 1, 2, 3, 4, -2])
        #expect(all.map { $0[3] } == [9, 9, 9, 9, 9, 9, -2])
        #expect(all.map { $0[4] } == [8, 8, 8, 8, 8, 8, -2])
    }

    /// The difference from the first code is whole, the value is not.
    @Test func tinyNumbersAreNoCodes() throws {
        let all = try results([[-.leastNonzeroMagnitude], [1e-300], [-0.0], [0]]) { builder, x in
            [builder.look(up: x[0], in: .codes(first: -1, values: [10, 20], other: 7, missing: -2))]
        }
        #expect(all.map { $0[0] } == [7, 7, 20, 20])
    }

    @Test func tablesCanChangeUntilTheEnd() throws {
        let all = try results([[0], [5]]) { builder, x in
            let table = builder.addTable(.codes(first: 0, values: [], other: 0, missing: 0))
            let operand = builder.look(up: x[0], inTable: table)
            builder[table: table] = .codes(first: 5, values: [42], other: 1, missing: 0)
            return [operand]
        }
        #expect(all == [[1], [42]])
    }

    @Test func listsIgnoreMissingMembersOrNot() throws {
        let rows: [[Double]] = [[3, 1, 2], [.nan, 4, 2], [.nan, .nan, .nan]]
        let all = try results(rows) { builder, x in
            let operations: [Formula.Operation] = [
                .sum, .average, .minimum, .maximum, .median, .product, .strictSum, .missingCount, .highest, .first,
            ]
            return operations.map { builder.combine($0, x) }
        }
        let n = Double.nan
        #expect(same(all[0], [6, 2, 1, 3, 2, 6, 6, 0, 0, 3]))
        #expect(same(all[1], [6, 3, 2, 4, 3, 8, n, 1, 1, 4]))
        #expect(same(all[2], [n, n, n, n, n, n, n, 3, n, n]))
    }

    @Test func weightedMediansReachHalfOfTheWeight() throws {
        let all = try results([[1, 1, 2, 1, 9, 4], [1, 2, 2, 1, 9, 1], [5, 1, .nan, 100, 7, 0.5]]) { builder, x in
            [builder.combine(.weightedMedian, x)]
        }
        #expect(all.map { $0[0] } == [9, 1, 5])
    }

    @Test func softmaxAndShareWriteASlotAMember() throws {
        let all = try results([[1, 2, 1000], [0, .nan, 1]]) { builder, x in
            let (first, second) = (builder.spread(.softmax, x), builder.spread(.share, x))
            return (0..<3).map { .slot(first + $0) } + (0..<3).map { .slot(second + $0) }
        }
        let shares: [Double] = [1, 2, 1000].map { $0 / 1003 }
        #expect(all[0] == [0, 0, 1] + shares)
        #expect(!all[1].contains { !$0.isNaN })
    }

    @Test func failuresFailTheirRowsOnly() throws {
        var builder = ProgramBuilder(inputCount: 1)
        builder.fail(where: builder.apply(.greater, .slot(0), builder.constant(2)), .init(field: "x", reason: "too much"))
        // Of a failure that no single input is at fault for none is named.
        builder.fail(where: builder.apply(.less, .slot(0), builder.constant(0)), .init(field: "", reason: "below zero"))
        let program = builder.finish(outputs: [.slot(0)])
        let model = try TabularModel(
            program: program,
            signature: Signature(inputs: [Field("x")], outputs: [OutputColumn("y")], roles: Roles(score: 0..<1)),
            description: ModelDescription(format: "test"))
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: 1)
        for value in [1, 3, Double.nan, -1] { batch.set(value, row: batch.addRow(), column: 0) }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        #expect(scores.failures.map(\.row) == [1, 3])
        #expect(scores.failure(row: 1) == .invalidFeature(name: "x", reason: "too much"))
        #expect(scores.failure(row: 3)?.description == "below zero")
    }

    @Test func stepsAndFormulasAlternate() throws {
        let all = try results([[1, 5], [2, 7]]) { builder, x in
            let sum = builder.apply(.add, x[0], x[1])
            let into = builder.addSlots(1)
            builder.add(.complement(of: builder.slot(of: sum), precision: .float64, into: into))
            return [builder.apply(.multiply, .slot(into), builder.constant(2)), sum, builder.constant(3)]
        }
        #expect(all == [[-10, 6, 3], [-16, 9, 3]])
    }
}
