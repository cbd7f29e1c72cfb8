internal import Logging
internal import NIOCore
internal import Scoring
internal import Synchronization

/// Keeps the sum of what clients leave unread within a limit, over all event loops; see `UnreadPlan`. Only connections that
/// have more to send than their clients take come here, so that others never meet at the lock.
final class UnreadAnswers: Sendable {
    private struct State {
        var plan: UnreadPlan<ObjectIdentifier>
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// To be closed, by their event loop.
        var doomed: [ObjectIdentifier: [any Channel]] = [:]
        var closed: UInt64 = 0
        /// Closed since the last line in the log.
        var unreported = 0
        var nextLine = Moment(nanoseconds: 0)
    }

    /// Between two lines in the log.
    private static let silence: UInt64 = 60_000_000_000

    private let state: Mutex<State>
    private let logger: Logger

    init(limit: Int, logger: Logger) {
        state = Mutex(State(plan: UnreadPlan(limit: limit)))
        self.logger = logger
    }

    /// Bytes that connections hold now, and connections that were closed for it so far.
    var figures: (bytes: Int, closed: UInt64) { state.withLock { ($0.plan.total, $0.closed) } }

    /// Whether a large answer may begin.
    func hasRoom(for bytes: Int) -> Bool { state.withLock { $0.plan.hasRoom(for: bytes, now: Moment.now.nanoseconds) } }

    /// Says how much a connection holds now; 0 for nothing, and at its end. Called on the connection's event loop.
    func hold(_ bytes: Int, by channel: any Channel, hasProgressed: Bool) {
        let id = ObjectIdentifier(channel)
        let loop = ObjectIdentifier(channel.eventLoop)
        let (strangers, reported) = state.withLock { state -> ([any Channel], Int) in
            state.channels[id] = bytes == 0 ? nil : channel
            let ids = state.plan.hold(bytes, by: id, hasProgressed: hasProgressed, now: Moment.now.nanoseconds)
            guard !ids.isEmpty else { return ([], 0) }
            let victims = ids.compactMap { state.channels.removeValue(forKey: $0) }
            for victim in victims { state.doomed[ObjectIdentifier(victim.eventLoop), default: []].append(victim) }
            state.closed += UInt64(victims.count)
            state.unreported += victims.count
            let strangers = victims.filter { ObjectIdentifier($0.eventLoop) != loop }
            let now = Moment.now
            guard now >= state.nextLine else { return (strangers, 0) }
            state.nextLine = now.advanced(byNanoseconds: Self.silence)
            defer { state.unreported = 0 }
            return (strangers, state.unreported)
        }
        if reported > 0 {
            logger.warning(
                "connections were closed because their clients do not read the answers",
                metadata: ["count": .stringConvertible(reported)])
        }
        closeDoomed(on: loop)
        for stranger in strangers {
            stranger.eventLoop.execute { [self] in closeDoomed(on: ObjectIdentifier(stranger.eventLoop)) }
        }
    }

    /// Closes what was chosen on this event loop, also by others. Not left to the loop's tasks alone: it runs them only when
    /// it has been through all its ready sockets, and each of these may add a large answer meanwhile.
    private func closeDoomed(on loop: ObjectIdentifier) {
        let doomed = state.withLock { $0.doomed.isEmpty ? nil : $0.doomed.removeValue(forKey: loop) }
        for channel in doomed ?? [] { channel.close(promise: nil) }
    }
}
