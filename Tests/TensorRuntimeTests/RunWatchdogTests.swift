internal import Dispatch
internal import Scoring
internal import TensorRuntime
internal import Testing

@Suite struct RunWatchdogTests {
    private final class Run: EndableRun {
        let ended = DispatchSemaphore(value: 0)
        func terminate() { ended.signal() }
    }

    @Test func aRunIsToldToEndAtItsDeadline() {
        let run = Run()
        let id = RunWatchdog.shared.enter(run, until: Moment.now.advanced(byMilliseconds: 5))
        run.ended.wait()
        #expect(RunWatchdog.shared.leave(id))
    }

    @Test func anEarlierDeadlineIsNotHeldUpByALaterOne() {
        let (late, early) = (Run(), Run())
        let lateID = RunWatchdog.shared.enter(late, until: Moment.now.advanced(byMilliseconds: 3_600_000))
        let earlyID = RunWatchdog.shared.enter(early, until: Moment.now.advanced(byMilliseconds: 5))
        early.ended.wait()
        #expect(RunWatchdog.shared.leave(earlyID))
        #expect(!RunWatchdog.shared.leave(lateID))
        #expect(late.ended.wait(timeout: .now()) == .timedOut)
    }
}
