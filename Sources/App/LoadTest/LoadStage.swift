/// A stretch of a load test with a rate of its own.
package struct LoadStage: Sendable, Equatable {
    /// Requests a second; may be 0, for a rest.
    package let rate: Double
    /// Nanoseconds.
    package let duration: UInt64

    package init(rate: Double, duration: UInt64) {
        self.rate = rate
        self.duration = duration
    }

    /// Stages as people write them: `400:5s,3000:60s,400:10s`.
    package static func list(_ text: String) throws(LoadError) -> [LoadStage] {
        var stages: [LoadStage] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pieces.count == 2, let rate = Double(pieces[0]), rate >= 0, rate <= LoadSettings.highestRate,
                let duration = TimeText.nanoseconds(String(pieces[1])), duration > 0
            else { throw .wrongArgument("stages are written 'rate:time,rate:time', like 400:5s,3000:60s") }
            stages.append(LoadStage(rate: rate, duration: duration))
        }
        guard stages.count <= maxStages else { throw .wrongArgument("a test has at most \(maxStages) stages") }
        return stages
    }

    package static let maxStages = 100
}

/// Finds when each request of a sequence of stages is due. Pure.
struct LoadSchedule: Sendable {
    private struct Stretch {
        let begin: UInt64
        let end: UInt64
        let rate: Double
        /// The number of its first request.
        let first: UInt64
        let count: UInt64
    }

    private let stretches: [Stretch]
    /// How many requests there are.
    let count: UInt64
    /// When the last stage ends.
    let end: UInt64

    init(_ stages: [LoadStage]) {
        var stretches: [Stretch] = []
        var begin: UInt64 = 0
        var first: UInt64 = 0
        for stage in stages {
            let end = begin + stage.duration
            let count = Self.count(rate: stage.rate, within: stage.duration)
            stretches.append(Stretch(begin: begin, end: end, rate: stage.rate, first: first, count: count))
            begin = end
            first += count
        }
        self.stretches = stretches
        count = first
        end = begin
    }

    /// The moment a request is due: from its number, not from its predecessor, so that nothing adds up. nil for one past
    /// the last. O(stages).
    func due(_ index: UInt64) -> UInt64? {
        guard index < count, let stretch = stretches.last(where: { $0.first <= index && $0.count > 0 }) else { return nil }
        return stretch.begin + Self.offset(index - stretch.first, rate: stretch.rate)
    }

    /// The stage that a moment belongs to; the last one for moments after the end.
    func stage(at moment: UInt64) -> Int { stretches.firstIndex { moment < $0.end } ?? max(0, stretches.count - 1) }

    private static func offset(_ index: UInt64, rate: Double) -> UInt64 { UInt64(Double(index) / rate * 1e9) }

    private static func count(rate: Double, within span: UInt64) -> UInt64 {
        guard rate > 0 else { return 0 }
        var count = UInt64(Double(span) * rate / 1e9)
        while count > 0, offset(count - 1, rate: rate) >= span { count -= 1 }
        while offset(count, rate: rate) < span { count += 1 }
        return count
    }
}
