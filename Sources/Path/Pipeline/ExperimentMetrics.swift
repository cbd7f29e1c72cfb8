internal import Experiments
internal import Scoring

/// What runs on the versions of models, for alerts and graphs.
enum ExperimentMetrics {
    typealias Running = (name: ModelName, state: ExperimentState)

    static func write(_ experiments: [Running], into text: inout PrometheusText) {
        writeCanaries(experiments, into: &text)
        writeShadows(experiments, into: &text)
    }

    private static func writeCanaries(_ experiments: [Running], into text: inout PrometheusText) {
        let canaries = experiments.compactMap { running in running.state.canary.map { (running.name.text, $0) } }
        func labels(_ name: String, _ version: ModelVersion) -> [(String, String)] {
            [("model_name", name), ("version", version.description)]
        }
        text.family("model_canary_share", .gauge, "Share of the requests that a canary answers, from 0 to 1.")
        for (name, canary) in canaries {
            text.sample("model_canary_share", labels(name, canary.canary), number: Double(canary.share) / 100)
        }
        text.family("model_canary_state", .gauge, "1 for the state that a canary is in.")
        for (name, canary) in canaries {
            for word in CanaryState.words {
                text.sample(
                    "model_canary_state", labels(name, canary.canary) + [("state", word)], canary.state.word == word ? 1 : 0)
            }
        }
        text.family("model_canary_rows_total", .counter, "Rows that a canary and the version it is compared with answered.")
        text.family("model_canary_failed_rows_total", .counter, "Rows that they failed to answer.")
        for (name, canary) in canaries {
            let counts = canary.counts
            for (version, rows, failures) in [
                (canary.canary, counts.canaryRows, counts.canaryFailures),
                (canary.stable, counts.stableRows, counts.stableFailures),
            ] {
                text.sample("model_canary_rows_total", labels(name, version), UInt64(rows))
                text.sample("model_canary_failed_rows_total", labels(name, version), UInt64(failures))
            }
        }
    }

    private static func writeShadows(_ experiments: [Running], into text: inout PrometheusText) {
        let shadows = experiments.flatMap { running in
            running.state.shadows.map { ([("model_name", running.name.text), ("version", $0.version.description)], $0) }
        }
        text.family("model_shadow_rows_total", .counter, "Rows that a shadow version scored beside the one that answered.")
        for (labels, shadow) in shadows { text.sample("model_shadow_rows_total", labels, UInt64(shadow.rows)) }
        text.family("model_shadow_dropped_rows_total", .counter, "Rows that a shadow version was too slow for.")
        for (labels, shadow) in shadows { text.sample("model_shadow_dropped_rows_total", labels, UInt64(shadow.queue.dropped)) }
        text.family("model_shadow_failed_rows_total", .counter, "Rows that a shadow version failed to score.")
        for (labels, shadow) in shadows { text.sample("model_shadow_failed_rows_total", labels, UInt64(shadow.queue.errors)) }
        text.family(
            "model_shadow_disagreements_total", .counter, "Rows whose decision or presence of a score differed, by kind.")
        for (labels, shadow) in shadows {
            for (kind, count) in [("decision", shadow.decisionDisagreements), ("missing", shadow.missingDisagreements)] {
                text.sample("model_shadow_disagreements_total", labels + [("kind", kind)], UInt64(count))
            }
        }
        text.family("model_shadow_mean_difference", .gauge, "Mean absolute difference of a shadow's scores from those served.")
        for (labels, shadow) in shadows { text.sample("model_shadow_mean_difference", labels, number: shadow.meanDifference) }
        text.family("model_shadow_psi", .gauge, "Population stability index of a shadow's scores against those served.")
        for (labels, shadow) in shadows { text.sample("model_shadow_psi", labels, number: shadow.psi) }
    }
}
