internal import NIOCore
internal import Scoring
internal import Synchronization

extension RedisLink {
    func begin(_ lookup: RedisLookup) {
        eventLoop.preconditionInEventLoop()
        let left = lookup.latest.nanoseconds(since: .now)
        gate.statistics.withLock { $0.rows += UInt64(lookup.keys.count) }
        guard left > 0, !lookup.keys.isEmpty, gate.isAvailable.load(ordering: .relaxed) else {
            gate.leave(1)
            lookup.end()
            return
        }
        var isFirst = true
        for start in stride(from: 0, to: lookup.keys.count, by: RedisCommand.maxKeys) {
            let positions = start..<min(start + RedisCommand.maxKeys, lookup.keys.count)
            // The place of the first part was taken by the caller.
            let hasPlace = isFirst || gate.enter(upTo: RedisGate.maxCommands)
            isFirst = false
            guard
                hasPlace,
                send(
                    .fetch(lookup, positions: positions),
                    { RedisCommand.fetch(lookup.keys[positions], of: lookup.scope.model, to: &$0) })
            else {
                if hasPlace { gate.leave(1) }
                fail(lookup)
                return
            }
        }
        lookup.timer = eventLoop.scheduleTask(in: .nanoseconds(Int64(left))) { [weak self] in
            lookup.timer = nil
            guard let self, !lookup.isOver else { return }
            self.gate.statistics.withLock { $0.timeouts += 1 }
            // A caller in a hurry says nothing about Redis.
            let waited = lookup.latest.nanoseconds(since: lookup.begin)
            if waited >= self.settings.timeout.nanoseconds { self.record(success: false) }
            lookup.end()
        }
    }

    func store(_ score: CachedScore, for key: SharedCacheKey, of scope: CacheScope) {
        eventLoop.preconditionInEventLoop()
        let milliseconds = scope.life / 1_000_000
        guard let generation = generations[scope.model], milliseconds > 0, storesAgain <= .now,
            score.bytes.count + 64 <= StoredValue.maxBytes,
            send(
                .store,
                {
                    let value = StoredValue.bytes(of: score, for: key, generation: generation)
                    // Redis keeps times as signed milliseconds since 1970: a hundred years is for ever.
                    RedisCommand.store(
                        value, for: key, of: scope.model, milliseconds: min(milliseconds, 3_155_760_000_000), to: &$0)
                })
        else {
            gate.leave(1)
            gate.statistics.withLock { $0.droppedStores += 1 }
            return
        }
        gate.statistics.withLock { $0.stores += 1 }
    }

    func purge(_ model: ModelName, completion: @escaping @Sendable (Bool) -> Void) {
        eventLoop.preconditionInEventLoop()
        let generation = UInt64.random(in: .min ... .max)
        let purge = RedisPurge(completion)
        guard gate.enter(upTo: RedisGate.maxCommands) else { return purge.end(false) }
        guard
            send(
                .purge(model, generation, purge),
                { RedisCommand.setGeneration(generation, of: model, ifAbsent: false, to: &$0) })
        else {
            gate.leave(1)
            return purge.end(false)
        }
        let patience = TimeAmount.nanoseconds(Int64(clamping: settings.connectTimeout.nanoseconds))
        eventLoop.scheduleTask(in: patience) { purge.end(false) }
    }

    /// A reply to a command.
    func answer(_ command: Command, _ reply: RESPReply) throws(RESPViolation) {
        switch command {
        case .greeting(let expected, let isLast):
            guard reply == .status(bytes(of: expected)) else { return lose(attempt, Self.refusal(reply)) }
            if isLast { becomeReady() }
        case .probe(let number):
            let isInTime = number == probes
            guard reply == .status(Array("PONG".utf8)) else {
                guard case .error = reply else { throw RESPViolation(reason: "something else than PONG") }
                return
            }
            if isInTime { endProbe(success: true) }
        case .fetch(let lookup, let positions):
            gate.leave(1)
            try answer(lookup, positions, reply)
        case .store:
            gate.leave(1)
            if case .error = reply {
                gate.statistics.withLock { $0.errors += 1 }
                storesAgain = Moment.now.advanced(byMilliseconds: 1000)
            } else if reply != .status(Array("OK".utf8)) {
                throw RESPViolation(reason: "something else than OK")
            }
        case .generation(let model, let generation):
            gate.leave(1)
            unset.remove(model)
            if reply == .status(Array("OK".utf8)) { generations[model] = generation }
        case .purge(let model, let generation, let purge):
            gate.leave(1)
            let isDone = reply == .status(Array("OK".utf8))
            if isDone { generations[model] = generation }
            purge.end(isDone)
        }
    }

    /// A command that will not be answered any more.
    func forget(_ command: Command) {
        switch command {
        case .greeting, .probe: break
        case .fetch(let lookup, _):
            gate.leave(1)
            lookup.end()
        case .store, .generation: gate.leave(1)
        case .purge(_, _, let purge):
            gate.leave(1)
            purge.end(false)
        }
    }

    private func answer(_ lookup: RedisLookup, _ positions: Range<Int>, _ reply: RESPReply) throws(RESPViolation) {
        guard case .array(let items) = reply else {
            guard case .error = reply else {
                lookup.end()
                throw RESPViolation(reason: "something else than an array")
            }
            gate.statistics.withLock { $0.errors += 1 }
            return fail(lookup)
        }
        guard items.count == positions.count + 1 else {
            lookup.end()
            throw RESPViolation(reason: "an array of another length")
        }
        let found = try scores(items, for: lookup, positions)
        guard !lookup.isOver else { return }
        let hits = found.count { $0 != nil }
        gate.statistics.withLock { $0.hits += UInt64(hits) }
        guard lookup.take(found, at: positions) else { return }
        record(success: true)
        lookup.end()
    }

    /// The scores in an array of the generation and the values.
    private func scores(
        _ items: [[UInt8]?], for lookup: RedisLookup, _ positions: Range<Int>
    ) throws(RESPViolation) -> [CachedScore?] {
        let model = lookup.scope.model
        guard let generation = items[0].flatMap(RedisCommand.generation) else {
            generations[model] = nil
            setGeneration(of: model, isAbsent: items[0] == nil)
            return Array(repeating: nil, count: positions.count)
        }
        if let known = generations[model], known != generation { onPurge(model) }
        generations[model] = generation
        var found: [CachedScore?] = []
        found.reserveCapacity(positions.count)
        for (item, key) in zip(items.dropFirst(), lookup.keys[positions]) {
            guard let item else {
                found.append(nil)
                continue
            }
            switch StoredValue.read(item, for: key, generation: generation, of: lookup.scope) {
            case .score(let score): found.append(score)
            case .outdated: found.append(nil)
            case .wrong:
                // Damaged, or meant for another request: what follows cannot be trusted either.
                gate.statistics.withLock { $0.wrongValues += 1 }
                lookup.end()
                throw RESPViolation(reason: "a value that its key cannot have")
            }
        }
        return found
    }

    private func setGeneration(of model: ModelName, isAbsent: Bool) {
        guard !unset.contains(model), gate.enter(upTo: RedisGate.maxCommands) else { return }
        let generation = UInt64.random(in: .min ... .max)
        guard
            send(
                .generation(model, generation),
                { RedisCommand.setGeneration(generation, of: model, ifAbsent: isAbsent, to: &$0) })
        else { return gate.leave(1) }
        unset.insert(model)
    }

    private func fail(_ lookup: RedisLookup) {
        guard !lookup.isOver else { return }
        record(success: false)
        lookup.end()
    }

    // MARK: The breaker

    private func record(success: Bool) {
        guard let pause = breaker.record(success: success) else { return }
        gate.isAvailable.store(false, ordering: .releasing)
        gate.statistics.withLock { $0.breakerOpenings += 1 }
        scheduleProbe(in: pause)
    }

    private func scheduleProbe(in pause: UInt64) {
        let attempt = self.attempt
        eventLoop.scheduleTask(in: .nanoseconds(Int64(pause))) { [weak self] in self?.probe(attempt) }
    }

    private func probe(_ attempt: Int) {
        guard case .ready(attempt, _) = state, breaker.isOpen else { return }
        if let oldest = line.oldest, Moment.now.nanoseconds(since: oldest) > Self.maxSilence {
            return lose(attempt, "it does not answer")
        }
        probes += 1
        let number = probes
        guard send(.probe(number: number), { RedisCommand.ping(to: &$0) }) else { return endProbe(success: false) }
        eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: settings.timeout.nanoseconds))) { [weak self] in
            guard let self, self.probes == number, case .ready(attempt, _) = self.state else { return }
            self.endProbe(success: false)
        }
    }

    private func endProbe(success: Bool) {
        // Makes the other end of this probe, answer or timer, come too late.
        probes += 1
        if let pause = breaker.recordProbe(success: success) {
            scheduleProbe(in: pause)
        } else if !breaker.isOpen, case .ready = state {
            gate.isAvailable.store(true, ordering: .releasing)
        }
    }

    private func bytes(of text: StaticString) -> [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Why logging in has failed, for the log.
    private static func refusal(_ reply: RESPReply) -> String {
        guard case .error(let text) = reply else { return "it is no Redis: its greeting cannot be understood" }
        return "it refused: " + String(decoding: text.prefix(200), as: UTF8.self)
    }
}

/// A purge under way; belongs to the event loop.
///
/// `@unchecked Sendable` is safe: it is made and touched on the event loop only.
final class RedisPurge: @unchecked Sendable {
    private var completion: (@Sendable (Bool) -> Void)?

    init(_ completion: @escaping @Sendable (Bool) -> Void) { self.completion = completion }

    func end(_ isDone: Bool) {
        completion?(isDone)
        completion = nil
    }
}
