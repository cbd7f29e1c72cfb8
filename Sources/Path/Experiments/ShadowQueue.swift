internal import Glibc
package import Scoring
internal import Synchronization

/// How much a shadow version may cost.
package struct ShadowLimits: Sendable, Equatable {
    /// Rows that may wait. Default 4,096.
    package var queuedRows = 4096
    /// Memory of the rows that wait. Default 16 MiB.
    package var queuedBytes = 16 << 20
    /// Rows kept for the admin view. Default 32.
    package var samples = 32
    /// When engines that can stop a run are to stop. Default 10 s.
    package var deadlineMilliseconds: UInt64 = 10_000

    package init() {}
}

/// Scores copies of answered requests on one shadow version, on a thread of its own with the lowest priority, and keeps
/// both scores side by side.
///
/// Whatever the shadow does (slow, failing, hanging), a request pays for copying its rows and a few atomic operations, never
/// for a lock, a wait or a system call; memory stays within `ShadowLimits`; what does not fit is dropped and counted. What
/// it cannot contain is a native library that ends the process.
///
/// The thread ends within milliseconds of the last reference to the queue; one that hangs in its model keeps that
/// model and the queue's content until it returns.
package final class ShadowQueue: Sendable {
    private let worker: ShadowWorker

    /// - Parameters:
    ///   - shadow: The version to score with, with its own policy.
    ///   - sink: Called on the shadow's thread with each row's result, for a log. May be slow: it only costs the shadow.
    package init(
        _ shadow: ServedModel, limits: ShadowLimits = ShadowLimits(), sink: (@Sendable (ShadowResult) -> Void)? = nil
    ) {
        worker = ShadowWorker(shadow, limits, sink)
        worker.start()
    }

    deinit { worker.close() }

    package var version: ModelVersion { worker.version }

    /// Takes a copy in, or drops it where the queue is full. Any thread. What the shadow version itself answered
    /// is passed over.
    package func offer(_ rows: ShadowedRows) { worker.offer(rows) }

    package func comparison(at now: Moment = .now) -> ShadowComparison { worker.comparison(at: now) }
}

/// The queue's content and thread.
///
/// `@unchecked Sendable` is safe: `scratch` belongs to the one thread that `start` makes; everything else is atomic, behind
/// the mutex, or immutable.
private final class ShadowWorker: @unchecked Sendable {
    private final class Scratch {
        let features = FeatureBatch()
        let scores = ScoreBatch()
        let workspace = Workspace()
        /// Of the version and signature that were translated last.
        var translation: (version: ModelVersion, inputs: [Field], result: Result<RowTranslation, ScoringError>)?
    }

    private let shadow: ServedModel
    private let limits: ShadowLimits
    private let sink: (@Sendable (ShadowResult) -> Void)?
    private let ring: ShadowRing
    private let rows = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    /// Nanoseconds of the moment at which the current request was begun; 0 while there is none.
    private let busySince = Atomic<UInt64>(0)
    private let isClosed = Atomic(false)
    /// Taken by the shadow's thread for each row and by readers; never by a request.
    private let tally: Mutex<ShadowTally>
    private let scratch = Scratch()

    init(_ shadow: ServedModel, _ limits: ShadowLimits, _ sink: (@Sendable (ShadowResult) -> Void)?) {
        self.shadow = shadow
        self.limits = limits
        self.sink = sink
        ring = ShadowRing(capacity: limits.queuedRows)
        tally = Mutex(ShadowTally(maxSamples: limits.samples))
    }

    var version: ModelVersion { shadow.version }

    // MARK: - Requests

    func offer(_ item: ShadowedRows) {
        guard item.version != shadow.version, item.count > 0 else { return }
        let size = item.bytes
        let queued = rows.wrappingAdd(item.count, ordering: .relaxed).newValue
        let held = bytes.wrappingAdd(size, ordering: .relaxed).newValue
        guard queued <= limits.queuedRows, held <= limits.queuedBytes, !isClosed.load(ordering: .relaxed), ring.push(item)
        else {
            release(item, size)
            dropped.wrappingAdd(item.count, ordering: .relaxed)
            return
        }
    }

    private func release(_ item: ShadowedRows, _ size: Int) {
        rows.wrappingSubtract(item.count, ordering: .relaxed)
        bytes.wrappingSubtract(size, ordering: .relaxed)
    }

    // MARK: - The thread

    func close() { isClosed.store(true, ordering: .relaxed) }

    func start() {
        // What is left of the processors is enough.
        guard !NamedThread.start(name: "shadow", niceness: 19, { self.run() }) else { return }
        // Everything that is offered is dropped and counted then.
        close()
        tally.withLock { $0.fail(rows: 0, .notReady("the system refuses to start a thread for the shadow")) }
    }

    private func run() {
        // Looking again now and then, up to 16 ms apart, spares requests the system call that would wake this thread.
        var pause = 1
        while !isClosed.load(ordering: .relaxed) {
            guard let item = ring.pop() else {
                var time = timespec(tv_sec: 0, tv_nsec: pause * 1_000_000)
                unsafe nanosleep(&time, nil)
                pause = min(16, pause * 2)
                continue
            }
            pause = 1
            busySince.store(max(1, Moment.now.nanoseconds), ordering: .relaxed)
            score(item)
            busySince.store(0, ordering: .relaxed)
            release(item, item.bytes)
        }
    }

    private func score(_ item: ShadowedRows) {
        do throws(ScoringError) {
            let translation = try self.translation(of: item).get()
            let most = max(1, shadow.model.calls.maxRows ?? item.count)
            var first = 0
            while first < item.count, !isClosed.load(ordering: .relaxed) {
                let rows = first..<min(item.count, first + most)
                score(item, rows, translation)
                first = rows.upperBound
            }
        } catch {
            tally.withLock { $0.fail(rows: item.count, error) }
        }
    }

    private func translation(of item: ShadowedRows) -> Result<RowTranslation, ScoringError> {
        if let last = scratch.translation, last.version == item.version, last.inputs == item.signature.inputs {
            return last.result
        }
        let result: Result<RowTranslation, ScoringError>
        do throws(ScoringError) {
            result = .success(try RowTranslation(from: item.signature, to: shadow.signature))
        } catch {
            result = .failure(error)
        }
        scratch.translation = (item.version, item.signature.inputs, result)
        return result
    }

    private func score(_ item: ShadowedRows, _ range: Range<Int>, _ translation: RowTranslation) {
        let (features, scores, workspace) = (scratch.features, scratch.scores, scratch.workspace)
        features.reset(width: shadow.signature.inputs.count)
        // The rows of the item that made it into the batch, in order.
        var taken: [Int] = []
        for row in range where !item.failedRows.contains(row) {
            do throws(ScoringError) {
                try translation.add(
                    row: item.cells[row * item.width..<(row + 1) * item.width], texts: item.texts,
                    wideIntegers: item.wideIntegers, to: features)
                taken.append(row)
            } catch {
                record(item, row, .failed(error))
            }
        }
        guard !taken.isEmpty else { return }
        let deadline = Moment.now.advanced(byMilliseconds: limits.deadlineMilliseconds)
        do throws(ScoringError) {
            try shadow.model.score(features, into: scores, ScoreCall(deadline: deadline, workspace: workspace))
        } catch {
            for row in taken { record(item, row, .failed(error)) }
            return
        }
        for (position, row) in taken.enumerated() {
            record(item, row, outcome(scores, position))
        }
    }

    private func outcome(_ scores: ScoreBatch, _ row: Int) -> ShadowOutcome {
        guard row < scores.count else { return .failed(.engineFailure("the shadow gave fewer rows than it was given")) }
        if let error = scores.failure(row: row) { return .failed(error) }
        let columns = shadow.score.clamped(to: 0..<scores.width)
        let values = columns.map { scores[row, $0] }
        let decision = values.count == 1 ? shadow.rule?.decision(for: values[0]) : nil
        return ShadowOutcome(scores: values, decision: decision, error: nil)
    }

    private func record(_ item: ShadowedRows, _ row: Int, _ outcome: ShadowOutcome) {
        let served = ShadowOutcome(
            scores: Array(item.scores[row * item.scoreWidth..<(row + 1) * item.scoreWidth]),
            decision: item.decisions.indices.contains(row) ? item.decisions[row] : nil, error: nil)
        let result = ShadowResult(
            requestID: item.requestID, row: row, servedVersion: item.version, shadowVersion: shadow.version, served: served,
            shadow: outcome)
        tally.withLock { $0.add(result) }
        sink?(result)
    }

    // MARK: - Admin view

    func comparison(at now: Moment) -> ShadowComparison {
        let began = busySince.load(ordering: .relaxed)
        let busy = began == 0 ? nil : Duration.nanoseconds(Int64(now.nanoseconds(since: Moment(nanoseconds: began))))
        let waiting = rows.load(ordering: .relaxed)
        let lost = dropped.load(ordering: .relaxed)
        let tally = self.tally.withLock { $0 }
        return tally.comparison(
            of: shadow.version,
            queue: ShadowQueueState(
                dropped: lost, errors: tally.errors, lastError: tally.lastError, queued: waiting, busyFor: busy))
    }
}

extension ShadowOutcome {
    static func failed(_ error: ScoringError) -> ShadowOutcome { ShadowOutcome(scores: [], decision: nil, error: error) }
}
