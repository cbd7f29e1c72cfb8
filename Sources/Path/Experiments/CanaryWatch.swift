package import Scoring
internal import Synchronization

/// Owns a running canary: which key it answers, what it and the stable version do, and what follows from that.
///
/// Requests touch atomics only. `look` and `order` take the lock of the plan, which no request takes; transitions are
/// reported outside of it.
package final class CanaryWatch: Sendable {
    package let stable: ModelVersion
    package let canary: ModelVersion
    private let hash: StickyHash
    /// Slots below it are the canary's.
    private let canarySlots: Atomic<Int>
    private let canaryRecorder = VariantRecorder()
    private let stableRecorder = VariantRecorder()
    private let plan: Mutex<State>
    private let report: @Sendable (CanaryTransition) -> Void

    private struct State {
        var plan: CanaryPlan
        var transitions: [CanaryTransition] = []
    }

    /// Transitions that are kept for the admin view.
    private static let maxTransitions = 32

    /// - Parameters:
    ///   - state: Where an earlier process left off, if that is known. A new process begins at the first step.
    ///   - report: Called with every transition, outside of locks, on the thread that caused it.
    package init(
        model: ModelName, stable: ModelVersion, rules: CanaryRules, state: CanaryState = .running(step: 0), at now: Moment,
        report: @escaping @Sendable (CanaryTransition) -> Void = { _ in }
    ) {
        self.stable = stable
        canary = rules.version
        // Every canary has its own customers, so that the same ones do not try out every new version.
        hash = StickyHash(salt: "\(model)/canary/\(rules.version)")
        let plan = CanaryPlan(rules, state: state, at: now)
        canarySlots = Atomic(Self.slots(plan))
        self.plan = Mutex(State(plan: plan))
        self.report = report
    }

    // MARK: - Requests

    /// The version for a key's bytes. A key that a step gave to the canary stays with it through all later steps.
    @inline(__always)
    package func version(forKey key: UnsafeRawBufferPointer) -> ModelVersion { unsafe version(ofSlot: hash.slot(of: key)) }

    /// The version for a request without a key.
    @inline(__always)
    package func version(drawing draw: RandomDraw) -> ModelVersion {
        version(ofSlot: StickyHash.slot(ofUniform: draw.next()))
    }

    private func version(ofSlot slot: Int) -> ModelVersion {
        slot < canarySlots.load(ordering: .relaxed) ? canary : stable
    }

    /// Whether the canary answers all keys.
    package var isPromoted: Bool { canarySlots.load(ordering: .relaxed) == StickyHash.slots }

    /// The counts of a version; nil for one that is not compared.
    @inline(__always)
    package func recorder(of version: ModelVersion) -> VariantRecorder? {
        version == canary ? canaryRecorder : version == stable ? stableRecorder : nil
    }

    // MARK: - Decisions

    /// Applies the rules to what was counted. To be called about once a second, from any one thread.
    package func look(at now: Moment) {
        apply { $0.look(canary: canaryRecorder.counts(), stable: stableRecorder.counts(), at: now) }
    }

    /// Carries out an order; the next request already follows it. False where it changes nothing.
    /// - Parameter person: Who ordered, for the record.
    @discardableResult
    package func order(_ order: CanaryOrder, by person: String, at now: Moment) -> Bool {
        apply { $0.order(order, by: person, at: now) }
    }

    @discardableResult
    private func apply(_ event: (inout CanaryPlan) -> CanaryTransition?) -> Bool {
        let transition = plan.withLock { state -> CanaryTransition? in
            guard let transition = event(&state.plan) else { return nil }
            if state.transitions.count == Self.maxTransitions { state.transitions.removeFirst() }
            state.transitions.append(transition)
            // Inside the lock, so that the slots follow the plan in order.
            canarySlots.store(Self.slots(state.plan), ordering: .relaxed)
            return transition
        }
        if let transition { report(transition) }
        return transition != nil
    }

    private static func slots(_ plan: CanaryPlan) -> Int { plan.share * StickyHash.slots / 100 }

    package func snapshot() -> CanarySnapshot {
        let (canaryCounts, stableCounts) = (canaryRecorder.counts(), stableRecorder.counts())
        return plan.withLock { state in
            CanarySnapshot(
                canary: canary, stable: stable, share: state.plan.share, state: state.plan.state,
                counts: .init(
                    canaryRows: canaryCounts.rows, canaryFailures: canaryCounts.failed, stableRows: stableCounts.rows,
                    stableFailures: stableCounts.failed, windowCanaryRows: state.plan.windowRows.canary,
                    windowStableRows: state.plan.windowRows.stable),
                judgement: .init(findings: state.plan.findings, transitions: state.transitions))
        }
    }
}
