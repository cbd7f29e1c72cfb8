internal import Synchronization

/// Uniform numbers for requests without a key: SplitMix64 over one atomic counter. Any number of threads may draw at
/// once, at the cost of one atomic addition; no two draws use the same counter value.
package final class RandomDraw: Sendable {
    private let counter: Atomic<UInt64>

    /// - Parameter seed: What a test fixes; by default unpredictable.
    package init(seed: UInt64 = .random(in: .min ... .max)) { counter = Atomic(seed) }

    package func next() -> UInt64 {
        var bits = counter.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
