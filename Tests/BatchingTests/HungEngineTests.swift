internal import Batching
internal import Scoring
internal import Testing

/// Calls that do not return, and the end of a batcher.
@Suite(.timeLimit(.minutes(1))) struct HungEngineTests {
    private static let hang = ScriptedModel.Trouble.hang.rawValue

    @Test func requestsOfAHungCallAreAnsweredByTheirDeadlinesAndAnotherThreadServesTheRest() throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model, limits: quick())
        let hung = batcher.submit([Self.hang], in: .milliseconds(500)).answer
        model.waitForHanging(1)
        let waiting = batcher.submit([1, 2]).answer
        #expect(hung.value == .failed(.deadlineExceeded))
        // The call still has its buffers.
        #expect(hung.rows == nil)
        #expect(waiting.value == .scored && waiting.scores() == expected([1, 2]))
        #expect(batcher.statistics.hungCalls == 1 && batcher.statistics.lostEngines == 1)
        model.release()
        #expect(batcher.submit([3]).answer.value == .scored)
    }

    @Test func aHungSharedCallGivesTheBuffersBackBecauseItWorksOnCopies() throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model, limits: quick())
        let first = batcher.submit([Self.hang], in: .milliseconds(50)).answer
        model.waitForHanging(1)
        let shared = [batcher.submit([Self.hang], in: .seconds(1)), batcher.submit([4], in: .seconds(1))]
        model.waitForHanging(1)
        #expect(first.value == .failed(.deadlineExceeded))
        for (_, answer) in shared {
            #expect(answer.value == .failed(.deadlineExceeded))
            #expect(answer.rows != nil)
        }
        model.release()
    }

    @Test func onlySoManyThreadsAreStartedForHungCallsThenRequestsAreRefused() throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model, limits: quick())
        for count in 1...3 {
            let hung = batcher.submit([Self.hang], in: .seconds(1)).answer
            model.waitForHanging(1)
            #expect(hung.value == .failed(.deadlineExceeded))
            while batcher.statistics.hungCalls < count {}
        }
        // The third has no replacement.
        #expect(batcher.submit([1]).answer.value == .failed(.notReady("the model's engine does not answer")))
        #expect(batcher.statistics.lostEngines == 3)
        model.release()
        // One of the threads serves again as soon as its call has returned.
        while batcher.submit([1]).answer.value != .scored {}
        while batcher.statistics.lostEngines > 0 {}
        #expect(batcher.statistics.hungCalls == 3)
    }

    @Test func requestsWithoutADeadlineDoNotWaitForever() throws {
        let model = ScriptedModel()
        var limits = quick()
        limits.longestWait = .milliseconds(500)
        let batcher = try Batcher(model, limits: limits)
        let hung = batcher.submit([Self.hang]).answer
        #expect(hung.value == .failed(.deadlineExceeded))
        model.release()
    }

    @Test func aDrainFinishesWhatIsQueuedAndTakesNothingNew() async throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model)
        let running = batcher.submit([Self.hang]).answer
        model.waitForHanging(1)
        let waiting = (0..<100).map { batcher.submit([Double($0)]).answer }
        async let drained: Void = batcher.drain(within: .seconds(30))
        var refused = batcher.submit([1]).answer
        model.release()
        while refused.value == .scored {
            await Task.yield()
            refused = batcher.submit([1]).answer
        }
        guard case .failed(.notReady) = refused.value else {
            Issue.record("\(refused.value)")
            return
        }
        await drained
        #expect(running.value == .scored)
        for (index, answer) in waiting.enumerated() { #expect(answer.scores() == expected([Double(index)])) }
    }

    @Test func aDrainThatTakesTooLongFailsTheRest() async throws {
        let model = ScriptedModel()
        let batcher = try Batcher(model)
        let running = batcher.submit([Self.hang]).answer
        model.waitForHanging(1)
        let waiting = batcher.submit([1]).answer
        await batcher.drain(within: .milliseconds(5))
        let closing = Answer.Result.failed(.notReady("this version of the model is being shut down"))
        #expect(running.value == closing && running.rows == nil)
        #expect(waiting.value == closing && waiting.rows != nil)
        #expect(batcher.submit([2]).answer.value == closing)
        model.release()
        await batcher.drain(within: .zero)
    }

    @Test func aBatcherThatIsLetGoAnswersWhatItHas() throws {
        let model = ScriptedModel()
        var batcher: Batcher? = try Batcher(model)
        let running = try #require(batcher).submit([Self.hang]).answer
        model.waitForHanging(1)
        let waiting = try #require(batcher).submit([1]).answer
        batcher = nil
        let closing = Answer.Result.failed(.notReady("this version of the model is being shut down"))
        #expect(running.value == closing && waiting.value == closing)
        model.release()
    }

    @Test func theThreadsLetTheModelGoWithTheBatcher() throws {
        weak var gone: ScriptedModel?
        do {
            let model = ScriptedModel()
            gone = model
            let batcher = try Batcher(model)
            #expect(batcher.submit([1]).answer.value == .scored)
        }
        while gone != nil {}
    }

    private func quick() -> BatchLimits {
        var limits = BatchLimits()
        limits.stuckAfter = .milliseconds(5)
        return limits
    }
}
