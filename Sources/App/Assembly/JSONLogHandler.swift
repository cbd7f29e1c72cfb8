internal import Glibc
package import Logging
internal import TextFormats

/// Writes log entries to standard error, one JSON object a line: timestamp (UTC), level, message, data. Numbers and truth values
/// of the data are JSON's own, so that a log store can sum and compare them.
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String

    package init(label: String, level: Logger.Level) {
        self.label = label
        self.logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = line(event)
        line.withUnsafeBufferPointer { bytes in
            LogOutput.standardError.write(bytes) { [label] in Self.lossNote($0, label) }
        }
    }

    /// The line of an entry, with its end.
    package func line(_ event: LogEvent) -> [UInt8] {
        var line = ByteSink(capacity: 256)
        line.append("{\"timestamp\":\"")
        line.append(text: Self.timestamp())
        line.append("\",\"level\":\"")
        line.append(text: event.level.rawValue)
        line.append("\",\"message\":")
        line.append(json: event.message.description)
        line.append(",\"data\":{\"logger\":")
        line.append(json: label)
        let data = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in data.sorted(by: { $0.key < $1.key }) {
            line.append(",")
            line.append(json: key)
            line.append(":")
            Self.write(value, into: &line)
        }
        if let error = event.error {
            line.append(",\"error\":")
            line.append(json: "\(error)")
        }
        line.append("}}\n")
        return line.array
    }

    /// A line that says how many lines the output has lost.
    private static func lossNote(_ count: Int, _ label: String) -> [UInt8] {
        var line = ByteSink(capacity: 256)
        line.append("{\"timestamp\":\"")
        line.append(text: timestamp())
        line.append("\",\"level\":\"warning\",\"message\":\"log lines were lost\",\"data\":{\"logger\":")
        line.append(json: label)
        line.append(",\"count\":")
        line.append(integer: count)
        line.append("}}\n")
        return line.array
    }

    private static func write(_ value: Logger.MetadataValue, into line: inout ByteSink) {
        switch value {
        case .string(let text): line.append(json: text)
        case .stringConvertible(let value): write(value, into: &line)
        case .array(let values):
            line.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(",") }
                write(value, into: &line)
            }
            line.append("]")
        case .dictionary(let values):
            line.append("{")
            for (index, pair) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.append(",") }
                line.append(json: pair.key)
                line.append(":")
                write(pair.value, into: &line)
            }
            line.append("}")
        }
    }

    private static func write(_ value: any CustomStringConvertible, into line: inout ByteSink) {
        switch value {
        case let value as Bool: line.append(json: value)
        // Digits and a sign are JSON's number, whatever the type's width.
        case let value as any BinaryInteger: line.append(text: value.description)
        case let value as Double where value.isFinite: line.append(double: value)
        default: line.append(json: value.description)
        }
    }

    /// Now in UTC with microseconds, as RFC 3339 has it.
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let time = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(day)T\(time).\(padded(Int(now.tv_nsec) / 1000, 6))Z"
    }
}
