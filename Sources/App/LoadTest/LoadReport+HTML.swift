internal import Glibc

extension LoadReport {
    /// The report as one page that loads nothing: the curve, the table and the facts. Follows the reader's
    /// choice of light or dark.
    package var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Load test of \(escape(url))</title>
        <style>
        \(Self.styles)
        </style>
        </head>
        <body>
        <main>
        <h1>Load test</h1>
        <p class="target"><code>\(escape(method)) \(escape(url))</code></p>
        <p>\(escape(plan)). \(started)</p>
        <dl>
        \(facts)
        </dl>
        \(chart)
        \(latencyTable)
        \(failureTable)
        \(notes.map { "<p class=\"note\">\(escape($0))</p>" }.joined(separator: "\n"))
        </main>
        </body>
        </html>

        """
    }

    private var facts: String {
        let facts = [
            ("answers a second", TimeText.rate(throughput)), ("answered", TimeText.count(answered)),
            ("failed", TimeText.count(failed)), ("p99", percentile99),
        ]
        return facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }.joined(separator: "\n")
    }

    private var percentile99: String {
        (latency ?? service).table.first { $0.percentile == 99 }.map { TimeText.latency(Double($0.nanoseconds)) } ?? "-"
    }

    private var chart: String {
        guard service.count > 0 else { return "<p>No answer was measured.</p>" }
        var series = [LatencyCurve.Series(name: "from sending", style: "service", points: service.curve)]
        var legend = "<li class=\"service\">from sending to answer</li>"
        if let latency {
            series.append(LatencyCurve.Series(name: "from due time", style: "latency", points: latency.curve))
            legend = "<li class=\"latency\">from the moment a request was due, waiting included</li>" + legend
        }
        return "<figure>\n<ul class=\"legend\">\(legend)</ul>\n\(LatencyCurve(series).svg)\n</figure>"
    }

    private var latencyTable: String {
        guard !rows.isEmpty else { return "" }
        let header = (["latency"] + columnNames).map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.map { row in
            "<tr><th scope=\"row\">\(row[0])</th>" + row.dropFirst().map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<table>\n<thead><tr>\(header)</tr></thead>\n<tbody>\n\(body.joined(separator: "\n"))\n</tbody>\n</table>"
    }

    private var failureTable: String {
        guard !failures.isEmpty else { return "" }
        let body = failures.map { "<tr><th scope=\"row\">\(escape($0.reason))</th><td>\(TimeText.count($0.count))</td></tr>" }
        let first = firstFailure.map { "\n<p>The first: <code>\(escape($0))</code></p>" } ?? ""
        return "<h2>Failures</h2>\n<table>\n<tbody>\n\(body.joined(separator: "\n"))\n</tbody>\n</table>\(first)"
    }

    /// "Begun 2026-11-22 09:30:12 UTC."
    private var started: String {
        var seconds = time_t(startedAt)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "" }
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "Begun \(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC."
    }

    private func escape(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }

    private static let styles = """
        :root { color-scheme: light dark; --ground: #ffffff; --ink: #1b1f24; --faint: #5a6472; --rule: #dfe3e8;
          --latency: #b3261e; --service: #0b63ce; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #14171a; --ink: #e7eaee; --faint: #9aa5b1; --rule: #2c323a; --latency: #ff8a7a; --service: #6cb2ff; }
        }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 48rem; margin: 0 auto; padding: 2rem 1rem; }
        h1 { font-size: 1.5rem; margin: 0; }
        h2 { font-size: 1.1rem; }
        .target { margin: 0.2rem 0 0.6rem; overflow-wrap: anywhere; }
        code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
        dl { display: flex; flex-wrap: wrap; gap: 0.5rem 2.5rem; margin: 1.2rem 0; }
        dt { color: var(--faint); font-size: 0.85rem; }
        dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
        figure { margin: 1.5rem 0; }
        svg { width: 100%; height: auto; }
        .grid { stroke: var(--rule); }
        .tick { fill: var(--faint); font-size: 12px; }
        polyline { fill: none; stroke-width: 2; }
        polyline.latency { stroke: var(--latency); }
        polyline.service { stroke: var(--service); stroke-dasharray: 6 3; }
        circle.latency { fill: var(--latency); }
        circle.service { fill: var(--service); }
        .legend { list-style: none; margin: 0 0 0.5rem; padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.5rem; font-size: 0.9rem; }
        .legend li::before { content: ""; display: inline-block; width: 1.6rem; margin-right: 0.5rem; vertical-align: middle;
          border-top: 2px solid; }
        .legend .latency::before { border-color: var(--latency); }
        .legend .service::before { border-color: var(--service); border-top-style: dashed; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: 0.3rem 1.2rem 0.3rem 0; border-bottom: 1px solid var(--rule); }
        th { font-weight: 600; text-align: left; }
        td, thead th:not(:first-child) { text-align: right; padding-left: 1.2rem; padding-right: 0; }
        .note { border-left: 3px solid var(--latency); padding-left: 0.8rem; }
        """
}
