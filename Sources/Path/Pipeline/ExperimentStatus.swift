internal import Experiments
internal import Scoring

/// What runs on a model's versions, for `GET /models/{model}`.
enum ExperimentStatus {
    static func value(_ state: ExperimentState, at now: Moment) -> StatusValue {
        .members([
            ("labels", state.labels.isEmpty ? nil : .members(state.labels.all.map { ($0.label, text($0.version)) })),
            ("sticky", state.sticky.map { .text($0) }),
            ("split", state.split.isEmpty ? nil : .list(state.split.map(split))),
            ("canary", state.canary.map { canary($0, at: now) }),
            ("shadows", state.shadows.isEmpty ? nil : .list(state.shadows.map(shadow))),
        ])
    }

    private static func text(_ version: ModelVersion) -> StatusValue { .text(version.description) }
    private static func count(_ number: Int) -> StatusValue { .count(UInt64(max(0, number))) }

    private static func split(_ range: VersionSplit.Range) -> StatusValue {
        .members([
            ("version", text(range.version)), ("share", .number(Double(range.slots.count) / Double(StickyHash.slots))),
            ("first_slot", count(range.slots.lowerBound)), ("last_slot", count(range.slots.upperBound - 1)),
        ])
    }

    private static func canary(_ canary: CanarySnapshot, at now: Moment) -> StatusValue {
        let counts = canary.counts
        return .members([
            ("version", text(canary.canary)), ("stable", text(canary.stable)), ("state", .text(canary.state.word)),
            ("reason", canary.state.reason.map { .text($0) }), ("share", .number(Double(canary.share) / 100)),
            (
                "rows",
                .members([
                    ("canary", count(counts.canaryRows)), ("canary_failed", count(counts.canaryFailures)),
                    ("stable", count(counts.stableRows)), ("stable_failed", count(counts.stableFailures)),
                    ("window_canary", count(counts.windowCanaryRows)), ("window_stable", count(counts.windowStableRows)),
                ])
            ),
            (
                "findings",
                .list(
                    canary.judgement.findings.map { finding in
                        .members([
                            ("rule", .text(finding.rule.rawValue)), ("verdict", .text(finding.verdict.rawValue)),
                            ("numbers", .text(finding.sentence)),
                        ])
                    })
            ),
            (
                "history",
                .list(
                    canary.judgement.transitions.map { transition in
                        .members([
                            ("what", .text(transition.sentence)),
                            ("seconds_ago", .number(Double(now.nanoseconds(since: transition.at)) / 1e9)),
                        ])
                    })
            ),
        ])
    }

    private static func shadow(_ shadow: ShadowComparison) -> StatusValue {
        let queue = shadow.queue
        return .members([
            ("version", text(shadow.version)), ("rows", count(shadow.rows)),
            ("mean_difference", .number(shadow.meanDifference)), ("largest_difference", .number(shadow.largestDifference)),
            ("decision_disagreements", count(shadow.decisionDisagreements)),
            ("missing_disagreements", count(shadow.missingDisagreements)), ("psi", .number(shadow.psi)),
            ("ks", .number(shadow.ks)), ("waiting_rows", count(queue.queued)), ("dropped_rows", count(queue.dropped)),
            ("failed_rows", count(queue.errors)), ("last_error", queue.lastError.map { .text($0) }),
            ("busy_seconds", queue.busyFor.map { .number(Double($0.nanoseconds) / 1e9) }),
            ("last_rows", .list(shadow.samples.map(sample))),
        ])
    }

    private static func sample(_ result: ShadowResult) -> StatusValue {
        .members([
            ("request_id", result.requestID.map { .text($0) }), ("row", count(result.row)),
            ("served_version", text(result.servedVersion)), ("served", outcome(result.served)),
            ("shadow", outcome(result.shadow)),
        ])
    }

    private static func outcome(_ outcome: ShadowOutcome) -> StatusValue {
        .members([
            ("prediction", outcome.error == nil ? .list(outcome.scores.map { .number($0) }) : nil),
            ("decision", outcome.decision.map { .text($0.rawValue) }), ("error", outcome.error.map { .text($0.description) }),
        ])
    }
}
