extension LoadReport {
    /// The report as a person reads it in a terminal.
    package var text: String {
        var lines = ["\(method) \(url)", plan, ""]
        lines += table
        lines.append("")
        let counts = "\(TimeText.count(answered)) answered, \(TimeText.count(failed)) failed"
        lines.append("\(counts); \(TimeText.rate(throughput)) answers/s")
        for failure in failures { lines.append("  \(TimeText.count(failure.count)) x \(failure.reason)") }
        if let firstFailure { lines.append("  first: \(firstFailure)") }
        lines += notes
        return lines.joined(separator: "\n") + "\n"
    }

    /// "1,000 requests/s for 10 s over 16 connections, after a warm-up of 1 s"
    var plan: String {
        let connections = concurrency == 1 ? "1 connection" : "\(concurrency) connections"
        let pace =
            switch self.pace {
            case .perSecond(let rate): "\(TimeText.rate(rate)) requests/s for \(TimeText.span(duration)) over \(connections)"
            case .stages(let stages):
                stages.map { "\(TimeText.rate($0.rate)) requests/s for \(TimeText.span($0.duration))" }.joined(separator: ", ")
                    + " over \(connections)"
            case .unlimited: "as fast as \(connections) can for \(TimeText.span(duration))"
            }
        return warmup == 0 ? pace : pace + ", after a warm-up of \(TimeText.span(warmup))"
    }

    /// What the numbers alone do not say.
    var notes: [String] {
        var notes: [String] = []
        if unsent > 0 {
            notes.append(
                "\(TimeText.count(unsent)) requests were due and never sent: the server answers more slowly than this rate "
                    + "asks. The latencies above grow with the length of the test; ask for a lower --rate.")
        }
        switch ending {
        case .completed: break
        case .stopped: notes.append("Stopped early; the numbers cover the time until then.")
        case .serverGone: notes.append("The server went away: no connection could be opened any more.")
        }
        if warmUp.failed > 0 {
            notes.append("Of the \(TimeText.count(warmUp.sent)) requests of the warm-up \(TimeText.count(warmUp.failed)) failed.")
        }
        if reconnections > 0 { notes.append("Connections were opened again \(TimeText.count(reconnections)) times.") }
        return notes
    }

    /// The rows of the percentile table: a name, the value from the due time (in an open loop), the value from sending.
    var rows: [[String]] {
        guard service.count > 0 else { return [] }
        let columns = [latency, service].compactMap { $0 }
        var rows: [[String]] = []
        for (index, percentile) in LatencySummary.tablePercentiles.enumerated() {
            rows.append([Self.name(percentile)] + columns.map { TimeText.latency(Double($0.table[index].nanoseconds)) })
        }
        rows.append(["mean"] + columns.map { TimeText.latency($0.mean) })
        return rows
    }

    var columnNames: [String] { latency == nil ? ["from sending"] : ["from due time", "from sending"] }

    /// "p99.9"; "max" for the last.
    static func name(_ percentile: Double) -> String {
        if percentile == 100 { return "max" }
        return percentile == percentile.rounded() ? "p\(Int(percentile))" : "p\(percentile)"
    }

    private var table: [String] {
        guard !rows.isEmpty else { return ["No answer was measured."] }
        let header = pad("latency", to: 8, fromLeft: false) + columnNames.map { pad($0, to: 16, fromLeft: true) }.joined()
        return [header]
            + rows.map { row in
                pad(row[0], to: 8, fromLeft: false) + row.dropFirst().map { pad($0, to: 16, fromLeft: true) }.joined()
            }
    }

    private func pad(_ text: String, to width: Int, fromLeft: Bool) -> String {
        let blank = String(repeating: " ", count: max(0, width - text.count))
        return fromLeft ? blank + text : text + blank
    }
}
