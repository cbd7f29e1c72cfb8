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
        }
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
