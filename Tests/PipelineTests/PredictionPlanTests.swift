internal import Pipeline
internal import Resilience
internal import Scoring
internal import Testing

/// The order of stages, over every order that events can come in.
@Suite struct PredictionPlanTests {
    typealias Plan = PredictionPlan

    private static let errors: [ScoringError] = [
        .deadlineExceeded, .cancelled, .engineFailure("no"), .circuitOpen(retryAfter: .seconds(1)), .notReady("hung"),
        .overloaded(retryAfter: .seconds(1)), .invalidRequest("the caller's"),
    ]

    /// What can follow from a step that is carried out; empty at the end.
    private static func events(after step: Plan.Step, _ stages: Plan.Stages) -> [Plan.Event] {
        let failures = errors.map { Plan.Event.failed($0) }
        switch step {
        case .admit: return [.admitted, .failed(.overloaded(retryAfter: .seconds(1))), .failed(.deadlineExceeded)]
        case .findInMemory: return [.foundInMemory(true), .foundInMemory(false)]
        case .joinFlight: return [.leads, .isAlone, .landed(isLate: false), .landed(isLate: true)] + failures
        case .findShared: return [.foundShared(true), .foundShared(false)]
        case .callEngine: return [.scored] + failures
        case .keep: return [.kept(isLate: false), .kept(isLate: true)]
        case .findMissingScores:
            guard stages.fallback.contains(.missingScore) else { return [.missesNoScore] }
            return [.missesNoScore, .missesScores]
        case .fallBack:
            return [
                .fellBack(hasRowsLeft: false, isChainOver: false, hasAnswers: true),
                .fellBack(hasRowsLeft: true, isChainOver: true, hasAnswers: true),
                .fellBack(hasRowsLeft: true, isChainOver: true, hasAnswers: false),
            ]
        case .wait, .finish: return []
        }
    }

    private static let stages: [Plan.Stages] = (0..<64).map { bits in
        Plan.Stages(
            admits: bits & 1 != 0, hasMemory: bits & 14 != 0, sharesFlights: bits & 4 != 0, hasShared: bits & 8 != 0,
            fallback: [[], .standard, [.missingScore, .engineFailed], [.overloaded, .deadlinePassed, .breakerOpen]][bits >> 4])
    }

    /// Follows every way from here to its end.
    private static func follow(_ plan: Plan, after event: Plan.Event, way: [Plan.Event], count: inout Int) {
        var plan = plan
        let wasLeading = plan.leadsFlight || event == .leads
        let way = way + [event]
        let move = plan.on(event)
        // Whoever leads goes on leading, hands its result over (`.kept`), or gives the flight up with this very move.
        if wasLeading, !plan.leadsFlight {
            var isKept = false
            if case .kept = event { isKept = true }
            #expect(isKept || move.release != nil, "\(way)")
        } else {
            #expect(move.release == nil, "\(way)")
        }
        if case .finish(let end) = move.step {
            count += 1
            #expect(plan.isFinished && !plan.leadsFlight, "\(way)")
            #expect(end.leaves == way.contains(.admitted), "\(way)")
            // An answer is there, or a reason why none is.
            let answers: [Plan.Event] = [
                .missesNoScore, .missesScores,
                .fellBack(hasRowsLeft: false, isChainOver: false, hasAnswers: true),
                .fellBack(hasRowsLeft: true, isChainOver: true, hasAnswers: true),
            ]
            #expect((end.error == nil) == answers.contains { way.contains($0) }, "\(way)")
            if let error = end.error { #expect(error == plan.failure, "\(way)") }
            // Nothing follows, whatever comes late.
            for late in [Plan.Event.scored, .failed(.cancelled), .landed(isLate: false), .leads] {
                #expect(plan.on(late) == Plan.Move(step: .wait), "\(way)")
            }
            return
        }
        #expect(move.step != .wait, "\(way)")
        #expect(way.count < 12, "\(way)")
        guard way.count < 12 else { return }
        for next in events(after: move.step, plan.stages) { follow(plan, after: next, way: way, count: &count) }
    }

    @Test func everyOrderOfEventsEndsOnceWithNothingLeftBehind() {
        var count = 0
        for stages in Self.stages {
            for isLate in [false, true] { Self.follow(Plan(stages), after: .begun(isLate: isLate), way: [], count: &count) }
        }
        #expect(count > 2000)
    }

    /// As `follow`, for a client that leaves before the event with this number.
    private static func leave(
        _ plan: Plan, at departure: Int, after event: Plan.Event, way: [Plan.Event], count: inout Int
    ) {
        var plan = plan
        let isGone = way.count >= departure
        let wasLeading = plan.leadsFlight || event == .leads
        let way = way + [event]
        let move = plan.on(event, isCancelled: isGone)
        // Whoever waits in the flight gets what was found, or another leader.
        if wasLeading, !plan.leadsFlight {
            var isKept = false
            if case .kept = event { isKept = true }
            #expect(isKept || move.release != nil, "\(way)")
        }
        switch move.step {
        case .finish(let end):
            count += 1
            #expect(plan.isFinished && !plan.leadsFlight, "\(way)")
            #expect(end.leaves == way.contains(.admitted), "\(way)")
            if let error = end.error, error != .cancelled { #expect(plan.failure != .cancelled, "\(way)") }
            for late in [Plan.Event.scored, .failed(.cancelled), .landed(isLate: false), .leads] {
                #expect(plan.on(late, isCancelled: true) == Plan.Move(step: .wait), "\(way)")
            }
            return
        case .admit, .joinFlight, .findShared, .callEngine, .fallBack: #expect(!isGone, "work is begun for nobody: \(way)")
        // What was found is still kept for others.
        case .findInMemory, .keep, .findMissingScores: break
        case .wait: Issue.record("it waits for nothing: \(way)")
        }
        guard way.count < 12 else {
            Issue.record("it does not end: \(way)")
            return
        }
        for next in events(after: move.step, plan.stages) { leave(plan, at: departure, after: next, way: way, count: &count) }
    }

    @Test func oneWhoLeavesAtAnyMomentEndsOnceWithNoMoreWorkBegun() {
        var count = 0
        for stages in Self.stages {
            for departure in 0..<11 {
                Self.leave(Plan(stages), at: departure, after: .begun(isLate: false), way: [], count: &count)
            }
        }
        #expect(count > 5000)
    }

    @Test func whatWasScoredForOneWhoLeftIsKeptForThoseWhoWait() {
        var plan = Plan(Plan.Stages(hasMemory: true, sharesFlights: true))
        for event in [Plan.Event.begun(isLate: false), .foundInMemory(false), .leads] { _ = plan.on(event) }
        #expect(plan.on(.scored, isCancelled: true) == Plan.Move(step: .keep))
        #expect(plan.on(.kept(isLate: false), isCancelled: true) == Plan.Move(step: .findMissingScores))
    }

    @Test func oneWhoIsToLeadButLeftHandsTheFlightOn() {
        var plan = Plan(Plan.Stages(hasMemory: true, sharesFlights: true))
        for event in [Plan.Event.begun(isLate: false), .foundInMemory(false)] { _ = plan.on(event) }
        #expect(
            plan.on(.leads, isCancelled: true)
                == Plan.Move(release: .abandon, step: .finish(Plan.End(error: .cancelled, leaves: false))))
    }

    @Test func theFailureOfAModelStaysKnownWhereNobodyWaitsForTheFallback() {
        var plan = Plan(Plan.Stages(fallback: .standard))
        _ = plan.on(.begun(isLate: false))
        let move = plan.on(.failed(.engineFailure("no")), isCancelled: true)
        #expect(move == Plan.Move(step: .finish(Plan.End(error: .cancelled, leaves: false))))
        #expect(plan.failure == .engineFailure("no"))
    }

    private static func steps(_ stages: Plan.Stages, _ events: [Plan.Event]) -> [Plan.Step] {
        var plan = Plan(stages)
        return ([.begun(isLate: false)] + events).map { plan.on($0).step }
    }

    @Test func theStagesComeInTheirOrder() {
        let all = Plan.Stages(admits: true, hasMemory: true, sharesFlights: true, hasShared: true, fallback: .standard)
        #expect(
            Self.steps(
                all,
                [.admitted, .foundInMemory(false), .leads, .foundShared(false), .scored, .kept(isLate: false), .missesNoScore])
                == [
                    .admit, .findInMemory, .joinFlight, .findShared, .callEngine, .keep, .findMissingScores,
                    .finish(Plan.End(error: nil, leaves: true)),
                ])
        #expect(Self.steps(Plan.Stages(), [.scored]) == [.callEngine, .keep])
    }

    @Test func aLeaderGivesItsFlightUpForReasonsOfItsOwnAndFailsItForAllOthers() {
        for error in Self.errors {
            var plan = Plan(Plan.Stages(hasMemory: true, sharesFlights: true))
            for event in [Plan.Event.begun(isLate: false), .foundInMemory(false), .leads] { _ = plan.on(event) }
            let isItsOwn = error == .deadlineExceeded || error == .cancelled
            #expect(plan.on(.failed(error)).release == (isItsOwn ? .abandon : .fail(error)))
        }
    }

    @Test func fallbacksAreAskedOneAfterTheOtherForWhatIsLeft() {
        let stages = Plan.Stages(fallback: .standard)
        #expect(
            Self.steps(
                stages,
                [
                    .failed(.engineFailure("no")), .fellBack(hasRowsLeft: true, isChainOver: false, hasAnswers: false),
                    .fellBack(hasRowsLeft: false, isChainOver: true, hasAnswers: true),
                ])
                == [
                    .callEngine, .fallBack(.engineFailed), .fallBack(.engineFailed), .finish(Plan.End(error: nil, leaves: false)),
                ])
        // What no fallback is for ends with its error.
        #expect(
            Self.steps(stages, [.failed(.notReady("hung"))])
                == [.callEngine, .finish(Plan.End(error: .notReady("hung"), leaves: false))])
    }
}
