internal import Experiments
internal import Registry
internal import Scoring
internal import Testing

struct ModelManifestVersionsTests {
    @Test func experimentsAreRead() throws {
        let rules = try parse(
            "versions: { serve: [2], shadow: [3], split: { 2: 90, 3: 10 }, sticky: user_id, labels: { stable: 2 } }")
        #expect(rules.serve == [try version(2)])
        #expect(rules.shadow == [try version(3)])
        #expect(rules.sticky == "user_id")
        #expect(rules.split?.weights == [try version(2): 90, try version(3): 10])
        #expect(rules.labels["stable"]?.number == 2)
        #expect(rules.loaded == [try version(2), try version(3)])
    }

    @Test func aCanaryIsReadWithItsRules() throws {
        let rules = try parse(
            """
            versions:
              labels: { stable: 2, canary: 3 }
              canary:
                version: 3
                share: 5
                steps: [25, 50, 100]
                window: 2m
                soak: 1h
                patience: 12h
                minimumRows: 500
                errors: 0.005
                latency: off
                ks: 0.1
            """)
        let canary = try #require(rules.canary)
        #expect(canary.version.number == 3 && canary.shares == [5, 25, 50] && rules.stable?.number == 2)
        let pace = try CanaryPace(window: .seconds(120), soak: .seconds(3600), patience: .seconds(43_200), minimumRows: 500)
        #expect(canary.pace == pace)
        #expect(canary.limits == (try CanaryLimits(errors: 0.005, latency: nil, ks: 0.1)))
        let standard = try CanaryRules(version: version(3))
        #expect(try parse("versions: { serve: [2], canary: { version: 3 } }").canary == standard)
    }

    @Test(arguments: [
        ("versions: { split: { 2: 90, x: 10 } }", "versions.split.x must be named by a version"),
        ("versions: { split: { 2: 0 } }", "versions.split.2 must be between 1 and"),
        ("versions: { split: [2, 3] }", "versions.split must be a mapping"),
        ("versions: { sticky: user_id }", "versions.sticky divides nothing by itself"),
        ("versions: { canary: { share: 5 } }", "versions.canary needs the key version"),
        ("versions: { canary: { version: 3 } }", "set versions.labels.stable"),
        ("versions: { serve: [2], canary: { version: 3, share: 0 } }", "versions.canary.share must be between 1 and 99"),
        ("versions: { serve: [2], canary: { version: 3, share: 0.05 } }", "a whole number of percent"),
        ("versions: { serve: [2], canary: { version: 3, steps: [50, 25] } }", "versions.canary.steps must rise"),
        ("versions: { serve: [2], canary: { version: 3, psi: 0 } }", "versions.canary.psi must be above 0"),
        ("versions: { serve: [2], canary: { version: 3, error: 0 } }", "did you mean 'errors'?"),
        ("versions: { serve: [2], canary: { version: 3 }, split: { 2: 1, 3: 1 } }", "keep one"),
        ("versions: { labels: { 3: 2 } }", "3 is none"),
        ("versions: { shadow: [] }", "versions.shadow must name at least one version"),
    ])
    func contradictionsAreRefusedWithTheirPlace(text: String, reason: String) throws {
        let error = try #require(throws: ScoringError.self) { try parse(text) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(error.description.hasPrefix("model.yaml: line 1: "))
    }

    private func parse(_ text: String) throws -> ExperimentRules { try ModelManifest(parsing: Array(text.utf8)).versions }
    private func version(_ number: Int) throws -> ModelVersion { try #require(ModelVersion(number)) }
}
