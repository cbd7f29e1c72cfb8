internal import Batching
internal import Caching
internal import Registry
internal import Resilience
internal import Scoring

/// One request's way through the stages of a version: admission, caches, breaker, engine, decision; and, where those
/// fail, the fallback. Answers at once where it can, else later through the exchange's `completion`.
///
/// `@unchecked Sendable` is safe: one thread at a time works on it. Whoever hands it on (to a batcher, to Redis, to a
/// flight) touches it no more before the one it was handed to calls back, once.
final class Passage: @unchecked Sendable {
    let pipeline: PredictionPipeline
    let exchange: PredictionExchange
    let served: ServedModel
    let path: VersionPath
    let rows: Int
    private var ticket: AdmissionTicket?
    private var keys: [CacheKey] = []
    private var flight: SingleFlight.Ticket?
    private var isRefusedByBreaker = false
    private var isCancelled = false
    /// What is left to be tried in place of the model.
    var fallbacks: ArraySlice<FallbackChain.Step>?
    /// The rows that they are to answer still, where others have an answer; nil for all.
    var replacedRows: [Int]?
    /// Whether the first of their results has been written.
    var hasClearedRows = false

    init(_ exchange: PredictionExchange, _ served: ServedModel, _ path: VersionPath, _ pipeline: PredictionPipeline) {
        self.exchange = exchange
        self.served = served
        self.path = path
        self.pipeline = pipeline
        rows = exchange.features.count
    }

    // MARK: The stages

    func begin() throws(ScoringError) -> PredictionProgress {
        do throws(ScoringError) {
            try admit()
            if findInMemory() { return try found() }
            return try joinFlight()
        } catch {
            return try recover(from: error)
        }
    }

    private func admit() throws(ScoringError) {
        exchange.deadline = path.deadline(of: exchange)
        let now = Moment.now
        if let deadline = exchange.deadline, now > deadline { throw .deadlineExceeded }
        guard path.admits else { return }
        let request = AdmissionRequest(
            rows: rows, deadline: exchange.deadline, priority: rows > 1 ? .bulk : .interactive,
            queueDelay: exchange.queueDelay)
        ticket = try path.model.admission.enter(request, now: now)
    }

    /// Whether every row's score lies in memory; a batch is answered from caches as a whole or not at all.
    private func findInMemory() -> Bool {
        guard let cache = path.cache, rows > 0 else { return false }
        let now = Moment.now
        exchange.scores.reset(rows: rows, width: cache.scope.width)
        for row in 0..<rows {
            let key = cache.scope.key(of: exchange.features, row: row)
            keys.append(key)
        }
        for row in 0..<rows {
            guard cache.memory.copy(keys[row], into: exchange.scores, row: row, of: cache.scope, now: now) else { return false }
        }
        path.model.cacheMeter.record(l1Hits: rows)
        exchange.isCached = true
        return true
    }

    /// Waits for an equal row that is being computed, or goes on as the one who computes. Requests with a deadline of
    /// their own, which may be earlier than the leader's, compute for themselves.
    private func joinFlight() throws(ScoringError) -> PredictionProgress {
        guard let flights = path.cache?.flights, rows == 1, exchange.completion != nil, !path.isCallersDeadline(exchange)
        else {
            return try findShared()
        }
        let deadline = exchange.deadline ?? Moment(nanoseconds: .max)
        switch flights.join(keys[0], deadline: deadline, waiter: { [self] outcome in landed(outcome) }) {
        case .lead(let ticket):
            flight = ticket
            return try findShared()
        case .wait: return .pending
        case .alone: return try findShared()
        }
    }

    private func landed(_ outcome: SingleFlight.Outcome) {
        resume { () throws(ScoringError) in
            switch outcome {
            case .score(let score):
                guard let cache = self.path.cache else { return .answered }
                self.exchange.scores.reset(rows: 1, width: cache.scope.width)
                score.copy(into: self.exchange.scores, row: 0, of: cache.scope)
                try self.checkDeadline()
                self.path.model.cacheMeter.record(l1Hits: 1)
                self.exchange.isCached = true
                return try self.found()
            case .failed(let error):
                self.isRefusedByBreaker = error == CircuitBreaker.refusal
                throw error
            case .lead(let ticket):
                self.flight = ticket
                return try self.findShared()
            }
        }
    }

    private func findShared() throws(ScoringError) -> PredictionProgress {
        guard let cache = path.cache, rows > 0 else { return try score() }
        guard let shared = cache.shared, shared.isAvailable, exchange.completion != nil else {
            path.model.cacheMeter.record(misses: rows)
            return try score()
        }
        let sharedKeys = (0..<rows).map { cache.scope.sharedKey(of: exchange.features, row: $0) }
        let isAsked = shared.lookup(sharedKeys, of: cache.scope, deadline: exchange.deadline) { [self] found in
            resume { () throws(ScoringError) in
                guard self.take(found, cache) else {
                    self.path.model.cacheMeter.record(misses: self.rows)
                    return try self.score()
                }
                return try self.found()
            }
        }
        if isAsked { return .pending }
        path.model.cacheMeter.record(misses: rows)
        return try score()
    }

    private func take(_ found: [CachedScore?], _ cache: VersionCache) -> Bool {
        guard found.count == rows, !found.contains(nil) else { return false }
        let now = Moment.now
        exchange.scores.reset(rows: rows, width: cache.scope.width)
        for (row, score) in found.enumerated() {
            guard let score else { return false }
            score.copy(into: exchange.scores, row: row, of: cache.scope)
            cache.memory.store(keys[row], score, of: cache.scope, now: now)
        }
        path.model.cacheMeter.record(l2Hits: rows)
        exchange.isCached = true
        if let score = found[0] { flight?.land(score) }
        flight = nil
        return true
    }

    private func score() throws(ScoringError) -> PredictionProgress {
        let call = EngineCall(exchange, path.engine, path)
        do throws(ScoringError) {
            let progress = try call.begin { [self] error in
                resume { () throws(ScoringError) in
                    if let error { throw self.failed(error, call) }
                    return try self.scored()
                }
            }
            guard case .answered = progress else { return .pending }
        } catch {
            throw failed(error, call)
        }
        return try scored()
    }

    private func failed(_ error: ScoringError, _ call: EngineCall) -> ScoringError {
        isRefusedByBreaker = call.isRefusedByBreaker
        isCancelled = call.isCancelled
        return error
    }

    private func scored() throws(ScoringError) -> PredictionProgress {
        let scores = exchange.scores
        guard scores.count == rows, scores.width == served.signature.outputs.count else {
            throw .engineFailure("the model gave \(scores.count) results for \(rows) rows")
        }
        // What is too late for this request may not be for others.
        keep()
        try checkDeadline()
        return try found()
    }

    /// The scores are there, though some may be missing that the model's fallback is to stand in for. Those of other rows
    /// stay as they are.
    private func found() throws(ScoringError) -> PredictionProgress {
        let missing = missingRows
        guard !missing.isEmpty else { return answered() }
        let error = ScoringError.engineFailure("the score is not a number")
        if missing.count == rows {
            pipeline.learn(error, exchange, served, rows: rows)
        } else {
            replacedRows = missing
        }
        return try fallBack(.missingScore, otherwise: error)
    }

    /// A score that comes too late is no answer: the caller has decided without it.
    private func checkDeadline() throws(ScoringError) {
        if let deadline = exchange.deadline, Moment.now > deadline { throw .deadlineExceeded }
    }

    /// Rows that were scored without a score, if the model's fallback is to stand in for it. Rows that failed have an error.
    private var missingRows: [Int] {
        guard let fallback = path.fallback, fallback.applies(to: .missingScore) else { return [] }
        let scores = exchange.scores
        return (0..<rows).filter { row in
            served.score.contains { scores[row, $0].isNaN } && scores.failure(row: row) == nil
        }
    }

    /// Keeps what was scored for equal rows to come, and hands it to those that wait.
    private func keep() {
        guard let cache = path.cache else { return }
        let now = Moment.now
        for row in 0..<rows {
            cache.memory.store(keys[row], exchange.scores, row: row, of: cache.scope, now: now)
            guard cache.shared != nil || flight != nil else { continue }
            guard let score = CachedScore(exchange.scores, row: row, of: cache.scope) else {
                if let failure = exchange.scores.failure(row: row) { flight?.fail(failure) }
                continue
            }
            cache.shared?.store(score, for: cache.scope.sharedKey(of: exchange.features, row: row), of: cache.scope)
            flight?.land(score)
        }
        flight = nil
    }

    // MARK: The end

    /// Decides, counts and leaves.
    func answered() -> PredictionProgress {
        if !hasClearedRows { pipeline.decide(exchange, served.rule, served.score) }
        let now = Moment.now
        leave(.finished, now)
        pipeline.count(exchange, served, now)
        return .answered
    }

    /// Looks for another answer after a failure of the model; throws where there is none.
    private func recover(from error: ScoringError) throws(ScoringError) -> PredictionProgress {
        // A failure of the fallbacks has been counted and closed there.
        if fallbacks != nil { throw error }
        if let flight {
            // The leader's own deadline, or that nobody waits for it, says nothing about the others. All else, an open
            // breaker or a full queue too, they would only find out one after the other.
            if isCancelled || error == .deadlineExceeded { flight.abandon() } else { flight.fail(error) }
            self.flight = nil
        }
        // Calls that an open breaker keeps from the version count as the failures that they would be.
        let failure = isRefusedByBreaker ? .engineFailure("breaker open") : error
        let isCallersDoing = error == .deadlineExceeded && path.isCallersDeadline(exchange)
        pipeline.learn(isCallersDoing ? nil : failure, exchange, served, rows: rows)
        let reason = isRefusedByBreaker ? DegradationReason.breakerOpen : DegradationReason(error)
        if let reason, let fallback = path.fallback, fallback.applies(to: reason) {
            return try fallBack(reason, otherwise: error)
        }
        throw close(error)
    }

    /// Ends the passage without an answer.
    func close(_ error: ScoringError) -> ScoringError {
        if case .deadlineExceeded = error { leave(.finished, .now) } else { leave(.dropped, .now) }
        pipeline.countFailure(error, served)
        return error
    }

    private func leave(_ outcome: AdmissionOutcome, _ now: Moment) {
        if let ticket { path.model.admission.leave(ticket, outcome, now: now) }
        ticket = nil
    }

    /// Goes on after somebody called back, on their thread.
    func resume(_ body: () throws(ScoringError) -> PredictionProgress) {
        var failure: ScoringError?
        do throws(ScoringError) {
            if case .pending = try body() { return }
        } catch {
            do throws(ScoringError) {
                if case .pending = try recover(from: error) { return }
            } catch {
                failure = error
            }
        }
        exchange.completion?(exchange, failure)
    }
}
