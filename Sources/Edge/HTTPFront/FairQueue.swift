internal import NIOCore
internal import Scoring

/// Connections of one event loop that have more to answer than one turn allows, in line for their next one. Used on the loop only.
///
/// NIO runs whatever a task puts up at once before it looks at sockets again, so that connections which simply went on would
/// keep all others waiting until they are done. Here the loop looks at its sockets at least every `stretch`.
final class FairQueue {
    /// How long turns are taken in a row.
    private static let stretch: UInt64 = 1_000_000
    /// Long enough to be in the future for the loop, which then looks at its sockets.
    private static let pause = TimeAmount.microseconds(20)

    private var waiting: [FastLane] = []
    private var isMoving = false

    func append(_ lane: FastLane, on loop: any EventLoop) {
        waiting.append(lane)
        guard !isMoving else { return }
        isMoving = true
        loop.assumeIsolated().execute { [self] in move(loop) }
    }

    private func move(_ loop: any EventLoop) {
        let start = Moment.now
        repeat {
            // Those that need another turn go to the end of the next line.
            let turns = waiting
            waiting.removeAll(keepingCapacity: true)
            for (index, lane) in turns.enumerated() {
                lane.continueTurn()
                guard Moment.now.nanoseconds(since: start) >= Self.stretch else { continue }
                waiting.insert(contentsOf: turns[(index + 1)...], at: 0)
                break
            }
        } while !waiting.isEmpty && Moment.now.nanoseconds(since: start) < Self.stretch
        isMoving = !waiting.isEmpty
        guard isMoving else { return }
        loop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in move(loop) }
    }
}
