internal import Experiments
internal import Scoring
internal import Synchronization
internal import Testing

struct ModelExperimentTests {
    private let model = ModelName("fraud")!

    @Test func aKeyIsAnsweredByOneVersionAndTheSharesHold() throws {
        let split = try VersionSplit([version(2): 90, version(3): 10])
        let experiment = ModelExperiment(model: model, rules: try ExperimentRules(split: split, sticky: "user_id"))
        var canaries = 0
        for number in 0..<20_000 {
            let first = experiment.version(forKey: "user\(number)")
            #expect(first == experiment.version(forKey: "user\(number)"))
            if first?.number == 3 { canaries += 1 }
        }
        // 2,000 expected; six standard deviations are 255.
        #expect(abs(canaries - 2000) < 255)
        let draws = (0..<20_000).filter { _ in experiment.version(forKey: nil)?.number == 3 }.count
        #expect(abs(draws - 2000) < 255)
    }

    @Test func withoutARuleNothingIsChosen() {
        let experiment = ModelExperiment(model: model, rules: .none)
        #expect(!experiment.divides && experiment.version(forKey: "u1") == nil && experiment.version(forKey: nil) == nil)
        #expect(throws: ScoringError.self) { try experiment.order(.promote, by: "ann") }
    }

    @Test func anOrderTurnsAllKeysAtOnceAndIsReported() throws {
        let reports = Mutex<[CanaryTransition]>([])
        let experiment = ModelExperiment(model: model, rules: try canaryRules(), at: Moment(nanoseconds: 1)) { transition in
            reports.withLock { $0.append(transition) }
        }
        func canaries() -> Int { (0..<10_000).filter { experiment.version(forKey: "user\($0)")?.number == 3 }.count }
        #expect((2800...3200).contains(canaries()))
        #expect(try experiment.order(.rollback, by: "ann"))
        #expect(canaries() == 0)
        #expect(try !experiment.order(.rollback, by: "ann"))
        #expect(try experiment.order(.promote, by: "bob"))
        #expect(canaries() == 10_000)
        #expect(reports.withLock { $0.map(\.sentence) }.last == "version 3 promoted from 0 % by order of bob")
        #expect(experiment.snapshot().canary?.judgement.transitions.count == 2)
    }

    @Test func aFailingCanaryLosesItsKeysAtTheNextLook() throws {
        let experiment = ModelExperiment(model: model, rules: try canaryRules(), at: Moment(nanoseconds: 1))
        for number in 0..<2000 {
            let version = try #require(experiment.version(forKey: "user\(number)"))
            let recorder = try #require(experiment.recorder(of: version))
            if version.number == 3 {
                recorder.recordFailure(.engineFailure("no"))
            } else {
                recorder.recordSuccess(nanoseconds: 20_000, score: 0.1, decision: .allow)
            }
        }
        experiment.look(at: Moment(nanoseconds: 2_000_000_000))
        #expect((0..<1000).allSatisfy { experiment.version(forKey: "user\($0)")?.number == 2 })
        guard case .rolledBack = experiment.snapshot().canary?.state else {
            Issue.record("\(experiment.snapshot())")
            return
        }
    }

    @Test func aCanaryGoesOnWhereOnlyOtherRulesChange() throws {
        let first = ModelExperiment(model: model, rules: try canaryRules())
        try first.order(.rollback, by: "ann")
        let second = ModelExperiment(model: model, rules: try canaryRules(shadow: [version(4)]), continuing: first)
        #expect(second.version(forKey: "u1")?.number == 2 && second.snapshot().canary?.share == 0)
        let third = ModelExperiment(model: model, rules: try canaryRules(share: 31), continuing: second)
        #expect(third.snapshot().canary?.share == 31)
    }

    @Test func labelsAreVersions() throws {
        let labels = try VersionLabels(["stable": version(2), "canary": version(3)])
        #expect(labels["canary"]?.number == 3 && labels["beta"] == nil)
        #expect(throws: ScoringError.self) { try VersionLabels(["3": version(3)]) }
        #expect(throws: ScoringError.self) { try VersionLabels(["a b": version(3)]) }
    }

    @Test func rulesThatContradictEachOtherAreRefused() throws {
        let split = try VersionSplit([version(2): 1, version(3): 1])
        let canary = try CanaryRules(version: version(3))
        let stable = try VersionLabels(["stable": version(3)])
        #expect(throws: ScoringError.self) { try ExperimentRules(serve: [version(2)], split: split, canary: canary) }
        #expect(throws: ScoringError.self) { try ExperimentRules(sticky: "user_id") }
        #expect(throws: ScoringError.self) { try ExperimentRules(canary: canary) }
        #expect(throws: ScoringError.self) { try ExperimentRules(labels: stable, canary: canary) }
        #expect(throws: ScoringError.self) { try ExperimentRules(serve: [version(2)], shadow: [version(3)], canary: canary) }
        #expect(throws: ScoringError.self) { try CanaryRules(version: version(3), shares: [25, 5]) }
        #expect(throws: ScoringError.self) { try CanaryRules(version: version(3), shares: [0]) }
        #expect(throws: ScoringError.self) { try CanaryPace(window: .seconds(60), soak: .seconds(30)) }
        #expect(throws: ScoringError.self) { try CanaryLimits(errors: 1) }
    }

    @Test func whatRulesNameIsLoadedAndShadowsDoNotAnswer() throws {
        let rules = try ExperimentRules(serve: [version(2)], shadow: [version(4)], canary: CanaryRules(version: version(3)))
        #expect(rules.loaded == [try version(2), try version(3), try version(4)])
        #expect(rules.stable?.number == 2)
        let open = try ExperimentRules(shadow: [version(4)])
        #expect(open.loaded == nil)
        let (served, shadow) = (try version(3), try version(4))
        #expect(open.answersByDefault(served) && !open.answersByDefault(shadow))
    }

    private func canaryRules(share: Int = 30, shadow: Set<ModelVersion> = []) throws -> ExperimentRules {
        try ExperimentRules(
            serve: [version(2)], sticky: "user_id", shadow: shadow,
            canary: CanaryRules(version: version(3), shares: [share]))
    }

    private func version(_ number: Int) throws -> ModelVersion { try #require(ModelVersion(number)) }
}
