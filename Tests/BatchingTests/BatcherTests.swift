internal import Batching
internal import Scoring
internal import Synchronization
internal import Testing

/// The batcher with real threads and a scripted model. Nothing here sleeps; what has to happen is waited for.
@Suite(.timeLimit(.minutes(1))) struct BatcherTests {
    @Test func aRequestIsScoredOnItsOwnBuffers() throws {
        let batcher = try Batcher(ScriptedModel())
        let (_, answer) = batcher.submit([5, 6, 7])
        #expect(answer.value == .scored)
        #expect(answer.scores() == expected([5, 6, 7]))
        #expect(answer.rows?.scores.text(row: 2, column: 1) == "row 7.0 2!")
        #expect(answer.rows?.scores.text(row: 1, column: 1) == nil)
    }

    @Test func aRequestWithoutRowsIsAnsweredWithoutACall() throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model)
        let (_, answer) = batcher.submit([])
        #expect(answer.value == .scored && answer.scores().isEmpty && answer.rows?.scores.width == 2)
        #expect(model.seen.isEmpty)
    }

    @Test func whatGathersBehindARunningCallSharesTheNext() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let answers = (0..<6).map { batcher.submit([Double($0), 100 + Double($0)]).answer }
        model.release()
        for (index, answer) in answers.enumerated() {
            #expect(answer.value == .scored)
            #expect(answer.scores() == expected([Double(index), 100 + Double(index)]))
            #expect(answer.rows?.scores.text(row: 0, column: 1) == "row \(Double(index)) 0!")
        }
        #expect(model.seen.dropFirst() == [[0, 100, 1, 101, 2, 102, 3, 103, 4, 104, 5, 105]])
        #expect(batcher.statistics.sharedCalls == 1)
    }

    @Test func aRowThatFailsIsItsOwnRequestsAlone() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let good = batcher.submit([1, 2]).answer
        let bad = batcher.submit([3, ScriptedModel.Trouble.row.rawValue, 4]).answer
        let other = batcher.submit([5, 6]).answer
        model.release()
        #expect([good.value, bad.value, other.value] == [.scored, .scored, .scored])
        #expect(good.rows?.scores.failures.isEmpty == true && other.rows?.scores.failures.isEmpty == true)
        #expect(bad.rows?.scores.failures.map(\.row) == [1])
        #expect(bad.rows?.scores.failure(row: 1) == .invalidFeature(name: "id", reason: "scripted 1.0"))
        #expect(good.scores() == expected([1, 2]) && other.scores() == expected([5, 6]))
    }

    @Test func aRequestThatMakesACallFailDoesNotFailItsNeighbours() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let good = batcher.submit([1, 2]).answer
        let bad = batcher.submit([ScriptedModel.Trouble.call.rawValue]).answer
        let other = batcher.submit([5, 6]).answer
        model.release()
        #expect(bad.value == .failed(.engineFailure("scripted")))
        #expect(bad.rows != nil)
        #expect(good.value == .scored && good.scores() == expected([1, 2]))
        #expect(other.value == .scored && other.scores() == expected([5, 6]))
        #expect(batcher.statistics.repeatedRequests == 3)
    }

    @Test func aRowThatMakesCallsFailIsFoundByHalvesAndTheOthersAreScored() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        var ids = (0..<32).map(Double.init)
        ids[21] = ScriptedModel.Trouble.refused.rawValue
        let large = batcher.submit(ids).answer
        model.release()
        #expect(large.value == .scored)
        let scores = try #require(large.rows?.scores)
        #expect(scores.failures.map(\.row) == [21])
        for row in 0..<32 where row != 21 { #expect(scores[row, 0] == ScriptedModel.answer(ids[row], Double(row))) }
        // The one that holds the engine, and 15: halves down to the row alone, and larger ones again after each that was answered.
        #expect(model.seen.count <= 16)
    }

    @Test func rowsThatMakeCallsFailHoldUpOthersForOneCallAtATime() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let bad = batcher.submit([Double](repeating: ScriptedModel.Trouble.refused.rawValue, count: 200)).answer
        let manyBad = (0..<50).map { _ in batcher.submit([ScriptedModel.Trouble.refused.rawValue]).answer }
        let answered = Mutex([Int]())
        let good = (0..<40).map { id in
            let answer = Answer()
            // Each as wide as a call, so that every one of them needs one.
            let job = BatchJob(rows([Double](repeating: Double(id), count: 32))) { outcome in
                answered.withLock { $0.append(model.seen.count) }
                answer.take(outcome)
            }
            batcher.submit(job)
            return answer
        }
        model.release()
        for answer in good { #expect(answer.value == .scored) }
        #expect(bad.value == .scored && bad.rows?.scores.failures.count == 200)
        for answer in manyBad { #expect(answer.rows?.scores.failures.map(\.row) == [0]) }
        // The calls of single rows that waited before come first; then every second call is theirs.
        let calls = answered.withLock { $0 }
        #expect(calls[0] <= 8)
        for (earlier, later) in zip(calls, calls.dropFirst()) { #expect(later - earlier <= 2) }
    }

    /// Else the breaker would take the wait for others' calls for the engine's work.
    @Test func aRequestThatWaitsBetweenItsPiecesIsNoWorkOfTheEngines() throws {
        var limits = BatchLimits()
        limits.maxBatchRows = 1
        let gates = [Gate(), Gate()]
        let model = GatedModel([0: gates[0], 2: gates[1]])
        let batcher = try Batcher(model, limits: limits)
        let (job, answer) = batcher.submit([1, 2])
        gates[0].waitForArrivals(1)
        let others = [batcher.submit([3]).answer, batcher.submit([4]).answer]
        gates[0].open()
        gates[1].waitForArrivals(1)
        // Its first piece is done, one call of others has ended since, and another one runs.
        batcher.cancel(job)
        #expect(answer.value == .cancelled)
        #expect(job.workBegan == nil)
        gates[1].open()
        for other in others { #expect(other.value == .scored) }
    }

    @Test func rowsThatDependOnEachOtherAreNeverDivided() throws {
        let model = ScriptedModel(calls: CallProfile(isBlocking: true, mayShareCalls: false, keepsRowsApart: false))
        let batcher = try held(model)
        let bad = batcher.submit([1, ScriptedModel.Trouble.call.rawValue, 3]).answer
        model.release()
        #expect(bad.value == .failed(.engineFailure("scripted")))
        #expect(model.seen.count == 2)
    }

    @Test func resultsOfTheWrongShapeAreGivenToNobody() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let answers = [
            batcher.submit([1, 2]).answer, batcher.submit([ScriptedModel.Trouble.shape.rawValue]).answer,
            batcher.submit([3]).answer,
        ]
        model.release()
        for answer in answers {
            guard case .failed(.invalidModel) = answer.value else {
                Issue.record("\(answer.value)")
                continue
            }
        }
        #expect(model.seen.count == 2)
        guard case .failed(.invalidModel) = batcher.submit([ScriptedModel.Trouble.shape.rawValue]).answer.value else {
            Issue.record("a request by itself got results of the wrong shape")
            return
        }
    }

    @Test func anErrorThatIsNoRequestsDoingIsEverybodys() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let answers = [batcher.submit([1]).answer, batcher.submit([ScriptedModel.Trouble.late.rawValue]).answer]
        model.release()
        #expect(answers.map(\.value) == [.failed(.deadlineExceeded), .failed(.deadlineExceeded)])
        #expect(model.seen.count == 2)
    }

    @Test func aLargeRequestIsSplitAndItsResultsReturnToTheirPositions() throws {
        let model = ScriptedModel()
        var limits = BatchLimits()
        limits.maxBatchRows = 8
        let batcher = try held(model, limits)
        var ids = (0..<50).map(Double.init)
        ids[20] = ScriptedModel.Trouble.row.rawValue
        let large = batcher.submit(ids).answer
        let small = (0..<5).map { batcher.submit([1000 + Double($0)]).answer }
        model.release()
        #expect(large.value == .scored)
        let scores = try #require(large.rows?.scores)
        #expect(scores.count == 50 && scores.failures.map(\.row) == [20])
        for row in 0..<50 where row != 20 {
            #expect(scores[row, 0] == ScriptedModel.answer(ids[row], Double(row)))
            #expect(scores.text(row: row, column: 1) == (row % 2 == 0 ? "row \(ids[row]) \(row)!" : nil))
        }
        for (index, answer) in small.enumerated() { #expect(answer.scores() == expected([1000 + Double(index)])) }
        #expect(model.seen.allSatisfy { $0.count <= 8 })
    }

    @Test func aPieceThatFailsEndsItsRequestAndNoOther() throws {
        let model = ScriptedModel()
        var limits = BatchLimits()
        limits.maxBatchRows = 4
        let batcher = try held(model, limits)
        let large = batcher.submit([1, 2, 3, 4, 5, ScriptedModel.Trouble.call.rawValue, 7, 8, 9, 10]).answer
        let small = batcher.submit([11, 12]).answer
        model.release()
        #expect(large.value == .failed(.engineFailure("scripted")))
        #expect(small.value == .scored && small.scores() == expected([11, 12]))
        #expect(!model.seen.contains { $0.contains(10) })
    }

    @Test func whatExpiresInTheQueueIsAnsweredWhileTheEngineIsBusyAndNeverScored() throws {
        let model = ScriptedModel()
        let batcher = try held(model)
        let late = batcher.submit([7], in: .milliseconds(5)).answer
        let patient = batcher.submit([8]).answer
        #expect(late.value == .failed(.deadlineExceeded))
        #expect(late.rows != nil)
        model.release()
        #expect(patient.value == .scored)
        #expect(!model.seen.contains { $0.contains(7) })
        #expect(batcher.submit([9], in: .zero).answer.value == .failed(.deadlineExceeded))
    }

    @Test func aCancelledRequestIsNotScoredAndARunningOnesResultIsDropped() throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model)
        let running = batcher.submit([ScriptedModel.Trouble.hang.rawValue])
        model.waitForHanging(1)
        let waiting = batcher.submit([7])
        let other = batcher.submit([8])
        batcher.cancel(waiting.job)
        #expect(waiting.answer.value == .cancelled && waiting.answer.rows != nil)
        batcher.cancel(running.job)
        #expect(running.answer.value == .cancelled)
        // The call still works on it.
        #expect(running.answer.rows == nil)
        batcher.cancel(running.job)
        model.release()
        #expect(other.answer.value == .scored)
        batcher.cancel(other.job)
        #expect(!model.seen.contains { $0.contains(7) })
        #expect(batcher.statistics.cancelledRequests == 2)
    }

    @Test func aFullQueueRefusesAtOnceAndStaysFull() throws {
        let model = ScriptedModel()
        var limits = BatchLimits()
        limits.queuedRows = 10
        let batcher = try held(model, limits)
        let admitted = (0..<10).map { batcher.submit([Double($0)]).answer }
        for _ in 0..<1000 {
            guard case .failed(.overloaded(_, let retryAfter)) = batcher.submit([1]).answer.value else {
                Issue.record("admitted past the limit")
                return
            }
            #expect(retryAfter > .zero)
        }
        #expect(batcher.statistics.waitingRows == 10 && batcher.statistics.refusedRequests == 1000)
        model.release()
        #expect(admitted.allSatisfy { $0.value == .scored })
    }

    @Test func rowsOfAnotherWidthAreRefused() throws {
        let batcher = try Batcher(ScriptedModel())
        let answer = Answer()
        let exchange = BatchRows()
        exchange.features.reset(width: 2)
        exchange.features.addRow()
        batcher.submit(BatchJob(exchange) { answer.take($0) })
        #expect(answer.value == .failed(.invalidRequest("a row has 2 features, the model takes 3")))
    }

    @Test func aDeliberateDelayGathersAndEndsByItself() throws {
        let model = ScriptedModel()
        var limits = BatchLimits()
        limits.maxDelay = .milliseconds(20)
        let batcher = try Batcher(model, limits: limits)
        let first = batcher.submit([1]).answer
        let second = batcher.submit([2]).answer
        #expect(first.value == .scored && second.value == .scored)
        #expect(model.seen == [[1, 2]])
    }

    /// A batcher whose only engine is busy until the model is released.
    private func held(_ model: ScriptedModel, _ limits: BatchLimits = BatchLimits()) throws -> Batcher {
        let batcher = try Batcher(model, limits: limits)
        _ = batcher.submit([ScriptedModel.Trouble.hang.rawValue])
        model.waitForHanging(1)
        return batcher
    }
}

/// A model of which some calls wait at a gate, by their numbers.
private final class GatedModel: ScoringModel {
    let signature = ScriptedModel().signature
    let description = ModelDescription(format: "gated")
    let calls = CallProfile(isBlocking: true)
    private let gates: [Int: Gate]
    private let made = Atomic(0)

    init(_ gates: [Int: Gate]) { self.gates = gates }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        gates[made.add(1, ordering: .acquiringAndReleasing).oldValue]?.wait()
        scores.reset(rows: rows.count, width: 2)
    }
}
