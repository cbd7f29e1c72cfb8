internal import Decisions
internal import Scoring
internal import Testing

@Suite struct ThresholdPolicyTests {
    @Test func scoresAboveTheThresholdsAreRisky() throws {
        let policy = try ThresholdPolicy(block: 0.8, review: 0.5)
        #expect(policy.decision(for: 0.2) == .allow)
        #expect(policy.decision(for: 0.6) == .review)
        #expect(policy.decision(for: 0.9) == .block)
        #expect(policy.decision(for: .infinity) == .block)
        #expect(policy.decision(for: -.infinity) == .allow)
    }

    @Test func aScoreAtAThresholdDoesNotCrossIt() throws {
        let policy = try ThresholdPolicy(block: 0.8, review: 0.5)
        #expect(policy.decision(for: 0.5) == .allow)
        #expect(policy.decision(for: 0.8) == .review)
        #expect(policy.decision(for: 0.8.nextUp) == .block)
        let below = try ThresholdPolicy(block: 450, review: 520, risk: .below)
        #expect(below.decision(for: 520) == .allow)
        #expect(below.decision(for: 450) == .review)
    }

    @Test func scorecardsBlockBelow() throws {
        let policy = try ThresholdPolicy(block: 450, review: 520, risk: .below)
        #expect(policy.decision(for: 700) == .allow)
        #expect(policy.decision(for: 500) == .review)
        #expect(policy.decision(for: 449) == .block)
    }

    @Test func aMissingScoreGetsNoDecision() throws {
        #expect(try ThresholdPolicy(block: 0.8, review: nil).decision(for: .nan) == nil)
    }

    @Test func eitherThresholdMayBeAbsent() throws {
        let onlyBlock = try ThresholdPolicy(block: 0.8, review: nil)
        #expect(onlyBlock.decision(for: 0.79) == .allow)
        #expect(onlyBlock.decision(for: 0.81) == .block)
        let onlyReview = try ThresholdPolicy(block: nil, review: 0.5)
        #expect(onlyReview.decision(for: 0.99) == .review)
    }

    @Test func contradictingThresholdsAreRefused() {
        #expect(throws: ScoringError.self) { try ThresholdPolicy(block: nil, review: nil) }
        #expect(throws: ScoringError.self) { try ThresholdPolicy(block: .nan, review: nil) }
        #expect(throws: ScoringError.self) { try ThresholdPolicy(block: nil, review: .infinity) }
        #expect(throws: ScoringError.self) { try ThresholdPolicy(block: 0.5, review: 0.8) }
        #expect(throws: ScoringError.self) { try ThresholdPolicy(block: 520, review: 450, risk: .below) }
        #expect(throws: Never.self) { try ThresholdPolicy(block: 0.5, review: 0.5) }
    }
}
