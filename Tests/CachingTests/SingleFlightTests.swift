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

    /// Has what flights leave to be done done when the test says so.
    private final class Queue: Sendable {
        private let pieces = Mutex<[@Sendable () -> Void]>([])

        var flights: SingleFlight { SingleFlight { piece in self.pieces.withLock { $0.append(piece) } } }

        /// One piece; false if there is none.
        func step() -> Bool {
            guard let piece = pieces.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return false }
            piece()
            return true
        }

        func drain() { while step() {} }
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
        let (queue, ears) = (Queue(), Ears())
        let flights = queue.flights
        let first = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        for number in 1...2 { _ = flights.join(key, waiter: ears.waiter(number)) }
        first.abandon()
        #expect(ears.numbers == [], "it may give up at once, and so on through all who wait")
        queue.drain()
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

    @Test func aTicketThatIsForgottenGivesUp() {
        let (queue, ears) = (Queue(), Ears())
        let flights = queue.flights
        var leader = ticket(flights.join(key, waiter: ears.waiter(0)))
        _ = flights.join(key, waiter: ears.waiter(1))
        #expect(leader != nil)
        leader = nil
        queue.drain()
        #expect(ears.numbers == [1])
        // The promoted ticket is forgotten with what was heard, and nobody is left.
        _ = ears.take()
        queue.drain()
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

    @Test func waitersAreToldInSmallSlices() throws {
        let (queue, ears) = (Queue(), Ears())
        let flights = queue.flights
        let leader = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        for number in 1...1000 { _ = flights.join(key, waiter: ears.waiter(number)) }
        leader.fail(.engineFailure("broken"))
        var told: [Int] = []
        repeat {
            let slice = ears.take().map(\.0)
            #expect(slice.count <= SingleFlight.slice)
            told += slice
        } while queue.step()
        told += ears.numbers
        #expect(told == Array(1...1000))
    }

    /// Each finds its way blocked and gives up at once. Neither the stack nor the time may grow with how many they are.
    @Test func aHundredThousandWhoGiveUpOneAfterTheOtherTakeNoStack() async {
        let flights = SingleFlight()
        let count = 100_000
        let key = self.key
        await withCheckedContinuation { continuation in
            guard case .lead(let leader) = flights.join(key, waiter: { _ in }) else { return continuation.resume() }
            for number in 1...count {
                _ = flights.join(key) { outcome in
                    if case .lead(let ticket) = outcome { ticket.abandon() }
                    if number == count { continuation.resume() }
                }
            }
            leader.abandon()
        }
        #expect(flights.count == 0)
    }

    @Test func aHundredThousandLeaveInAnyOrder() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let leader = try #require(ticket(flights.join(key, waiter: ears.waiter(0))))
        let seats = (1...100_000).compactMap { seat(flights.join(key, waiter: ears.waiter($0))) }
        for seat in seats.dropLast().reversed() { #expect(seat.leave()) }
        leader.land(makeScore(1, of: scope))
        #expect(ears.numbers == [100_000])
    }

    @Test func whoseTimeIsOverIsLateAndTheNextOneLeads() throws {
        let (queue, ears) = (Queue(), Ears())
        let flights = queue.flights
        let now = Moment.now
        let leader = try #require(ticket(flights.join(key, deadline: now, waiter: ears.waiter(0))))
        for number in 1...3 { _ = flights.join(key, deadline: now, waiter: ears.waiter(number)) }
        _ = flights.join(key, waiter: ears.waiter(4))
        leader.abandon()
        queue.drain()
        for (number, outcome) in ears.take() {
            switch outcome {
            case .failed(.deadlineExceeded): #expect(number < 4)
            case .lead(let ticket):
                #expect(number == 4)
                ticket.fail(.engineFailure("broken"))
            case .score, .failed: Issue.record("\(number): \(outcome)")
            }
        }
        #expect(flights.count == 0)
    }

    @Test func nobodyWaitsForOneThatMayTakeMuchLonger() throws {
        let (flights, ears) = (SingleFlight(), Ears())
        let now = Moment.now
        let leader = try #require(
            ticket(flights.join(key, deadline: now.advanced(by: .seconds(60)), waiter: ears.waiter(0))))
        // Out of order by no more than an event loop is behind.
        #expect(seat(flights.join(key, deadline: now.advanced(by: .milliseconds(59_990)), waiter: ears.waiter(1))) != nil)
        guard case .alone = flights.join(key, deadline: now.advanced(by: .seconds(30)), waiter: ears.waiter(2)) else {
            Issue.record("it waits")
            return
        }
        leader.land(makeScore(1, of: scope))
        #expect(ears.numbers == [1])
    }

    /// Leaders land, fail, give up and are forgotten, waiters leave, on four threads: each hears exactly one thing.
    @Test func everyWaiterHearsOneThingOrHasLeft() {
        let queue = Queue()
        let flights = queue.flights
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
                case .alone: wrong.wrappingAdd(1, ordering: .relaxed)
                }
                _ = queue.step()
            }
        }
        queue.drain()
        #expect(flights.count == 0)
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(
            heard.load(ordering: .relaxed) + left.load(ordering: .relaxed)
                == waiting.load(ordering: .relaxed))
    }
}
