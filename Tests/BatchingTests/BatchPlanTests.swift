internal import Batching
internal import Scoring
internal import Testing

/// The plan by its events alone: no threads, no clock but a number.
@Suite struct BatchPlanTests {
    @Test func aRequestThatMeetsAnIdleEngineRunsAtOnceAndAlone() {
        var queue = Queue()
        queue.admit(1)
        #expect(queue.next() == .run(["1[0..<1]"]))
        #expect(queue.next() == .wait(nil))
    }

    @Test func whatGathersMeanwhileIsTheNextRunUpToItsLimit() {
        var queue = Queue { $0.maxBatchRows = 3 }
        for id in 1...5 { queue.admit(id) }
        #expect(queue.next() == .run(["1[0..<1]", "2[0..<1]", "3[0..<1]"]))
        #expect(queue.next() == .run(["4[0..<1]", "5[0..<1]"]))
        #expect(queue.plan.waitingRows == 0 && queue.plan.isEmpty)
    }

    @Test func rowsOfARequestStayTogetherWhereTheyFit() {
        var queue = Queue { $0.maxBatchRows = 4 }
        queue.admit(1, rows: 3)
        queue.admit(2, rows: 2)
        queue.admit(3, rows: 1)
        #expect(queue.next() == .run(["1[0..<3]"]))
        #expect(queue.next() == .run(["2[0..<2]", "3[0..<1]"]))
    }

    @Test func aLargeRequestIsCutAndSmallOnesGoBetweenItsPieces() {
        var queue = Queue { $0.maxBatchRows = 4 }
        queue.admit(1, rows: 10)
        queue.admit(2)
        let first = queue.take()
        #expect(first.map(\.text) == ["1[0..<4]"])
        // Its rest is not handed out while a piece runs.
        #expect(queue.next() == .run(["2[0..<1]"]))
        #expect(queue.next() == .wait(nil))
        queue.admit(3)
        queue.resume(first[0])
        let second = queue.take()
        #expect(second.map(\.text) == ["3[0..<1]", "1[4..<7]"])
        #expect(!second[1].isLast)
        queue.resume(second[1])
        let last = queue.take()
        #expect(last.map(\.text) == ["1[7..<10]"])
        #expect(last[0].isLast && !last[0].isWhole)
    }

    @Test func theModelsOwnBoundOfRowsGoesBeforeTheConfiguredOne() {
        var queue = Queue(CallProfile(isBlocking: true, maxRows: 2)) { $0.maxBatchRows = 8 }
        for id in 1...3 { queue.admit(id) }
        #expect(queue.next() == .run(["1[0..<1]", "2[0..<1]"]))
    }

    @Test func modelsWhoseRowsDependOnEachOtherGetEachRequestByItselfAndWhole() {
        var queue = Queue(CallProfile(isBlocking: true, mayShareCalls: false)) {
            $0.maxBatchRows = 4
            $0.maxDelay = .seconds(1)
        }
        queue.admit(1, rows: 9)
        queue.admit(2)
        queue.admit(3)
        #expect(queue.next() == .run(["1[0..<9]"]))
        #expect(queue.next() == .run(["2[0..<1]"]))
        #expect(queue.next() == .run(["3[0..<1]"]))
    }

    @Test func interactiveRequestsGoBeforeBulkOnes() {
        var queue = Queue { $0.maxBatchRows = 2 }
        queue.admit(1, priority: .bulk)
        queue.admit(2)
        queue.admit(3)
        queue.admit(4)
        #expect(queue.next() == .run(["2[0..<1]", "3[0..<1]"]))
        #expect(queue.next() == .run(["4[0..<1]", "1[0..<1]"]))
    }

    @Test func bulkRequestsGoFirstOnceInteractiveOnesHaveLongKeptThemOut() {
        var queue = Queue { $0.maxBatchRows = 1 }
        queue.admit(1000, priority: .bulk)
        queue.admit(1001, priority: .bulk)
        for id in 0..<30 { queue.admit(id) }
        var order: [String] = []
        for _ in 0..<20 { order += queue.take().map(\.text) }
        #expect(order.firstIndex(of: "1000[0..<1]") == BatchPlan<Int>.bulkPatience)
        #expect(order.firstIndex(of: "1001[0..<1]") == 2 * BatchPlan<Int>.bulkPatience + 1)
    }

    @Test func aCallThatFailedIsCalledAgainByHalvesApartFromOthers() {
        var queue = Queue { $0.maxBatchRows = 4 }
        for id in 1...4 { queue.admit(id) }
        queue.retry(queue.take())
        queue.admit(5)
        let half = queue.take()
        #expect(half.map(\.text) == ["1[0..<1]", "2[0..<1]"])
        // Every second run is the others'.
        #expect(queue.next() == .run(["5[0..<1]"]))
        queue.retry(half)
        #expect(queue.next() == .run(["3[0..<1]", "4[0..<1]"]))
        #expect(queue.next() == .run(["1[0..<1]"]))
        #expect(queue.next() == .run(["2[0..<1]"]))
        #expect(queue.next() == .wait(nil))
    }

    @Test func aRetryGoesOnWithMoreRowsWhereSomeWereAnswered() {
        var queue = Queue { $0.maxBatchRows = 8 }
        queue.admit(1, rows: 20)
        queue.retry(queue.take())
        queue.retry(queue.take())
        var sizes: [Int] = []
        for hasAnswers in [false, true, true, true] {
            let piece = queue.take()[0]
            sizes.append(piece.rows.count)
            if !piece.isLast { queue.plan.resume(after: piece, hasAnswers: hasAnswers) }
        }
        #expect(sizes == [2, 2, 4, 8])
        #expect(queue.next() == .run(["1[16..<20]"]))
    }

    @Test func aRetryIsNotMadeToWaitForCompany() {
        var queue = Queue { $0.maxDelay = .nanoseconds(100) }
        queue.admit(1, rows: 2)
        queue.now = 100
        queue.retry(queue.take())
        queue.admit(2)
        #expect(queue.next() == .run(["1[0..<1]"]))
        #expect(queue.next() == .wait(200))
    }

    @Test func expiredRetriesLeaveTheQueueLikeOthers() {
        var queue = Queue { $0.maxBatchRows = 4 }
        queue.admit(1, rows: 2, deadline: 10)
        queue.admit(2, deadline: 20)
        queue.retry(queue.take())
        queue.admit(3, deadline: 10)
        #expect(queue.plan.earliestDeadline == Moment(nanoseconds: 10) && queue.plan.waitingRows == 4)
        queue.now = 10
        #expect(queue.next() == .run(["2[0..<1]"]))
        #expect(Set(queue.expired).isSubset(of: [1, 3]))
        #expect(queue.next() == .wait(nil))
        #expect(queue.expired.sorted() == [1, 3] && queue.plan.isEmpty)
    }

    @Test func anExpiredRequestIsNeverHandedOut() {
        var queue = Queue()
        queue.admit(1, deadline: 10)
        queue.admit(2, deadline: 30)
        queue.now = 10
        #expect(queue.next() == .run(["2[0..<1]"]))
        #expect(queue.expired == [1])
        queue.admit(3, deadline: 11)
        queue.now = 11
        #expect(queue.next() == .wait(nil))
        #expect(queue.expired == [1, 3] && queue.plan.waitingRows == 0)
    }

    @Test func expiredRequestsAreFoundWhileNoEngineAsks() {
        var queue = Queue()
        queue.admit(1, rows: 2, deadline: 30)
        queue.admit(2, deadline: 10)
        queue.admit(3, deadline: 10, priority: .bulk)
        #expect(queue.plan.earliestDeadline == Moment(nanoseconds: 10))
        #expect(queue.plan.expire(now: Moment(nanoseconds: 9)).isEmpty)
        #expect(queue.plan.expire(now: Moment(nanoseconds: 10)) == [2, 3])
        #expect(queue.plan.waitingRows == 2 && queue.plan.earliestDeadline == Moment(nanoseconds: 30))
    }

    @Test func aCancelledRequestGivesItsRoomBack() {
        var queue = Queue { $0.queuedRows = 4 }
        queue.admit(1, rows: 2)
        queue.admit(2, rows: 2)
        #expect(queue.refusal(3) != nil)
        #expect(queue.plan.cancel { $0 == 1 } == [1])
        #expect(queue.plan.cancel { $0 == 1 }.isEmpty)
        #expect(queue.refusal(3, rows: 2) == nil)
        #expect(queue.next() == .run(["2[0..<2]", "3[0..<2]"]))
    }

    @Test func aFullQueueRefusesAndSaysWhenThereWillBeRoom() throws {
        var queue = Queue {
            $0.queuedRows = 4
            $0.maxBatchRows = 2
        }
        queue.plan.record(callNanoseconds: 5_000_000)
        queue.admit(1, rows: 2)
        queue.admit(2, rows: 2)
        // Two calls for what waits and one that may be running.
        #expect(queue.refusal(3) == .milliseconds(15))
        #expect(queue.plan.waitingRows == 4)
    }

    @Test func anEmptyQueueTakesARequestOfAnySize() {
        var queue = Queue { $0.queuedRows = 4 }
        #expect(queue.refusal(1, rows: 100) == nil)
        #expect(queue.refusal(2) != nil)
    }

    @Test func aDeliberateDelayEndsWithTimeOrWithAFullCall() {
        var queue = Queue {
            $0.maxBatchRows = 3
            $0.maxDelay = .nanoseconds(100)
        }
        queue.admit(1)
        #expect(queue.next() == .wait(100))
        queue.now = 50
        queue.admit(2)
        #expect(queue.next() == .wait(100))
        queue.now = 100
        #expect(queue.next() == .run(["1[0..<1]", "2[0..<1]"]))
        for id in 3...5 { queue.admit(id) }
        #expect(queue.next() == .run(["3[0..<1]", "4[0..<1]", "5[0..<1]"]))
    }

    @Test func aDeliberateDelayTakesAtMostHalfOfTheTimeThatARequestHas() {
        var queue = Queue { $0.maxDelay = .nanoseconds(100) }
        queue.admit(1)
        queue.now = 10
        queue.admit(2, deadline: 50)
        #expect(queue.next() == .wait(30))
        queue.now = 30
        #expect(queue.next() == .run(["1[0..<1]", "2[0..<1]"]))
    }
}

/// A plan with a clock, and steps that can be compared.
struct Queue {
    enum Step: Equatable {
        case run([String])
        case wait(UInt64?)
    }

    let limits: BatchLimits
    var plan: BatchPlan<Int>
    var now: UInt64 = 0
    var expired: [Int] = []

    init(_ calls: CallProfile = CallProfile(isBlocking: true), _ change: (inout BatchLimits) -> Void = { _ in }) {
        var limits = BatchLimits()
        change(&limits)
        self.limits = limits
        plan = BatchPlan(limits: limits, calls: calls)
    }

    mutating func refusal(
        _ id: Int, rows: Int = 1, deadline: UInt64 = 1_000_000, priority: Priority = .interactive
    ) -> Duration? {
        plan.admit(
            id, rows: rows, deadline: Moment(nanoseconds: deadline), priority: priority, now: Moment(nanoseconds: now))
    }

    mutating func admit(_ id: Int, rows: Int = 1, deadline: UInt64 = 1_000_000, priority: Priority = .interactive) {
        let refusal = refusal(id, rows: rows, deadline: deadline, priority: priority)
        #expect(refusal == nil)
    }

    mutating func next() -> Step {
        switch plan.next(now: Moment(nanoseconds: now), expired: &expired) {
        case .run(let pieces): .run(pieces.map(\.text))
        case .wait(let limit): .wait(limit?.nanoseconds)
        }
    }

    /// The next run's pieces; empty if there is none.
    mutating func take() -> [BatchPlan<Int>.Piece] {
        switch plan.next(now: Moment(nanoseconds: now), expired: &expired) {
        case .run(let pieces): pieces
        case .wait: []
        }
    }

    /// Says that the call of these pieces failed.
    mutating func retry(_ pieces: [BatchPlan<Int>.Piece]) {
        let rows = pieces.reduce(0) { $0 + $1.rows.count }
        for piece in pieces { plan.retry(piece, after: rows) }
    }

    mutating func resume(_ piece: BatchPlan<Int>.Piece) { plan.resume(after: piece) }
}

extension BatchPlan.Piece {
    var text: String { "\(request)[\(rows)]" }
}
