internal import CAllocationCount
internal import Glibc
internal import Resilience
internal import Scoring
internal import ScoringTestKit
internal import Synchronization
internal import Testing

/// The owners under threads, their cost, and how models share a server.
@Suite struct SharedUseTests {
    @Test func anOverloadedModelLeavesPlacesToTheOthers() throws {
        let server = ServerAdmission(limit: 90)
        let limits = ResilienceLimits()
        let models = (0..<3).map { _ in AdmissionControl(limits, server: server) }
        func fill(_ model: AdmissionControl) -> Int {
            var count = 0
            while (try? model.enter(AdmissionRequest(rows: 1), now: at(0))) != nil { count += 1 }
            return count
        }
        #expect(fill(models[0]) == 60, "two thirds for the first")
        #expect(fill(models[1]) == 20)
        #expect(fill(models[2]) >= 6)
        #expect(server.requestsInFlight <= 90)
        #expect(models[0].snapshot.refused[.serverShare] == 1)
    }

    @Test func aModelWithNothingInFlightGetsTheLastPlace() {
        #expect(ServerAdmission.admits(own: 0, total: 9, limit: 10))
        #expect(!ServerAdmission.admits(own: 0, total: 10, limit: 10))
        #expect(!ServerAdmission.admits(own: 2, total: 9, limit: 10))
    }

    @Test func threadsNeverGetMoreThanTheLimitAndLeaveNothingBehind() async {
        let server = ServerAdmission(limit: 40)
        var limits = ResilienceLimits()
        limits.concurrency = 16
        let models = [AdmissionControl(limits, server: server), AdmissionControl(limits, server: server)]
        let most = Count()
        let admitted = Count()
        let inFlight = Count()
        await withTaskGroup(of: Void.self) { group in
            for seed in 0..<8 {
                group.addTask {
                    var random = SeededRandom(seed: UInt64(seed))
                    var out: [(Int, AdmissionTicket)] = []
                    for _ in 0..<20_000 {
                        let model = Int.random(in: 0..<2, using: &random)
                        let request = AdmissionRequest(
                            rows: Int.random(in: 1...3, using: &random),
                            priority: Bool.random(using: &random) ? .bulk : .interactive)
                        if out.count < 6, let ticket = try? models[model].enter(request, now: .now) {
                            out.append((model, ticket))
                            admitted.add(1)
                            most.raise(to: inFlight.add(1))
                        } else if let (model, ticket) = out.popLast() {
                            inFlight.add(-1)
                            models[model].leave(ticket, .finished, now: .now)
                        }
                    }
                    for (model, ticket) in out {
                        inFlight.add(-1)
                        models[model].leave(ticket, .dropped, now: .now)
                    }
                }
            }
        }
        #expect(most.value <= 32)
        #expect(admitted.value > 1000)
        #expect(server.requestsInFlight == 0)
        for model in models { #expect(model.snapshot.requests == 0 && model.snapshot.rows == 0) }
        #expect(
            models.reduce(0) { $0 + $1.snapshot.admitted } == UInt64(admitted.value))
    }

    @Test func threadsAgreeOnABreaker() async throws {
        var limits = BreakerLimits()
        limits.openFor = .seconds(60)
        let breaker = CircuitBreaker(limits, slowCall: .seconds(1), now: at(0))
        let calls = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 {
                        guard case .call(let permit) = breaker.permit(now: at(1)) else { continue }
                        calls.add(1)
                        breaker.record(permit, .failure, took: 1, now: at(1))
                    }
                }
            }
        }
        let snapshot = breaker.snapshot(now: at(1))
        #expect(snapshot.state == .open && snapshot.counts.opened == 1)
        #expect(snapshot.calls == 20, "the twentieth opened it; what came after was too late")
        #expect(UInt64(calls.value) == 20 + snapshot.counts.late)
        #expect(snapshot.counts.refused == 80_000 - UInt64(calls.value))

        // All want to probe at once: three do.
        let probes = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        if case .probe = breaker.permit(now: at(62)) { probes.add(1) }
                    }
                }
            }
        }
        #expect(probes.value == 3)
    }

    /// Nanoseconds for which the calling thread has had a processor.
    private static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Runs the body often and says what it costs: nanoseconds a time, and the allocations of all.
    private func cost(of name: String, _ body: (Int) -> Void) -> UInt {
        let count = 200_000
        for index in 0..<1000 { body(index) }
        let allocations = allocation_count()
        let began = Self.processorTime()
        for index in 0..<count { body(index) }
        let nanoseconds = Double(Self.processorTime() - began) / Double(count)
        let allocated = UInt(allocation_count() - allocations)
        print("\(name): \((nanoseconds * 10).rounded() / 10) ns, \(allocated) allocations")
        return allocated
    }

    /// Prints what each costs.
    @Test func nothingAllocates() {
        let server = ServerAdmission()
        let control = AdmissionControl(ResilienceLimits(), server: server)
        let full = AdmissionControl(ResilienceLimits(), server: ServerAdmission(limit: 1))
        _ = try? full.enter(AdmissionRequest(rows: 1), now: at(0))
        let request = AdmissionRequest(rows: 1, deadline: at(1000))
        var allocations = cost(of: "enter and leave") { index in
            let now = at(Double(index) / 1e5)
            guard let ticket = try? control.enter(request, now: now) else { return }
            control.leave(ticket, .finished, now: now.advanced(byMilliseconds: 1))
        }
        var refused = 0
        // Not `enter`: the testing library looks at every error that is thrown, and takes memory for it.
        allocations += cost(of: "refused") { index in
            guard case .refused(let refusal) = full.admit(request, now: at(Double(index) / 1e5)) else { return }
            if case .overloaded = refusal.error(model: "m") { refused += 1 }
        }
        let late = AdmissionRequest(rows: 1, queueDelay: QueueDelay(waited: 20_000_000, standing: 5_000_000))
        allocations += cost(of: "refused by queue delay") { index in
            if case .refused = full.admit(late, now: at(Double(index) / 1e5)) { refused += 1 }
        }
        let breaker = CircuitBreaker(BreakerLimits(), slowCall: .seconds(1), now: at(0))
        allocations += cost(of: "permit and record") { index in
            let now = at(Double(index) / 1e4)
            guard case .call(let permit) = breaker.permit(now: now) else { return }
            breaker.record(permit, index % 10 == 0 ? .failure : .success, took: 1000, now: now)
        }
        var limits = BreakerLimits()
        limits.openFor = .seconds(1)
        let failing = CircuitBreaker(limits, slowCall: .seconds(1), now: at(0))
        allocations += cost(of: "permit and record, failing") { index in
            let now = at(Double(index) / 1e3)
            switch failing.permit(now: now) {
            case .call(let permit), .probe(let permit): failing.record(permit, .failure, took: 1000, now: now)
            case .refused: break
            }
        }
        #expect(refused == 402_000)
        #expect(control.snapshot.admitted == 201_000)
        #expect(allocations == 0)
    }
}

/// A number that threads share.
private final class Count: Sendable {
    private let atomic = Atomic<Int>(0)

    var value: Int { atomic.load(ordering: .relaxed) }

    @discardableResult
    func add(_ amount: Int) -> Int { atomic.wrappingAdd(amount, ordering: .relaxed).newValue }
    func raise(to least: Int) { atomic.max(least, ordering: .relaxed) }
}
