package import Scoring

package enum BreakerState: String, Sendable, CaseIterable {
    /// Calls pass and are judged.
    case closed
    /// Calls are refused.
    case open
    /// A few calls pass as probes.
    case halfOpen = "half_open"
}

/// Leave to call an engine once. Its result is recorded with it.
package struct BreakerPermit: Sendable, Equatable {
    /// The spell of one state in which it was given; results from earlier spells say nothing about this one.
    let generation: UInt64
    /// The probe's place and number; -1 for an ordinary call.
    let slot: Int32
    let number: UInt64

    package var isProbe: Bool { slot >= 0 }
}

/// Decides whether a model version is called at all, from how the last calls went. Pure: no clock, lock or thread.
///
/// - Closed: all calls pass. Once at least `minimumCalls` lie in the window and the share of failures or of slow calls
///   reaches its ratio, the breaker opens.
/// - Open: nothing passes for `openFor`, doubled for each time in a row that the probes failed, up to eightfold.
/// - Half-open: calls pass as probes, so many at a time as are still missing. The first that fails or is slow opens the
///   breaker again; when `probes` have succeeded it closes, with an empty window. A probe that is not reported within
///   twice the duration of a slow call, at least a second, loses its place to the next caller.
///
/// Every change of state begins a new generation; results of permits from earlier ones are passed over. Moments may come
/// in any order.
package struct BreakerPlan: Sendable {
    package enum Step: Sendable, Equatable {
        case call(BreakerPermit)
        case probe(BreakerPermit)
        case refused(until: Moment)
    }

    private struct Slot: Sendable {
        /// 0 while it is free.
        var number: UInt64 = 0
        var lease = Moment(nanoseconds: 0)
    }

    private static let maxDoublings = 3

    private let limits: BreakerLimits
    private let slowCall: UInt64
    private let lease: UInt64

    private var window: CallWindow
    private var state = BreakerState.closed
    private var since: Moment
    package private(set) var generation: UInt64 = 1
    private var openUntil = Moment(nanoseconds: 0)
    /// How often in a row the breaker has opened without closing in between.
    private var openings = 0
    private var slots: [Slot]
    private var probeNumber: UInt64 = 0
    private var successes = 0
    private var counts = BreakerCounts()

    /// - Parameter slowCall: from which duration a call is slow; see `ResilienceLimits.slowCall`.
    package init(_ limits: BreakerLimits, slowCall: Duration, now: Moment) {
        self.limits = limits
        self.slowCall = slowCall.nanoseconds
        let double = self.slowCall.multipliedReportingOverflow(by: 2)
        lease = double.overflow ? .max : max(1_000_000_000, double.partialValue)
        window = CallWindow(nanoseconds: limits.window.nanoseconds)
        slots = [Slot](repeating: Slot(), count: max(1, limits.probes))
        since = now
    }

    package var isClosed: Bool { state == .closed }

    /// Whether a call may be made now. O(1), or O(probes) while half-open.
    package mutating func permit(now: Moment) -> Step {
        switch state {
        case .closed:
            return .call(BreakerPermit(generation: generation, slot: -1, number: 0))
        case .open:
            guard now >= openUntil else { return refuse(until: openUntil) }
            become(.halfOpen, now: now)
            return probe(now: now)
        case .halfOpen:
            return probe(now: now)
        }
    }

    /// Takes note of how a permitted call went; `took` is its duration in nanoseconds. O(1).
    package mutating func record(_ permit: BreakerPermit, _ result: CallResult, took: UInt64, now: Moment) {
        guard permit.generation == generation else {
            counts.late &+= 1
            return
        }
        let isSlow = took >= slowCall
        let hasFailed =
            switch result {
            case .failure: true
            case .deadlinePassed: isSlow
            case .success, .unknown: false
            }
        let says = result == .success || hasFailed
        switch state {
        case .closed:
            guard says else { return }
            window.add(failed: hasFailed, slow: isSlow, now: now)
            // What keeps within bounds cannot push a ratio over its limit.
            if (hasFailed || isSlow) && isOverLimit { open(now: now) }
        case .open:
            // No permit is given while it is open.
            return
        case .halfOpen:
            let slot = Int(permit.slot)
            guard slots.indices.contains(slot), slots[slot].number == permit.number else {
                counts.late &+= 1
                return
            }
            slots[slot].number = 0
            guard says else { return }
            if hasFailed || isSlow {
                open(now: now)
            } else {
                successes += 1
                if successes >= slots.count { become(.closed, now: now) }
            }
        }
    }

    /// What an administrator sees and the metrics show.
    package mutating func snapshot(now: Moment) -> BreakerSnapshot {
        window.advance(to: now)
        let total = window.total
        return BreakerSnapshot(
            state: state, since: since, calls: total.calls, failureRatio: total.failureRatio, slowRatio: total.slowRatio,
            nextProbe: state == .open ? openUntil : nil, counts: counts)
    }

    /// Probes that were let through and are not yet reported or given up.
    package func probesInFlight(now: Moment) -> Int {
        slots.count { $0.number != 0 && $0.lease > now }
    }

    private var isOverLimit: Bool {
        let total = window.total
        guard total.calls >= UInt64(limits.minimumCalls) else { return false }
        return total.failureRatio >= limits.failureRatio || total.slowRatio >= limits.slowRatio
    }

    private mutating func probe(now: Moment) -> Step {
        var free: Int?
        var inFlight = 0
        var earliest = Moment(nanoseconds: .max)
        for index in slots.indices {
            if slots[index].number != 0, slots[index].lease > now {
                inFlight += 1
                earliest = min(earliest, slots[index].lease)
            } else if free == nil {
                free = index
            }
        }
        // No more than are missing: were all to succeed, there would be none too many.
        guard let free, inFlight + successes < slots.count else { return refuse(until: earliest) }
        probeNumber &+= 1
        slots[free] = Slot(number: probeNumber, lease: now.advanced(byNanoseconds: lease))
        counts.probes &+= 1
        return .probe(BreakerPermit(generation: generation, slot: Int32(free), number: probeNumber))
    }

    private mutating func refuse(until: Moment) -> Step {
        counts.refused &+= 1
        return .refused(until: until)
    }

    private mutating func open(now: Moment) {
        let (product, overflow) = limits.openFor.nanoseconds.multipliedReportingOverflow(
            by: 1 << UInt64(min(openings, Self.maxDoublings)))
        openUntil = now.advanced(byNanoseconds: overflow ? .max : product)
        openings += 1
        become(.open, now: now)
    }

    private mutating func become(_ next: BreakerState, now: Moment) {
        state = next
        since = now
        generation &+= 1
        successes = 0
        for index in slots.indices { slots[index].number = 0 }
        switch next {
        case .closed:
            counts.closed &+= 1
            openings = 0
            window.clear()
        case .open: counts.opened &+= 1
        case .halfOpen: counts.halfOpened &+= 1
        }
    }
}

/// What a breaker has done since its version was loaded.
package struct BreakerCounts: Sendable, Equatable {
    /// Changes to each state.
    package var opened: UInt64 = 0
    package var halfOpened: UInt64 = 0
    package var closed: UInt64 = 0
    package var refused: UInt64 = 0
    package var probes: UInt64 = 0
    /// Results that came after the state had changed, or the probe's place had gone to another.
    package var late: UInt64 = 0

    package init() {}

    package func transitions(to state: BreakerState) -> UInt64 {
        switch state {
        case .closed: closed
        case .open: opened
        case .halfOpen: halfOpened
        }
    }
}

/// A breaker at one moment.
package struct BreakerSnapshot: Sendable, Equatable {
    package let state: BreakerState
    package let since: Moment
    /// Calls in the window, and the shares of failed and slow ones. While the breaker is open these are what opened it, as
    /// far as the window still reaches back.
    package let calls: UInt64
    package let failureRatio: Double
    package let slowRatio: Double
    /// When the first probe may pass; nil unless the breaker is open.
    package let nextProbe: Moment?
    package let counts: BreakerCounts
}
