internal import Logging
internal import NIOCore
internal import Scoring
internal import Synchronization

/// Keeps the sum of what connections hold within a limit, over all event loops; see `HeldBytesPlan`. Only connections that have more to send
/// than their clients take, or receive a large body, come here, so that others never meet at the lock.
final class HeldBytes: Sendable {
    private struct State {
        var plan: HeldBytesPlan<ObjectIdentifier>
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
    /// The line of the log that says that connections were closed.
    private let message: Logger.Message

    init(limit: Int, maxReserved: Int? = nil, logger: Logger, message: Logger.Message) {
        state = Mutex(State(plan: HeldBytesPlan(limit: limit, maxReserved: maxReserved)))
        self.logger = logger
        self.message = message
    }

    /// Bytes that connections hold now, and connections that were closed for it so far.
    var figures: (bytes: Int, closed: UInt64) { state.withLock { ($0.plan.total, $0.closed) } }

    /// Reserves bytes in place of those that the connection reserved before; false if there is no room for it. Called on the connection's event loop, in the middle of a turn:
    /// connections of the same loop that have to make room are closed by `closeDoomed`.
    func reserve(_ bytes: Int, for channel: any Channel) -> Bool {
        let now = Moment.now
        return choose(on: channel) { state in
            guard let ids = state.plan.reserve(bytes, for: ObjectIdentifier(channel), now: now.nanoseconds) else { return nil }
            state.channels[ObjectIdentifier(channel)] = channel
            return ids
        }
    }

    /// Says how much a connection holds now; 0 for nothing, and at its end. Called on the connection's event loop.
    func hold(_ bytes: Int, by channel: any Channel, keepsReservation: Bool, hasProgressed: Bool) {
        let now = Moment.now
        _ = choose(on: channel) { state in
            let id = ObjectIdentifier(channel)
            let ids = state.plan.hold(
                bytes, by: id, keepsReservation: keepsReservation, hasProgressed: hasProgressed, now: now.nanoseconds)
            state.channels[id] = bytes == 0 && !keepsReservation ? nil : channel
            return ids
        }
        closeDoomed(on: channel.eventLoop)
    }

    /// Dooms the connections that `choose` names; false if it names none because it gave up. Those of other loops are closed there.
    private func choose(on channel: any Channel, _ choose: (inout State) -> [ObjectIdentifier]?) -> Bool {
        let loop = ObjectIdentifier(channel.eventLoop)
        let (isDone, strangers, reported) = state.withLock { state -> (Bool, [any Channel], Int) in
            guard let ids = choose(&state) else { return (false, [], 0) }
            guard !ids.isEmpty else { return (true, [], 0) }
            let victims = ids.compactMap { state.channels.removeValue(forKey: $0) }
            for victim in victims { state.doomed[ObjectIdentifier(victim.eventLoop), default: []].append(victim) }
            state.closed += UInt64(victims.count)
            state.unreported += victims.count
            let strangers = victims.filter { ObjectIdentifier($0.eventLoop) != loop }
            let now = Moment.now
            guard now >= state.nextLine else { return (true, strangers, 0) }
            state.nextLine = now.advanced(byNanoseconds: Self.silence)
            defer { state.unreported = 0 }
            return (true, strangers, state.unreported)
        }
        if reported > 0 {
            logger.warning(message, metadata: ["count": .stringConvertible(reported)])
        }
        for stranger in strangers {
            stranger.eventLoop.execute { [self] in closeDoomed(on: stranger.eventLoop) }
        }
        return isDone
    }

    /// Closes what was chosen on this event loop, also by others. Not left to the loop's tasks alone: it runs them only when
    /// it has been through all its ready sockets, and each of these may add a large answer meanwhile.
    func closeDoomed(on loop: any EventLoop) {
        let doomed = state.withLock { $0.doomed.isEmpty ? nil : $0.doomed.removeValue(forKey: ObjectIdentifier(loop)) }
        for channel in doomed ?? [] { channel.close(promise: nil) }
    }
}
