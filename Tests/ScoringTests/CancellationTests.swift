internal import Dispatch
internal import Scoring
internal import Synchronization
internal import Testing

@Suite struct CancellationTests {
    @Test func allWhoRegisteredAreToldOnce() {
        let cancellation = Cancellation()
        let seen = Counted()
        cancellation.onCancel { seen.add(1) }
        cancellation.onCancel { seen.add(2) }
        #expect(!cancellation.isCancelled && seen.numbers == [])
        cancellation.cancel()
        cancellation.cancel()
        #expect(cancellation.isCancelled && seen.numbers == [1, 2])
        cancellation.end()
        #expect(cancellation.isCancelled)
    }

    @Test func whoRegistersTooLateIsToldAtOnce() {
        let (cancellation, seen) = (Cancellation(), Counted())
        cancellation.cancel()
        cancellation.onCancel { seen.add(1) }
        #expect(seen.numbers == [1])
    }

    @Test func nobodyIsToldOnceTheRequestHasEnded() {
        let (cancellation, seen) = (Cancellation(), Counted())
        cancellation.onCancel { seen.add(1) }
        cancellation.end()
        cancellation.onCancel { seen.add(2) }
        cancellation.cancel()
        #expect(seen.numbers == [] && !cancellation.isCancelled)
    }

    @Test func handlersMayEndTheRequestAndAreLetGoOf() {
        let cancellation = Cancellation()
        weak var held: Counted?
        do {
            let seen = Counted()
            held = seen
            cancellation.onCancel { [cancellation] in
                seen.add(1)
                cancellation.end()
            }
            cancellation.cancel()
            #expect(seen.numbers == [1])
        }
        #expect(held == nil)
    }

    /// Threads register while one cancels: each handler is called once, whichever comes first.
    @Test func eachHandlerIsCalledOnceWhateverComesFirst() {
        for _ in 0..<200 {
            let (cancellation, seen) = (Cancellation(), Counted())
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                guard thread > 0 else { return cancellation.cancel() }
                for number in 0..<20 { cancellation.onCancel { seen.add(thread * 100 + number) } }
            }
            #expect(seen.numbers.sorted() == (1...3).flatMap { thread in (0..<20).map { thread * 100 + $0 } })
        }
    }
}

private final class Counted: Sendable {
    private let list = Mutex<[Int]>([])

    func add(_ number: Int) { list.withLock { $0.append(number) } }
    var numbers: [Int] { list.withLock { $0 } }
}
