internal import Batching
internal import Caching
internal import Dispatch
internal import Pipeline
internal import Registry
internal import Resilience
internal import Scoring
internal import Synchronization
internal import Testing

/// Clients that leave while a stage has their request: what only they wanted is dropped, what others want goes on, and each request ends
/// once.
extension StageTests {
    /// A cached version of a blocking engine, whose calls wait for the gate and are noted by their first values.
    private func gated(
        _ gate: Gate, _ calls: Calls, _ rules: ServingRules? = nil, name other: String? = nil
    ) throws -> ServedModel {
        var batching = BatchLimits()
        (batching.engines, batching.maxBatchRows, batching.longestWait) = (1, 1, .seconds(3600))
        var rules = rules ?? caching()
        rules.batching = batching
        return try serve(rules, calls: Self.blocking, name: other) { rows, scores in
            calls.note(rows[0, 0])
            gate.wait()
            scores[0, 0] = rows[0, 0]
        }
    }

    final class Calls: Sendable {
        private let values = Mutex<[Double]>([])

        func note(_ value: Double) { values.withLock { $0.append(value) } }
        var all: [Double] { values.withLock { $0 } }
    }

    @Test func oneWhoWaitsInAFlightLeavesAtOnceAndHarmsNobody() async throws {
        let (gate, calls) = (Gate(), Calls())
        let served = try gated(gate, calls)
        let (crowd, left) = (Crowd<Answer>(4), Crowd<Answer>(1))
        begin(served, [0.75], .now) { crowd.add($0) }
        begin(served, [0.75], .now) { crowd.add($0) }
        let leaving = begin(served, [0.75], .now) { left.add($0) }
        begin(served, [0.75], .now) { crowd.add($0) }
        leaving.cancellation?.cancel()
        // The engine still has the others' row.
        #expect(await left.answers() == [Answer(error: .cancelled)])
        begin(served, [0.75], .now) { crowd.add($0) }
        gate.open()
        #expect(await crowd.answers().allSatisfy { $0.scores == [0.75] && $0.error == nil })
        #expect(calls.all == [0.75])
    }

    @Test func whoeverWaitsForALeaderThatLeavesIsComputed() async throws {
        let (gate, calls) = (Gate(), Calls())
        let served = try gated(gate, calls)
        let (crowd, left) = (Crowd<Answer>(3), Crowd<Answer>(2))
        let leader = begin(served, [0.75], .now) { left.add($0) }
        let second = begin(served, [0.75], .now) { left.add($0) }
        for _ in 0..<3 { begin(served, [0.75], .now) { crowd.add($0) } }
        second.cancellation?.cancel()
        leader.cancellation?.cancel()
        #expect(await left.answers() == [Answer(error: .cancelled), Answer(error: .cancelled)])
        gate.open()
        #expect(await crowd.answers().allSatisfy { $0.scores == [0.75] && $0.error == nil })
    }

    @Test func whatWaitsForAnEngineIsNeverComputedForOneWhoLeft() async throws {
        let (gate, calls) = (Gate(), Calls())
        let served = try gated(gate, calls, ServingRules())
        let (crowd, left) = (Crowd<Answer>(2), Crowd<Answer>(1))
        begin(served, [0.25], .now) { crowd.add($0) }
        let leaving = begin(served, [0.5], .now) { left.add($0) }
        begin(served, [0.75], .now) { crowd.add($0) }
        leaving.cancellation?.cancel()
        #expect(await left.answers() == [Answer(error: .cancelled)])
        gate.open()
        _ = await crowd.answers()
        #expect(calls.all == [0.25, 0.75])
        #expect(events.count { $0 == "failure: \(ScoringError.cancelled)" } == 1)
    }

    @Test func whatAFallbackIsComputingIsGivenUpToo() async throws {
        let (gate, calls) = (Gate(), Calls())
        let substitute = try gated(gate, calls, ServingRules(), name: "other")
        let failing = try serve(falling(to: .model(substitute.name, nil)), calls: Self.blocking) {
            _, _ throws(ScoringError) in throw .engineFailure("broken")
        }
        let path = FixedPath(pipeline, [failing, substitute])
        // The substitute's engine is busy with another's row, so that this one waits.
        let (busy, left) = (Crowd<Answer>(1), Crowd<Answer>(1))
        begin(substitute, [0.25], .now) { busy.add($0) }
        let asked = Crowd<Answer>(1)
        let group = begin(failing, [0.5], .now, on: path) {
            left.add($0)
            asked.add($0)
        }
        while group.cancellation == nil { await Task.yield() }
        group.cancellation?.cancel()
        #expect(await left.answers().first?.error != nil)
        gate.open()
        #expect(await busy.answers().first?.scores == [0.25])
        #expect(calls.all == [0.25])
        #expect(path.finished.withLock { $0[ObjectIdentifier(group)] } == 1)
    }

    /// Requests of all kinds begin on several threads and are given up by others at any moment. Memory that two threads touch without order
    /// would show as a wrong answer, a second end or one that is missing.
    @Test(.timeLimit(.minutes(5))) func clientsThatLeaveAtAnyMomentLeaveOnceAndOthersGetTheirOwn() async throws {
        var rules = caching()
        let name = try #require(ModelName("other"))
        rules.fallback = Fallback(.model(name, nil), on: [.missingScore])
        var limits = ResilienceLimits()
        (limits.concurrency, limits.leastConcurrency, limits.queuedRows) = (100_000, 100_000, 1_000_000)
        limits.breaker = BreakerLimits()
        limits.breaker?.minimumCalls = 1_000_000
        rules.limits = limits
        var batching = BatchLimits()
        (batching.engines, batching.maxBatchRows) = (2, 4)
        rules.batching = batching
        // Whole numbers are scored; halves have no score, and are left to the other model.
        let asked = try serve(rules, calls: Self.blocking) { rows, scores in
            for row in 0..<rows.count where rows[row, 0] == rows[row, 0].rounded() { scores[row, 0] = rows[row, 0] }
        }
        let other = try serve(ServingRules(), calls: Self.blocking, name: "other") { rows, scores in
            for row in 0..<rows.count { scores[row, 0] = rows[row, 0] * 100 }
        }
        let path = FixedPath(pipeline, [asked, other])
        let (threads, each) = (4, 500)
        let crowd = Crowd<(value: Double, mayBeGone: Bool, answer: Answer)>(threads * each)
        let handles = Mutex<[Cancellation]>([])
        let isOver = Atomic(false)
        let leaver = Task.detached {
            while !isOver.load(ordering: .acquiring) {
                let taken = handles.withLock { list in
                    defer { list = [] }
                    return list
                }
                for handle in taken { handle.cancel() }
                await Task.yield()
            }
        }
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for number in 0..<each {
                let value = Double((number * 7 + thread) % 23) / 2
                let mayBeGone = (number + thread) % 3 != 0
                let group = begin(asked, [value], .now, on: path) { answer in crowd.add((value, mayBeGone, answer)) }
                guard mayBeGone, let cancellation = group.cancellation else { continue }
                if number % 2 == 0 { cancellation.cancel() } else { handles.withLock { $0.append(cancellation) } }
            }
        }
        for (value, mayBeGone, answer) in await crowd.answers() {
            if answer.error != nil {
                #expect(mayBeGone, "\(value): \(answer)")
            } else if mayBeGone, value != value.rounded(), answer.scores.first?.isNaN == true {
                // The client left before the other model was asked; the row stays as it was.
            } else {
                #expect(answer.scores == [value == value.rounded() ? value : value * 100])
            }
        }
        isOver.store(true, ordering: .releasing)
        await leaver.value
        #expect(path.finished.withLock { $0.values.reduce(0, +) } == threads * each)
        // All places were given back.
        #expect(await ask(asked, [77]).scores == [77])
    }
}
