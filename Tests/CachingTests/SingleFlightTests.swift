internal import Caching
internal import Dispatch
internal import Scoring
internal import Synchronization
internal import Testing

@Suite struct SingleFlightTests {
    private let key = CacheKey(high: 1, low: 2)
    private let scope = makeScope()

    /// What the waiters of a test have heard.
    private final class Ears: Sendable {
        private let heard = Mutex<[(Int, SingleFlight.Outcome)]>([])

        func waiter(_ number: Int) -> SingleFlight.Waiter {
            { outcome in self.heard.withLock { $0.append((number, outcome)) } }
        }

        var numbers: [Int] { heard.withLock { $0.map(\.0) } }
        func take() -> [(Int, SingleFlight.Outcome)] {
            heard.withLock { all in
                defer { all = [] }
                return all
            }
        }
    }

    private func ticket(_ role: SingleFlight.Role) -> SingleFlight.Ticket? {
        guard case .lead(let ticket) = role else { return nil }
        return ticket
    }

    private func seat(_ role: SingleFlight.Role) -> SingleFlight.Seat? {
        guard case .wait(let seat) = role else { return nil }
        return seat
    }

    @Test func theFirstLeadsAndAllOthersHearItsScore() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let leader = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        for number in 1...3 { #expect(seat(flights.join(key, waiter: ears.waiter(number))) != nil) }
        #expect(ticket(flights.join(CacheKey(high: 1, low: 3), waiter: ears.waiter(9))) != nil)
        leader.land(makeScore(5, of: scope))
        let heard = ears.take()
        #expect(heard.map(\.0) == [1, 2, 3])
        for (_, outcome) in heard {
            guard case .score(let score) = outcome else {
                Issue.record("no score")
                continue
            }
            #expect(number(in: score, of: scope) == 5)
        }
        #expect(ticket(flights.join(key, waiter: ears.waiter(4))) != nil, "a landed flight is over")
    }

    @Test func anEnginesErrorIsForAllWhoWait() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let leader = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        _ = flights.join(key, waiter: ears.waiter(1))
        leader.fail(.engineFailure("broken"))
        let heard = ears.take()
        #expect(heard.count == 1)
        guard case .failed(.engineFailure("broken")) = heard[0].1 else {
            Issue.record("\(heard)")
            return
        }
    }

    @Test func aLeaderThatGivesUpHandsOverToTheOneThatWaitedLongest() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let first = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        for number in 1...2 { _ = flights.join(key, waiter: ears.waiter(number)) }
        first.abandon()
        let promoted = ears.take()
        #expect(promoted.map(\.0) == [1])
        guard case .lead(let second) = promoted[0].1 else {
            Issue.record("not promoted")
            return
        }
        // The first one's late result is nobody's any more.
        first.land(makeScore(1, of: scope))
        #expect(ears.numbers == [])
        second.land(makeScore(2, of: scope))
        let heard = ears.take()
        #expect(heard.map(\.0) == [2])
        guard case .score(let score) = heard[0].1 else {
            Issue.record("no score")
            return
        }
        #expect(number(in: score, of: scope) == 2)
        #expect(flights.count == 0)
    }

    @Test func aTicketThatIsForgottenGivesUp() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        var leader: SingleFlight.Ticket? = try #require(
            ticket(flights.join(key, waiter: ears.waiter(0))))
        _ = flights.join(key, waiter: ears.waiter(1))
        #expect(leader != nil)
        leader = nil
        #expect(ears.numbers == [1])
        // The promoted ticket is forgotten with what was heard, and nobody is left.
        _ = ears.take()
        #expect(flights.count == 0)
    }

    @Test func whoLeavesHearsNothing() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let leader = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        let first = try #require(seat(flights.join(key, waiter: ears.waiter(1))))
        _ = flights.join(key, waiter: ears.waiter(2))
        #expect(first.leave())
        #expect(!first.leave())
        leader.land(makeScore(1, of: scope))
        #expect(ears.numbers == [2])
    }

    /// Leaders land, fail, give up and are forgotten, waiters leave, on four threads: each hears exactly one thing.
    @Test func everyWaiterHearsOneThingOrHasLeft() {
        let flights = SingleFlight()
        let scope = self.scope
        let waiting = Atomic<Int>(0)
        let heard = Atomic<Int>(0)
        let left = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        @Sendable func end(_ ticket: SingleFlight.Ticket, _ number: Int, _ step: Int) {
            switch step % 4 {
            case 0: ticket.abandon()
            case 1: ticket.fail(.deadlineExceeded)
            case 2: ticket.land(makeScore(Double(number), of: scope))
            default: break
            }
        }
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for step in 0..<5000 {
                let number = (step * 7 + thread) % 5
                let key = CacheKey(high: 0, low: UInt64(number) << 60)
                let role = flights.join(key) { outcome in
                    heard.wrappingAdd(1, ordering: .relaxed)
                    switch outcome {
                    case .score(let score):
                        if CachingTests.number(in: score, of: scope) != Double(number) {
                            wrong.wrappingAdd(1, ordering: .relaxed)
                        }
                    case .failed: break
                    case .lead(let ticket): end(ticket, number, step + 1)
                    }
                }
                switch role {
                case .lead(let ticket): end(ticket, number, step)
                case .wait(let seat):
                    waiting.wrappingAdd(1, ordering: .relaxed)
                    if step % 3 == 0, seat.leave() { left.wrappingAdd(1, ordering: .relaxed) }
                }
            }
        }
        #expect(flights.count == 0)
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(
            heard.load(ordering: .relaxed) + left.load(ordering: .relaxed)
                == waiting.load(ordering: .relaxed))
    }
}
