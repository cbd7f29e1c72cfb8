internal import Scoring
internal import Synchronization

/// Lets single rows of a blocking engine be scored on the caller's thread where that takes less than handing them to an
/// engine thread and back, as small networks do. Any thread; lock-free.
///
/// What it risks is bounded: such a call has a time limit of its own, and one that takes long ends the favour for a while.
final class InlineExecution: Sendable {
    /// What waking a thread and being woken costs on a common machine, in nanoseconds; calls that are faster, one after the
    /// other, do not pay for it.
    static let worth: UInt64 = 30_000
    /// What such calls may take between other work, with cold caches, on a machine where waking costs more too.
    private static let bearable: UInt64 = 150_000
    /// How long such a call may hold the caller's thread, for engines that can stop a run.
    static let maxCall: UInt64 = 20_000_000
    /// How long calls go to the engine threads after one that took over a hundred times what it should.
    private static let pause: UInt64 = 1_000_000_000

    /// What a call takes, as the last ones say.
    private let expected: Atomic<UInt64>
    private let pausedUntil = Atomic<UInt64>(0)

    /// nil for engines whose calls take longer anyway.
    /// - Parameter nanoseconds: What a call for one row took when the model was loaded.
    init?(_ nanoseconds: UInt64) {
        guard nanoseconds < Self.worth else { return nil }
        expected = Atomic(nanoseconds)
    }

    /// Whether the next call may be made here. One a pause is tried where calls have become slow.
    func allows(_ now: Moment) -> Bool {
        let until = pausedUntil.load(ordering: .relaxed)
        guard now.nanoseconds >= until else { return false }
        guard expected.load(ordering: .relaxed) >= Self.bearable else { return true }
        let next = now.nanoseconds &+ Self.pause
        return pausedUntil.compareExchange(expected: until, desired: next, ordering: .relaxed).exchanged
    }

    func record(_ took: UInt64, _ now: Moment) {
        let before = expected.load(ordering: .relaxed)
        expected.store((before &* 7 &+ min(took, Self.bearable * 4)) / 8, ordering: .relaxed)
        if took > Self.worth * 100 { pausedUntil.store(now.nanoseconds &+ Self.pause, ordering: .relaxed) }
    }
}
