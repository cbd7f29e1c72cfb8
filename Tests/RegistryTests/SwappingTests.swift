internal import Registry
internal import Scoring
internal import Synchronization
internal import Testing

/// Versions change while requests run: nobody sees half a swap, and what is replaced is freed.
@Suite struct SwappingTests {
    @Test func aReplacedVersionIsFreedWhenTheLastRequestLetsGo() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        var held: ServedModel? = try fixture.registry.resolve(model("fraud")).served
        try fixture.write("fraud/1/model.txt", "sum 2")
        try await fixture.registry.load(model("fraud"))
        #expect(try fixture.score("fraud") == 2)
        #expect(try scoreOfOne(#require(held)) == 1)
        // The control thread has run everything that came before this order.
        try await fixture.registry.scan()
        #expect(fixture.format.census.alive == 2)
        #expect(fixture.events.count(of: "drained") == 0)
        held = nil
        try await eventually("the old content drains") { fixture.events.count(of: "drained fraud/1") == 1 }
        try await eventually("its memory is freed") { fixture.format.census.alive == 1 }
        #expect(fixture.states == ["fraud/1 READY"])
    }

    @Test func anUnloadedVersionIsUnloadingUntilItsLastRequestIsDone() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        var held: ServedModel? = try fixture.registry.resolve(model("fraud")).served
        try await fixture.registry.unload(model("fraud"))
        #expect(fixture.states == ["fraud/1 UNLOADING"])
        #expect(try scoreOfOne(#require(held)) == 1)
        held = nil
        try await eventually("it is gone") { fixture.states == ["fraud/1 UNAVAILABLE"] }
        #expect(fixture.entry("fraud")?.reason == "unloaded")
    }

    @Test func lookupsDuringSwapsSeeOneVersionWhole() async throws {
        let fixture = try RepositoryFixture()
        for number in 1...4 { try fixture.write("fraud/\(number)/model.txt", "sum \(number)") }
        try fixture.write("fraud/model.yaml", "versions: { serve: [1] }")
        try await fixture.registry.start()
        let name = try model("fraud")
        let registry = fixture.registry
        let progress = Progress()
        try await withThrowingTaskGroup(of: Set<Int>.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var seen: Set<Int> = []
                    while !progress.isDone.load(ordering: .relaxed) {
                        let served = try registry.resolve(name).served
                        #expect(try scoreOfOne(served) == Double(served.version.number))
                        seen.insert(served.version.number)
                        progress.lookups.add(1, ordering: .relaxed)
                        if progress.lookups.load(ordering: .relaxed) % 64 == 0 { await Task.yield() }
                    }
                    return seen
                }
            }
            for round in 0..<200 {
                try fixture.write("fraud/model.yaml", "versions: { serve: [\(round % 4 + 1)] }")
                try await fixture.settle()
                #expect(try registry.resolve(name).served.version.number == round % 4 + 1)
            }
            progress.isDone.store(true, ordering: .relaxed)
            var seen: Set<Int> = []
            for try await some in group { seen.formUnion(some) }
            #expect(seen.count > 1)
        }
        try await eventually("only the serving version is left") { fixture.format.census.alive == 1 }
        #expect(progress.lookups.load(ordering: .relaxed) > 200)
    }

    @Test func thousandsOfSwapsLeaveNothingBehind() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "sum 2")
        try await fixture.registry.start()
        let swaps = 3000
        for _ in 0..<swaps {
            _ = try fixture.registry.resolve(model("fraud")).served
            try await fixture.registry.load(model("fraud"))
        }
        try await eventually("all replaced contents are freed") { fixture.format.census.alive == 2 }
        #expect(fixture.events.count(of: "published") == 2 * swaps + 2)
        try await eventually("all are reported") { fixture.events.count(of: "drained") == 2 * swaps }
        #expect(fixture.states == ["fraud/1 READY", "fraud/2 READY"])
    }

    @Test func ordersFromManyTasksAtOnceEndInAConsistentState() async throws {
        let fixture = try RepositoryFixture()
        for name in ["a", "b", "c"] { try fixture.write("\(name)/1/model.txt", "sum 1") }
        try await fixture.registry.start()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    guard let name = ModelName(["a", "b", "c"][index % 3]) else { return }
                    switch index % 4 {
                    case 0: try? await fixture.registry.unload(name)
                    case 1: try? await fixture.registry.scan()
                    default: try? await fixture.registry.load(name)
                    }
                }
            }
        }
        for name in ["a", "b", "c"] {
            try await fixture.registry.load(model(name))
            #expect(try fixture.score(name) == 1)
        }
        try await eventually("one model a name is left") { fixture.format.census.alive == 3 }
        #expect(fixture.states == ["a/1 READY", "b/1 READY", "c/1 READY"])
    }

    @Test func aRegistryThatIsDroppedFreesItsModels() async throws {
        let census: Census
        do {
            let fixture = try RepositoryFixture()
            census = fixture.format.census
            try fixture.write("fraud/1/model.txt", "sum 1")
            try await fixture.registry.start()
            #expect(census.alive == 1)
        }
        try await eventually("its models are freed") { census.alive == 0 }
    }

    private final class Progress: Sendable {
        let isDone = Atomic(false)
        let lookups = Atomic(0)
    }
}
