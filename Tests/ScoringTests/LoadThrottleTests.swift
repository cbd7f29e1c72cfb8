internal import Glibc
internal import Scoring
internal import Testing

@Suite struct LoadThrottleTests {
    /// Works for 20 ms of the thread's own processor time, a step at a time; returns the pauses the thread made of
    /// its own will.
    private func pauses(afterBeginning begins: Bool) async -> Int {
        await withCheckedContinuation { continuation in
            let box = Unmanaged.passRetained(Box { continuation.resume(returning: Self.work(begins)) })
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
            precondition(status == 0)
            pthread_detach(thread)
        }
    }

    private static func work(_ begins: Bool) -> Int {
        if begins { LoadThrottle.begin() }
        let before = voluntarySwitches()
        while processorTime() < 20_000_000 { LoadThrottle.step() }
        return voluntarySwitches() - before
    }

    private static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func voluntarySwitches() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD, which Glibc's module leaves out.
        getrusage(1, &usage)
        return usage.ru_nvcsw
    }

    @Test func aThreadThatOptedInPausesAgainAndAgain() async {
        #expect(await pauses(afterBeginning: true) > 20)
    }

    @Test func otherThreadsDoNotPause() async {
        #expect(await pauses(afterBeginning: false) < 5)
    }
}

private final class Box: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
