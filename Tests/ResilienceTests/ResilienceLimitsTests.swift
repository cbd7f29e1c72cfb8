internal import Resilience
internal import Scoring
internal import Testing

@Suite struct ResilienceLimitsTests {
    @Test func theDefaultsAreWithinTheirRanges() throws {
        try ResilienceLimits().check()
        try ResilienceLimits.standard(for: CallProfile(isBlocking: true)).check()
    }

    @Test func onlyBlockingEnginesGetABreakerByThemselves() {
        #expect(ResilienceLimits.standard(for: .inline).breaker == nil)
        #expect(CircuitBreaker(ResilienceLimits()) == nil)
        let limits = ResilienceLimits.standard(for: CallProfile(isBlocking: true))
        #expect(limits.breaker == BreakerLimits())
        #expect(CircuitBreaker(limits) != nil)
    }

    @Test func aCallIsSlowFromHalfTheDeadlineUnlessSaidOtherwise() {
        var limits = ResilienceLimits()
        #expect(limits.slowCall == .seconds(1))
        limits.deadline = .milliseconds(50)
        #expect(limits.slowCall == .milliseconds(45))
        limits.breaker = BreakerLimits()
        limits.breaker?.slowCall = .milliseconds(7)
        #expect(limits.slowCall == .milliseconds(7))
    }

    @Test func whatIsOutOfRangeIsNamed() {
        let wrong: [(String, (inout ResilienceLimits) -> Void)] = [
            ("limits.deadline", { $0.deadline = .zero }), ("limits.queuedRows", { $0.queuedRows = 0 }),
            ("limits.concurrency", { $0.concurrency = -1 }), ("limits.leastConcurrency", { $0.leastConcurrency = 0 }),
            ("limits.bulkShare", { $0.bulkShare = .nan }),
            (
                "limits.breaker.failureRatio",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.failureRatio = 1.1
                }
            ),
            (
                "limits.breaker.slowRatio",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.slowRatio = 0
                }
            ),
            (
                "limits.breaker.slowCall",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.slowCall = .seconds(-1)
                }
            ),
            (
                "limits.breaker.window",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.window = .seconds(4000)
                }
            ),
            (
                "limits.breaker.minimumCalls",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.minimumCalls = 0
                }
            ),
            (
                "limits.breaker.openFor",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.openFor = .zero
                }
            ),
            (
                "limits.breaker.probes",
                {
                    $0.breaker = BreakerLimits(); $0.breaker?.probes = 65
                }
            ),
        ]
        for (key, change) in wrong {
            var limits = ResilienceLimits()
            change(&limits)
            let error = #expect(throws: ScoringError.self) { try limits.check() }
            #expect(error.map { "\($0)".hasPrefix("\(key) ") } == true, "\(key): \(String(describing: error))")
        }
    }
}
