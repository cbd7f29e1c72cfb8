internal import Experiments
internal import Scoring
internal import Synchronization
internal import Testing

struct ShadowQueueTests {
    @Test func bothScoresAreKeptSideBySide() throws {
        let seen = Mutex<[ShadowResult]>([])
        let queue = ShadowQueue(served(3, FactorModel(2))) { result in seen.withLock { $0.append(result) } }
        let group = try request([0.1, 0.3, 0.4], by: served(2, FactorModel(1)))
        queue.offer(ShadowedRows(group, requestID: "r1"))
        let comparison = try #require(comparison(of: queue) { $0.rows == 3 && $0.queue.queued == 0 })
        #expect(abs(comparison.meanDifference - 0.8 / 3) < 1e-12)
        #expect(comparison.largestDifference == 0.4)
        // 0.3 and 0.4 are allowed, 0.6 and 0.8 blocked.
        #expect(comparison.decisionDisagreements == 2)
        // At 0.4 all of one and a third of the other lie below.
        #expect(abs(comparison.ks - 2.0 / 3) < 1e-12)
        #expect(comparison.queue.errors == 0 && comparison.queue.dropped == 0)
        #expect(comparison.samples.map(\.row) == [0, 1, 2])
        let last = try #require(seen.withLock { $0.last })
        #expect(last.requestID == "r1" && last.servedVersion.number == 2 && last.shadowVersion.number == 3)
        #expect(last.served.scores == [0.4] && last.shadow.scores == [0.8] && last.shadow.decision == .block)
    }

    @Test func whatTheShadowVersionAnsweredItselfIsPassedOver() throws {
        let own = served(3, FactorModel(2))
        let queue = ShadowQueue(own)
        queue.offer(ShadowedRows(try request([0.1], by: own), requestID: nil))
        #expect(queue.comparison().queue.queued == 0 && queue.comparison().queue.dropped == 0)
    }

    @Test func aShadowThatThrowsIsCountedWithItsReason() throws {
        let queue = ShadowQueue(served(3, FactorModel(1, .failing)))
        let stable = served(2, FactorModel(1))
        queue.offer(ShadowedRows(try request([0.1, 0.2], by: stable), requestID: nil))
        let comparison = try #require(comparison(of: queue) { $0.queue.errors == 2 })
        #expect(comparison.queue.lastError == "the engine says no")
        #expect(comparison.rows == 0)
    }

    @Test func aShadowWithoutAScoreDisagrees() throws {
        let queue = ShadowQueue(served(3, FactorModel(1, .missing)))
        let stable = served(2, FactorModel(1))
        queue.offer(ShadowedRows(try request([0.1, 0.2], by: stable), requestID: nil))
        let comparison = try #require(comparison(of: queue) { $0.rows == 2 })
        #expect(comparison.missingDisagreements == 2 && comparison.decisionDisagreements == 2)
        #expect(comparison.meanDifference == 0)
    }

    @Test func aHangingShadowCostsBoundedMemoryAndIsSeen() throws {
        let model = FactorModel(1, .hanging)
        var limits = ShadowLimits()
        limits.queuedRows = 64
        limits.samples = 4
        let queue = ShadowQueue(served(3, model), limits: limits)
        let stable = served(2, FactorModel(1))
        for _ in 0..<1000 {
            queue.offer(ShadowedRows(try request([0.1], by: stable), requestID: nil))
        }
        let stuck = try #require(comparison(of: queue) { $0.queue.busyFor.map { $0 > .milliseconds(20) } ?? false })
        #expect(stuck.queue.queued == 64 && stuck.queue.dropped == 936)
        model.isReleased.store(true, ordering: .relaxed)
        let after = try #require(comparison(of: queue) { $0.rows == 64 && $0.queue.queued == 0 })
        #expect(after.samples.count == 4)
    }

    @Test func largeRowsAreBoundedByTheirBytes() throws {
        let model = FactorModel(1, .hanging)
        var limits = ShadowLimits()
        limits.queuedBytes = 100_000
        let queue = ShadowQueue(served(3, model), limits: limits)
        let inputs = (0..<1000).map { Field("f\($0)") }
        let stable = served(2, FactorModel(1, inputs: inputs))
        for _ in 0..<100 {
            queue.offer(ShadowedRows(try request([0.1], by: stable), requestID: nil))
        }
        #expect(queue.comparison().queue.queued == 12)
        #expect(queue.comparison().queue.dropped == 88)
        model.isReleased.store(true, ordering: .relaxed)
    }

    /// Four threads offer rows at once; every row is scored or counted as dropped, and each score is its own.
    @Test func rowsOfManyThreadsAreAllScoredOrCounted() async throws {
        let strays = Atomic<Int>(0)
        let queue = ShadowQueue(served(3, FactorModel(2))) { result in
            if result.shadow.scores[0] != result.served.scores[0] * 2 { strays.wrappingAdd(1, ordering: .relaxed) }
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for thread in 0..<4 {
                tasks.addTask {
                    let group = RowGroup()
                    let stable = served(2, FactorModel(1))
                    for number in 0..<5000 {
                        _ = try request([Double(thread * 5000 + number)], by: stable, in: group)
                        queue.offer(ShadowedRows(group, requestID: nil))
                    }
                }
            }
            try await tasks.waitForAll()
        }
        _ = try #require(comparison(of: queue) { $0.rows + $0.queue.dropped == 20_000 })
        #expect(strays.load(ordering: .relaxed) == 0)
    }

    /// What a request pays for a shadow is the copy: the offers return although the shadow hangs until the last of them has.
    @Test func nobodyWaitsForAShadowThatHangs() throws {
        let hanging = FactorModel(1, .hanging)
        let queue = ShadowQueue(served(3, hanging))
        let stable = served(2, FactorModel(1))
        let group = try request([0.1], by: stable)
        for _ in 0..<5000 { queue.offer(ShadowedRows(group, requestID: nil)) }
        hanging.isReleased.store(true, ordering: .relaxed)
        let comparison = try #require(comparison(of: queue) { $0.rows + $0.queue.dropped == 5000 })
        #expect(comparison.queue.dropped > 0)
    }

    @Test func rowsAreTranslatedByNameAndLevel() throws {
        let own = [Field("x"), Field("country", .category(CategoryLevels(["NL", "DE", "FR"])))]
        let other = [
            Field("country", .category(CategoryLevels(["DE", "FR"])), unknownLevel: .missing), Field("x"), Field("new"),
        ]
        let stable = served(2, FactorModel(1, inputs: own))
        let queue = ShadowQueue(served(3, FactorModel(1, inputs: other)))
        for level in 0..<3 {
            let group = RowGroup()
            group.begin(RequestInfo(arrival: .now), RowGroup.Target(stable))
            group.features.addRow()
            group.features.set(0.25, row: 0, column: 0)
            group.features.set(Double(level), row: 0, column: 1)
            try stable.model.score(group.features, into: group.scores, ScoreCall(deadline: nil, workspace: group.workspace))
            queue.offer(ShadowedRows(group, requestID: nil))
        }
        let comparison = try #require(comparison(of: queue) { $0.rows == 3 })
        // The shadow's score is its first column: the position of the country among its own levels.
        let scores = comparison.samples.map { $0.shadow.scores[0] }
        #expect(scores[0].isNaN && scores[1] == 0 && scores[2] == 1)
    }

    @Test func integersBeyondDoublesKeepTheirDigitsOrAreRefused() throws {
        let own = Signature(
            inputs: [Field("id", .integer, integers: .int64)], outputs: [OutputColumn("score")], roles: Roles(score: 0..<1))
        let id: Int64 = -(1 << 53) - 1
        let bits = UInt64(bitPattern: id)
        func translated(to field: Field, small: Bool = false) throws -> FeatureBatch {
            let other = Signature(inputs: [field], outputs: own.outputs, roles: own.roles)
            let (source, target) = (FeatureBatch(), FeatureBatch())
            source.reset(width: 1)
            source.addRow()
            if small { source.set(-7, row: 0, column: 0) } else { source.setInteger(bits, row: 0, column: 0) }
            target.reset(width: 1)
            try RowTranslation(from: own, to: other).add(
                row: [source[0, 0]], texts: [], wideIntegers: source.wideIntegers, to: target)
            return target
        }
        #expect(try translated(to: Field("id", .integer, integers: .int64)).wideInteger(row: 0, column: 0) == bits)
        #expect(try translated(to: Field("id"))[0, 0] == Double(id))
        #expect(try translated(to: Field("id", .integer))[0, 0] == Double(id))
        #expect(throws: ScoringError.self) { try translated(to: Field("id", .integer, integers: .uint64)) }
        #expect(throws: ScoringError.self) { try translated(to: Field("id", .integer, integers: .exactDoubles)) }
        for integers in [Field.Integers.int64, .uint64, .doubles, .exactDoubles] {
            #expect(try translated(to: Field("id", .integer, integers: integers), small: true)[0, 0] == -7)
        }
    }

    @Test func aShadowThatTakesOtherKindsSaysSo() throws {
        let stable = served(2, FactorModel(1, inputs: [Field("a")]))
        let queue = ShadowQueue(served(3, FactorModel(1, inputs: [Field("a", .text)])))
        queue.offer(ShadowedRows(try request([0.1], by: stable), requestID: nil))
        let comparison = try #require(comparison(of: queue) { $0.queue.errors == 1 })
        #expect(comparison.queue.lastError?.contains("'a' in another kind") == true)
    }
}
