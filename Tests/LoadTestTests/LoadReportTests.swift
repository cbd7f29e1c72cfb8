import Foundation
import LoadTest
import Testing

/// The report in its three forms, from one short test of a server that also fails.
@Suite(.serialized) struct LoadReportTests {
    private func report(path: String = "/predict", answer: @escaping @Sendable (Int) -> StubServer.Answer) async throws
        -> LoadReport
    {
        let server = try await StubServer { number, _ in answer(number) }
        let target = try LoadTarget("http://127.0.0.1:\(server.port)\(path)")
        var settings = LoadSettings(target: target, requests: try LoadRequests(to: target))
        settings.concurrency = 2
        settings.warmup = 0
        settings.duration = 100_000_000
        settings.pace = .perSecond(500)
        let report = try await LoadRun(settings).report()
        try await server.stop()
        return report
    }

    @Test func theTableHasEveryPercentileInBothColumns() async throws {
        let text = try await report { _ in .text(StubServer.ok) }.text
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines[1] == "500 requests/s for 100 ms over 2 connections")
        #expect(lines[2].contains("from due time") && lines[2].contains("from sending"))
        for (line, name) in zip(lines[3...], ["p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"]) {
            #expect(line.hasPrefix(name + " "))
            #expect(line.hasSuffix("s"))
        }
        #expect(text.contains("50 answered, 0 failed; "))
    }

    @Test func theJSONIsReadBackWithTheNumbersOfTheReport() async throws {
        let report = try await report {
            $0 == 0 ? .text("HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\n\"\\\u{1}é") : .text(StubServer.ok)
        }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(object["answered"] as? Int == 49)
        #expect(object["failed"] as? Int == 1)
        #expect(object["failures"] as? [String: Int] == ["status 400": 1])
        #expect(object["first_failure"] as? String == "status 400: \"\\ é")
        #expect(object["rate"] as? Int == 500)
        let latency = try #require(object["latency_us"] as? [String: Double])
        #expect(Set(latency.keys) == ["count", "mean", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max"])
        #expect(latency["p50"] ?? 0 > 0 && latency["p50"] ?? 0 <= latency["max"] ?? 0)
        #expect(object["service_us"] as? [String: Double] != nil)
    }

    @Test func thePageLoadsNothingAndQuotesNothingUnescaped() async throws {
        let answer = "HTTP/1.1 400 No\r\nContent-Length: 25\r\n\r\n<script>alert(1)</script>"
        let html = try await report(path: "/a?b=<i>&c=\"") { $0 < 3 ? .text(answer) : .text(StubServer.ok) }.html
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(!html.contains("<script"))
        #expect(!html.contains("<i>"))
        #expect(html.contains("/a?b=&lt;i&gt;&amp;c=&quot;"))
        for link in ["src=", "href=", "url(", "@import"] { #expect(!html.contains(link)) }
        #expect(html.contains("prefers-color-scheme: dark"))
        #expect(html.contains("<polyline class=\"latency\""))
        #expect(html.contains("<polyline class=\"service\""))
        #expect(html.contains("<th scope=\"row\">p99.99</th>"))
        #expect(html.contains("<th scope=\"row\">status 400</th><td>3</td>"))
        #expect(!html.contains("nan") && !html.contains("inf,"))
    }

    @Test func thePageOfATestWithoutAnswersSaysSo() async throws {
        let html = try await report { _ in .close }.html
        #expect(html.contains("No answer was measured."))
        #expect(!html.contains("<svg"))
    }
}

@Suite struct ProgressBarTests {
    private let second: UInt64 = 1_000_000_000

    @Test func theBarGrowsAndShowsTheRateSinceTheLastLine() {
        var bar = ProgressBar(width: 60)
        let first = bar.line(LoadProgress(elapsed: 0, total: 10 * second, answered: 0, failed: 0))
        #expect(first.hasPrefix(ProgressBar.erase + "[....."))
        #expect(first.contains("  0%  0/s"))
        let half = bar.line(LoadProgress(elapsed: 5 * second, total: 10 * second, answered: 5000, failed: 12))
        #expect(half.contains(" 50%  1002.4/s  12 failed"))
        #expect(half.contains("####...."))
        let full = bar.line(LoadProgress(elapsed: 10 * second, total: 10 * second, answered: 6000, failed: 12))
        #expect(full.contains("#] 100%  200/s"))
        for line in [first, half, full] { #expect(line.count <= ProgressBar.erase.count + 60) }
    }
}
