package import Scoring

/// Divides a model's requests between versions by weight. Pure and without history: equal weights give equal answers on
/// every server.
///
/// The 10,000 slots of `StickyHash` are laid out so that ramps move as few keys as they can. The lowest version is the
/// base and has the middle; of the others the highest is laid down from the upper end, the next from the lower
/// end, and so on in turn. Moving weight between the base and another version then moves only that share of the keys, for
/// up to three versions in the split; moving weight between two that are not the base moves twice that share, through the base.
package struct VersionSplit: Sendable, Equatable {
    package struct Range: Sendable, Equatable {
        package let version: ModelVersion
        /// The slots it has; never empty.
        package let slots: Swift.Range<Int>
    }

    /// What was configured.
    package let weights: [ModelVersion: Int]
    /// By slot, from 0 to 9,999 without gaps.
    package let ranges: [Range]

    /// Most versions in one split.
    package static let maxVersions = 16
    private static let heaviest = 1_000_000_000

    /// - Parameter weights: Positive whole numbers with any sum, one a version. A share is rounded to a slot, 0.01 %.
    ///
    /// Throws `.refusedModel` for no or too many versions, for weights that are not positive, and for shares under 0.01 %.
    package init(_ weights: [ModelVersion: Int]) throws(ScoringError) {
        guard !weights.isEmpty else { throw .refusedModel("versions.split must give at least one version a weight") }
        guard weights.count <= Self.maxVersions else {
            throw .refusedModel("versions.split must have at most \(Self.maxVersions) versions")
        }
        for (version, weight) in weights.sorted(by: { $0.key < $1.key }) where !(1...Self.heaviest).contains(weight) {
            throw .refusedModel(
                "versions.split.\(version) must be a whole number from 1 to \(Self.heaviest), not \(weight); "
                    + "leave the version out to give it nothing")
        }
        let total = weights.values.reduce(0, +)
        let base = weights.keys.min()!
        var low = 0
        var high = StickyHash.slots
        var lower: [Range] = []
        var upper: [Range] = []
        for (turn, version) in weights.keys.filter({ $0 != base }).sorted(by: >).enumerated() {
            let count = (2 * weights[version]! * StickyHash.slots + total) / (2 * total)
            guard count > 0 else { throw Self.tooSmall(version) }
            guard high - low > count else { throw Self.tooSmall(base) }
            if turn.isMultiple(of: 2) {
                upper.insert(Range(version: version, slots: high - count..<high), at: 0)
                high -= count
            } else {
                lower.append(Range(version: version, slots: low..<low + count))
                low += count
            }
        }
        self.weights = weights
        ranges = lower + [Range(version: base, slots: low..<high)] + upper
    }

    /// The version of a slot, 0 to 9,999. O(versions).
    @inline(__always)
    package func version(ofSlot slot: Int) -> ModelVersion {
        for range in ranges where slot < range.slots.upperBound { return range.version }
        return ranges[ranges.count - 1].version
    }

    private static func tooSmall(_ version: ModelVersion) -> ScoringError {
        .refusedModel(
            "versions.split.\(version) is under 0.01 % of all weights, the least that can be given: raise it or leave it out")
    }
}
