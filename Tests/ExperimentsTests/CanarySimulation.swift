internal import Experiments
internal import Scoring

/// A small generator with a fixed seed, for simulations that come out the same every time.
struct SeededGenerator: RandomNumberGenerator {
    private let draw: RandomDraw
    init(seed: UInt64) { draw = RandomDraw(seed: seed) }
    mutating func next() -> UInt64 { draw.next() }
}

/// How a simulated version behaves.
struct Behaviour {
    var errors = 0.002
    var slowdown = 1.0
    /// Moves the scores, a skewed distribution on 0 to 1, up.
    var shift = 0.0

    func record(_ rows: Int, in recorder: VariantRecorder, using generator: inout SeededGenerator) {
        for _ in 0..<rows {
            if Double.random(in: 0..<1, using: &generator) < errors {
                recorder.recordFailure(.engineFailure("simulated"))
                continue
            }
            let uniform = Double.random(in: 0..<1, using: &generator)
            let score = min(1, uniform * uniform * uniform + shift)
            let tail = Double.random(in: 0..<1, using: &generator)
            let nanoseconds = 2_000_000 * slowdown / (1.02 - tail)
            recorder.recordSuccess(
                nanoseconds: UInt64(nanoseconds), score: score, decision: score > 0.8 ? .block : score > 0.5 ? .review : .allow)
        }
    }
}

/// Runs a plan over simulated traffic, a look every ten seconds.
struct CanarySimulation {
    var plan: CanaryPlan
    let canary = VariantRecorder()
    let stable = VariantRecorder()
    var generator: SeededGenerator
    var now: Moment
    var transitions: [CanaryTransition] = []

    init(_ rules: CanaryRules, seed: UInt64) {
        now = Moment(nanoseconds: 1_000)
        plan = CanaryPlan(rules, at: now)
        generator = SeededGenerator(seed: seed)
    }

    /// `rows` are all requests of one look; they are divided as the plan says.
    mutating func run(looks: Int, rows: Int, canary behaviour: Behaviour, stable other: Behaviour = Behaviour()) {
        for _ in 0..<looks {
            let own = rows * plan.share / 100
            behaviour.record(own, in: canary, using: &generator)
            other.record(rows - own, in: stable, using: &generator)
            now = now.advanced(byMilliseconds: 10_000)
            if let transition = plan.look(canary: canary.counts(), stable: stable.counts(), at: now) {
                transitions.append(transition)
            }
        }
    }
}
