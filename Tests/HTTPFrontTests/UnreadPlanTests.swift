internal import HTTPFront
internal import Testing

@Suite struct UnreadPlanTests {
    @Test func withinTheLimitNobodyGoes() {
        var plan = UnreadPlan<Int>(limit: 100)
        for id in 0..<10 { #expect(plan.hold(10, by: id, hasProgressed: false).isEmpty) }
        #expect(plan.total == 100 && plan.count == 10)
        // More and less of the same one.
        #expect(plan.hold(4, by: 3, hasProgressed: false).isEmpty)
        #expect(plan.total == 94)
        for id in 0..<10 { #expect(plan.hold(0, by: id, hasProgressed: false).isEmpty) }
        #expect(plan.total == 0 && plan.count == 0)
    }

    @Test func whoHasGoneLongestWithoutReadingGoesFirst() {
        var plan = UnreadPlan<String>(limit: 100)
        _ = plan.hold(40, by: "slow", hasProgressed: false)
        _ = plan.hold(40, by: "deaf", hasProgressed: false)
        // Came first, but has read since.
        _ = plan.hold(40, by: "slow", hasProgressed: true)
        // Holding another amount is no progress.
        _ = plan.hold(39, by: "deaf", hasProgressed: false)
        #expect(plan.hold(40, by: "new", hasProgressed: false) == ["deaf"])
        #expect(plan.total == 80)
        #expect(plan.hold(90, by: "newest", hasProgressed: false) == ["slow", "new"])
        #expect(plan.total == 90)
    }

    @Test func theOneWhoOverflowsGoesIfItHasReadLeast() {
        var plan = UnreadPlan<String>(limit: 100)
        _ = plan.hold(50, by: "first", hasProgressed: false)
        _ = plan.hold(40, by: "second", hasProgressed: false)
        #expect(plan.hold(70, by: "first", hasProgressed: false) == ["first"])
        #expect(plan.total == 40)
    }

    @Test func aSingleOneMayHoldMoreThanTheLimit() {
        var plan = UnreadPlan<Int>(limit: 100)
        #expect(plan.hold(1000, by: 1, hasProgressed: false).isEmpty)
        #expect(plan.hold(10, by: 2, hasProgressed: false) == [1])
    }

    @Test func whoWasClosedMayReportItsEnd() {
        var plan = UnreadPlan<Int>(limit: 10)
        _ = plan.hold(8, by: 1, hasProgressed: false)
        #expect(plan.hold(8, by: 2, hasProgressed: false) == [1])
        #expect(plan.hold(0, by: 1, hasProgressed: false).isEmpty)
        #expect(plan.total == 8)
    }

    @Test func theSumIsNeverAboveTheLimitWhileThereIsMoreThanOne() {
        var plan = UnreadPlan<UInt64>(limit: 1000)
        var held: [UInt64: Int] = [:]
        var seed: UInt64 = 7
        for _ in 0..<20_000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let (id, bytes) = (seed >> 33 % 50, Int(seed >> 40 % 200))
            held[id] = bytes == 0 ? nil : bytes
            for victim in plan.hold(bytes, by: id, hasProgressed: seed >> 60 > 7) { held[victim] = nil }
            #expect(plan.total == held.values.reduce(0, +))
            #expect(plan.total <= 1000 || plan.count == 1)
        }
    }

    @Test func largeAnswersBeginWhereThoseThatAreReadLeaveRoom() {
        var plan = UnreadPlan<Int>(limit: 800)
        let second: UInt64 = 1_000_000_000
        #expect(plan.hasRoom(for: 10_000, now: 0), "one by itself may always")
        _ = plan.hold(400, by: 1, hasProgressed: false, now: second)
        #expect(plan.hasRoom(for: 300, now: second) && !plan.hasRoom(for: 301, now: second))
        _ = plan.hold(300, by: 2, hasProgressed: true, now: second + 5)
        #expect(!plan.hasRoom(for: 400, now: second + 10))
        // The first one has read nothing for long: it will be closed.
        #expect(plan.hasRoom(for: 400, now: second + UnreadPlan<Int>.patience))
        #expect(!plan.hasRoom(for: 401, now: second + UnreadPlan<Int>.patience))
        #expect(plan.hold(500, by: 3, hasProgressed: false, now: second + UnreadPlan<Int>.patience) == [1])
    }
}
