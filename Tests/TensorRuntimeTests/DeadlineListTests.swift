internal import Scoring
internal import TensorRuntime
internal import Testing

@Suite struct DeadlineListTests {
    private func moment(_ milliseconds: UInt64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    /// Adds runs with these deadlines, numbered from 1, and says which of them wake the watcher.
    private func waking(_ list: inout DeadlineList, _ deadlines: [UInt64], from first: Int = 1) -> [Bool] {
        deadlines.enumerated().map { list.add(first + $0.offset, deadline: moment($0.element)) }
    }

    @Test func onlyADeadlineNearerThanTheNextLookWakesTheWatcher() {
        var list = DeadlineList()
        let woken = waking(&list, [50, 60, 40, 40])
        #expect(woken == [true, false, true, false])
    }

    @Test func runsThatEndInTimeLeaveTheNextLookWhereItIs() {
        var list = DeadlineList()
        _ = waking(&list, [50])
        let hadPassed = list.remove(1)
        // The watcher still looks at 50; a later deadline need not wake it.
        let woken = waking(&list, [51], from: 2)
        let look = list.look(at: moment(50))
        #expect(!hadPassed && woken == [false])
        #expect(look.passed.isEmpty && look.next == moment(51))
    }

    @Test func eachDeadlineThatPassesIsGivenOnce() {
        var list = DeadlineList()
        _ = waking(&list, [10, 20, 30])
        let looks = [20, 25, 26].map { list.look(at: moment($0)) }
        #expect(looks[0].passed.sorted() == [1, 2] && looks[0].next == moment(30))
        #expect(looks[1].passed.isEmpty && looks[2].passed.isEmpty)
        let hadPassed = [1, 2, 3, 3].map { list.remove($0) }
        #expect(hadPassed == [true, true, false, false])
        let last = list.look(at: moment(100))
        #expect(last.next == nil)
    }

    @Test func afterALookThatFoundNothingAnyDeadlineWakesTheWatcher() {
        var list = DeadlineList()
        _ = waking(&list, [50])
        _ = list.remove(1)
        let look = list.look(at: moment(50))
        let woken = waking(&list, [900], from: 2)
        #expect(look.next == nil && woken == [true])
    }
}
