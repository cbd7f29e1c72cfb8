internal import Scoring

extension EngineRoom {
    private typealias Piece = BatchPlan<BatchJob>.Piece

    /// What an engine thread does until it is to end.
    func serve(_ seat: EngineSeat) {
        while true {
            let (work, answers) = state.withLock { $0.next(seat, now: Moment.now) }
            give(answers)
            switch work {
            case .end: return
            case .wait(let limit): seat.signal.wait(until: limit)
            case .run(let pieces):
                let start = Moment.now
                if let rows = seat.lent {
                    seat.lent = nil
                    runAlone(pieces[0], on: rows, seat)
                } else {
                    runPacked(pieces, seat)
                }
                let nanoseconds = Moment.now.nanoseconds(since: start)
                seat.letGoOfLarge()
                guard state.withLock({ $0.end(seat, nanoseconds: nanoseconds) }) else { return }
            }
        }
    }

    /// Scores a whole request on its own buffers. They stay this thread's until the call is over, whatever has been
    /// answered meanwhile.
    private func runAlone(_ piece: Piece, on rows: BatchRows, _ seat: EngineSeat) {
        let error = call(rows.features, rows.scores, deadline: piece.deadline, seat)
        give(state.withLock { $0.scored([piece], error, now: Moment.now).answers })
    }

    /// Scores pieces of requests in one call. If it fails for what may be one request's doing, each has a call of
    /// its own.
    private func runPacked(_ pieces: [Piece], _ seat: EngineSeat) {
        guard pack(pieces, seat) else { return }
        let deadline = pieces.map(\.deadline).max()
        let error = call(seat.features, seat.scores, deadline: deadline, seat)
        guard let error, pieces.count > 1, Self.mayBeOfOneRequest(error) else { return finish(pieces, error, seat) }
        for piece in pieces where state.withLock({ $0.hold(piece) }) {
            guard pack([piece], seat) else { continue }
            finish([piece], call(seat.features, seat.scores, deadline: piece.deadline, seat), seat)
        }
    }

    /// Copies the rows of pieces, which are held, into the seat's batch. False if none of them is wanted any more.
    private func pack(_ pieces: [Piece], _ seat: EngineSeat) -> Bool {
        packing.pack(pieces, into: seat.features)
        let (answers, mustWatch) = state.withLock { $0.packed(pieces, now: Moment.now) }
        give(answers)
        if mustWatch { watchSignal.give() }
        return answers.count < pieces.count
    }

    /// Hands the results in the seat's batch to the requests.
    private func finish(_ pieces: [Piece], _ error: ScoringError?, _ seat: EngineSeat) {
        let (held, failed) = state.withLock { $0.scored(pieces, error, now: Moment.now) }
        give(failed)
        guard !held.isEmpty else { return }
        var firstRow = 0
        var next = 0
        for piece in pieces {
            // What was answered before is missing in `held`, in which the order is the same.
            if next < held.count, held[next].request === piece.request {
                packing.unpack(seat.scores, from: firstRow, to: piece)
                next += 1
            }
            firstRow += piece.rows.count
        }
        let (answers, other, mustWatch) = state.withLock { $0.unpacked(held, now: Moment.now) }
        give(answers)
        other?.signal.give()
        if mustWatch { watchSignal.give() }
    }

    /// Calls the model; nil if there are results, of the shape they have to have.
    private func call(
        _ features: FeatureBatch, _ scores: ScoreBatch, deadline: Moment?, _ seat: EngineSeat
    ) -> ScoringError? {
        seat.noteCall(rows: features.count, width: max(features.width, packing.outputs))
        do throws(ScoringError) {
            try model.score(features, into: scores, ScoreCall(deadline: deadline, workspace: seat.workspace))
        } catch {
            return error
        }
        return packing.defect(of: scores, rows: features.count).map { .invalidModel(reason: $0, place: "") }
    }

    /// Whether one request's rows can be the reason for which a call with rows of several failed.
    private static func mayBeOfOneRequest(_ error: ScoringError) -> Bool {
        switch error {
        case .engineFailure, .rowRefused, .invalidFeature, .invalidRequest: true
        case .unknownModel, .unknownVersion, .notReady, .tooLarge, .overloaded, .circuitOpen, .deadlineExceeded, .cancelled,
            .invalidModel,
            .unsupportedModel, .refusedModel:
            false
        }
    }
}
