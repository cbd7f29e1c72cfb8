internal import Caching
internal import Foundation
internal import NIOCore
internal import Scoring
internal import Testing

/// A real redis-server that fails: every look-up ends within the bound, without an error, with the right score or none, and
/// the tier works again by itself.
@Suite(.serialized) struct RedisFaultTests {
    @Test func aRefusedConnectionCostsNothing() async throws {
        let port = try RedisServer.freePort()
        let fixture = try TierFixture("redis://127.0.0.1:\(port)")
        for _ in 0..<1000 {
            fixture.store(1)
            #expect(await fixture.look([1]) == nil)
        }
        #expect(fixture.tier.statistics.timeouts == 0, "nothing is waited for")
        #expect(fixture.tier.statistics.droppedStores == 1000)
    }

    @Test func aKilledServerIsFoundAgainWhenItIsBack() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1))
        server.kill()
        for _ in 0..<100 { _ = await fixture.lookBounded([1]) }
        #expect(await eventually { !fixture.tier.isAvailable })
        try server.start()
        #expect(await fixture.works(2))
        #expect(await fixture.look([1]) == [nil], "the new server is empty")
        #expect(fixture.tier.statistics.connections >= 2)
    }

    @Test func aPausedServerCostsTheTimeoutUntilTheBreakerOpens() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1))
        server.pause()
        defer { server.resume() }
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<500 {
            _ = await fixture.lookBounded([1])
            fixture.store(3)
        }
        // A few wait for the timeout and the others for nothing; without the breaker it would be 500 of them.
        #expect(fixture.tier.statistics.timeouts < 50)
        #expect(fixture.tier.statistics.breakerOpenings == 1)
        #expect(!fixture.tier.isAvailable)
        // Long enough for the connection to be given up, and for new ones that are not answered either.
        #expect(
            await eventually {
                await fixture.lookBounded([1]) == nil && clock.now - start > .milliseconds(2500)
            })
        server.resume()
        #expect(await fixture.works(2))
        #expect(await eventually { await fixture.look([1]) == [1] })
    }

    @Test func aShortPauseIsSurvivedOnTheSameConnection() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1))
        server.pause()
        while fixture.tier.isAvailable { _ = await fixture.lookBounded([1, 2]) }
        server.resume()
        // Late replies belong to look-ups that are over; later ones get their own.
        #expect(await eventually { await fixture.lookBounded([5, 1]) == [nil, 1] })
        #expect(fixture.tier.statistics.violations == 0)
    }

    @Test(arguments: [["DEBUG", "SLEEP", "0.8"], ["CLIENT", "PAUSE", "800", "ALL"]])
    func aSlowServerCostsTheTimeoutAtMost(command: [String]) async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1))
        if command.count == 3 {
            try server.command(command[0], command[1], command[2], reads: false)
        } else {
            try server.command(command[0], command[1], command[2], command[3])
        }
        #expect(await eventually { await fixture.lookBounded([1]) != [1] })
        while fixture.tier.isAvailable { _ = await fixture.lookBounded([1]) }
        #expect(fixture.tier.statistics.timeouts > 0)
        #expect(await eventually { await fixture.lookBounded([1]) == [1] })
    }

    @Test func aFullServerStillAnswersWhatItHas() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)")
        #expect(await fixture.works(1))
        try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        try server.command("CONFIG", "SET", "maxmemory", "1")
        #expect(
            await eventually {
                fixture.store(2)
                return fixture.tier.statistics.errors > 0
            })
        for _ in 0..<50 { #expect(await fixture.lookBounded([1, 2]) == [1, nil]) }
        #expect(fixture.tier.isAvailable)
        try server.command("CONFIG", "SET", "maxmemory", "0")
        #expect(await fixture.works(3))
    }

    @Test func aRequestsOwnDeadlineEndsItsLookUpEarlier() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)", timeout: .seconds(60))
        #expect(await fixture.works(1))
        server.pause()
        defer { server.resume() }
        for _ in 0..<10 {
            let clock = ContinuousClock()
            let start = clock.now
            #expect(await fixture.look([1], deadline: Moment.now.advanced(byMilliseconds: 5)) == [nil])
            #expect(clock.now - start < TierFixture.bound)
        }
        #expect(await fixture.look([1], deadline: Moment(nanoseconds: 1)) == [nil])
        #expect(fixture.tier.isAvailable, "callers in a hurry do not open the breaker")
    }

    @Test func closingEndsLookUpsThatWait() async throws {
        let server = try RedisServer()
        let fixture = try TierFixture("redis://127.0.0.1:\(server.port)", timeout: .seconds(10))
        #expect(await fixture.works(1))
        server.pause()
        defer { server.resume() }
        async let found = fixture.look([1])
        #expect(await eventually { fixture.tier.statistics.rows > 0 })
        try await fixture.tier.close().get()
        let result = await found
        #expect(result == [nil] || result == nil)
        #expect(await fixture.look([1]) == nil)
    }
}
