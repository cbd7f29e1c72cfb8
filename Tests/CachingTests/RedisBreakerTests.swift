internal import Caching
internal import Testing

@Suite struct RedisBreakerTests {
    @Test func fiveFailuresInSixteenOpenIt() {
        var breaker = RedisBreaker()
        for _ in 0..<4 { #expect(breaker.record(success: false) == nil) }
        for _ in 0..<12 { #expect(breaker.record(success: true) == nil) }
        // The first four are forgotten one by one.
        for _ in 0..<4 { #expect(breaker.record(success: false) == nil) }
        #expect(!breaker.isOpen)
        #expect(breaker.record(success: false) == RedisBreaker.firstPause)
        #expect(breaker.isOpen)
        #expect(breaker.record(success: false) == nil)
    }

    @Test func probesComeLaterEachTimeUntilOneIsAnswered() {
        var breaker = RedisBreaker()
        for _ in 0..<5 { _ = breaker.record(success: false) }
        var pauses: [UInt64] = []
        for _ in 0..<6 { pauses.append(breaker.recordProbe(success: false) ?? 0) }
        #expect(pauses == [200, 400, 800, 1000, 1000, 1000].map { $0 * 1_000_000 })
        #expect(breaker.recordProbe(success: true) == nil)
        #expect(!breaker.isOpen)
        for _ in 0..<4 { #expect(breaker.record(success: false) == nil) }
        #expect(breaker.record(success: false) == RedisBreaker.firstPause)
    }

    @Test func waitsBeforeConnectingGrowToTheirLimitAndVary() {
        var (early, late) = (ReconnectBackoff(), ReconnectBackoff())
        for step in 0..<40 {
            let whole = min(ReconnectBackoff.first << UInt64(min(step, 30)), ReconnectBackoff.maxWait)
            #expect(early.next(chance: 0) == whole / 2)
            #expect(late.next(chance: 1) == whole)
        }
        late.reset()
        #expect(late.next(chance: 1) == ReconnectBackoff.first)
    }
}
