internal import NIOCore
internal import Scoring

/// Commands whose replies are still to come, in the order they were sent, which is the order of the replies. Pure.
struct PendingReplies<Command> {
    private var waiting = CircularBuffer<(command: Command, sent: Moment)>()

    var count: Int { waiting.count }
    /// When the oldest unanswered command was sent.
    var oldest: Moment? { waiting.first?.sent }

    mutating func append(_ command: Command, sent: Moment) { waiting.append((command, sent)) }

    /// The command that the next reply answers; nil if nothing was asked.
    mutating func answer() -> Command? { waiting.popFirst()?.command }

    /// All commands, none of which will be answered: the connection is gone.
    mutating func removeAll() -> [Command] {
        defer { waiting.removeAll() }
        return waiting.map(\.command)
    }
}
