internal import Scoring

extension BatchExecutor {
    private typealias Piece = BatchPlan<BatchJob>.Piece

    /// What an engine thread does until it is to end.
    func serve(_ worker: Worker) {
        while true {
            let (work, answers) = state.withLock { $0.next(worker, now: Moment.now) }
            give(answers)
            switch work {
            case .end: return
            case .wait(let limit): worker.signal.wait(until: limit)
            case .run(let pieces):
                let start = Moment.now
                if let rows = worker.lent {
                    worker.lent = nil
                    runAlone(pieces[0], on: rows, worker)
                } else {
                    runPacked(pieces, worker)
                }
                let nanoseconds = Moment.now.nanoseconds(since: start)
                worker.letGoOfLarge()
                guard state.withLock({ $0.end(worker, nanoseconds: nanoseconds) }) else { return }
            }
        }
    }

    /// Scores a whole request on its own buffers. They stay this thread's until the call is over, whatever has been
    /// answered meanwhile.
    private func runAlone(_ piece: Piece, on rows: BatchRows, _ worker: Worker) {
        let error = call(rows.features, rows.scores, deadline: piece.deadline, worker)
        follow(state.withLock { $0.scored([piece], error, now: Moment.now).1 })
    }

    /// Scores pieces of requests in one call.
    private func runPacked(_ pieces: [Piece], _ worker: Worker) {
        guard pack(pieces, worker) else { return }
        finish(pieces, call(worker.features, worker.scores, deadline: pieces.map(\.deadline).max(), worker), worker)
    }

    private func follow(_ consequence: ExecutorState.Consequence) {
        give(consequence.answers)
        consequence.worker?.signal.give()
        if consequence.mustWatch { watchSignal.give() }
    }

    /// Copies the rows of pieces, which are held, into the worker's batch. False if none of them is wanted any more.
    private func pack(_ pieces: [Piece], _ worker: Worker) -> Bool {
        packing.pack(pieces, into: worker.features)
        let (answers, mustWatch) = state.withLock { $0.packed(pieces, now: Moment.now) }
        give(answers)
        if mustWatch { watchSignal.give() }
        return answers.count < pieces.count
    }

    /// Hands the results in the worker's batch to the requests.
    private func finish(_ pieces: [Piece], _ error: ScoringError?, _ worker: Worker) {
        let (held, consequence) = state.withLock { $0.scored(pieces, error, now: Moment.now) }
        follow(consequence)
        guard !held.isEmpty else { return }
        var firstRow = 0
        var next = 0
        for piece in pieces {
            // What was answered before is missing in `held`, in which the order is the same.
            if next < held.count, held[next].request === piece.request {
                packing.unpack(worker.scores, from: firstRow, to: piece)
                next += 1
            }
            firstRow += piece.rows.count
        }
        let hasAnswers = worker.scores.failedCount < worker.scores.count
        follow(state.withLock { $0.unpacked(held, hasAnswers: hasAnswers, now: Moment.now) })
    }

    /// Calls the model; nil if there are results, of the shape they have to have.
    private func call(
        _ features: FeatureBatch, _ scores: ScoreBatch, deadline: Moment?, _ worker: Worker
    ) -> ScoringError? {
        worker.noteCall(rows: features.count, width: max(features.width, packing.outputs))
        do throws(ScoringError) {
            let call = ScoreCall(deadline: deadline, workspace: worker.workspace, retriesRows: !model.calls.keepsRowsApart)
            try model.score(features, into: scores, call)
        } catch {
            return error
        }
        return packing.defect(of: scores, rows: features.count).map { .invalidModel(reason: $0, place: "") }
    }
}
