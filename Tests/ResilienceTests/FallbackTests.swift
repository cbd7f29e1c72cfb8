internal import Resilience
internal import Scoring
internal import ScoringTestKit
internal import Testing

@Suite struct FallbackTests {
    private func name(_ text: String) -> ModelName { ModelName(text)! }
    private func version(_ number: Int) -> ModelVersion { ModelVersion(number)! }

    private func steps(_ rules: [String: FallbackRule], of model: String) throws -> [FallbackChain.Step] {
        let named = Dictionary(uniqueKeysWithValues: rules.map { (name($0.key), $0.value) })
        return try #require(FallbackChain.resolve(named)[name(model)]).get().steps
    }

    @Test func aChainEndsWithAConstantOrAModelWithoutARule() throws {
        let rules: [String: FallbackRule] = [
            "a": .model(name("b"), nil), "b": .version(version(1)), "c": .constant(score: 0.5, decision: .review),
            "d": .model(name("c"), version(2)),
        ]
        #expect(try steps(rules, of: "a") == [.model(name("b"), nil), .model(name("b"), version(1))])
        #expect(try steps(rules, of: "b") == [.model(name("b"), version(1))])
        #expect(try steps(rules, of: "d") == [.model(name("c"), version(2)), .constant(score: 0.5, decision: .review)])
    }

    @Test func aVersionThatTheRuleOfItsModelNamesIsNotTriedTwice() throws {
        let rules: [String: FallbackRule] = ["a": .model(name("b"), version(1)), "b": .version(version(1))]
        #expect(try steps(rules, of: "a") == [.model(name("b"), version(1))])
        #expect(try steps(["a": .model(name("a"), version(3))], of: "a") == [.model(name("a"), version(3))])
    }

    @Test func circlesAreRefusedAndNobodyElseSuffers() throws {
        let rules: [ModelName: FallbackRule] = [
            name("a"): .model(name("b"), nil), name("b"): .model(name("c"), version(1)), name("c"): .model(name("a"), nil),
            name("leads_in"): .model(name("a"), nil), name("self"): .model(name("self"), nil),
            name("fine"): .constant(score: 1, decision: nil),
        ]
        let chains = FallbackChain.resolve(rules)
        #expect(
            chains[name("a")] == .failure(.refusedModel("model.yaml: fallback leads in a circle: a -> b -> c -> a")))
        for model in ["b", "c", "leads_in", "self"] { #expect(throws: ScoringError.self) { try chains[name(model)]?.get() } }
        #expect(try chains[name("fine")]?.get().steps.count == 1)
    }

    @Test func chainsAreLimitedInLength() throws {
        var rules: [String: FallbackRule] = ["m3": .constant(score: 0, decision: nil)]
        for index in 0..<3 { rules["m\(index)"] = .model(name("m\(index + 1)"), nil) }
        #expect(try steps(rules, of: "m1").count == 3)
        #expect(throws: ScoringError.refusedModel("model.yaml: fallback: 'm0' has more than 3 fallbacks in a row")) {
            try steps(rules, of: "m0")
        }
    }

    @Test func aConstantIsFinite() {
        #expect(throws: ScoringError.self) { try steps(["a": .constant(score: .nan, decision: nil)], of: "a") }
    }

    /// Random rules over a few models: a chain that resolves is short and never comes to the same place twice.
    @Test(arguments: 0..<200)
    func noChainComesToTheSamePlaceTwice(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        var rules: [ModelName: FallbackRule] = [:]
        for index in 0..<6 {
            let target = name("m\(Int.random(in: 0..<8, using: &random))")
            let other = Bool.random(using: &random) ? version(Int.random(in: 1...2, using: &random)) : nil
            switch Int.random(in: 0..<4, using: &random) {
            case 0: rules[name("m\(index)")] = .constant(score: 0.5, decision: nil)
            case 1: rules[name("m\(index)")] = .version(version(1))
            default: rules[name("m\(index)")] = .model(target, other)
            }
        }
        let chains = FallbackChain.resolve(rules)
        #expect(Set(chains.keys) == Set(rules.keys))
        for case .success(let chain) in chains.values {
            #expect((1...FallbackChain.maxSteps).contains(chain.steps.count))
            for (index, step) in chain.steps.enumerated() { #expect(!chain.steps[..<index].contains(step)) }
        }
    }

    @Test func onlyFailuresOfTheServerLeadToAFallback() {
        #expect(DegradationReason(.engineFailure("")) == .engineFailed)
        #expect(DegradationReason(.deadlineExceeded) == .deadlinePassed)
        #expect(DegradationReason(.overloaded(retryAfter: .zero)) == .overloaded)
        for error: ScoringError in [
            .invalidRequest(""), .invalidFeature(name: "", reason: ""), .unknownModel(""),
            .unknownVersion(model: "", version: ""), .tooLarge(limit: ""),
        ] {
            #expect(DegradationReason(error) == nil, "\(error)")
        }
    }

    @Test func theStandardLeavesOverloadAndMissingScoresToTheCaller() {
        let fallback = Fallback(.constant(score: 0.5, decision: nil))
        #expect(DegradationReason.allCases.filter(fallback.applies) == [.breakerOpen, .deadlinePassed, .engineFailed])
        #expect(Fallback(fallback.rule, on: [.overloaded]).applies(to: .overloaded))
    }

    @Test func theReasonsAreStable() {
        #expect(
            DegradationReason.allCases.map(\.rawValue)
                == ["breaker open", "deadline passed", "engine failed", "overloaded", "score missing"])
    }
}
