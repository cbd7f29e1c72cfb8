internal import Caching
internal import HTTPFront
internal import Logging
internal import Scoring

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
        case "scanInterval": Self.text(of: scanInterval)
        case "onnxruntime": onnxRuntime ?? "beside the program"
        case "http.host": host
        case "http.port": String(port)
        case "http.threads": threads.map { String($0) } ?? "one a processor"
        case "limits.maxBodyBytes": String(limits.maxBodyBytes)
        case "limits.maxConnections": String(limits.maxConnections)
        case "limits.maxModelBytes": String(maxModelBytes)
        case "limits.maxLoadTime": Self.text(of: maxLoadTime)
        case "limits.maxLoadBytes": String(maxLoadBytes)
        case "limits.idleTimeout": Self.text(of: limits.idleTimeout)
        case "limits.headerTimeout": Self.text(of: limits.headerTimeout)
        case "limits.bodyTimeout": Self.text(of: limits.bodyTimeout)
        case "limits.drain": Self.text(of: limits.drain)
        case "cache.maxBytes": String(cacheBytes)
        case "redis.url": redisText
        case "redis.timeout": Self.text(of: redisTimeout)
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

    /// The largest unit that leaves no fraction.
    private static func text(of duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        for (unit, size) in [("h", Int64(3_600_000_000)), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000)]
        where microseconds != 0 && microseconds % size == 0 {
            return "\(microseconds / size)\(unit)"
        }
        return microseconds == 0 ? "0s" : "\(microseconds)us"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
