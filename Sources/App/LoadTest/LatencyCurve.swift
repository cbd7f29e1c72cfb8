internal import Glibc

/// Draws latency by percentile as inline SVG: percentiles to the right, each further nine as wide as the one
/// before; latency upwards, by powers of ten where it spans more than one. Colours come from the page's CSS.
struct LatencyCurve {
    struct Series {
        let name: String
        let style: String
        let points: [LatencySummary.Point]
    }

    private static let width = 760.0
    private static let height = 380.0
    private static let left = 74.0
    private static let right = 18.0
    private static let top = 16.0
    private static let bottom = 48.0

    private let series: [Series]
    private let nines: Double
    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool

    /// - Parameter series: at least one, each with points.
    init(_ series: [Series]) {
        self.series = series
        let values = series.flatMap { $0.points.map { max(1, Double($0.nanoseconds)) } }
        let least = values.min() ?? 1
        let most = values.max() ?? 1
        isLogarithmic = most / least >= 10
        if isLogarithmic {
            low = pow(10, log10(least).rounded(.down))
            high = max(low * 10, pow(10, log10(most).rounded(.up)))
        } else {
            low = 0
            high = Self.niceCeiling(most)
        }
        let furthest = series.flatMap { $0.points.map(\.percentile) }.filter { $0 < 100 }.max() ?? 90
        nines = max(1, Self.nines(furthest) + 0.3)
    }

    var svg: String {
        var parts = [
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-labelledby=\"curve-title\">",
            "<title id=\"curve-title\">Latency by percentile</title>",
        ]
        let floor = Self.height - Self.bottom
        let edge = Self.width - Self.right
        for (value, label) in verticalTicks {
            let y = y(value)
            parts.append(grid(from: (Self.left, y), to: (edge, y)))
            parts.append(text(label, at: (Self.left - 8, y + 4), anchor: "end"))
        }
        for (nines, label) in horizontalTicks {
            let x = x(nines: nines)
            parts.append(grid(from: (x, Self.top), to: (x, floor)))
            parts.append(text(label, at: (x, floor + 18), anchor: "middle"))
        }
        parts.append(text("percentile", at: ((Self.left + edge) / 2, Self.height - 8), anchor: "middle"))
        for line in series { parts.append(contentsOf: curve(line)) }
        parts.append("</svg>")
        return parts.joined(separator: "\n")
    }

    private func curve(_ line: Series) -> [String] {
        // The 100th percentile lies infinitely far to the right; it is drawn at the edge.
        let points = line.points.map { point in
            (x: x(nines: min(nines, Self.nines(point.percentile))), y: y(Double(point.nanoseconds)), point: point)
        }
        let path = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        var parts = ["<polyline class=\"\(line.style)\" points=\"\(path)\"/>"]
        for (x, y, point) in points {
            let label = "\(TimeText.fixed(point.percentile, decimals: 4))%: \(TimeText.latency(Double(point.nanoseconds)))"
            parts.append(
                "<circle class=\"\(line.style)\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"2.5\">"
                    + "<title>\(line.name), \(label)</title></circle>")
        }
        return parts
    }

    private func grid(from: (x: Double, y: Double), to: (x: Double, y: Double)) -> String {
        "<line class=\"grid\" x1=\"\(number(from.x))\" y1=\"\(number(from.y))\" x2=\"\(number(to.x))\" y2=\"\(number(to.y))\"/>"
    }

    private func text(_ label: String, at place: (x: Double, y: Double), anchor: String) -> String {
        "<text class=\"tick\" x=\"\(number(place.x))\" y=\"\(number(place.y))\" text-anchor=\"\(anchor)\">\(label)</text>"
    }

    /// 90 % is one nine, 99 % two.
    private static func nines(_ percentile: Double) -> Double {
        percentile >= 100 ? .infinity : -log10(1 - percentile / 100)
    }

    private func x(nines: Double) -> Double {
        Self.left + (Self.width - Self.left - Self.right) * nines / self.nines
    }

    private func y(_ value: Double) -> Double {
        let value = max(value, isLogarithmic ? low : 0)
        let share = isLogarithmic ? (log10(value) - log10(low)) / (log10(high) - log10(low)) : value / high
        return Self.height - Self.bottom - (Self.height - Self.bottom - Self.top) * share
    }

    private var horizontalTicks: [(Double, String)] {
        let labels: [(Double, String)] = [
            (0, "0%"), (0.301_03, "50%"), (1, "90%"), (2, "99%"), (3, "99.9%"), (4, "99.99%"), (5, "99.999%"), (6, "99.9999%"),
            (7, "99.99999%"),
        ]
        return labels.filter { $0.0 <= nines }
    }

    private var verticalTicks: [(Double, String)] {
        guard isLogarithmic else {
            return (0...5).map { step in
                let value = high * Double(step) / 5
                return (value, step == 0 ? "0" : TimeText.latency(value))
            }
        }
        var ticks: [(Double, String)] = []
        var decade = low
        while decade <= high * 1.001 {
            for factor in [1.0, 2, 5] where decade * factor <= high * 1.001 {
                ticks.append((decade * factor, factor == 1 || high / low <= 100 ? TimeText.latency(decade * factor) : ""))
            }
            decade *= 10
        }
        return ticks
    }

    /// The next 1, 2, 2.5 or 5 times a power of ten, so that its fifths are easy to read.
    private static func niceCeiling(_ value: Double) -> Double {
        let decade = pow(10, log10(value).rounded(.down))
        for factor in [1.0, 2, 2.5, 5] where decade * factor >= value { return decade * factor }
        return decade * 10
    }

    private func number(_ value: Double) -> String { TimeText.fixed(value, decimals: 1) }
}
