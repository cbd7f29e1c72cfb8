/// Writes metrics in Prometheus' text exposition format 0.0.4.
struct PrometheusText {
    enum Kind: String { case counter, gauge, histogram }

    private(set) var text = ""

    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: UInt64) {
        text += "\(name)\(Self.rendered(labels)) \(value)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], number: Double) {
        let value = number.isNaN ? "NaN" : number.isInfinite ? (number > 0 ? "+Inf" : "-Inf") : "\(number)"
        text += "\(name)\(Self.rendered(labels)) \(value)\n"
    }

    /// A duration, given in nanoseconds.
    mutating func sample(_ name: String, _ labels: [(String, String)], seconds nanoseconds: UInt64) {
        text += "\(name)\(Self.rendered(labels)) \(Self.seconds(nanoseconds))\n"
    }

    mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: LatencyHistogram) {
        let (cumulative, sum) = histogram.snapshot()
        for (index, count) in cumulative.enumerated() {
            let bound = index < LatencyHistogram.bounds.count ? Self.seconds(LatencyHistogram.bounds[index]) : "+Inf"
            sample("\(name)_bucket", labels + [("le", bound)], count)
        }
        sample("\(name)_sum", labels, seconds: sum)
        sample("\(name)_count", labels, cumulative[cumulative.count - 1])
    }

    mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: ScoreHistogram) {
        let (cumulative, sum) = histogram.snapshot()
        for (index, count) in cumulative.enumerated() {
            let bound = index < ScoreHistogram.bounds.count ? "\(ScoreHistogram.bounds[index])" : "+Inf"
            sample("\(name)_bucket", labels + [("le", bound)], count)
        }
        sample("\(name)_sum", labels, number: sum)
        sample("\(name)_count", labels, cumulative[cumulative.count - 1])
    }

    private static func seconds(_ nanoseconds: UInt64) -> String { "\(Double(nanoseconds) / 1e9)" }

    private static func rendered(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
