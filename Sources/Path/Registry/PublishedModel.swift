internal import Experiments
internal import Scoring

/// A model as it is published to requests: its ready versions, and what runs on them. Immutable; a change makes a new one.
final class PublishedModel: Sendable {
    let name: ModelName
    let versions: [ModelVersion: ServedModel]
    let rules: ExperimentRules
    /// nil where nothing runs on the versions, as for most models.
    let experiment: ModelExperiment?
    private let shadows: [Shadow]
    /// What answers where no canary says otherwise; nil where only versions on trial are ready.
    private let usual: ServedModel?

    /// A shadow version's queue, with the content that it scores with.
    private struct Shadow: Sendable {
        let served: ServedModel
        let queue: ShadowQueue
    }

    /// - Parameters:
    ///   - versions: Not empty.
    ///   - earlier: What this one replaces: its experiment goes on, as far as the rules are the same.
    ///   - report: Called with every change of a canary, outside of locks.
    init(
        _ name: ModelName, versions: [ModelVersion: ServedModel], rules: ExperimentRules, replacing earlier: PublishedModel?,
        report: @escaping @Sendable (ModelName, CanaryTransition) -> Void
    ) {
        self.name = name
        self.versions = versions
        self.rules = rules
        usual = Self.usual(versions, rules)
        let known = earlier?.shadows ?? []
        let shadows = rules.shadow.sorted().compactMap { versions[$0] }.map { served in
            known.first { $0.served === served } ?? Shadow(served: served, queue: ShadowQueue(served))
        }
        self.shadows = shadows
        if !rules.isRunning {
            experiment = nil
        } else if let earlier, earlier.rules == rules, let running = earlier.experiment,
            earlier.shadows.map({ ObjectIdentifier($0.queue) }) == shadows.map({ ObjectIdentifier($0.queue) })
        {
            experiment = running
        } else {
            experiment = ModelExperiment(
                model: name, rules: rules, shadows: shadows.map(\.queue), continuing: earlier?.experiment,
                report: { report(name, $0) })
        }
    }

    /// The heaviest of a split, else the highest that answers by default, else the highest that may answer at all.
    private static func usual(_ versions: [ModelVersion: ServedModel], _ rules: ExperimentRules) -> ServedModel? {
        if let split = rules.split {
            let ready = split.weights.filter { versions[$0.key] != nil }
            if let heaviest = ready.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) { return versions[heaviest.key] }
        }
        let highest =
            versions.keys.filter(rules.answersByDefault).max() ?? versions.keys.filter { !rules.isOnTrial($0) }.max()
        return highest.flatMap { versions[$0] }
    }

    /// The version that answers requests which name none, as far as no key decides. O(1).
    var standard: ServedModel? {
        guard let favourite = experiment?.favourite else { return usual }
        return versions[favourite] ?? usual
    }

    func version(_ reference: VersionReference) -> ServedModel? {
        switch reference {
        case .number(let version): versions[version]
        case .label(let label): rules.labels[label].flatMap { versions[$0] }
        }
    }
}

extension PublishedModel: VersionDivision {
    var keyName: String? { rules.sticky }

    func version(forKey key: UnsafeRawBufferPointer?) -> ServedModel? {
        unsafe experiment?.version(forKey: key).flatMap { versions[$0] }
    }
}

extension PublishedModel: OutcomeObserver {
    func finished(_ group: RowGroup) {
        guard let experiment, let target = group.target else { return }
        let (outcome, version) = (group.outcome, target.served.version)
        if let failure = outcome.failure {
            // What a caller brought about says nothing about the version.
            guard target.isChosen, failure.blame != .caller, let recorder = experiment.recorder(of: version) else { return }
            for _ in 0..<group.features.count { recorder.recordFailure(failure.error) }
            return
        }
        // What a caller asks for by number is no fair sample of a version's requests, and what comes from a cache tells
        // nothing of its errors and latency.
        if target.isChosen, !outcome.isCached, let recorder = experiment.recorder(of: version) {
            record(group, by: recorder)
        }
        if !shadows.isEmpty { experiment.shadow(group, requestID: group.ids[0]) }
    }

    private func record(_ group: RowGroup, by recorder: VariantRecorder) {
        let (outcome, scores, served) = (group.outcome, group.scores, group.served)
        for row in 0..<scores.count {
            if let failure = scores.failure(row: row) {
                recorder.recordFailure(failure)
            } else if outcome.degradation(row: row) != nil {
                recorder.recordDegraded()
            } else {
                recorder.recordSuccess(
                    nanoseconds: outcome.nanoseconds,
                    score: served.score.isEmpty ? .nan : scores[row, served.score.lowerBound],
                    decision: outcome.decisions.indices.contains(row) ? outcome.decisions[row] : nil)
            }
        }
    }
}
