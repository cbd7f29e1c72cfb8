package import Scoring

/// Names for versions, so that a caller can ask for `stable` and need not know its number.
package struct VersionLabels: Sendable, Equatable {
    /// What a canary is compared with, unless it is said otherwise.
    package static let stable = "stable"

    private let versions: [String: ModelVersion]

    package static let none = VersionLabels(unchecked: [:])

    /// Throws `.refusedModel` for a label that is not 1 to 64 of `A-Z a-z 0-9 _ - .`, or that is a number and so might be
    /// taken for a version.
    package init(_ versions: [String: ModelVersion]) throws(ScoringError) {
        for label in versions.keys.sorted() {
            guard VersionReference.isLabel(label) else {
                throw .refusedModel(
                    "versions.labels: a label is 1 to 64 of A-Z a-z 0-9 _ - ., does not start with a dot, "
                        + "and is no number, which would be taken for a version: \(label.prefix(64)) is none")
            }
        }
        self.versions = versions
    }

    private init(unchecked versions: [String: ModelVersion]) { self.versions = versions }

    package var isEmpty: Bool { versions.isEmpty }
    package var all: [(label: String, version: ModelVersion)] {
        versions.sorted { $0.key < $1.key }.map { (label: $0.key, version: $0.value) }
    }

    /// The version that a label stands for, always as configured: promotions and rollbacks move traffic, not labels.
    package subscript(label: String) -> ModelVersion? { versions[label] }
}
