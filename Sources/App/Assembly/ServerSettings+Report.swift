internal import Caching
internal import HTTPFront
internal import Logging
internal import Scoring
internal import StrictYAML

extension ServerSettings {
    /// A line for each setting: its key, its value and where that came from. Passwords are not shown.
    package var report: String {
        let rows = Setting.all.map { (key: $0.key, value: value(of: $0.key) ?? "none", origin: origins[$0.key] ?? "default") }
        let keyWidth = rows.reduce(0) { max($0, $1.key.count) } + 2
        let valueWidth = rows.reduce(0) { max($0, min($1.value.count, 40)) } + 2
        return rows.map { row in
            Self.padded(row.key, keyWidth) + Self.padded(row.value, valueWidth) + row.origin + "\n"
        }.joined()
    }

    /// A setting's value as the configuration file would say it; nil where it has none.
    package func value(of key: String) -> String? {
        switch key {
        case "models": models
        case "defaultModel": defaultModel?.text
        case "scanInterval": DurationText.text(scanInterval)
        case "onnxruntime": onnxRuntime ?? "beside the program"
        case "http.host": host
        case "http.port": String(port)
        case "http.threads": threads.map { String($0) } ?? "one a processor"
        case "limits.maxBodyBytes": ByteCountText.text(limits.maxBodyBytes)
        case "limits.maxConnections": String(limits.maxConnections)
        case "limits.maxUnreadBytes": ByteCountText.text(limits.maxUnreadBytes)
        case "limits.maxUnfinishedBytes": ByteCountText.text(limits.maxUnfinishedBytes)
        case "limits.maxModelBytes": ByteCountText.text(maxModelBytes)
        case "limits.maxLoadTime": DurationText.text(maxLoadTime)
        case "limits.maxLoadBytes": ByteCountText.text(maxLoadBytes)
        case "limits.idleTimeout": DurationText.text(limits.idleTimeout)
        case "limits.headerTimeout": DurationText.text(limits.headerTimeout)
        case "limits.bodyTimeout": DurationText.text(limits.bodyTimeout)
        case "limits.drain": DurationText.text(limits.drain)
        case "cache.maxBytes": ByteCountText.text(cacheBytes)
        case "redis.url": redisText
        case "redis.timeout": DurationText.text(redisTimeout)
        case "log.level": logLevel.rawValue
        case "log.access": String(logsAccess)
        default: nil
        }
    }

    private var redisText: String? {
        guard let redis else { return nil }
        let login = redis.password == nil ? "" : "\(redis.user ?? ""):***@"
        let host = redis.host.contains(":") ? "[\(redis.host)]" : redis.host
        return "\(redis.usesTLS ? "rediss" : "redis")://\(login)\(host):\(redis.port)/\(redis.database)"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
