internal import Synchronization

/// How the one who waits for a request says that nobody does any more, and how the stages that have the request hear of it. One for each
/// run of a group that is handed on to other threads. Any thread.
///
/// A stage that hands the request on registers what gives it up there. Handlers are kept until the request ends, also those of stages that
/// are through with it: a handler does nothing where its stage has answered. Those that ask instead look at `isCancelled` before they begin.
package final class Cancellation: Sendable {
    package typealias Handler = @Sendable () -> Void

    private enum State {
        case open([Handler])
        case cancelled
        /// The request has ended; nothing is left to be given up.
        case ended(wasCancelled: Bool)
    }

    private let state = Mutex(State.open([]))

    package init() {}

    package var isCancelled: Bool {
        state.withLock { state in
            switch state {
            case .open: false
            case .cancelled: true
            case .ended(let wasCancelled): wasCancelled
            }
        }
    }

    /// Has `handler` called once when the request is cancelled, which may be now; not at all once it has ended. Outside of locks.
    package func onCancel(_ handler: @escaping Handler) {
        let isCancelled = state.withLock { state in
            switch state {
            case .open(var handlers):
                // The list is taken out, so that it grows in place.
                state = .open([])
                handlers.append(handler)
                state = .open(handlers)
                return false
            case .cancelled: return true
            case .ended: return false
            }
        }
        if isCancelled { handler() }
    }

    /// Gives up what is being done for the request. Does nothing the second time, and once it has ended.
    package func cancel() {
        let handlers = state.withLock { state -> [Handler] in
            guard case .open(let handlers) = state else { return [] }
            state = .cancelled
            return handlers
        }
        for handler in handlers { handler() }
    }

    /// Lets go of the handlers, which may hold the request.
    package func end() {
        // They are released outside of the lock: the last reference to a flight's ticket does something.
        let handlers = state.withLock { state -> [Handler] in
            switch state {
            case .open(let handlers):
                state = .ended(wasCancelled: false)
                return handlers
            case .cancelled: state = .ended(wasCancelled: true)
            case .ended: break
            }
            return []
        }
        withExtendedLifetime(handlers) {}
    }
}
