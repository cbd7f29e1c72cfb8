internal import Pipeline
internal import Registry
internal import Scoring
internal import Synchronization
internal import Testing

/// Whose fault it is that an engine throws.
@Suite struct JudgingModelTests {
    /// Gives each row's first number; throws for a call in which a row is 99, and for all calls once it is broken. Refuses zeros and ones
    /// where it is choosy, as a division by the number would and a look-up of identifiers from 2 on.
    private final class Engine: ScoringModel {
        let signature = Signature(
            inputs: [Field("x"), Field("word", .text)], outputs: [OutputColumn("prediction")],
            roles: Roles(score: 0..<1))
        let description = ModelDescription(format: "engine")
        let calls: CallProfile
        let isBroken = Atomic<Bool>(false)
        let refused = Mutex<Set<Double>>([])
        let rows = Mutex<[[String]]>([])

        init(calls: CallProfile = CallProfile(isBlocking: true)) { self.calls = calls }

        func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
            scores.reset(rows: rows.count, width: 1)
            let seen = (0..<rows.count).map { "\(rows[$0, 0]) \(rows.text(row: $0, column: 1) ?? "nothing")" }
            self.rows.withLock { $0.append(seen) }
            let refused = refused.withLock { $0 }
            for row in 0..<rows.count {
                if refused.contains(rows[row, 0]) { throw .rowRefused("out of bounds") }
                if isBroken.load(ordering: .relaxed) || rows[row, 0] == 99 { throw .engineFailure("out of bounds") }
                if rows[row, 0] == 98 {
                    scores.fail(row: row, .engineFailure("out of bounds"))
                } else {
                    scores[row, 0] = rows[row, 0]
                }
            }
        }
    }

    private let engine = Engine()
    private let scores = ScoreBatch()

    private func score(_ model: JudgingModel, _ numbers: [Double], deadline: Moment? = nil) throws(ScoringError) {
        let rows = FeatureBatch()
        rows.reset(width: 2)
        for number in numbers {
            let row = rows.addRow()
            rows.set(number, row: row, column: 0)
            if number > 5 { rows.setText("word \(number)", row: row, column: 1) }
        }
        try model.score(rows, into: scores, ScoreCall(deadline: deadline, workspace: Workspace()))
    }

    private var failedRows: [Int] { scores.failures.map(\.row).sorted() }

    private var isBlameOnRows: Bool {
        scores.failures.allSatisfy {
            guard case .rowRefused(let message) = $0.error else { return false }
            return message.hasSuffix("out of bounds")
        }
    }

    @Test func aRowIsAtFaultWhereOneThatWasOnceTakenPasses() throws {
        let model = JudgingModel(engine)
        try score(model, [7, 1])
        try score(model, [2])
        try score(model, [99, 99])
        #expect(failedRows == [0, 1])
        #expect(isBlameOnRows)
        #expect(engine.rows.withLock { $0.last } == ["7.0 word 7.0"])
    }

    @Test func aRowOfZerosDecidesWhereNoneWasTakenYet() throws {
        let model = JudgingModel(engine)
        try score(model, [99])
        #expect(failedRows == [0])
        #expect(isBlameOnRows)
        #expect(engine.rows.withLock { $0 } == [["99.0 word 99.0"], ["0.0 "]])
    }

    @Test func theEngineIsAtFaultWhereThatRowFailsToo() throws {
        let model = JudgingModel(engine)
        engine.isBroken.store(true, ordering: .relaxed)
        #expect(throws: ScoringError.engineFailure("out of bounds")) { try score(model, [1]) }
        engine.isBroken.store(false, ordering: .relaxed)
        try score(model, [1])
        #expect(scores[0, 0] == 1)
        engine.isBroken.store(true, ordering: .relaxed)
        #expect(throws: ScoringError.engineFailure("out of bounds")) { try score(model, [99]) }
    }

    @Test func rowsThatFailBesideOthersThatPassAreAtFault() throws {
        try score(JudgingModel(engine), [1, 98, 3])
        #expect(failedRows == [1])
        #expect(isBlameOnRows)
        #expect(scores[2, 0] == 3)
        #expect(engine.rows.withLock { $0.count } == 1)
    }

    @Test func onesDecideWhereZerosAreRefusedToo() throws {
        let model = JudgingModel(engine)
        engine.refused.withLock { $0 = [0] }
        try score(model, [0])
        #expect(failedRows == [0])
        #expect(isBlameOnRows)
        #expect(engine.rows.withLock { $0 } == [["0.0 nothing"], ["0.0 "], ["1.0 "]])
        // It is remembered that ones are answered.
        try score(model, [0])
        #expect(engine.rows.withLock { $0.last } == ["1.0 "])
    }

    @Test func aRefusalIsTheRowsWhereNoneWasEverAnswered() throws {
        let model = JudgingModel(engine)
        engine.refused.withLock { $0 = [0, 1, 7] }
        for _ in 0..<3 {
            try score(model, [7, 0])
            #expect(failedRows == [0, 1])
            #expect(isBlameOnRows)
        }
    }

    @Test func whatRefusesManyDifferentRowsAndAnswersNoneIsAtFault() throws {
        let model = JudgingModel(engine)
        let numbers = (0...JudgingModel.maxRefusedRows).map { Double($0) }
        engine.refused.withLock { $0 = Set(numbers) }
        // One that comes again and again says nothing of others.
        for _ in 0..<500 { try score(model, [7]) }
        for number in numbers.dropLast() { try score(model, [number]) }
        #expect(isBlameOnRows && !model.refusesAllRows)
        try score(model, [Double(JudgingModel.maxRefusedRows)])
        #expect(isBlameOnRows && model.refusesAllRows)
        // Until it answers one.
        try score(model, [1000])
        #expect(!model.refusesAllRows)
        try score(model, [7])
        #expect(isBlameOnRows && !model.refusesAllRows)
    }

    @Test func rowsThatAreComputedTogetherAreOneRefusal() throws {
        let together = Engine(calls: CallProfile(isBlocking: true, mayShareCalls: false, keepsRowsApart: false))
        let model = JudgingModel(together)
        let numbers = (0...JudgingModel.maxRefusedRows + 1).map { Double($0) }
        together.refused.withLock { $0 = Set(numbers) }
        try score(model, numbers)
        try score(model, numbers)
        #expect(!model.refusesAllRows)
    }

    /// Else one client's text would be computed anew for each row of others that is refused.
    @Test func aSmallerRowTakesThePlaceOfALargeOneToCompareWith() throws {
        let model = JudgingModel(engine)
        let rows = FeatureBatch()
        rows.reset(width: 2)
        rows.set(3, row: rows.addRow(), column: 0)
        rows.setText(String(repeating: "x", count: 10_000), row: 0, column: 1)
        try model.score(rows, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        // Until one comes it is asked for once a second at most.
        let begin = Moment.now
        for _ in 0..<50 { try score(model, [99]) }
        let seconds = Int(Moment.now.nanoseconds(since: begin) / 1_000_000_000)
        #expect(isBlameOnRows)
        #expect(engine.rows.withLock { $0.count { ($0.first?.utf8.count ?? 0) > 10_000 } } <= 2 + seconds)
        try score(model, [7])
        try score(model, [8])
        try score(model, [99])
        #expect(engine.rows.withLock { $0.last } == ["7.0 word 7.0"])
    }

    /// The row to compare with would take the time that is left; the caller would get no answer, and the engine the blame.
    @Test func aRefusalWithoutTimeForAnotherRowIsTheRows() throws {
        for isAnswered in [false, true] {
            let model = JudgingModel(engine)
            if isAnswered { try score(model, [7]) }
            engine.refused.withLock { $0 = [5] }
            let before = engine.rows.withLock { $0.count }
            try score(model, [5], deadline: .now)
            #expect(failedRows == [0] && isBlameOnRows)
            #expect(engine.rows.withLock { $0.count } == before + 1)
        }
    }

    @Test func anyOtherFailureIsTheEnginesWhereNoneWasEverAnswered() throws {
        let model = JudgingModel(engine)
        engine.refused.withLock { $0 = [0, 1] }
        #expect(throws: ScoringError.engineFailure("out of bounds")) { try score(model, [99]) }
    }

    @Test func aRefusalIsTheEnginesWhereItRefusesWhatItOnceAnswered() throws {
        let model = JudgingModel(engine)
        try score(model, [7])
        engine.refused.withLock { $0 = [5, 7] }
        #expect(throws: ScoringError.engineFailure("out of bounds")) { try score(model, [5]) }
    }

    @Test func aRowThatWasAnsweredAtTheLoadDecidesFromTheFirstRequestOn() throws {
        let rows = FeatureBatch()
        rows.reset(width: 2)
        rows.addRow()
        rows.set(3, row: rows.addRow(), column: 0)
        rows.setText("early", row: 1, column: 1)
        let model = JudgingModel(engine, answeredRow: AnsweredRow(rows, row: 1, of: engine.signature.inputs))
        engine.refused.withLock { $0 = [0, 1] }
        try score(model, [99])
        #expect(failedRows == [0])
        #expect(isBlameOnRows)
        #expect(engine.rows.withLock { $0.last } == ["3.0 early"])
    }

    @Test func whatTheLibrarySaysIsPassedOnWithoutAClaimAboutOtherRows() throws {
        engine.refused.withLock { $0 = [0, 1] }
        try score(JudgingModel(engine), [1])
        #expect(scores.failure(row: 0) == .rowRefused("the model's engine refuses this row: out of bounds"))
        engine.refused.withLock { $0 = [1] }
        try score(JudgingModel(engine), [1])
        #expect(scores.failure(row: 0) == .rowRefused("the model's engine refuses this row, and takes others: out of bounds"))
    }
}
