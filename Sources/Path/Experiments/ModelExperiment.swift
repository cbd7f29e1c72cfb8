package import Scoring

/// Runs what `versions:` says for one model: chooses the version of a request, counts for a canary, feeds the shadows.
///
/// Made anew when the rules or a shadow's version change. A canary goes on where the earlier experiment is handed over and
/// has the same rules. Choosing and recording are for any thread and take no lock.
package final class ModelExperiment: Sendable {
    package let rules: ExperimentRules
    private let hash: StickyHash
    private let draw: RandomDraw
    private let watch: CanaryWatch?
    private let shadows: [ShadowQueue]

    /// - Parameters:
    ///   - shadows: One a shadow version that is ready, any order. Those of the earlier experiment may be used again.
    ///   - earlier: The experiment that this one replaces.
    ///   - report: Called with every transition of the canary, outside of locks.
    package init(
        model: ModelName, rules: ExperimentRules, shadows: [ShadowQueue] = [], continuing earlier: ModelExperiment? = nil,
        at now: Moment = .now, report: @escaping @Sendable (CanaryTransition) -> Void = { _ in }
    ) {
        self.rules = rules
        self.shadows = shadows.sorted { $0.version < $1.version }
        hash = StickyHash(salt: model.text)
        draw = RandomDraw()
        if let canary = rules.canary, let stable = rules.stable {
            if let earlier, let watch = earlier.watch, earlier.rules.canary == canary, watch.stable == stable {
                self.watch = watch
            } else {
                watch = CanaryWatch(model: model, stable: stable, rules: canary, at: now, report: report)
            }
        } else {
            watch = nil
        }
    }

    // MARK: - Requests

    /// Whether requests need a version chosen; false for models that only have shadows or labels.
    package var divides: Bool { watch != nil || rules.split != nil }

    /// The version of a request that names none; nil where no rule divides the requests and the default answers.
    /// - Parameter key: The bytes of the sticky value as text. nil or empty draws at random, each request by itself, so
    ///   that the shares hold also where callers send no key.
    @inline(__always)
    package func version(forKey key: UnsafeRawBufferPointer?) -> ModelVersion? {
        if let split = rules.split {
            guard let key = unsafe key, unsafe !key.isEmpty else {
                return split.version(ofSlot: StickyHash.slot(ofUniform: draw.next()))
            }
            return unsafe split.version(ofSlot: hash.slot(of: key))
        }
        guard let watch else { return nil }
        guard let key = unsafe key, unsafe !key.isEmpty else { return watch.version(drawing: draw) }
        return unsafe watch.version(forKey: key)
    }

    package func version(forKey key: String) -> ModelVersion? {
        var key = key
        return key.withUTF8 { unsafe version(forKey: UnsafeRawBufferPointer($0)) }
    }

    /// What a canary leads to by now: itself once it is promoted, else the stable version. nil without a canary.
    package var favourite: ModelVersion? { watch.map { $0.isPromoted ? $0.canary : $0.stable } }

    /// Where to count a version's rows; nil where nothing compares it. To be used for requests whose version was
    /// chosen by `version(forKey:)`: what a caller asks for by number is no fair sample.
    @inline(__always)
    package func recorder(of version: ModelVersion) -> VariantRecorder? { watch?.recorder(of: version) }

    package var hasShadows: Bool { !shadows.isEmpty }

    /// Hands a copy of an answered request to every shadow. Nothing without shadows.
    package func shadow(_ group: RowGroup, requestID: String?) {
        guard !shadows.isEmpty else { return }
        let rows = ShadowedRows(group, requestID: requestID)
        for queue in shadows { queue.offer(rows) }
    }

    // MARK: - Decisions

    /// Applies the canary's rules; see `CanaryWatch.look`.
    package func look(at now: Moment) { watch?.look(at: now) }

    /// Carries out a person's order. False where it changes nothing; throws `.invalidRequest` without a canary.
    @discardableResult
    package func order(_ order: CanaryOrder, by person: String, at now: Moment = .now) throws(ScoringError) -> Bool {
        guard let watch else {
            throw .invalidRequest(
                "the model has no canary for the order '\(order.rawValue)': its model.yaml has no versions.canary")
        }
        return watch.order(order, by: person, at: now)
    }

    package func snapshot(at now: Moment = .now) -> ExperimentState {
        ExperimentState(
            split: rules.split?.ranges ?? [], sticky: rules.sticky, labels: rules.labels, canary: watch?.snapshot(),
            shadows: shadows.map { $0.comparison(at: now) })
    }
}
