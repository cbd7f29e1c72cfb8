internal import Pipeline
internal import Registry
internal import Scoring
internal import Testing

@Suite struct ServingMetricsTests {
    private let name = ModelName("fraud")!
    private let version = ModelVersion(2)!

    private final class TwoOutputs: ScoringModel {
        let signature: Signature
        let description = ModelDescription(format: "none")

        init(score: Range<Int>) {
            signature = Signature(
                inputs: [Field("x")], outputs: [OutputColumn("raw"), OutputColumn("prediction")], roles: Roles(score: score))
        }

        func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {}
    }

    /// A group of as many rows, all of them scored 0.5.
    private func group(_ meter: any PredictionMeter, rows: Int, score: Range<Int> = 1..<2) -> RowGroup {
        let served = ServedModel(
            name: name, version: version, model: TwoOutputs(score: score), answers: AnswerRules(), meter: meter)
        let group = RowGroup()
        group.begin(RequestInfo(arrival: Moment(nanoseconds: 0)), RowGroup.Target(served))
        for _ in 0..<rows { group.features.addRow() }
        group.scores.reset(rows: rows, width: 2)
        for row in 0..<rows { group.scores[row, 1] = 0.5 }
        return group
    }

    @Test func requestsAreCountedByModelAndStatus() {
        let metrics = ServingMetrics(version: "1.2.3")
        let meter = metrics.meter(name, version)
        for error in [nil, nil, ScoringError.invalidFeature(name: "x", reason: "y"), .rowRefused("z")] {
            meter.recordRequest(error)
        }
        let lines = metrics.exposition().split(separator: "\n")
        #expect(lines.contains("model_requests_total{model_name=\"fraud\",status=\"success\"} 2"))
        #expect(lines.contains("model_requests_total{model_name=\"fraud\",status=\"invalid_feature\"} 1"))
        #expect(lines.contains("model_requests_total{model_name=\"fraud\",status=\"invalid_request\"} 1"))
        #expect(lines.contains("verdict_build_info{version=\"1.2.3\"} 1"))
    }

    @Test func theHistogramIsCumulative() {
        let metrics = ServingMetrics(version: "")
        let meter = metrics.meter(name, version)
        for nanoseconds: UInt64 in [5_000, 5_001, 9_000, 2_000_000, 60_000_000_000] {
            let group = group(meter, rows: 1)
            group.outcome.nanoseconds = nanoseconds
            meter.recordRows(group)
        }
        let lines = metrics.exposition().split(separator: "\n")
        let prefix = "model_prediction_latency_seconds"
        #expect(lines.contains("\(prefix)_bucket{model_name=\"fraud\",version=\"2\",le=\"5e-06\"} 1"))
        #expect(lines.contains("\(prefix)_bucket{model_name=\"fraud\",version=\"2\",le=\"1e-05\"} 3"))
        #expect(lines.contains("\(prefix)_bucket{model_name=\"fraud\",version=\"2\",le=\"0.0025\"} 4"))
        #expect(lines.contains("\(prefix)_bucket{model_name=\"fraud\",version=\"2\",le=\"+Inf\"} 5"))
        #expect(lines.contains("\(prefix)_count{model_name=\"fraud\",version=\"2\"} 5"))
        #expect(lines.contains("\(prefix)_sum{model_name=\"fraud\",version=\"2\"} 60.002019001"))
    }

    @Test func theBucketsHaveNoGapBetweenTenMicrosecondsAndTenSeconds() {
        let text = ServingMetrics(version: "")
        _ = text.meter(name, version)
        let bounds = text.exposition().split(separator: "\n").compactMap { line -> Double? in
            guard line.hasPrefix("model_prediction_latency_seconds_bucket"), let start = line.firstRange(of: "le=\"") else {
                return nil
            }
            return Double(line[start.upperBound...].prefix { $0 != "\"" })
        }
        .filter { $0.isFinite && $0 >= 1e-5 }
        #expect(bounds.first == 1e-5)
        #expect(bounds.last == 10)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $1 > $0 && $1 <= $0 * 2.500001 })
    }

    @Test func decisionsAndScoresAreCountedByVersion() {
        let metrics = ServingMetrics(version: "")
        let meter = metrics.meter(name, version)
        let group = group(meter, rows: 6)
        for (row, score) in [0.5, 0.95, -3, .nan, 2e6, 0.5].enumerated() { group.scores[row, 1] = score }
        // A fallback's score is none of the model's.
        group.outcome.degradations = [Degradation(.missingScore, rows: [5])]
        group.outcome.decisions = [.allow, .block, nil, .block, .allow, nil]
        meter.recordRows(group)
        let several = self.group(meter, rows: 1, score: 0..<2)
        several.outcome.decisions = [.allow]
        meter.recordRows(several)
        let lines = metrics.exposition().split(separator: "\n")
        let labels = "model_name=\"fraud\",version=\"2\""
        #expect(lines.contains("model_decisions_total{\(labels),decision=\"ALLOW\"} 3"))
        #expect(lines.contains("model_decisions_total{\(labels),decision=\"REVIEW\"} 0"))
        #expect(lines.contains("model_decisions_total{\(labels),decision=\"BLOCK\"} 2"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"-10.0\"} 0"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"-1.0\"} 1"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"0.4\"} 1"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"0.5\"} 2"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"1000000.0\"} 3"))
        #expect(lines.contains("model_score_bucket{\(labels),le=\"+Inf\"} 4"))
        #expect(lines.contains("model_score_count{\(labels)} 4"))
        #expect(lines.contains("model_score_sum{\(labels)} 1999998.45"))
    }

    @Test func everyRowIsScoredAnsweredByAFallbackOrFailed() {
        let metrics = ServingMetrics(version: "")
        let meter = metrics.meter(name, version)
        let mixed = group(meter, rows: 9)
        mixed.outcome.degradations = [Degradation(.missingScore, rows: [0, 4]), Degradation(.missingScore, rows: [5])]
        for row in [7, 8, 7] { mixed.scores.fail(row: row, .invalidRequest("no")) }
        let failed = group(meter, rows: 5)
        failed.outcome.error = .deadlineExceeded
        let singly = group(meter, rows: 2)
        for row in 0..<2 { singly.scores.fail(row: row, .invalidRequest("no")) }
        let replaced = group(meter, rows: 3)
        replaced.outcome.degradations = [Degradation(.engineFailed)]
        for one in [mixed, failed, singly, replaced] { meter.recordRows(one) }
        meter.recordStandIn(rows: 6)
        let lines = metrics.exposition().split(separator: "\n")
        let labels = "model_name=\"fraud\",version=\"2\""
        #expect(lines.contains("model_rows_total{\(labels),result=\"scored\"} 4"))
        #expect(lines.contains("model_rows_total{\(labels),result=\"fallback\"} 6"))
        #expect(lines.contains("model_rows_total{\(labels),result=\"failed\"} 9"))
        #expect(lines.contains("model_stand_in_rows_total{\(labels)} 6"))
        #expect(lines.contains("model_prediction_latency_seconds_count{\(labels)} 2"), "of those with an answer")
        #expect(lines.contains("model_requests_total{model_name=\"fraud\",status=\"success\"} 0"), "rows are no requests")
    }

    @Test func everyNameHasAPrefix() {
        let metrics = ServingMetrics(version: "")
        metrics.meter(name, version).recordRequest(nil)
        for line in metrics.exposition(StageFactory()).split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.hasPrefix("verdict_") || line.hasPrefix("model_"))
        }
    }

    @Test func seriesOfAVersionEndWithItButItsModelsRequestsStay() {
        let metrics = ServingMetrics(version: "")
        metrics.meter(name, version).recordRequest(nil)
        metrics.published(name, version)
        #expect(metrics.exposition().contains("model_version_info{model_name=\"fraud\",version=\"2\"} 1"))
        metrics.withdrawn(name, version)
        let text = metrics.exposition()
        #expect(!text.contains("version=\"2\""))
        #expect(text.contains("model_requests_total{model_name=\"fraud\",status=\"success\"} 1"))
    }

    @Test func theProcessIsMeasured() {
        let text = ServingMetrics(version: "").exposition()
        for name in [
            "verdict_process_cpu_seconds_total", "verdict_process_resident_memory_bytes", "verdict_process_open_fds",
            "verdict_process_start_time_seconds",
        ] {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            #expect(line.flatMap { Double($0.split(separator: " ")[1]) } ?? 0 > 0, "\(name)")
        }
    }
}
