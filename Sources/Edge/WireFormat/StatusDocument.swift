package import Scoring
package import TextFormats

/// Writes a status as JSON.
package enum StatusDocument {
    package static func write(_ value: StatusValue, into sink: inout ByteSink) {
        switch value {
        case .text(let text): sink.append(json: text)
        case .number(let number): if number.isFinite { sink.append(double: number) } else { sink.append("null") }
        case .count(let count): sink.append(integer: Int(clamping: count))
        case .flag(let flag): sink.append(json: flag)
        case .list(let values):
            sink.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { sink.append(",") }
                write(value, into: &sink)
            }
            sink.append("]")
        case .members(let members):
            sink.append("{")
            var isFirst = true
            for (name, value) in members {
                guard let value else { continue }
                if !isFirst { sink.append(",") }
                isFirst = false
                sink.append(json: name)
                sink.append(":")
                write(value, into: &sink)
            }
            sink.append("}")
        }
    }
}
