internal import Registry
internal import Scoring
internal import Testing

/// A registry on real folders: what serves, what the index says, what operators can order.
@Suite struct ModelRegistryTests {
    @Test func whatIsThereAtTheStartServes() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "sum 2")
        try fixture.write("fraud/2/golden.csv", "a,prediction\n1,2\n")
        try fixture.write("credit/10/model.txt", "sum 10")
        #expect(!fixture.registry.isReady)
        try await fixture.registry.start()
        #expect(fixture.registry.isReady)
        #expect(fixture.states == ["credit/10 READY", "fraud/1 READY", "fraud/2 READY"])
        #expect(try fixture.score("fraud") == 2)
        #expect(try fixture.score("fraud", version: 1) == 1)
        #expect(try fixture.score("credit") == 10)
        #expect(fixture.events.lines.contains("loaded fraud/2 Fake 1"))
        #expect(fixture.events.count(of: "published") == 3)
        let served = try fixture.registry.resolve(model("fraud")).served
        #expect(served.name.text == "fraud" && served.versionText == "2" && served.meter is FakeMeter)
    }

    @Test func aBrokenVersionBesideAGoodOneIsReportedAndNotServed() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "broken")
        try fixture.write("other/1/model.txt", "sum 3")
        try await fixture.registry.start()
        #expect(fixture.registry.isReady)
        #expect(
            fixture.entry("fraud", "2")
                == RepositoryEntry(
                    name: "fraud", version: "2", state: .unavailable, reason: "this one is broken (at byte 0)"))
        #expect(try fixture.score("fraud") == 1)
        #expect(throws: ScoringError.notReady("version 2 of model 'fraud' is unavailable: this one is broken (at byte 0)")) {
            try fixture.score("fraud", version: 2)
        }
        for _ in 0..<3 { try await fixture.settle() }
        #expect(fixture.events.count(of: "refused fraud/2") == 1)
    }

    @Test func lookupsSayWhyThereIsNoAnswer() async throws {
        let fixture = try RepositoryFixture()
        #expect(throws: ScoringError.notReady("the server is still looking for its models")) { try fixture.score("fraud") }
        #expect(throws: ScoringError.notReady("the server is still looking for its models")) { try fixture.score(nil) }
        try await fixture.registry.start()
        #expect(throws: ScoringError.notReady("the model repository is empty")) { try fixture.score(nil) }
        #expect(throws: ScoringError.unknownModel("fraud")) { try fixture.score("fraud") }
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.settle()
        let ninth = ScoringError.unknownVersion(model: "fraud", version: "9", hint: "it has 1")
        #expect(throws: ninth) { try fixture.score("fraud", version: 9) }
        #expect(throws: ninth) { try fixture.score(nil, version: 9) }
        #expect(throws: ScoringError.unknownModel("credit")) { try fixture.score("credit") }
    }

    @Test func aMistypedModelGetsTheOneThatWasMeant() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        let error = ScoringError.unknownModel("fruad", hint: "did you mean 'fraud'?")
        #expect(throws: error) { try fixture.score("fruad") }
        await #expect(throws: error) { try await fixture.registry.load(model("fruad")) }
        await #expect(throws: error) { try await fixture.registry.unload(model("fruad")) }
        #expect(error.description == "unknown model 'fruad'; did you mean 'fraud'?")
        // Comparing takes time in proportion to the length.
        let long = "fraud" + String(repeating: "x", count: 60)
        #expect(throws: ScoringError.unknownModel(long)) { try fixture.score(long) }
    }

    @Test func requestsWithoutANameGoToTheOnlyModelOrTheDefault() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        #expect(try fixture.score(nil) == 1)
        #expect(try fixture.score(nil, version: 1) == 1)
        // A broken neighbour does not make the name necessary; a serving one does.
        try fixture.write("credit/1/model.txt", "broken")
        try await fixture.settle()
        #expect(try fixture.score(nil) == 1)
        try fixture.write("credit/1/model.txt", "sum 3")
        try await fixture.settle()
        let error = try #require(throws: ScoringError.self) { try fixture.score(nil) }
        guard case .invalidRequest = error else { throw error }

        let second = try RepositoryFixture { $0.defaultModel = ModelName("credit") }
        try second.write("fraud/1/model.txt", "sum 1")
        try second.write("credit/1/model.txt", "sum 3")
        try await second.registry.start()
        #expect(try second.score(nil) == 3)
        try await second.registry.unload(model("credit"))
        #expect(throws: ScoringError.notReady("model 'credit' is unloaded")) { try second.score(nil) }
    }

    @Test func aCopyInProgressIsNotPickedUp() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        try fixture.write("fraud/2/model.txt", "sum")
        try await fixture.registry.scan()
        for size in 1...5 {
            try fixture.write("fraud/2/model.txt", "sum 2" + String(repeating: " ", count: size))
            try await fixture.registry.scan()
            await fixture.registry.waitForLoads()
        }
        #expect(fixture.states == ["fraud/1 READY", "fraud/2 UNAVAILABLE"])
        #expect(fixture.events.count(of: "loaded fraud/2") == 0 && fixture.events.count(of: "refused") == 0)
        try await fixture.registry.scan()
        await fixture.registry.waitForLoads()
        #expect(try fixture.score("fraud") == 2)
    }

    @Test func aFolderThatIsRenamedInIsPickedUpWhole() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        try fixture.write("fraud/.incoming/model.txt", "sum 2")
        try await fixture.settle()
        #expect(fixture.states == ["fraud/1 READY"])
        try fixture.write("fraud/.incoming/golden.csv", "a,prediction\n1,2\n")
        try fixture.move("fraud/.incoming", to: "fraud/2")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 2)
        #expect(fixture.events.lines.contains("loaded fraud/2 Fake 1"))
    }

    @Test func aRemovedVersionStopsServing() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "sum 2")
        try await fixture.registry.start()
        try fixture.remove("fraud/2")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 1)
        #expect(throws: ScoringError.self) { try fixture.score("fraud", version: 2) }
        try await eventually("the removed version is drained and forgotten") { fixture.states == ["fraud/1 READY"] }
        try await eventually("that is reported") { fixture.events.lines.last == "drained fraud/2" }
        #expect(fixture.events.lines.dropLast().last == "withdrawn fraud/2")
        try await eventually("its memory is freed") { fixture.format.census.alive == 1 }
    }

    @Test func aChangedManifestTakesEffect() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 2")
        try await fixture.registry.start()
        #expect(try fixture.registry.resolve(model("fraud")).served.rule == nil)
        try fixture.write("fraud/model.yaml", "policy: { block: 1 }\nscore: half")
        try await fixture.settle()
        #expect(try fixture.registry.resolve(model("fraud")).served.rule?.decision(for: 2) == .block)
        #expect(try fixture.score("fraud") == 1)
        try fixture.write("fraud/model.yaml", "polcy: { block: 1 }")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 1)
        #expect(fixture.entry("fraud")?.state == .ready)
        #expect(fixture.entry("fraud")?.reason.contains("did you mean 'policy'?") == true)
        try fixture.remove("fraud/model.yaml")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 2)
        #expect(fixture.entry("fraud")?.reason == "")
    }

    @Test func changedContentIsServedOnlyIfItPassesItsGoldenRows() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 2")
        try fixture.write("fraud/1/golden.csv", "a,prediction\n1,2\n")
        try await fixture.registry.start()
        try fixture.write("fraud/1/model.txt", "sum 3")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 2)
        #expect(fixture.entry("fraud")?.reason.contains("expected '2', got '3.0'") == true)
        try fixture.write("fraud/1/golden.csv", "a,prediction\n1,3\n")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 3)
        #expect(fixture.entry("fraud")?.reason == "")
    }

    @Test func onlyTheVersionsThatTheManifestServesAreLoaded() async throws {
        let fixture = try RepositoryFixture()
        for number in 1...3 { try fixture.write("fraud/\(number)/model.txt", "sum \(number)") }
        try fixture.write("fraud/model.yaml", "versions: { serve: [1, 2] }")
        try await fixture.registry.start()
        #expect(fixture.states == ["fraud/1 READY", "fraud/2 READY", "fraud/3 UNAVAILABLE"])
        #expect(fixture.entry("fraud", "3")?.reason == "not among the versions that model.yaml serves")
        #expect(try fixture.score("fraud") == 2)
        try fixture.write("fraud/model.yaml", "versions: { serve: [1] }")
        try await fixture.settle()
        #expect(try fixture.score("fraud") == 1)
        #expect(fixture.events.count(of: "loaded fraud/1") == 1, "a rollback reloads nothing")
    }

    @Test func unloadedModelsAnswerNothingUntilTheyAreLoaded() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        try await fixture.registry.unload(model("fraud"))
        #expect(throws: ScoringError.notReady("model 'fraud' is unloaded")) { try fixture.score("fraud") }
        try await eventually("the model is freed") { fixture.format.census.alive == 0 }
        try await eventually("the index says so") { fixture.entry("fraud")?.state == .unavailable }
        #expect(fixture.entry("fraud")?.reason == "unloaded")
        try fixture.write("fraud/1/model.txt", "sum 5")
        try await fixture.settle()
        #expect(throws: ScoringError.self) { try fixture.score("fraud") }
        try await fixture.registry.load(model("fraud"))
        #expect(try fixture.score("fraud") == 5)
        await #expect(throws: ScoringError.unknownModel("credit")) { try await fixture.registry.unload(model("credit")) }
    }

    @Test func loadingReadsAgainAtOnceAndThrowsTheReason() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        try fixture.write("fraud/2/model.txt", "sum 2")
        try await fixture.registry.load(model("fraud"))
        #expect(try fixture.score("fraud") == 2)
        #expect(fixture.events.count(of: "loaded fraud/1") == 2)
        try fixture.write("fraud/3/model.txt", "broken")
        await #expect(throws: ScoringError.refusedModel("version 3: this one is broken (at byte 0)")) {
            try await fixture.registry.load(model("fraud"))
        }
        #expect(try fixture.score("fraud") == 2)
        await #expect(throws: ScoringError.unknownModel("credit")) { try await fixture.registry.load(model("credit")) }
        try fixture.write("fraud/model.yaml", "inputs: 7")
        await #expect(throws: ScoringError.refusedModel("model.yaml: line 1: inputs must be a list, not '7'")) {
            try await fixture.registry.load(model("fraud"))
        }
        #expect(try fixture.score("fraud") == 2)
    }

    @Test func aSlowLoadHoldsUpNeitherScansNorOtherModels() async throws {
        let fixture = try RepositoryFixture { $0.loadingThreads = 2 }
        try fixture.write("slow/1/model.txt", "gated 4")
        try await fixture.registry.scan()
        try await eventually("the slow load runs") { fixture.format.gate.arrivals == 1 }
        #expect(fixture.states == ["slow/1 LOADING"])
        #expect(throws: ScoringError.notReady("model 'slow' is loading")) { try fixture.score("slow") }
        #expect(throws: ScoringError.notReady("version 1 of model 'slow' is loading")) { try fixture.score("slow", version: 1) }
        try fixture.write("fast/1/model.txt", "sum 1")
        try await fixture.registry.scan()
        try await fixture.registry.scan()
        try await eventually("the fast model serves") { fixture.entry("fast")?.state == .ready }
        fixture.format.gate.open()
        await fixture.registry.waitForLoads()
        #expect(try fixture.score("slow") == 4)
    }

    @Test func unloadingDuringALoadWinsAndTheNextLoadServes() async throws {
        let fixture = try RepositoryFixture { $0.loadingThreads = 2 }
        try fixture.write("slow/1/model.txt", "gated 4")
        try await fixture.registry.scan()
        try await eventually("the load runs") { fixture.format.gate.arrivals == 1 }
        try await fixture.registry.unload(model("slow"))
        fixture.format.gate.open()
        try await eventually("what was loaded is dropped") {
            fixture.events.count(of: "loaded slow/1") == 1 && fixture.format.census.alive == 0
        }
        #expect(throws: ScoringError.notReady("model 'slow' is unloaded")) { try fixture.score("slow") }
        #expect(fixture.events.count(of: "published") == 0 && fixture.events.count(of: "drained") == 0)
        fixture.format.gate.open()
        try await fixture.registry.load(model("slow"))
        #expect(try fixture.score("slow") == 4)
    }

    @Test func aRepositoryThatDisappearsLeavesEverythingServing() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        try fixture.remove("")
        for _ in 0..<3 { await #expect(throws: ScoringError.self) { try await fixture.registry.scan() } }
        #expect(try fixture.score("fraud") == 1)
    }

    @Test func foldersThatAreNoVersionsAreInTheIndex() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("empty/.keep", "")
        try fixture.write("fraud/01/model.txt", "sum 1")
        try await fixture.registry.start()
        #expect(fixture.states == ["empty/ UNAVAILABLE", "fraud/01 UNAVAILABLE"])
        #expect(fixture.entry("empty", "")?.reason.contains("no version") == true)
        #expect(fixture.entry("fraud", "01")?.reason.contains("without leading zeros") == true)
    }

    @Test func readinessEndsWhenShutdownBeginsButAnswersDoNot() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        fixture.registry.beginShutdown()
        #expect(!fixture.registry.isReady)
        #expect(try fixture.score("fraud") == 1)
    }
}
