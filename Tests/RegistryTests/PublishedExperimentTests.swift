internal import Experiments
internal import Registry
internal import Scoring
internal import Testing

/// Which version answers, and what is learned from it, while model.yaml has experiments.
@Suite struct PublishedExperimentTests {
    private static let canary =
        "versions: { labels: { stable: 1 }, canary: { version: 2, share: 50, window: 1s, soak: 1s, minimumRows: 100 } }"

    private func fixture(_ yaml: String, versions: ClosedRange<Int> = 1...2) async throws -> RepositoryFixture {
        let fixture = try RepositoryFixture()
        try fixture.write("fraud/model.yaml", yaml)
        for version in versions { try fixture.write("fraud/\(version)/model.fake", "sum \(version)") }
        try await fixture.registry.start()
        return fixture
    }

    private func serving(_ fixture: RepositoryFixture, _ version: VersionReference? = nil) throws -> ResolvedModel {
        try fixture.registry.resolve(model("fraud"), version: version)
    }

    /// A request that the version answered, as the pipeline hands it to the experiment.
    private func learn(_ found: ResolvedModel, _ served: ServedModel, isChosen: Bool = true, isCached: Bool = false) throws {
        try finish(found, served, isChosen: isChosen) { $0.outcome.isCached = isCached }
    }

    /// The same of a request that failed.
    private func learn(
        _ found: ResolvedModel, _ failure: ScoringError, rows: Int = 1, of served: ServedModel, isChosen: Bool = true
    ) throws {
        try finish(found, served, rows: rows, isChosen: isChosen) { $0.outcome.failure = Outcome.Failure(failure) }
    }

    private func finish(
        _ found: ResolvedModel, _ served: ServedModel, rows: Int = 1, isChosen: Bool, _ body: (RowGroup) -> Void
    ) throws {
        let group = RowGroup()
        let observer = try #require(found.observer)
        group.begin(RequestInfo(arrival: .now), RowGroup.Target(served, isChosen: isChosen, observer: observer))
        for _ in 0..<rows { group.features.set(1, row: group.features.addRow(), column: 0) }
        group.scores.reset(rows: rows, width: served.signature.outputs.count)
        body(group)
        observer.finished(group)
    }

    private func counts(_ fixture: RepositoryFixture) throws -> [Int] {
        let counts = try #require(fixture.registry.experiment(of: model("fraud"))?.canary).counts
        return [counts.canaryRows, counts.canaryFailures, counts.stableRows, counts.stableFailures]
    }

    @Test func aModelWithoutExperimentsHasNone() async throws {
        let fixture = try await fixture("versions: { serve: [1, 2] }")
        let found = try serving(fixture)
        #expect(found.observer == nil && found.division == nil && found.served.version.number == 2)
        let running = try fixture.registry.experiment(of: model("fraud"))
        #expect(running == nil && fixture.registry.experiments().isEmpty)
    }

    @Test func onlyWhatTheExperimentChoseAndTheVersionComputedIsCounted() async throws {
        let fixture = try await fixture(Self.canary)
        let found = try serving(fixture)
        #expect(found.served.version.number == 1)
        #expect(found.division != nil)
        let canary = try serving(fixture, .number(version(2))).served
        try learn(found, canary)
        try learn(found, found.served)
        try learn(found, found.served, isChosen: false)
        try learn(found, found.served, isCached: true)
        #expect(try counts(fixture) == [1, 0, 1, 0])
        try learn(found, .engineFailure("no"), rows: 3, of: canary)
        try learn(found, .invalidRequest("the caller's"), of: canary)
        try learn(found, .overloaded(retryAfter: .seconds(1)), of: canary)
        try learn(found, .engineFailure("no"), of: canary, isChosen: false)
        #expect(try counts(fixture) == [4, 3, 1, 0])
    }

    @Test func theDefaultFollowsTheCanarysEnd() async throws {
        let fixture = try await fixture(Self.canary)
        #expect(try serving(fixture).served.version.number == 1)
        #expect(try fixture.registry.carryOut(.promote, on: model("fraud"), by: "ann"))
        #expect(try serving(fixture).served.version.number == 2)
        let chosen = try serving(fixture).division?.version(forKey: nil)
        #expect(chosen?.version.number == 2)
        #expect(try !fixture.registry.carryOut(.promote, on: model("fraud"), by: "ann"))
        #expect(fixture.log.lines.contains { $0.contains("promoted from 50 % by order of ann") })
    }

    @Test func aCanaryGoesOnThroughOtherChangesOfItsModel() async throws {
        let fixture = try await fixture(Self.canary)
        try learn(serving(fixture), serving(fixture, .number(version(2))).served)
        _ = try fixture.registry.carryOut(.rollback, on: model("fraud"), by: "ann")
        try fixture.write("fraud/3/model.fake", "sum 3")
        try await fixture.settle()
        #expect(try counts(fixture) == [1, 0, 0, 0])
        #expect(try serving(fixture).division?.version(forKey: nil)?.version.number == 1)
        // With labels there is no need for serve; what is there may be asked for by number.
        #expect(try serving(fixture, .number(version(3))).served.version.number == 3)
    }

    @Test func aVersionThatIsNotReadyIsNotChosen() async throws {
        let fixture = try await fixture(Self.canary, versions: 1...1)
        let found = try serving(fixture)
        _ = try fixture.registry.carryOut(.promote, on: model("fraud"), by: "ann")
        #expect(found.division?.version(forKey: nil) == nil && found.served.version.number == 1)
        try fixture.write("fraud/2/model.fake", "sum 2")
        try await fixture.settle()
        #expect(try serving(fixture).division?.version(forKey: nil)?.version.number == 2)
    }

    @Test func ordersWithoutACanaryAreRefused() async throws {
        let fixture = try await fixture("versions: { shadow: [2] }")
        #expect(throws: ScoringError.self) { try fixture.registry.carryOut(.promote, on: model("fraud"), by: "ann") }
        #expect(throws: ScoringError.unknownModel("other")) {
            try fixture.registry.carryOut(.promote, on: model("other"), by: "ann")
        }
    }

    @Test func aShadowIsFedAndFreedWithItsVersion() async throws {
        let fixture = try await fixture("versions: { shadow: [2] }")
        let found = try serving(fixture)
        #expect(found.served.version.number == 1 && found.observer != nil && found.division == nil)
        try learn(found, found.served, isChosen: false)
        let shadow = { try fixture.registry.experiment(of: model("fraud"))?.shadows.first }
        try await eventually("the shadow to score") { (try? shadow()?.rows) == 1 }
        let comparison = try shadow()
        #expect(comparison?.rows == 1 && comparison?.version.number == 2)
        try fixture.write("fraud/model.yaml", "unknownFeatures: refuse")
        try await fixture.settle()
        let after = try serving(fixture)
        #expect(after.observer == nil && after.served.version.number == 2)
    }
}
