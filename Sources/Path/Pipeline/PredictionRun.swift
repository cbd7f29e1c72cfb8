internal import Batching
internal import Caching
internal import Registry
internal import Resilience
internal import Scoring

/// One request's way through the stages of a version, in the order that its `PredictionPlan` has. Answers at once where it can, else later
/// through the group's `completion`.
///
/// A client that leaves is seen before each step (`RowGroup.cancellation`); what waits in a flight or for an engine is given up at once, and a
/// look-up in Redis, which takes no longer than its timeout, when it ends.
///
/// `@unchecked Sendable` is safe: one thread at a time works on it. Whoever hands it on (to a batcher, to Redis, to a
/// flight) touches it no more before the one it was handed to calls back, once.
final class PredictionRun: @unchecked Sendable {
    typealias Event = PredictionPlan.Event

    let path: any PredictionPath
    let group: RowGroup
    let served: ServedModel
    let stages: VersionStages
    let rows: Int
    /// By the model's limits or the caller's own, whichever is earlier.
    let deadline: Moment?
    private var plan: PredictionPlan
    private var ticket: AdmissionTicket?
    private var keys: [CacheKey] = []
    private var flight: SingleFlight.Ticket?
    /// What is left to be tried in place of the model.
    private var fallbacks: ArraySlice<FallbackChain.Step>?
    /// The rows that fallbacks are to answer still, where others have an answer; nil for all.
    var replacedRows: [Int]?
    /// Whether the first of their results has been written.
    var hasClearedRows = false
    /// Versions that answered some of them, and how many.
    var standIns: [(ServedModel, rows: Int)] = []

    init(_ group: RowGroup, _ stages: VersionStages, on path: any PredictionPath) {
        self.group = group
        self.stages = stages
        self.path = path
        served = group.served
        rows = group.features.count
        deadline = stages.deadline(of: group.info)
        let mayWait = group.completion != nil
        let cache = rows > 0 ? stages.cache : nil
        plan = PredictionPlan(
            PredictionPlan.Stages(
                admits: stages.admits, hasMemory: cache != nil,
                // Requests with a deadline of their own, which may be earlier than the leader's, compute for themselves.
                sharesFlights: cache?.flights != nil && rows == 1 && mayWait && !stages.isCallersDeadline(group.info),
                hasShared: cache?.shared != nil && mayWait, fallback: stages.fallback?.causes ?? []))
    }

    func begin() -> PredictionProgress { proceed(after: .begun(isLate: isLate)) }

    // MARK: Carrying out the plan

    /// Does what follows from an event, until somebody else has to do something.
    private func proceed(after event: Event) -> PredictionProgress {
        var event = event
        while true {
            let move = plan.on(event, isCancelled: group.cancellation?.isCancelled ?? false)
            if let release = move.release { releaseFlight(release) }
            let next: Event? =
                switch move.step {
                case .admit: admit()
                case .findInMemory: .foundInMemory(isInMemory)
                case .joinFlight: joinFlight()
                case .findShared: findShared()
                case .callEngine: callEngine()
                case .keep: keep()
                case .findMissingScores: findMissingScores()
                case .fallBack(let reason): fallBack(reason)
                case .wait: nil
                case .finish(let end): finish(end)
                }
            if case .finish = move.step { return .answered }
            guard let next else { return .pending }
            event = next
        }
    }

    /// Goes on after somebody called back, on their thread.
    func resume(after event: Event) {
        if case .answered = proceed(after: event) { group.completion?(group) }
    }

    /// A score that comes too late is no answer: the caller has decided without it.
    private var isLate: Bool { deadline.map { Moment.now > $0 } ?? false }

    // MARK: The stages. Each returns what happened; nil where it has handed the run on, which may be going on already.

    private func admit() -> Event {
        let request = AdmissionRequest(
            rows: rows, deadline: deadline, priority: group.info.priority(rows: rows), queueDelay: group.info.queueDelay)
        do throws(ScoringError) {
            ticket = try stages.model.admission.enter(request, now: .now)
            return .admitted
        } catch {
            return .failed(error)
        }
    }

    /// Whether every row's score lies in memory; a batch is answered from caches as a whole or not at all.
    private var isInMemory: Bool {
        guard let cache = stages.cache else { return false }
        let now = Moment.now
        group.scores.reset(rows: rows, width: cache.scope.width)
        for row in 0..<rows { keys.append(cache.scope.key(of: group.features, row: row)) }
        for row in 0..<rows {
            guard cache.memory.copy(keys[row], into: group.scores, row: row, of: cache.scope, now: now) else { return false }
        }
        stages.model.cacheMeter.record(l1Hits: rows)
        group.outcome.isCached = true
        return true
    }

    private func joinFlight() -> Event? {
        guard let flights = stages.cache?.flights else { return .isAlone }
        let cancellation = group.cancellable()
        switch flights.join(
            keys[0], deadline: deadline ?? Moment(nanoseconds: .max),
            waiter: { [self] outcome in resume(after: landed(outcome)) })
        {
        case .lead(let ticket):
            flight = ticket
            return .leads
        case .wait(let seat):
            // Who has left the flight hears nothing of it, and is nobody else's.
            cancellation.onCancel { [self] in
                if seat.leave() { resume(after: .failed(.cancelled)) }
            }
            return nil
        case .alone: return .isAlone
        }
    }

    private func landed(_ outcome: SingleFlight.Outcome) -> Event {
        switch outcome {
        case .score(let score):
            guard let cache = stages.cache else { return .isAlone }
            group.scores.reset(rows: 1, width: cache.scope.width)
            score.copy(into: group.scores, row: 0, of: cache.scope)
            let isLate = isLate
            if !isLate {
                stages.model.cacheMeter.record(l1Hits: 1)
                group.outcome.isCached = true
            }
            return .landed(isLate: isLate)
        case .failed(let error): return .failed(error)
        case .lead(let ticket):
            flight = ticket
            return .leads
        }
    }

    private func findShared() -> Event? {
        guard let cache = stages.cache, let shared = cache.shared, shared.isAvailable else { return .foundShared(false) }
        _ = group.cancellable()
        let sharedKeys = (0..<rows).map { cache.scope.sharedKey(of: group.features, row: $0) }
        let isAsked = shared.lookup(sharedKeys, of: cache.scope, deadline: deadline) { [self] found in
            resume(after: .foundShared(take(found, cache)))
        }
        return isAsked ? nil : .foundShared(false)
    }

    private func take(_ found: [CachedScore?], _ cache: VersionCache) -> Bool {
        guard found.count == rows, !found.contains(nil) else { return false }
        let now = Moment.now
        group.scores.reset(rows: rows, width: cache.scope.width)
        for (row, score) in found.enumerated() {
            guard let score else { return false }
            score.copy(into: group.scores, row: row, of: cache.scope)
            cache.memory.store(keys[row], score, of: cache.scope, now: now)
        }
        stages.model.cacheMeter.record(l2Hits: rows)
        group.outcome.isCached = true
        if let score = found[0] { flight?.land(score) }
        flight = nil
        return true
    }

    private func callEngine() -> Event? {
        if stages.cache != nil, rows > 0 { stages.model.cacheMeter.record(misses: rows) }
        let call = EngineCall(group, stages.engine, stages, until: deadline)
        do throws(ScoringError) {
            let progress = try call.begin { [self] error in resume(after: error.map { .failed($0) } ?? scored) }
            guard case .answered = progress else { return nil }
            return scored
        } catch {
            return .failed(error)
        }
    }

    private var scored: Event {
        let scores = group.scores
        guard scores.count == rows, scores.width == served.signature.outputs.count else {
            return .failed(.engineFailure("the model gave \(scores.count) results for \(rows) rows"))
        }
        return .scored
    }

    /// Keeps what was scored for equal rows to come, and hands it to those that wait. What is too late for this request may not be for
    /// others.
    private func keep() -> Event {
        guard let cache = stages.cache, !group.outcome.isCached else { return .kept(isLate: isLate) }
        let now = Moment.now
        for row in 0..<rows {
            cache.memory.store(keys[row], group.scores, row: row, of: cache.scope, now: now)
            guard cache.shared != nil || flight != nil else { continue }
            guard let score = CachedScore(group.scores, row: row, of: cache.scope) else {
                if let failure = group.scores.failure(row: row) { flight?.fail(failure) }
                continue
            }
            cache.shared?.store(score, for: cache.scope.sharedKey(of: group.features, row: row), of: cache.scope)
            flight?.land(score)
        }
        flight = nil
        return .kept(isLate: isLate)
    }

    private func releaseFlight(_ release: PredictionPlan.FlightRelease) {
        switch release {
        case .abandon: flight?.abandon()
        case .fail(let error): flight?.fail(error)
        }
        flight = nil
    }

    /// Looks for rows that were scored without a score, if the model's fallback is to stand in for it; those of other rows stay as they
    /// are. Rows that failed have an error.
    private func findMissingScores() -> Event {
        guard let fallback = stages.fallback, fallback.applies(to: .missingScore) else { return .missesNoScore }
        let scores = group.scores
        let missing = (0..<rows).filter { row in
            served.score.contains { scores[row, $0].isNaN } && scores.failure(row: row) == nil
        }
        guard !missing.isEmpty else { return .missesNoScore }
        replacedRows = missing
        return .missesScores
    }

    private func fallBack(_ reason: DegradationReason) -> Event? {
        var left = fallbacks ?? stages.model.fallbacks.chain(of: served.name)?.steps[...] ?? []
        let step = left.popFirst()
        fallbacks = left
        switch step {
        case nil: return fellBack
        case .constant(let score, let decision):
            fill(score, decision, reason)
            return fellBack
        case .model(let name, let version):
            let substitute = path.substitute(name, version: version.map { .number($0) })
            guard let substitute, substitute !== served else { return fellBack }
            do throws(ScoringError) {
                let call = try FallbackCall(for: self, by: substitute)
                let progress = try call.begin { [self] failure in
                    if failure == nil { call.adopt(reason) }
                    resume(after: fellBack)
                }
                guard case .answered = progress else { return nil }
                call.adopt(reason)
            } catch {
                // It cannot be asked, or failed: the next one is.
            }
            return fellBack
        }
    }

    private var fellBack: Event {
        .fellBack(
            hasRowsLeft: !rowsToReplace.isEmpty, isChainOver: fallbacks?.isEmpty ?? true, hasAnswers: replacedRows != nil)
    }

    // MARK: The end

    /// Fills the outcome, leaves, and hands it over.
    private func finish(_ end: PredictionPlan.End) -> Event? {
        if let failure = plan.failure {
            let isCallers = failure == .deadlineExceeded && stages.isCallersDeadline(group.info)
            group.outcome.failure = Outcome.Failure(failure, blame: isCallers ? .caller : nil)
        }
        group.outcome.error = end.error
        if end.error == nil, let reason = plan.reason { settleFallbacks(reason) }
        if end.leaves, let ticket {
            let isDropped = end.error.map { $0 != .deadlineExceeded } ?? false
            stages.model.admission.leave(ticket, isDropped ? .dropped : .finished, now: .now)
        }
        ticket = nil
        group.cancellation?.end()
        path.finish(group)
        return nil
    }

    /// Rows that nothing answered have the error, if there is one, others what they got.
    private func settleFallbacks(_ reason: DegradationReason) {
        if !group.outcome.degradations.isEmpty {
            group.outcome.isCached = false
            stages.model.degraded.add(reason, rows: group.outcome.degradedRows(of: rows))
            for (substitute, rows) in standIns { substitute.meter.recordStandIn(rows: rows) }
        }
        guard let error = plan.failure else { return }
        for row in replacedRows ?? [] { group.scores.fail(row: row, error) }
    }
}
