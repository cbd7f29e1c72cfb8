internal import Glibc

/// A point on the monotonic clock, in nanoseconds since an arbitrary start. Reading it costs about 20 ns.
package struct Moment: Comparable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static var now: Moment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// Nanoseconds from an earlier moment to this one; 0 if the other is later.
    package func nanoseconds(since earlier: Moment) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// So much later; the latest moment there is, if that is beyond it. Negative durations count as none.
    package func advanced(by duration: Duration) -> Moment { advanced(byNanoseconds: duration.nanoseconds) }

    package func advanced(byNanoseconds more: UInt64) -> Moment {
        let (sum, carry) = nanoseconds.addingReportingOverflow(more)
        return Moment(nanoseconds: carry ? .max : sum)
    }

    package func advanced(byMilliseconds milliseconds: UInt64) -> Moment {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return advanced(byNanoseconds: overflow ? .max : product)
    }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// Whole nanoseconds, held to what fits: 0 for negative ones.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflow || carry ? .max : sum
    }
}
