internal import Foundation
internal import Logging
internal import Registry
internal import Scoring
internal import ServiceLifecycle
internal import Testing

/// The registry for the life of a server, and `verdict check`.
@Suite struct RegistryServiceTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func theServiceLoadsWatchesAndStopsGracefully() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        let service = RegistryService(fixture.registry, interval: .milliseconds(2))
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [service], logger: logger))
        async let run: Void = group.run()
        try await eventually("it is ready") { fixture.registry.isReady }
        #expect(try fixture.score("fraud") == 1)
        try fixture.write("fraud/2/model.txt", "sum 2")
        try await eventually("the new version is picked up") { (try? fixture.score("fraud")) == 2 }
        await group.triggerGracefulShutdown()
        try await run
        #expect(!fixture.registry.isReady)
        #expect(try fixture.score("fraud") == 2)
    }

    @Test func shutdownDoesNotWaitForModelsThatStillLoad() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("slow/1/model.txt", "gated 4")
        let service = RegistryService(fixture.registry)
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [service], logger: logger))
        async let run: Void = group.run()
        try await eventually("the load runs") { fixture.format.gate.arrivals == 1 }
        await group.triggerGracefulShutdown()
        try await run
        #expect(!fixture.registry.isReady)
        fixture.format.gate.open()
        await fixture.registry.waitForLoads()
    }

    @Test func eachLoadIsOneLogLine() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/1/golden.csv", "a,prediction\n1,1\n")
        try fixture.write("fraud/2/model.txt", "broken")
        try fixture.write("my model/1/model.txt", "sum 1")
        try await fixture.registry.start()
        for _ in 0..<3 { try await fixture.settle() }
        try await fixture.registry.unload(model("fraud"))
        #expect(
            fixture.log.lines.sorted() == [
                "error model version refused duration_ms model=fraud reason=this one is broken (at byte 0) version=2",
                "info model version loaded bytes=5 duration_ms format=Fake golden_rows=1 model=fraud version=1",
                "info model version withdrawn model=fraud version=1",
                "warning ignored in the model repository reason=the folder 'my model' is no model: a name is 1 to 128 of A-Z a-z 0-9 _ - .",
            ])
    }

    /// A fault outside a version's files is no failed load, and would otherwise show in the index alone.
    @Test func faultsOfAWholeModelAreLoggedOnce() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/model.yaml", "polcy: 1\n")
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("other/01/model.txt", "sum 1")
        try await fixture.registry.start()
        for _ in 0..<3 { try await fixture.settle() }
        let faults = fixture.log.lines.filter { $0.hasPrefix("error fault in the model repository model=") }
        #expect(faults.count == 2)
        #expect(faults.contains { $0.contains("reason=fraud: model.yaml: line 1: unknown key 'polcy', did you mean 'policy'?") })
        #expect(faults.contains { $0.contains("reason=other: the folder '01' is no version") })
        try fixture.write("fraud/model.yaml", "policy: { block: 0.5 }\n")
        try await fixture.settle()
        #expect(fixture.log.lines.contains { $0.hasPrefix("info model version loaded") && $0.contains("model=fraud") })
        // What is over is said once as well, and what is not is not said again.
        let over = fixture.log.lines.filter { $0.hasPrefix("notice a fault in the model repository is over model=fraud reason=") }
        #expect(over.count == 1 && over.first?.contains("reason=fraud: model.yaml: line 1") == true)
        #expect(fixture.log.lines.count { $0.hasPrefix("error fault in the model repository") } == 2)
    }

    /// Nothing is loaded of them, so that no load would say it.
    @Test func modelsWithoutAVersionAndVersionsWithoutAFolderAreWarnedOfOnce() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("archive/export/1/model.txt", "sum 1")
        try fixture.write("fraud/model.yaml", "versions: { serve: [1, 7] }")
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        for _ in 0..<3 { try await fixture.settle() }
        let missing =
            "model.yaml names this version, but its folder 'fraud/7' is not there; add it, or name another version (it has 1)"
        #expect(
            fixture.log.lines.filter { $0.hasPrefix("warning") }.sorted() == [
                "warning not there in the model repository model=archive reason=archive: it has no version: no folder named by a positive whole "
                    + "number; its versions are too deep, in 'archive/export': move them up into 'archive'",
                "warning not there in the model repository model=fraud reason=fraud: version 7: \(missing)",
            ])
        #expect(fixture.entry("archive", "")?.reason.hasSuffix("move them up into 'archive'") == true)
        #expect(fixture.entry("fraud", "7")?.reason == missing)
        // An order to load answers what it could not load; what is there serves.
        await #expect(throws: ScoringError.refusedModel("version 7: \(missing)")) {
            try await fixture.registry.load(model("fraud"))
        }
        #expect(try fixture.score("fraud") == 1)
        try fixture.write("fraud/7/model.txt", "sum 7")
        try fixture.move("archive/export/1", to: "archive/1")
        try await fixture.settle()
        try await fixture.registry.load(model("fraud"))
        #expect(try fixture.score("fraud") == 7 && fixture.score("archive") == 1)
        #expect(fixture.log.lines.count { $0.hasPrefix("notice a fault in the model repository is over") } == 2)
    }

    @Test func aModelThatIsBeingCopiedInIsNotWarnedOf() async throws {
        let fixture = try RepositoryFixture()
        try await fixture.registry.start()
        try fixture.write("fraud/model.yaml", "versions: { serve: [1] }")
        try await fixture.registry.scan()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.settle()
        #expect(!fixture.log.lines.contains { $0.hasPrefix("warning not there") })
        #expect(try fixture.score("fraud") == 1)
    }

    @Test func thatARepositoryCannotBeReadIsSaidOnceAndOnceWhenItCanBeAgain() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        try await fixture.registry.start()
        func said(_ message: String) -> Int { fixture.log.lines.count { $0.contains(message) } }
        for turn in 1...2 {
            #expect(fixture.registry.problem == nil)
            try FileManager.default.moveItem(atPath: fixture.root, toPath: fixture.root + "-away")
            for _ in 0..<3 { await #expect(throws: ScoringError.self) { try await fixture.registry.scan() } }
            #expect(said("error model repository scan failed") == turn)
            #expect(fixture.registry.problem?.contains("cannot be read now") == true)
            #expect(fixture.registry.problem?.contains(fixture.root) == false, "callers need not know where it is")
            try FileManager.default.moveItem(atPath: fixture.root + "-away", toPath: fixture.root)
            for _ in 0..<3 { try await fixture.settle() }
            #expect(said("notice the model repository can be read again") == turn)
        }
        #expect(fixture.registry.problem == nil)
        #expect(try fixture.score("fraud") == 1)
    }

    @Test func theServiceEndsWhereThereIsNoRepository() async throws {
        let fixture = try RepositoryFixture { $0.root += "/nowhere" }
        let service = RegistryService(fixture.registry)
        await #expect(throws: ScoringError.self) { try await service.run() }
        #expect(!fixture.registry.isReady)
    }

    @Test func theServiceOutlivesARepositoryThatGoesAndComesBack() async throws {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/1/model.txt", "sum 1")
        let service = RegistryService(fixture.registry, interval: .milliseconds(2))
        let running = Task { try await service.run() }
        try await eventually("it is ready") { fixture.registry.isReady }
        try fixture.remove("")
        await #expect(throws: ScoringError.self) { try await fixture.registry.scan() }
        #expect(try fixture.score("fraud") == 1)
        try fixture.write("fraud/3/model.txt", "sum 3")
        try await eventually("the new content is picked up") { (try? fixture.score("fraud")) == 3 }
        running.cancel()
        try await running.value
    }

    @Test func aCheckSaysWhatBecomesOfEveryVersion() throws {
        let fixture = try RepositoryFixture()
        try fixture.write("credit/1/model.txt", "sum 3")
        try fixture.write("fraud/model.yaml", "versions: { serve: [2, 3, 10, 11] }")
        try fixture.write("fraud/1/model.txt", "sum 1")
        try fixture.write("fraud/2/model.txt", "sum 2")
        try fixture.write("fraud/2/golden.csv", "a,prediction\n1,2\n2,4\n")
        try fixture.write("fraud/3/model.txt", "sum 2")
        try fixture.write("fraud/3/golden.csv", "a,prediction\n1,3\n")
        try fixture.write("fraud/10/model.txt", "broken")
        try fixture.write("typo/model.yaml", "scores: 1")
        try fixture.write("typo/1/model.txt", "sum 1")
        try fixture.write("no model/1/model.txt", "sum 1")
        var check = RepositoryCheck(root: fixture.root, formats: [fixture.format])
        var shares: [Double] = []
        let findings = try check.run { _, _, share in shares.append(share) }
        #expect(shares == [0, 0.25, 0.5, 0.75])
        let lines = findings.map { finding in
            switch finding.outcome {
            case .passed(let format, let rows, _): "\(finding.name)/\(finding.version) passed \(format) \(rows)"
            case .refused(let reason): "\(finding.name)/\(finding.version) refused \(reason)"
            case .skipped(let reason): "\(finding.name)/\(finding.version) skipped \(reason)"
            }
        }
        #expect(
            lines == [
                "/ skipped the folder 'no model' is no model: a name is 1 to 128 of A-Z a-z 0-9 _ - .",
                "credit/1 passed Fake 0",
                "fraud/1 skipped not among the versions that model.yaml serves",
                "fraud/2 passed Fake 2",
                "fraud/3 refused golden.csv line 2: column 'prediction': expected '3', got '2.0'",
                "fraud/10 refused this one is broken (at byte 0)",
                "fraud/11 refused model.yaml names this version, but its folder 'fraud/11' is not there; "
                    + "add it, or name another version (it has 1, 2, 3, 10)",
                "typo/1 refused model.yaml: line 1: unknown key 'scores', did you mean 'score'?",
            ])
        #expect(fixture.format.census.alive == 0)
    }

    @Test func aCheckOfNoRepositoryIsAnError() {
        var check = RepositoryCheck(root: "/nonexistent", formats: [])
        #expect(throws: ScoringError.self) { try check.run() }
    }
}
