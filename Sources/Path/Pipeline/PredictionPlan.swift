package import Resilience
package import Scoring

/// The order of the stages of one request: admission, memory, flight, shared cache, engine, and, where those fail, the fallback. Pure: events
/// in, moves out; `PredictionRun` owns it and carries the moves out.
///
/// What it guarantees, whatever order events come in: one `.finish`; whoever was admitted leaves with it; a flight that is led ends before it,
/// by a result that is kept or by its release; once nobody waits for the request no work is begun, and what was found is kept for others.
package struct PredictionPlan {
    /// What there is for this request.
    package struct Stages: Sendable, Equatable {
        package var admits = false
        package var hasMemory = false
        /// Whether it may wait for an equal row, or let others wait for it.
        package var sharesFlights = false
        package var hasShared = false
        /// Empty without a fallback.
        package var fallback: FallbackCauses = []

        package init(
            admits: Bool = false, hasMemory: Bool = false, sharesFlights: Bool = false, hasShared: Bool = false,
            fallback: FallbackCauses = []
        ) {
            self.admits = admits
            self.hasMemory = hasMemory
            self.sharesFlights = sharesFlights
            self.hasShared = hasShared
            self.fallback = fallback
        }
    }

    package enum Step: Equatable {
        case admit
        case findInMemory
        case joinFlight
        case findShared
        case callEngine
        /// Store what was scored, and hand it to those who wait if the flight is led.
        case keep
        /// Look for rows whose score is missing.
        case findMissingScores
        /// Ask the next one of the fallback's chain for the rows without an answer.
        case fallBack(DegradationReason)
        /// Nothing until the next event.
        case wait
        case finish(End)

        /// Whether it costs something that only this request asks for.
        fileprivate var beginsWork: Bool {
            switch self {
            case .admit, .joinFlight, .findShared, .callEngine, .fallBack: true
            case .findInMemory, .keep, .findMissingScores, .wait, .finish: false
            }
        }
    }

    package struct End: Equatable {
        /// nil where rows have answers, or errors of their own.
        package var error: ScoringError?
        /// Whether an admission has to be given back.
        package var leaves = false

        package init(error: ScoringError?, leaves: Bool) {
            self.error = error
            self.leaves = leaves
        }
    }

    /// What becomes of a flight whose leader has no result.
    package enum FlightRelease: Equatable {
        /// Another one leads: the reason is the leader's own.
        case abandon
        /// All who wait get the error, which they would find out one after the other.
        case fail(ScoringError)
    }

    package struct Move: Equatable {
        /// To be carried out before the step.
        package var release: FlightRelease?
        package var step: Step

        package init(release: FlightRelease? = nil, step: Step) {
            self.release = release
            self.step = step
        }
    }

    package enum Event: Equatable {
        case begun(isLate: Bool)
        case admitted
        /// By whatever stage had the request.
        case failed(ScoringError)
        case foundInMemory(Bool)
        /// The request leads a flight, from the start or because the leader gave up.
        case leads
        case isAlone
        /// The flight's score is in the request's scores.
        case landed(isLate: Bool)
        case foundShared(Bool)
        case scored
        case kept(isLate: Bool)
        case missesScores
        case missesNoScore
        /// The next one of the chain has been asked.
        case fellBack(hasRowsLeft: Bool, isChainOver: Bool, hasAnswers: Bool)
    }

    package let stages: Stages
    /// Why the model itself has no answer; nil while it may have one.
    package private(set) var failure: ScoringError?
    /// Why fallbacks are asked.
    package private(set) var reason: DegradationReason?
    package private(set) var isAdmitted = false
    package private(set) var leadsFlight = false
    package private(set) var isFinished = false
    /// Whether scores of all rows were found in the shared cache.
    private var isShared = false

    package init(_ stages: Stages) { self.stages = stages }

    /// - Parameter isCancelled: Whether nobody waits for the request any more. What it is once it stays.
    package mutating func on(_ event: Event, isCancelled: Bool = false) -> Move {
        guard !isFinished else { return Move(step: .wait) }
        var move = follow(event)
        guard isCancelled, move.step.beginsWork else { return move }
        if leadsFlight {
            leadsFlight = false
            move.release = .abandon
        }
        // That the model failed before stays known.
        failure = failure ?? .cancelled
        move.step = finish(.cancelled).step
        return move
    }

    private mutating func follow(_ event: Event) -> Move {
        switch event {
        case .begun(let isLate):
            if isLate { return fail(.deadlineExceeded) }
            return stages.admits ? Move(step: .admit) : lookUp()
        case .admitted:
            isAdmitted = true
            return lookUp()
        case .failed(let error): return fail(error)
        case .foundInMemory(let isFound):
            if isFound { return Move(step: .findMissingScores) }
            return stages.sharesFlights ? Move(step: .joinFlight) : lookUpShared()
        case .leads:
            leadsFlight = true
            return lookUpShared()
        case .isAlone: return lookUpShared()
        case .landed(let isLate): return isLate ? fail(.deadlineExceeded) : Move(step: .findMissingScores)
        case .foundShared(let isFound):
            guard isFound else { return Move(step: .callEngine) }
            isShared = true
            return Move(step: .keep)
        case .scored: return Move(step: .keep)
        case .kept(let isLate):
            leadsFlight = false
            // What a cache has is there in time or was not waited for.
            return isLate && !isShared ? fail(.deadlineExceeded) : Move(step: .findMissingScores)
        case .missesNoScore: return finish(nil)
        // What the fallbacks leave keeps what the model gave: no number.
        case .missesScores: return fallBack(.missingScore, otherwise: nil)
        case .fellBack(let hasRowsLeft, let isChainOver, let hasAnswers):
            guard let reason else { return finish(failure) }
            if hasRowsLeft, !isChainOver { return Move(step: .fallBack(reason)) }
            return finish(hasAnswers ? nil : failure)
        }
    }

    private func lookUp() -> Move {
        if stages.hasMemory { return Move(step: .findInMemory) }
        return Move(step: .callEngine)
    }

    private func lookUpShared() -> Move { Move(step: stages.hasShared ? .findShared : .callEngine) }

    private mutating func fail(_ error: ScoringError) -> Move {
        var release: FlightRelease?
        if leadsFlight {
            leadsFlight = false
            // The leader's own deadline, or that nobody waits for it, says nothing about the others. All else, an open
            // breaker or a full queue too, they would only find out one after the other.
            release = error == .deadlineExceeded || error == .cancelled ? .abandon : .fail(error)
        }
        failure = error
        var move =
            if let reason = DegradationReason(error), reason != .missingScore {
                fallBack(reason, otherwise: error)
            } else {
                finish(error)
            }
        move.release = release
        return move
    }

    private mutating func fallBack(_ reason: DegradationReason, otherwise error: ScoringError?) -> Move {
        guard self.reason == nil, stages.fallback.contains(reason.cause) else { return finish(error) }
        self.reason = reason
        return Move(step: .fallBack(reason))
    }

    private mutating func finish(_ error: ScoringError?) -> Move {
        isFinished = true
        return Move(step: .finish(End(error: error, leaves: isAdmitted)))
    }
}
