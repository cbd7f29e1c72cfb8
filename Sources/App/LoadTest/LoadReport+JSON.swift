extension LoadReport {
    /// The report for programs: one JSON object, latencies in microseconds.
    package var json: String {
        var fields: [(String, String)] = [
            ("url", JSONText.string(url)),
            ("method", JSONText.string(method)),
            ("started_at", String(startedAt)),
            ("ending", JSONText.string(endingName)),
            ("rate", rateValue),
            ("concurrency", String(concurrency)),
            ("warmup_s", JSONText.number(Double(warmup) / 1e9)),
            ("duration_s", JSONText.number(Double(duration) / 1e9)),
            (
                "warmup",
                JSONText.object([
                    ("sent", String(warmUp.sent)), ("answered", String(warmUp.answered)), ("failed", String(warmUp.failed)),
                ])
            ),
            ("sent", String(sent)),
            ("answered", String(answered)),
            ("failed", String(failed)),
            ("unsent", String(unsent)),
            ("reconnections", String(reconnections)),
            ("throughput_per_s", JSONText.number(throughput)),
        ]
        fields.append(("failures", JSONText.object(failures.map { ($0.reason, String($0.count)) })))
        fields.append(("first_failure", firstFailure.map(JSONText.string) ?? "null"))
        fields.append(("latency_us", latency.map(summary) ?? "null"))
        fields.append(("service_us", summary(service)))
        fields.append(("deadline_us", deadline.map { JSONText.number(Double($0) / 1e3) } ?? "null"))
        fields.append(("stages", "[" + stages.enumerated().map(stage).joined(separator: ", ") + "]"))
        if let interval { fields.append(("timeline", timeline(interval))) }
        return JSONText.object(fields) + "\n"
    }

    private var endingName: String {
        switch ending {
        case .completed: "completed"
        case .stopped: "stopped"
        case .serverGone: "server_gone"
        }
    }

    private var rateValue: String {
        switch pace {
        case .perSecond(let rate): JSONText.number(rate)
        case .unlimited: "\"max\""
        case .stages: "\"stages\""
        }
    }

    /// A stage's outcome; latencies count from due time.
    private func stage(_ index: Int, _ slice: LoadSlice) -> String {
        var fields: [(String, String)] = []
        if case .stages(let stages) = pace {
            fields.append(("rate", JSONText.number(stages[index].rate)))
            fields.append(("duration_s", JSONText.number(Double(stages[index].duration) / 1e9)))
        }
        fields += [
            ("good", String(slice.good)), ("late", String(slice.late)), ("refused", String(slice.refused)),
            ("failed", String(slice.failed)), ("lost", String(slice.lost)),
        ]
        for (name, value) in [("accepted_us", slice.accepted), ("refused_us", slice.refusals)] {
            let points = LatencySummary.tablePercentiles.compactMap { point in
                value(point).map { (Self.name(point), String($0)) }
            }
            fields.append((name, JSONText.object(points)))
        }
        return JSONText.object(fields)
    }

    /// A list for each of what is counted; an interval's requests are those that were due in it.
    private func timeline(_ interval: UInt64) -> String {
        func list(_ value: (LoadSlice) -> UInt64?) -> String {
            "[" + timeline.map { value($0).map { String($0) } ?? "null" }.joined(separator: ",") + "]"
        }
        return JSONText.object([
            ("interval_ms", JSONText.number(Double(interval) / 1e6)), ("good", list { $0.good }), ("late", list { $0.late }),
            ("refused", list { $0.refused }), ("failed", list { $0.failed }), ("lost", list { $0.lost }),
            ("p50_us", list { $0.accepted(50) }), ("p99_us", list { $0.accepted(99) }),
            ("refused_p50_us", list { $0.refusals(50) }), ("refused_p99_us", list { $0.refusals(99) }),
        ])
    }

    private func summary(_ latency: LatencySummary) -> String {
        var fields = [("count", String(latency.count))]
        if latency.count > 0 {
            fields.append(("mean", JSONText.number(latency.mean / 1e3)))
            fields.append(("min", JSONText.number(Double(latency.least) / 1e3)))
            for point in latency.table {
                fields.append((Self.name(point.percentile), JSONText.number(Double(point.nanoseconds) / 1e3)))
            }
        }
        return JSONText.object(fields)
    }
}

/// The few pieces of JSON that a report needs.
enum JSONText {
    static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { string($0.0) + ": " + $0.1 }.joined(separator: ", ") + "}"
    }

    /// The shortest digits that read back to the same double; null for what JSON cannot say.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
