internal import Resilience
internal import Scoring
internal import ScoringTestKit
internal import Testing

@Suite struct AdmissionPlanTests {
    private var limits: ResilienceLimits {
        var limits = ResilienceLimits()
        limits.concurrency = 4
        limits.leastConcurrency = 4
        limits.queuedRows = 10
        return limits
    }

    private func admitted(_ step: AdmissionPlan.Step) -> AdmissionTicket? {
        if case .admitted(let ticket) = step { ticket } else { nil }
    }

    private func cause(_ step: AdmissionPlan.Step) -> AdmissionRefusal.Cause? {
        if case .refused(let refusal) = step { refusal.cause } else { nil }
    }

    @Test func admittingPastTheLimitRefuses() throws {
        var plan = AdmissionPlan(limits)
        var tickets: [AdmissionTicket] = []
        for _ in 0..<4 { tickets.append(try #require(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(0))))) }
        #expect(cause(plan.enter(AdmissionRequest(rows: 1), now: at(0))) == .concurrency)
        plan.leave(tickets[0], .finished, now: at(0.001))
        #expect(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(0.001))) != nil)
        #expect(plan.snapshot.refused[.concurrency] == 1)
        #expect(plan.snapshot.admitted == 5)
    }

    @Test func screeningRefusesWhatWouldBeRefusedAndLetsNothingIn() throws {
        var plan = AdmissionPlan(limits)
        let request = AdmissionRequest(rows: 1)
        var refusals = [plan.screen(request, now: at(0))]
        for _ in 0..<4 { _ = try #require(admitted(plan.enter(request, now: at(0)))) }
        #expect(plan.requestsInFlight == 4)
        refusals.append(plan.screen(request, now: at(0)))
        #expect(refusals.map { $0?.cause } == [nil, .concurrency])
        #expect(plan.snapshot.refused[.concurrency] == 1)
        #expect(plan.requestsInFlight == 4)
    }

    @Test func screeningLeavesRequestsThatAreLateAlreadyToTheEntrance() {
        var plan = AdmissionPlan(limits)
        let refusal = plan.screen(AdmissionRequest(rows: 1, deadline: at(0)), now: at(1))
        #expect(refusal == nil)
    }

    @Test func rowsAreLimitedBesideRequests() {
        var plan = AdmissionPlan(limits)
        #expect(admitted(plan.enter(AdmissionRequest(rows: 6), now: at(0))) != nil)
        #expect(cause(plan.enter(AdmissionRequest(rows: 5), now: at(0))) == .queuedRows)
        #expect(admitted(plan.enter(AdmissionRequest(rows: 4), now: at(0))) != nil)
    }

    @Test func aRequestLargerThanTheLimitIsAdmittedAlone() throws {
        var plan = AdmissionPlan(limits)
        let large = try #require(admitted(plan.enter(AdmissionRequest(rows: 1000), now: at(0))))
        #expect(cause(plan.enter(AdmissionRequest(rows: 1), now: at(0))) == .queuedRows)
        plan.leave(large, .finished, now: at(1))
        #expect(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(1))) != nil)
        #expect(cause(plan.enter(AdmissionRequest(rows: 1000), now: at(1))) == .queuedRows)
    }

    @Test func bulkRequestsLeaveTheirShareToInteractiveOnes() throws {
        var plan = AdmissionPlan(limits)
        let bulk = AdmissionRequest(rows: 1, priority: .bulk)
        let first = try #require(admitted(plan.enter(bulk, now: at(0))))
        #expect(admitted(plan.enter(bulk, now: at(0))) != nil)
        #expect(cause(plan.enter(bulk, now: at(0))) == .bulkShare)
        #expect(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(0))) != nil)
        plan.leave(first, .finished, now: at(0.1))
        #expect(admitted(plan.enter(bulk, now: at(0.1))) != nil)
    }

    /// A model that has taken 10 ms a row, two rows in flight.
    private func measuredPlan() -> AdmissionPlan {
        var plan = AdmissionPlan(limits)
        for index in 0..<40 {
            let now = Double(index) * 0.02
            if let ticket = admitted(plan.enter(AdmissionRequest(rows: 1), now: at(now))) {
                plan.leave(ticket, .finished, now: at(now + 0.01))
            }
        }
        for _ in 0..<2 { _ = plan.enter(AdmissionRequest(rows: 1), now: at(1)) }
        return plan
    }

    @Test func workWhoseDeadlineCannotBeMetIsNotStarted() {
        var plan = measuredPlan()
        #expect(cause(plan.enter(AdmissionRequest(rows: 1, deadline: at(1.025)), now: at(1))) == .deadline)
        #expect(cause(plan.enter(AdmissionRequest(rows: 3, deadline: at(1.040)), now: at(1))) == .deadline)
        #expect(admitted(plan.enter(AdmissionRequest(rows: 1, deadline: at(1.035)), now: at(1))) != nil)
    }

    @Test func anIdleModelIsTriedHoweverSlowItSeemed() {
        var plan = AdmissionPlan(limits)
        for index in 0..<20 {
            if let ticket = admitted(plan.enter(AdmissionRequest(rows: 1), now: at(Double(index) * 10))) {
                plan.leave(ticket, .finished, now: at(Double(index) * 10 + 9))
            }
        }
        #expect(admitted(plan.enter(AdmissionRequest(rows: 1, deadline: at(300.001)), now: at(300))) != nil)
        #expect(cause(plan.enter(AdmissionRequest(rows: 1, deadline: at(300.001)), now: at(300))) == .deadline)
    }

    @Test func aRequestThatCameTooLateIsToldSoAndOthersWhenToTryAgain() {
        let late = AdmissionRefusal(cause: .expired, retryAfter: 0)
        #expect(late.error(model: "m") == .deadlineExceeded)
        let refused = AdmissionRefusal(cause: .deadline, retryAfter: 5_000_000)
        #expect(refused.error(model: "m") == .overloaded(.deadline(model: "m"), retryAfter: .milliseconds(5)))
        for cause in AdmissionRefusal.Cause.allCases where cause != .expired {
            #expect("\(AdmissionRefusal(cause: cause, retryAfter: 1).error(model: "fraud"))".contains("model 'fraud'"))
        }
        var plan = AdmissionPlan(limits)
        #expect(cause(plan.enter(AdmissionRequest(rows: 1, deadline: at(1)), now: at(1))) == .expired)
    }

    /// Rows leave every 10 ms, four are in: one of them is out after 10 ms, and that is when to come again.
    @Test func theTimeToRetryIsWhenThereIsRoom() throws {
        var plan = AdmissionPlan(limits)
        var waiting: [AdmissionTicket] = []
        var now = 0.0
        for _ in 0..<200 {
            while let ticket = admitted(plan.enter(AdmissionRequest(rows: 1), now: at(now))) { waiting.append(ticket) }
            now += 0.01
            plan.leave(waiting.removeFirst(), .finished, now: at(now))
            waiting.append(try #require(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(now)))))
        }
        guard case .refused(let refusal) = plan.enter(AdmissionRequest(rows: 1), now: at(now)) else {
            Issue.record("admitted")
            return
        }
        #expect((10_000_000...25_000_000).contains(refusal.retryAfter), "\(refusal.retryAfter)")
    }

    @Test func aTimeToRetryIsNeverNothingAndNeverLongerThanAMinute() {
        var plan = AdmissionPlan(limits)
        for _ in 0..<4 { _ = plan.enter(AdmissionRequest(rows: 1), now: at(0)) }
        guard case .refused(let refusal) = plan.enter(AdmissionRequest(rows: 1), now: at(0)) else {
            Issue.record("admitted")
            return
        }
        #expect((1_000_000...60_000_000_000).contains(refusal.retryAfter))
    }

    @Test func droppedRequestsDoNotCountAsFastOnes() throws {
        var plan = AdmissionPlan(limits)
        for index in 0..<100 {
            let now = Double(index) * 0.01
            let ticket = try #require(admitted(plan.enter(AdmissionRequest(rows: 1), now: at(now))))
            plan.leave(ticket, .dropped, now: at(now))
        }
        #expect(plan.snapshot.latency == 0)
        #expect(plan.snapshot.requests == 0)
    }

    @Test func aRefusalByTheServerTakesNothing() {
        var plan = AdmissionPlan(limits)
        #expect(cause(plan.enter(AdmissionRequest(rows: 1), now: at(0)) { _ in false }) == .serverShare)
        #expect(plan.snapshot.requests == 0)
        #expect(plan.snapshot.rows == 0)
    }

    /// Random requests, outcomes and a clock that also steps back: counts always agree with the tickets that are out.
    @Test(arguments: 0..<50)
    func countsAreThoseOfTheTicketsThatAreOut(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var limits = ResilienceLimits()
        limits.concurrency = Int.random(in: 1...60, using: &random)
        limits.leastConcurrency = Int.random(in: 1...10, using: &random)
        limits.queuedRows = Int.random(in: 1...300, using: &random)
        limits.bulkShare = Double.random(in: 0.05...1, using: &random)
        limits.deadline = Bool.random(using: &random) ? .milliseconds(20) : nil
        var plan = AdmissionPlan(limits)
        var out: [(ticket: AdmissionTicket, priority: Priority)] = []
        var now = 0.0
        for _ in 0..<4000 {
            now = max(0, now + Double.random(in: -0.0005...0.003, using: &random))
            if Bool.random(using: &random) || out.isEmpty {
                let request = AdmissionRequest(
                    rows: Int.random(in: 1...40, using: &random),
                    deadline: Bool.random(using: &random) ? at(now + Double.random(in: 0...0.1, using: &random)) : nil,
                    priority: Bool.random(using: &random) ? .bulk : .interactive)
                let before = plan.snapshot
                switch plan.enter(request, now: at(now)) {
                case .admitted(let ticket):
                    #expect(before.requests < max(1, before.limit))
                    #expect(before.rows + request.rows <= limits.queuedRows || before.requests == 0)
                    out.append((ticket, request.priority))
                case .refused(let refusal):
                    #expect(refusal.cause == .expired || (1_000_000...60_000_000_000).contains(refusal.retryAfter))
                    #expect(before.requests > 0 || refusal.cause == .expired)
                }
            } else {
                let index = Int.random(in: 0..<out.count, using: &random)
                plan.leave(out.remove(at: index).ticket, Bool.random(using: &random) ? .finished : .dropped, now: at(now))
            }
            let state = plan.snapshot
            let bulk = out.filter { $0.priority == .bulk }
            #expect(state.requests == out.count && state.requests <= limits.concurrency)
            #expect(state.rows == out.reduce(0) { $0 + $1.ticket.rows })
            #expect(state.bulkRequests == bulk.count && state.bulkRows == bulk.reduce(0) { $0 + $1.ticket.rows })
            #expect(min(limits.leastConcurrency, limits.concurrency)...limits.concurrency ~= state.limit)
        }
        for (ticket, _) in out { plan.leave(ticket, .finished, now: at(now)) }
        #expect(plan.snapshot.requests == 0 && plan.snapshot.rows == 0 && plan.snapshot.bulkRows == 0)
    }
}
