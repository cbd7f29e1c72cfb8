package import Scoring

/// Where a canary stands.
package enum CanaryState: Sendable, Equatable {
    /// At the share of its step (from 0), and judged.
    case running(step: Int)
    /// Neither good nor bad within its patience: it keeps its share until somebody orders, or until it is surely bad.
    case held(step: Int, reason: String)
    /// It answers all keys.
    case promoted
    /// The stable version answers all keys.
    case rolledBack(reason: String)

    /// As metrics and the admin view name the states.
    package static let words = ["running", "held", "promoted", "rolled_back"]

    package var word: String {
        switch self {
        case .running: Self.words[0]
        case .held: Self.words[1]
        case .promoted: Self.words[2]
        case .rolledBack: Self.words[3]
        }
    }

    /// Why it is held or rolled back.
    package var reason: String? {
        switch self {
        case .held(_, let reason), .rolledBack(let reason): reason
        case .running, .promoted: nil
        }
    }
}

/// A change of state with the numbers that decided it.
package struct CanaryTransition: Sendable, Equatable {
    package let from: CanaryState
    package let to: CanaryState
    package let at: Moment
    /// For people: log, admin view, minutes of a committee.
    package let sentence: String
}

/// Decides whether a canary goes on, is promoted or rolled back. Pure: counts, moments and orders in, transitions out.
///
/// A step is a sequence of windows. In each of them counts begin anew, so that trouble of this minute does not drown in
/// the good hours before. At every look, a rule that is surely broken rolls back. A window is good once it has
/// its length and its rows and every rule is within its limit. A step is done once its soak time is over and a good window
/// has just ended; a window that is neither good nor bad goes on. A step that takes longer than its patience is held.
package struct CanaryPlan: Sendable {
    package let rules: CanaryRules
    package private(set) var state: CanaryState
    /// What the rules said at the last look.
    package private(set) var findings: [CanaryFinding] = []

    private var stepBegan: Moment
    private var windowBegan: Moment
    private var start: (canary: VariantCounts, stable: VariantCounts)

    /// - Parameter state: Where an earlier life of the plan ended; the counts begin anew.
    package init(_ rules: CanaryRules, state: CanaryState = .running(step: 0), at now: Moment) {
        self.rules = rules
        self.state = state
        stepBegan = now
        windowBegan = now
        start = (.none, .none)
    }

    /// Percent of the keys that the canary answers, 0 to 100.
    package var share: Int {
        switch state {
        case .running(let step), .held(let step, _): rules.shares[min(step, rules.shares.count - 1)]
        case .promoted: 100
        case .rolledBack: 0
        }
    }

    /// Rows in the current window at the last look.
    package private(set) var windowRows: (canary: Int, stable: Int) = (0, 0)

    /// Looks at what both versions have counted since the recorders were made. To be called every second or so; a look
    /// costs some ten microseconds.
    package mutating func look(canary: VariantCounts, stable: VariantCounts, at now: Moment) -> CanaryTransition? {
        let step: Int
        switch state {
        case .running(let current), .held(let current, _): step = current
        case .promoted, .rolledBack: return nil
        }
        let own = canary.since(start.canary)
        let other = stable.since(start.stable)
        windowRows = (own.rows, other.rows)
        let least = rules.pace.minimumRows
        findings = CanaryFinding.all(canary: own, stable: other, limits: rules.limits, minimumRows: least)

        if let breach = findings.first(where: { $0.verdict == .breached }) {
            return move(to: .rolledBack(reason: breach.sentence), at: now, "rolled back at \(share) %: \(breach.sentence)")
        }
        let isFull = own.answered >= least && other.answered >= least
        if isFull, now >= windowBegan.advanced(by: rules.pace.window) {
            if findings.allSatisfy({ $0.verdict == .within }) {
                let result = advance(from: step, at: now)
                beginWindow(canary, stable, at: now)
                return result
            }
            // A held step is only watched for breaches; long windows would blunt that.
            if case .held = state { beginWindow(canary, stable, at: now) }
        }
        guard case .running = state, now >= stepBegan.advanced(by: rules.pace.patience) else { return nil }
        let reason =
            findings.first { $0.verdict == .unclear }.map { "not surely good or bad, \($0.sentence)" }
            ?? "\(own.answered) and \(other.answered) rows in a window that needs \(least) of each version"
        return move(to: .held(step: step, reason: reason), at: now, "held at \(share) % for a decision: \(reason)")
    }

    /// Carries out somebody's order; nil where it changes nothing. What was promoted can be rolled back, and the
    /// other way round.
    package mutating func order(_ order: CanaryOrder, by person: String, at now: Moment) -> CanaryTransition? {
        switch (order, state) {
        case (.promote, .promoted), (.rollback, .rolledBack): return nil
        case (.promote, _): return move(to: .promoted, at: now, "promoted from \(share) % by order of \(person)")
        case (.rollback, _):
            let reason = "by order of \(person)"
            return move(to: .rolledBack(reason: reason), at: now, "rolled back from \(share) % \(reason)")
        }
    }

    private mutating func advance(from step: Int, at now: Moment) -> CanaryTransition? {
        guard case .running = state, now >= stepBegan.advanced(by: rules.pace.soak) else { return nil }
        let numbers = findings.map(\.sentence).joined(separator: "; ")
        let before = share
        guard step + 1 < rules.shares.count else {
            return move(to: .promoted, at: now, "promoted from \(before) %: \(numbers)")
        }
        return move(to: .running(step: step + 1), at: now, "from \(before) % to \(rules.shares[step + 1]) %: \(numbers)")
    }

    private mutating func beginWindow(_ canary: VariantCounts, _ stable: VariantCounts, at now: Moment) {
        windowBegan = now
        start = (canary, stable)
        windowRows = (0, 0)
    }

    private mutating func move(to next: CanaryState, at now: Moment, _ sentence: String) -> CanaryTransition {
        defer {
            state = next
            if case .running = next { stepBegan = now }
        }
        return CanaryTransition(from: state, to: next, at: now, sentence: "version \(rules.version) \(sentence)")
    }
}
