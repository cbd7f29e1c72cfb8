internal import Resilience
internal import Scoring
internal import ScoringTestKit

/// Engine threads behind a queue, and clients that do not care how they are doing: a discrete-event simulation in
/// seconds, the same in every run. A thread that is free takes what waits, up to a batch; what has expired is dropped.
struct EngineSimulation {
    struct Engine {
        var threads = 2
        var batch = 1
        var secondsPerCall = 0.0
        var secondsPerRow = 0.001

        /// Rows a second at most.
        var capacity: Double {
            Double(threads * batch) / (secondsPerCall + secondsPerRow * Double(batch))
        }
    }

    struct Outcome {
        let arrival: Double
        /// When it was answered, refused or dropped.
        let end: Double
        let kind: Kind

        enum Kind { case inTime, late, refused }
    }

    var engine = Engine()
    var deadline = 0.05
    /// Whether the requests carry the deadline, or only the model has one.
    var requestsCarryDeadlines = true
    /// Arrivals a second until a time.
    var phases: [(until: Double, rate: Double)]
    /// nil to let everything in.
    var limits: ResilienceLimits?
    var seed: UInt64 = 1
    /// Slows the engine down from a time on.
    var slowdown: (from: Double, until: Double, factor: Double)?

    private struct Waiting {
        let arrival: Double
        let ticket: AdmissionTicket?
    }

    private struct Run {
        let end: Double
        let rows: [Waiting]
    }

    func run(observing: (Double, AdmissionState) -> Void = { _, _ in }) -> [Outcome] {
        var random = SeededRandom(seed: seed)
        var plan = limits.map { AdmissionPlan($0) }
        var outcomes: [Outcome] = []
        var queue: [Waiting] = []
        var head = 0
        var runs = [Run?](repeating: nil, count: engine.threads)
        var phase = 0
        var nextArrival = random.gap(rate: phases[0].rate)
        let end = phases[phases.count - 1].until

        func start(_ now: Double) {
            for thread in runs.indices where runs[thread] == nil {
                var rows: [Waiting] = []
                while rows.count < engine.batch, head < queue.count {
                    let next = queue[head]
                    head += 1
                    if now > next.arrival + deadline {
                        if let ticket = next.ticket { plan?.leave(ticket, .finished, now: at(now)) }
                        outcomes.append(Outcome(arrival: next.arrival, end: now, kind: .late))
                    } else {
                        rows.append(next)
                    }
                }
                guard !rows.isEmpty else { return }
                var seconds = engine.secondsPerCall + engine.secondsPerRow * Double(rows.count)
                seconds *= Double.random(in: 0.8..<1.2, using: &random)
                if let slowdown, now >= slowdown.from, now < slowdown.until { seconds *= slowdown.factor }
                runs[thread] = Run(end: now + seconds, rows: rows)
            }
            if head > 10_000 {
                queue.removeFirst(head)
                head = 0
            }
        }

        while true {
            let done = runs.indices.filter { runs[$0] != nil }.min { runs[$0]!.end < runs[$1]!.end }
            let doneAt = done.map { runs[$0]!.end } ?? .infinity
            if nextArrival >= end, done == nil { return outcomes }
            if let done, doneAt <= nextArrival || nextArrival >= end {
                for row in runs[done]!.rows {
                    if let ticket = row.ticket { plan?.leave(ticket, .finished, now: at(doneAt)) }
                    outcomes.append(
                        Outcome(arrival: row.arrival, end: doneAt, kind: doneAt <= row.arrival + deadline ? .inTime : .late))
                }
                runs[done] = nil
                start(doneAt)
                continue
            }
            let now = nextArrival
            let request = AdmissionRequest(rows: 1, deadline: requestsCarryDeadlines ? at(now + deadline) : nil)
            switch plan?.enter(request, now: at(now)) {
            case .refused: outcomes.append(Outcome(arrival: now, end: now, kind: .refused))
            case .admitted(let ticket): queue.append(Waiting(arrival: now, ticket: ticket))
            case nil: queue.append(Waiting(arrival: now, ticket: nil))
            }
            if let plan { observing(now, plan.snapshot) }
            start(now)
            while phase < phases.count - 1, nextArrival >= phases[phase].until { phase += 1 }
            nextArrival += random.gap(rate: phases[phase].rate)
        }
    }
}

extension [EngineSimulation.Outcome] {
    /// Answers in time a second, of what ended within a span.
    func goodput(_ span: Range<Double>) -> Double {
        Double(count { $0.kind == .inTime && span.contains($0.end) }) / (span.upperBound - span.lowerBound)
    }

    /// Seconds from arrival to end of what was let in and arrived within a span.
    func latencies(_ span: Range<Double>) -> [Double] {
        filter { $0.kind != .refused && span.contains($0.arrival) }.map { $0.end - $0.arrival }
    }

    func share(_ kind: EngineSimulation.Outcome.Kind, _ span: Range<Double>) -> Double {
        let arrived = filter { span.contains($0.arrival) }
        return arrived.isEmpty ? 0 : Double(arrived.count { $0.kind == kind }) / Double(arrived.count)
    }
}
