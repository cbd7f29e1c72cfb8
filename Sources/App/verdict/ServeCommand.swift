internal import ArgumentParser
internal import Assembly
internal import Glibc
internal import Logging
internal import Scoring

/// `verdict serve`: answers prediction requests until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the models of a repository over HTTP.",
        discussion: """
            Every option is also a key of the configuration file and an environment variable; the option wins over \
            the variable, the variable over the file. The address is printed as the first line on standard output; \
            logs go to standard error. SIGTERM, SIGINT and SIGHUP end it after the requests in flight are answered.

            Options:
            """
                + Setting.all.map { "\n  --\($0.flag) (\($0.key), \($0.variable))\n      \($0.help)" }.joined())

    @Option(help: "Configuration file (YAML). Also VERDICT_CONFIG.")
    var config: String?

    @Option(help: "Folder with the model repository.")
    var models: String?

    @Option(help: "Address to listen on.")
    var host: String?

    @Option(help: "Port to listen on; 0 picks a free one.")
    var port: String?

    @Flag(
        help:
            "Print the settings and where each came from, look at the repository, and exit with the status a server would. Loads no model: verdict check does."
    )
    var check = false

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var others: [String] = []

    func run() async throws {
        let settings: ServerSettings
        do throws(SettingError) {
            settings = try readSettings()
        } catch {
            throw ValidationError(error.description)
        }
        if check {
            print(settings.report, terminator: "")
            do throws(ScoringError) {
                if let note = try settings.checkRepository() { Console.complain("Note: \(note)") }
            } catch {
                Console.complain("Error: \(error)")
                throw ExitCode(1)
            }
            return
        }
        let level = settings.logLevel
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, level: level) }
        let logger = Logger(label: "verdict")
        do {
            let server = try Server(settings, version: Verdict.release, logger: logger) { host, port in
                Console.say("http://\(host.contains(":") ? "[\(host)]" : host):\(port)")
            }
            try await server.run()
        } catch {
            logger.critical("the server failed", metadata: ["reason": "\(error)"])
            throw ExitCode(1)
        }
    }

    private func readSettings() throws(SettingError) -> ServerSettings {
        var settings = ServerSettings()
        let environment = Self.environment()
        if let path = config ?? environment[ServerSettings.fileVariable] {
            let bytes: [UInt8]
            do throws(ScoringError) {
                bytes = try readFile(path, atMost: 1 << 20)
            } catch {
                throw SettingError(description: error.description)
            }
            try settings.apply(file: bytes, path: path)
        }
        try settings.apply(environment: environment)
        try settings.apply(flags: flags())
        try settings.checkNames()
        return settings
    }

    /// The declared options and those that follow from the table of settings.
    private func flags() throws(SettingError) -> [String: String] {
        var flags: [String: String] = [:]
        flags["models"] = models
        flags["host"] = host
        flags["port"] = port
        var rest = others[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                throw SettingError(description: "unexpected argument '\(argument)'" + Self.hint(insteadOf: argument))
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(parts[0])
            guard Setting.all.contains(where: { $0.flag == flag }) else {
                // Says what is meant instead.
                var settings = ServerSettings()
                try settings.apply(flags: [flag: ""])
                continue
            }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw SettingError(description: "--\(flag) needs a value")
            }
            flags[flag] = value
        }
        return flags
    }

    /// What was probably meant by a word that is neither a flag nor a flag's value: one with too few dashes, or a folder.
    private static func hint(insteadOf argument: String) -> String {
        let word = String(argument.drop { $0 == "-" }.prefix { $0 != "=" })
        if argument.hasPrefix("-") { return ServerSettings.nearestFlag(to: word).map { "; did you mean \($0)?" } ?? "" }
        return "; the models' folder is named with --models"
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }
}
