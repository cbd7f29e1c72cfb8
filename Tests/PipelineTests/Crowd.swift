internal import Synchronization

/// Gathers the answers of requests that were begun together.
final class Crowd<Answer: Sendable>: Sendable {
    private struct State {
        var answers: [Answer] = []
        var missing: Int
        var continuation: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(missing: count)) }

    func add(_ answer: Answer) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.answers.append(answer)
            state.missing -= 1
            return state.missing == 0 ? state.continuation : nil
        }
        continuation?.resume()
    }

    /// All answers, once they are there.
    func answers() async -> [Answer] {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                state.continuation = continuation
                return state.missing == 0
            }
            if isComplete { continuation.resume() }
        }
        return state.withLock { $0.answers }
    }
}
