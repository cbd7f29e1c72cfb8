internal import Scoring

/// Counts calls over the last so many nanoseconds, in ten buckets that are forgotten one after another. Adding is O(1)
/// and allocates nothing. A clock that steps back adds to the newest bucket; one that leaps ahead empties the window.
struct CallWindow: Sendable {
    struct Counts: Sendable, Equatable {
        var calls: UInt64 = 0
        var failures: UInt64 = 0
        var slow: UInt64 = 0

        var failureRatio: Double { calls == 0 ? 0 : Double(failures) / Double(calls) }
        var slowRatio: Double { calls == 0 ? 0 : Double(slow) / Double(calls) }
    }

    private static let bucketCount: UInt64 = 10

    private let width: UInt64
    private var buckets = [Counts](repeating: Counts(), count: Int(bucketCount))
    private var newest: UInt64 = 0
    private(set) var total = Counts()

    init(nanoseconds: UInt64) { width = max(1, nanoseconds / Self.bucketCount) }

    mutating func add(failed: Bool, slow: Bool, now: Moment) {
        advance(to: now)
        let index = Int(newest % Self.bucketCount)
        buckets[index].calls += 1
        total.calls += 1
        if failed {
            buckets[index].failures += 1
            total.failures += 1
        }
        if slow {
            buckets[index].slow += 1
            total.slow += 1
        }
    }

    /// Forgets what is older than the window.
    mutating func advance(to now: Moment) {
        let slot = now.nanoseconds / width
        guard slot > newest else { return }
        let steps = min(slot - newest, Self.bucketCount)
        for step in 0..<steps {
            let index = Int((slot - step) % Self.bucketCount)
            let gone = buckets[index]
            guard gone.calls > 0 else { continue }
            total.calls -= gone.calls
            total.failures -= gone.failures
            total.slow -= gone.slow
            buckets[index] = Counts()
        }
        newest = slot
    }

    mutating func clear() {
        for index in buckets.indices { buckets[index] = Counts() }
        total = Counts()
    }
}
