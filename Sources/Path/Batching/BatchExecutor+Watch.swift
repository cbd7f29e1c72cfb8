internal import Scoring

extension BatchExecutor {
    /// What the watching thread does until the executor is closed: answers requests at their deadlines, also while every engine
    /// is busy or hangs; replaces engine threads whose call hangs; ends a drain that takes too long.
    ///
    /// It sleeps until the earliest of these moments. Deadlines as a rule come in the order of the requests, so that
    /// requests seldom wake it.
    func watch() {
        while true {
            let (answers, newEngines, until, isClosed) = state.withLock { state in
                let (answers, newEngines, until) = state.look(now: Moment.now)
                return (answers, newEngines, until, state.mode == .closed)
            }
            give(answers)
            for _ in 0..<newEngines { startCountedEngine() }
            if isClosed { return wakeIdle() }
            watchSignal.wait(until: until)
        }
    }

    private func wakeIdle() {
        for worker in state.withLock({ $0.takeIdleSeats() }) { worker.signal.give() }
    }
}
