internal import HTTPFront
internal import Testing

@Suite struct HeldBytesPlanTests {
    @Test func withinTheLimitNobodyGoes() {
        var plan = HeldBytesPlan<Int>(limit: 100)
        for id in 0..<10 { #expect(plan.hold(10, by: id, hasProgressed: false).isEmpty) }
        #expect(plan.total == 100 && plan.count == 10)
        // More and less of the same one.
        #expect(plan.hold(4, by: 3, hasProgressed: false).isEmpty)
        #expect(plan.total == 94)
        for id in 0..<10 { #expect(plan.hold(0, by: id, hasProgressed: false).isEmpty) }
        #expect(plan.total == 0 && plan.count == 0)
    }

    @Test func whoHasGoneLongestWithoutReadingGoesFirst() {
        var plan = HeldBytesPlan<String>(limit: 100)
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
        var plan = HeldBytesPlan<String>(limit: 100)
        _ = plan.hold(50, by: "first", hasProgressed: false)
        _ = plan.hold(40, by: "second", hasProgressed: false)
        #expect(plan.hold(70, by: "first", hasProgressed: false) == ["first"])
        #expect(plan.total == 40)
    }

    @Test func aSingleOneMayHoldMoreThanTheLimit() {
        var plan = HeldBytesPlan<Int>(limit: 100)
        #expect(plan.hold(1000, by: 1, hasProgressed: false).isEmpty)
        #expect(plan.hold(10, by: 2, hasProgressed: false) == [1])
    }

    @Test func whoWasClosedMayReportItsEnd() {
        var plan = HeldBytesPlan<Int>(limit: 10)
        _ = plan.hold(8, by: 1, hasProgressed: false)
        #expect(plan.hold(8, by: 2, hasProgressed: false) == [1])
        #expect(plan.hold(0, by: 1, hasProgressed: false).isEmpty)
        #expect(plan.total == 8)
    }

    @Test func theSumIsNeverAboveTheLimitWhileThereIsMoreThanOne() {
        var plan = HeldBytesPlan<UInt64>(limit: 1000)
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
        var plan = HeldBytesPlan<Int>(limit: 800)
        let (second, patience) = (1_000_000_000 as UInt64, HeldBytesPlan<Int>.patience)
        #expect(plan.reserve(10_000, for: 1, now: 0) == [], "one by itself may always")
        #expect(plan.reserve(1, for: 2, now: 0) == nil && plan.count == 1 && plan.total == 10_000)
        #expect(plan.hold(0, by: 1, hasProgressed: true).isEmpty)
        #expect(plan.reserve(300, for: 1, now: second) == [])
        #expect(plan.reserve(301, for: 2, now: second) == nil, "a quarter stays for small answers")
        #expect(plan.reserve(300, for: 2, now: second + 5) == [])
        #expect(plan.reserve(1, for: 3, now: second + patience - 1) == nil)
        // The first one has read nothing for long.
        #expect(plan.reserve(301, for: 3, now: second + patience) == nil, "it would not be enough, so it is left alone")
        #expect(plan.count == 2)
        #expect(plan.reserve(300, for: 3, now: second + patience) == [1])
        #expect(plan.total == 600)
        // Its next answer takes the place of the one before.
        #expect(plan.reserve(200, for: 3, now: second + patience) == [])
        #expect(plan.total == 500)
    }

    @Test func whatIsReservedIsNotTakenBySmallAnswers() {
        var plan = HeldBytesPlan<Int>(limit: 800)
        #expect(plan.reserve(600, for: 1, now: 0) == [])
        for id in 2..<1000 {
            let victims = plan.hold(50, by: id, hasProgressed: false, now: UInt64(id))
            #expect(!victims.contains(1) && plan.total <= 800)
        }
        // The large answer's own text is within what it reserved.
        #expect(plan.hold(10, by: 1, keepsReservation: true, hasProgressed: false, now: 1000).isEmpty)
        #expect(plan.total == 800)
        // It ends, and what is left of it is a small one.
        #expect(plan.hold(10, by: 1, hasProgressed: true, now: 1000).isEmpty)
        #expect(plan.total == 210)
    }

    @Test func whoHoldsMoreThanItReservedGoesBeforeThoseThatDoNot() {
        var plan = HeldBytesPlan<Int>(limit: 800)
        #expect(plan.reserve(300, for: 1, now: 0) == [])
        #expect(plan.reserve(300, for: 2, now: 1) == [])
        #expect(plan.hold(501, by: 2, keepsReservation: true, hasProgressed: true, now: 2) == [2])
        #expect(plan.total == 300)
    }

    @Test func reservedAnswersThatAreReadAreNeverCutOff() {
        var plan = HeldBytesPlan<UInt64>(limit: 10_000)
        var large: [UInt64: Int] = [:]
        var seed: UInt64 = 11
        for now in 0..<20_000 as Range<UInt64> {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let (id, bytes) = (seed >> 33 % 100, Int(seed >> 40 % 3000))
            var victims: [UInt64] = []
            switch (seed >> 58 % 4, large[id]) {
            case (0, nil):
                if let chosen = plan.reserve(bytes + 1, for: id, now: now) {
                    victims = chosen
                    large[id] = bytes + 1
                }
            case (1, _?):
                large[id] = nil
                victims = plan.hold(0, by: id, hasProgressed: false, now: now)
            case (_, let reserved?):
                victims = plan.hold(min(bytes, reserved), by: id, keepsReservation: true, hasProgressed: false, now: now)
            default: victims = plan.hold(bytes, by: id, hasProgressed: false, now: now)
            }
            #expect(victims.allSatisfy { large[$0] == nil })
            #expect(plan.total <= 10_000 || plan.count == 1)
        }
    }
}
