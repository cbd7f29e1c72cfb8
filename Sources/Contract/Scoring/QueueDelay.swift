/// How long requests lie unread in front of the thread that answers them, as far as their front can tell, in nanoseconds.
package struct QueueDelay: Sendable, Equatable {
    /// How long this request lay before it was looked at.
    package var waited: UInt64
    /// What every request of that thread waited at least, in the latest whole interval: 0 where a burst passes, more
    /// where a queue is standing.
    package var standing: UInt64

    package init(waited: UInt64, standing: UInt64) {
        self.waited = waited
        self.standing = standing
    }

    /// Where nobody measures it.
    package static let none = QueueDelay(waited: 0, standing: 0)
}
