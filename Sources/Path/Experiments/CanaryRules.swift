package import Scoring

/// What `versions.canary` in model.yaml says: which version is tried, on how many of the keys, for how long, and what
/// makes it fail.
package struct CanaryRules: Sendable, Equatable {
    package let version: ModelVersion
    /// Percent of the keys at each step, rising. The promotion after the last one gives it all.
    package let shares: [Int]
    package let pace: CanaryPace
    package let limits: CanaryLimits

    /// - Parameter shares: Whole percents from 1 to 99, rising; a last 100 is the promotion itself and may be left out.
    ///
    /// Throws `.refusedModel` with the key and what to do.
    package init(
        version: ModelVersion, shares: [Int] = [5], pace: CanaryPace = .standard, limits: CanaryLimits = .standard
    ) throws(ScoringError) {
        let steps = shares.last == 100 ? Array(shares.dropLast()) : shares
        guard !steps.isEmpty, steps.allSatisfy({ (1...99).contains($0) }) else {
            throw .refusedModel("versions.canary.share must be between 1 and 99 percent, and so must be versions.canary.steps")
        }
        guard zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .refusedModel("versions.canary.steps must rise from versions.canary.share on: [25, 50]")
        }
        self.version = version
        self.shares = steps
        self.pace = pace
        self.limits = limits
    }
}

/// When a canary is judged.
package struct CanaryPace: Sendable, Equatable {
    /// How long counts are gathered before they may count as good. Default 5 minutes.
    package let window: Duration
    /// Least time at a step before the next one. Default 30 minutes.
    package let soak: Duration
    /// How long a step may take without being good or bad before it is held for a person to decide. Default 24 hours.
    package let patience: Duration
    /// Rows that both versions need in a window before it is judged. Default 1,000.
    package let minimumRows: Int

    package static let standard = CanaryPace(
        unchecked: .seconds(300), soak: .seconds(1800), patience: .seconds(86_400), minimumRows: 1000)

    /// Throws `.refusedModel` for times that contradict each other and for fewer than 100 rows, from which no
    /// proportion can be told.
    package init(
        window: Duration = standard.window, soak: Duration = standard.soak, patience: Duration = standard.patience,
        minimumRows: Int = standard.minimumRows
    ) throws(ScoringError) {
        guard window >= .seconds(1) else { throw .refusedModel("versions.canary.window must be at least 1s") }
        guard soak >= window else {
            throw .refusedModel("versions.canary.soak must be at least versions.canary.window: a step takes a whole window")
        }
        guard patience > soak else { throw .refusedModel("versions.canary.patience must be longer than versions.canary.soak") }
        guard patience <= .seconds(366 * 86_400) else { throw .refusedModel("versions.canary.patience must be at most a year") }
        guard (100...1_000_000_000).contains(minimumRows) else {
            throw .refusedModel("versions.canary.minimumRows must be between 100 and 1000000000")
        }
        self.init(unchecked: window, soak: soak, patience: patience, minimumRows: minimumRows)
    }

    private init(unchecked window: Duration, soak: Duration, patience: Duration, minimumRows: Int) {
        self.window = window
        self.soak = soak
        self.patience = patience
        self.minimumRows = minimumRows
    }
}

/// How much worse or different a canary may be than the stable version; nil for a rule that is not applied.
package struct CanaryLimits: Sendable, Equatable {
    /// Most by which its share of failed rows may exceed the stable version's: 0.01 is one percentage point. Default 0.01.
    package let errors: Double?
    /// Most times the stable version's 99th percentile of latency that its own may be. Default 1.5. A difference of
    /// less than a millisecond is never too much.
    package let latency: Double?
    /// Largest population stability index between the two versions' scores. Default 0.25.
    package let psi: Double?
    /// Largest Kolmogorov-Smirnov distance between the two versions' scores. Not applied by default.
    package let ks: Double?
    /// Most by which the share of any decision (ALLOW, REVIEW, BLOCK) may differ, either way. Default 0.05.
    package let decisions: Double?

    package static let standard = CanaryLimits(unchecked: 0.01, 1.5, 0.25, nil, 0.05)

    /// Throws `.refusedModel` for values out of range.
    package init(
        errors: Double? = standard.errors, latency: Double? = standard.latency, psi: Double? = standard.psi,
        ks: Double? = standard.ks, decisions: Double? = standard.decisions
    ) throws(ScoringError) {
        for (name, value) in [("errors", errors), ("ks", ks), ("decisions", decisions)] {
            guard value.map({ (0..<1).contains($0) }) ?? true else {
                throw .refusedModel("versions.canary.\(name) must be at least 0 and below 1: it is a difference of proportions")
            }
        }
        guard latency.map({ (1...1000).contains($0) }) ?? true else {
            throw .refusedModel("versions.canary.latency must be between 1 and 1000: it is a ratio to the stable version's")
        }
        guard psi.map({ $0 > 0 && $0 <= 100 }) ?? true else {
            throw .refusedModel("versions.canary.psi must be above 0 and at most 100: 0.1 is a small shift, 0.25 a large one")
        }
        self.init(unchecked: errors, latency, psi, ks, decisions)
    }

    private init(unchecked errors: Double?, _ latency: Double?, _ psi: Double?, _ ks: Double?, _ decisions: Double?) {
        self.errors = errors
        self.latency = latency
        self.psi = psi
        self.ks = ks
        self.decisions = decisions
    }
}
