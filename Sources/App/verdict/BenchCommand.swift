package import ArgumentParser
internal import Glibc
internal import LoadTest
internal import Synchronization

/// `verdict bench URL`: measures a server's latency under load.
package struct BenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a server's latency under a steady load.",
        discussion: """
            Sends requests at a given rate, whether or not earlier ones were answered, and measures each from the \
            moment it was due. A server that stalls is so charged for every request it held up, not for one \
            ("coordinated omission"). With --rate max each connection instead sends as soon as it was answered.

              verdict bench http://127.0.0.1:8080/predict/fraud --data '{"features": [120.5, 3]}'
              verdict bench http://127.0.0.1:8080/predict/fraud --lines requests.jsonl --rate 5000 --html report.html

            The exit status is 0 if every request was answered with 2xx, 1 if not, 2 if the command is wrong.
            """)

    @Argument(help: "Where to send the requests; http:// only.")
    package var url: String

    @Option(help: ArgumentHelp("Requests a second; 'max' for as many as the connections can do.", valueName: "rate|max"))
    package var rate = "1000"

    @Option(
        help: ArgumentHelp(
            "Several rates in turn instead of --rate, --duration and --warmup: 400:5s,3000:60s,400:5s.", valueName: "stages"))
    package var stages: String?

    @Option(help: "How long to measure: 10s, 500ms, 2m.")
    package var duration = "10s"

    @Option(help: "How long to send before measuring.")
    package var warmup = "1s"

    @Option(help: "Connections, each with at most one request on its way.")
    package var concurrency = 16

    @Option(help: "How long to wait for an answer.")
    package var timeout = "10s"

    @Option(help: ArgumentHelp("Give a request up so long after it was due, sent or not.", valueName: "time"))
    package var patience: String?

    @Option(help: ArgumentHelp("Count apart which answers came so soon after they were due (--json).", valueName: "time"))
    package var deadline: String?

    @Option(help: ArgumentHelp("Also count by intervals of this length (--json).", valueName: "time"))
    package var timeline: String?

    @Option(help: ArgumentHelp("The body of each request.", valueName: "json"))
    package var data: String?

    @Option(help: ArgumentHelp("A file whose content is the body of each request; - for standard input.", valueName: "file"))
    package var body: String?

    @Option(help: ArgumentHelp("A file with one body a line, sent in turn; - for standard input.", valueName: "file"))
    package var lines: String?

    @Option(help: "The HTTP method. Default: POST with a body, else GET.")
    package var method: String?

    @Option(help: ArgumentHelp("A header 'Name: value'; can be given several times.", valueName: "header"))
    package var header: [String] = []

    @Flag(help: "Print the result as JSON, latencies in microseconds.")
    package var json = false

    @Option(help: ArgumentHelp("Also write a page with the latency curve.", valueName: "file"))
    package var html: String?

    package init() {}

    package func validate() throws {
        guard [data, body, lines].compactMap({ $0 }).count <= 1 else {
            throw ValidationError("only one of --data, --body and --lines can be given")
        }
        do throws(LoadError) {
            // Files are read later; everything else that can be wrong is found here.
            _ = try settings(bodies: [])
        } catch {
            throw ValidationError(error.description)
        }
    }

    package func run() async throws {
        let report: LoadReport
        do throws(LoadError) {
            report = try await measure()
        } catch {
            switch error {
            case .wrongArgument(let message): throw ValidationError(message)
            case .unreachable(let message):
                Terminal.complain(message)
                throw ExitCode(1)
            }
        }
        print(json ? report.json : report.text, terminator: "")
        if let html {
            guard Terminal.write(report.html, to: html) else {
                Terminal.complain("cannot write '\(html)': \(String(cString: strerror(errno)))")
                throw ExitCode(1)
            }
        }
        if !report.isClean { throw ExitCode(1) }
    }

    private func measure() async throws(LoadError) -> LoadReport {
        let settings = try settings(bodies: bodies())
        var watch = LoadWatch()
        Interruption.install()
        watch.shouldStop = { Interruption.hasHappened.load(ordering: .relaxed) }
        let (updates, feed) = AsyncStream.makeStream(of: LoadProgress.self, bufferingPolicy: .bufferingNewest(1))
        let drawing: Task<Void, Never>?
        if let width = Terminal.width {
            watch.progress = { feed.yield($0) }
            drawing = Task {
                var bar = ProgressBar(width: width)
                for await progress in updates { Terminal.show(bar.line(progress)) }
                Terminal.show(ProgressBar.erase)
            }
        } else {
            drawing = nil
        }
        let result: Result<LoadReport, LoadError>
        do throws(LoadError) {
            result = .success(try await LoadRun(settings, watch: watch).report())
        } catch {
            result = .failure(error)
        }
        feed.finish()
        await drawing?.value
        return try result.get()
    }

    private func settings(bodies: [[UInt8]]) throws(LoadError) -> LoadSettings {
        let target = try LoadTarget(url)
        let requests = try LoadRequests(to: target, method: method, headers: header, bodies: bodies)
        var settings = LoadSettings(target: target, requests: requests)
        if rate == "max" {
            settings.pace = .unlimited
        } else if let rate = Double(rate) {
            settings.pace = .perSecond(rate)
        } else {
            throw .wrongArgument("--rate takes a number of requests a second, or 'max'")
        }
        settings.concurrency = concurrency
        settings.duration = try span(duration, of: "--duration")
        settings.warmup = try span(warmup, of: "--warmup")
        settings.timeout = try span(timeout, of: "--timeout")
        settings.patience = try patience.map { text throws(LoadError) in try span(text, of: "--patience") }
        settings.deadline = try deadline.map { text throws(LoadError) in try span(text, of: "--deadline") }
        settings.interval = try timeline.map { text throws(LoadError) in try span(text, of: "--timeline") }
        if let stages {
            let stages = try LoadStage.list(stages)
            settings.pace = .stages(stages)
            settings.warmup = 0
            settings.duration = stages.reduce(0) { $0 + $1.duration }
        }
        try settings.validate()
        return settings
    }

    private func bodies() throws(LoadError) -> [[UInt8]] {
        if let data { return [Array(data.utf8)] }
        if let body { return [try BodyFile(body).bytes] }
        if let lines { return try BodyFile(lines).lines() }
        return []
    }

    private func span(_ text: String, of option: String) throws(LoadError) -> UInt64 {
        guard let nanoseconds = TimeText.nanoseconds(text) else {
            throw .wrongArgument("\(option) takes a time of at most a day, like 10s, 500ms or 2m")
        }
        return nanoseconds
    }
}

/// Ctrl-C ends the test early with a report of what was measured; a second one ends the process.
private enum Interruption {
    static let hasHappened = Atomic(false)

    static func install() {
        signal(SIGINT) { _ in
            Interruption.hasHappened.store(true, ordering: .relaxed)
            signal(SIGINT, SIG_DFL)
        }
    }
}

/// The terminal on standard error.
private enum Terminal {
    /// Columns; nil where standard error is no terminal.
    static var width: Int? {
        guard isatty(STDERR_FILENO) == 1 else { return nil }
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    static func show(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func complain(_ message: String) { show("Error: \(message)\n") }

    /// Writes a file; false with `errno` set where that failed.
    static func write(_ text: String, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        var text = text
        let isWhole = text.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                written += count
            }
            return true
        }
        return close(descriptor) == 0 && isWhole
    }
}
