package import Scoring

/// Everything that runs on a model's versions at one moment, for `GET /models/{m}`.
package struct ExperimentState: Sendable, Equatable {
    /// The split in force, by slots of 0.01 %; empty without one.
    package let split: [VersionSplit.Range]
    /// The name of the value that keys are made of; nil where every request is drawn by itself.
    package let sticky: String?
    package let labels: VersionLabels
    package let canary: CanarySnapshot?
    /// By version.
    package let shadows: [ShadowComparison]

    package init(
        split: [VersionSplit.Range] = [], sticky: String? = nil, labels: VersionLabels = .none, canary: CanarySnapshot? = nil,
        shadows: [ShadowComparison] = []
    ) {
        self.split = split
        self.sticky = sticky
        self.labels = labels
        self.canary = canary
        self.shadows = shadows
    }
}

/// A canary at one moment.
package struct CanarySnapshot: Sendable, Equatable {
    /// What was counted since the process began to watch, and in the window of the last look. Requests are rows here.
    package struct Counts: Sendable, Equatable {
        package let canaryRows: Int
        package let canaryFailures: Int
        package let stableRows: Int
        package let stableFailures: Int
        package let windowCanaryRows: Int
        package let windowStableRows: Int
    }

    package struct Judgement: Sendable, Equatable {
        /// Of the last look; empty while there are too few rows.
        package let findings: [CanaryFinding]
        /// The last ones, oldest first; at most 32.
        package let transitions: [CanaryTransition]
    }

    package let canary: ModelVersion
    package let stable: ModelVersion
    /// Percent of the keys that the canary answers.
    package let share: Int
    package let state: CanaryState
    package let counts: Counts
    package let judgement: Judgement
}
