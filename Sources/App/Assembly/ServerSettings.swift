package import Caching
package import HTTPFront
package import Logging
package import Scoring
internal import StrictYAML

/// Everything a server can be told, with its defaults. Filled from the configuration file, then the environment,
/// then the command line; the last one to name a setting wins.
package struct ServerSettings: Sendable, Equatable {
    /// The model repository's folder. Default ./models.
    package var models = "./models"
    /// The model that `POST /predict` without a name means, where there are several. Default: none.
    package var defaultModel: ModelName?
    /// ONNX Runtime's library or its folder. Default: beside the program.
    package var onnxRuntime: String?
    /// Time between two looks at the repository. Default 1 s.
    package var scanInterval: Duration = .seconds(1)
    /// Model files beyond this are refused before they are read. Default 1 GiB.
    package var maxModelBytes = 1 << 30
    /// Longest that a version's trial load may take, and the most memory that it may take (see `TrialProcess`).
    package var maxLoadTime = TrialLimits().time
    package var maxLoadBytes = TrialLimits().memoryBytes
    package var host = "127.0.0.1"
    /// 0 picks a free port. Default 8080.
    package var port = 8080
    /// Threads that read, score and answer. Default: one for each processor the process may use.
    package var threads: Int?
    package var limits = HTTPLimits()
    /// Most bytes of scores kept in memory, over all models. Default 64 MiB.
    package var cacheBytes = 64 << 20
    /// The cache that servers share; nil for none.
    package var redis: RedisSettings?
    /// Most that a look-up in it costs a request. Default 5 ms.
    package var redisTimeout: Duration = .milliseconds(5)
    package var logLevel = Logger.Level.info
    /// Whether each request is logged. Default false.
    package var logsAccess = false
    /// Where settings other than the defaults came from, by their keys: a file and its line, a variable, a flag.
    package internal(set) var origins: [String: String] = [:]

    package init() {}
}

/// One thing a server can be told: its key in the configuration file, from which the names of its flag and its
/// environment variable follow, and how a value is read.
package struct Setting: Sendable {
    /// The key's path in the file, dots between the levels.
    package let key: String
    /// For `--help`.
    package let help: String
    let apply: @Sendable (inout ServerSettings, String) throws(SettingError) -> Void

    /// `http.port` is `--port`: what everybody sets has a short name. Others spell their path: `--limits-max-body-bytes`.
    package var flag: String { Self.shortNames[key] ?? Self.separated(key, by: "-").lowercased() }
    /// `VERDICT_HTTP_PORT`.
    package var variable: String { "VERDICT_" + Self.separated(key, by: "_").uppercased() }
    /// The short name's variable, `VERDICT_PORT`, is understood as well.
    package var variables: [String] {
        var names = [variable]
        if let short = Self.shortNames[key] { names.append("VERDICT_" + short.uppercased()) }
        return names
    }

    private static let shortNames = ["http.host": "host", "http.port": "port"]

    /// Words of a key: split at dots and before capitals.
    private static func separated(_ key: String, by separator: String) -> String {
        var result = ""
        for character in key {
            if character == "." {
                result += separator
            } else if character.isUppercase {
                result += separator + character.lowercased()
            } else {
                result.append(character)
            }
        }
        return result
    }
}

/// A configuration that cannot be used: where the value came from, its key, and what is accepted.
package struct SettingError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

extension Setting {
    /// All settings, in the order of the documentation.
    package static let all: [Setting] = [
        Setting(key: "models", help: "Folder with the model repository.") { settings, text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError(description: "must name a folder") }
            settings.models = text
        },
        Setting(key: "defaultModel", help: "Model that POST /predict means.") { settings, text throws(SettingError) in
            guard let name = ModelName(text) else {
                throw SettingError(description: "must be a model's name: 1 to 128 of A-Z a-z 0-9 _ - . and no dot first")
            }
            settings.defaultModel = name
        },
        Setting(key: "scanInterval", help: "Time between two looks at the repository.") { settings, text throws(SettingError) in
            settings.scanInterval = try duration(text, from: .milliseconds(10))
        },
        Setting(key: "onnxruntime", help: "ONNX Runtime's library or its folder.") { settings, text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError(description: "must name a library or a folder") }
            settings.onnxRuntime = text
        },
        Setting(key: "http.host", help: "Address to listen on.") { settings, text throws(SettingError) in
            guard !text.isEmpty else { throw SettingError(description: "must be a host name or address") }
            settings.host = text
        },
        Setting(key: "http.port", help: "Port to listen on; 0 picks a free one.") { settings, text throws(SettingError) in
            settings.port = try integer(text, in: 0...65_535)
        },
        Setting(key: "http.threads", help: "Threads that answer requests.") { settings, text throws(SettingError) in
            settings.threads = try integer(text, in: 1...1024)
        },
        Setting(key: "limits.maxBodyBytes", help: "Largest request body.") { settings, text throws(SettingError) in
            settings.limits.maxBodyBytes = try bytes(text, in: 1...1 << 30)
        },
        Setting(key: "limits.maxConnections", help: "Most open connections.") { settings, text throws(SettingError) in
            settings.limits.maxConnections = try integer(text, in: 1...1_000_000)
        },
        Setting(key: "limits.maxUnreadBytes", help: "Most that is held for clients that do not read.") {
            settings, text throws(SettingError) in
            settings.limits.maxUnreadBytes = try bytes(text, in: 1 << 20...1 << 40)
        },
        Setting(key: "limits.maxUnfinishedBytes", help: "Most that is held of unfinished request bodies.") {
            settings, text throws(SettingError) in
            settings.limits.maxUnfinishedBytes = try bytes(text, in: 1 << 20...1 << 40)
        },
        Setting(key: "limits.maxModelBytes", help: "Largest model file.") { settings, text throws(SettingError) in
            settings.maxModelBytes = try bytes(text, in: 1...1 << 40)
        },
        Setting(key: "limits.maxLoadTime", help: "Longest trial load of a model for ONNX Runtime.") {
            settings, text throws(SettingError) in
            settings.maxLoadTime = try duration(text, from: .milliseconds(100))
        },
        Setting(key: "limits.maxLoadBytes", help: "Most memory of such a trial load.") { settings, text throws(SettingError) in
            settings.maxLoadBytes = try bytes(text, in: 1 << 26...1 << 44)
        },
        Setting(key: "limits.idleTimeout", help: "How long an idle connection is kept.") { settings, text throws(SettingError) in
            settings.limits.idleTimeout = try duration(text, from: .milliseconds(1))
        },
        Setting(key: "limits.headerTimeout", help: "How long a request's head may take.") {
            settings, text throws(SettingError) in
            settings.limits.headerTimeout = try duration(text, from: .milliseconds(1))
        },
        Setting(key: "limits.bodyTimeout", help: "How long a request's body may take.") {
            settings, text throws(SettingError) in
            settings.limits.bodyTimeout = try duration(text, from: .milliseconds(1))
        },
        Setting(key: "limits.drain", help: "How long a shutdown waits for requests in flight.") {
            settings, text throws(SettingError) in
            settings.limits.drain = try duration(text, from: .zero)
        },
        Setting(key: "cache.maxBytes", help: "Most memory for cached scores.") { settings, text throws(SettingError) in
            settings.cacheBytes = try bytes(text, in: 0...1 << 40)
        },
        Setting(key: "redis.url", help: "Redis to share cached scores in, redis://host:6379/0.") {
            settings, text throws(SettingError) in
            do throws(RedisURLError) {
                settings.redis = try RedisSettings(url: text)
            } catch {
                throw SettingError(description: error.description)
            }
        },
        Setting(key: "redis.timeout", help: "Most that a look-up in Redis costs a request.") {
            settings, text throws(SettingError) in
            settings.redisTimeout = try duration(text, from: .microseconds(100))
        },
        Setting(key: "log.level", help: "trace, debug, info, notice, warning, error or critical.") {
            settings, text throws(SettingError) in
            guard let level = Logger.Level(rawValue: text) else {
                let words = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingError(description: "must be one of \(words)")
            }
            settings.logLevel = level
        },
        Setting(key: "log.access", help: "Whether each request is logged.") { settings, text throws(SettingError) in
            switch text {
            case "true": settings.logsAccess = true
            case "false": settings.logsAccess = false
            default: throw SettingError(description: "must be true or false")
            }
        },
    ]

    private static func integer(_ text: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw SettingError(description: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A number of bytes, with a unit or without.
    private static func bytes(_ text: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard let value = ByteCountText.bytes(text) else {
            throw SettingError(description: "must be \(ByteCountText.expectation)")
        }
        guard range.contains(value) else {
            let (least, most) = (ByteCountText.text(range.lowerBound), ByteCountText.text(range.upperBound))
            throw SettingError(description: "must be from \(least) to \(most)")
        }
        return value
    }

    private static func duration(_ text: String, from least: Duration) throws(SettingError) -> Duration {
        guard let value = DurationText.duration(text) else {
            throw SettingError(description: "must be \(DurationText.expectation)")
        }
        guard value >= least, value <= .seconds(24 * 3600) else {
            throw SettingError(description: "must be from \(DurationText.text(least)) to 24h")
        }
        return value
    }
}
