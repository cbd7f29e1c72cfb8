internal import ONNX
internal import Scoring
internal import Testing

@Suite struct DeadlineListTests {
    private func moment(_ milliseconds: UInt64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    @Test func onlyADeadlineNearerThanTheNextLookWakesTheWatcher() {
        var list = DeadlineList()
        #expect(list.add(1, deadline: moment(50)))
        #expect(!list.add(2, deadline: moment(60)))
        #expect(list.add(3, deadline: moment(40)))
        #expect(!list.add(4, deadline: moment(40)))
    }

    @Test func runsThatEndInTimeLeaveTheNextLookWhereItIs() {
        var list = DeadlineList()
        #expect(list.add(1, deadline: moment(50)))
        #expect(!list.remove(1))
        // The watcher still looks at 50; a later deadline need not wake it.
        #expect(!list.add(2, deadline: moment(51)))
        let look = list.look(at: moment(50))
        #expect(look.passed.isEmpty && look.next == moment(51))
    }

    @Test func eachDeadlineThatPassesIsGivenOnce() {
        var list = DeadlineList()
        for (id, deadline) in [(1, 10), (2, 20), (3, 30)] as [(Int, UInt64)] { _ = list.add(id, deadline: moment(deadline)) }
        let first = list.look(at: moment(20))
        #expect(first.passed.sorted() == [1, 2] && first.next == moment(30))
        #expect(list.look(at: moment(25)).passed.isEmpty)
        #expect(list.remove(1) && list.remove(2))
        #expect(!list.remove(3) && !list.remove(3))
        #expect(list.look(at: moment(100)).next == nil)
    }

    @Test func afterALookThatFoundNothingAnyDeadlineWakesTheWatcher() {
        var list = DeadlineList()
        #expect(list.add(1, deadline: moment(50)))
        _ = list.remove(1)
        #expect(list.look(at: moment(50)).next == nil)
        #expect(list.add(2, deadline: moment(900)))
    }
}
