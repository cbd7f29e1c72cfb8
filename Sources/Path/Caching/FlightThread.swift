internal import Scoring
internal import Synchronization

/// Does what flights leave to be done, one piece after the other, on a thread that exists while there is something to do.
/// A piece that leads to another one adds it to the line: none is done within another, so that they take no stack.
final class FlightThread: Sendable {
    typealias Piece = @Sendable () -> Void

    private struct State {
        var line: [Piece] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    func run(_ piece: @escaping Piece) {
        let mustStart = state.withLock { state in
            state.line.append(piece)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard mustStart else { return }
        // Where the system refuses a thread, this one does it.
        if !NamedThread.start(name: "flights", { self.work() }) { work() }
    }

    private func work() {
        while true {
            let pieces = state.withLock { state in
                let pieces = state.line
                state.line = []
                state.isRunning = !pieces.isEmpty
                return pieces
            }
            if pieces.isEmpty { return }
            for piece in pieces { piece() }
        }
    }
}
