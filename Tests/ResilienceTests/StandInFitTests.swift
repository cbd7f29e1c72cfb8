internal import Resilience
internal import Scoring
internal import Testing

/// What another model may answer with, and what its owner is told of it.
@Suite struct StandInFitTests {
    private func side(_ inputs: [String], isProbability: Bool, kind: OutputColumn.Kind = .number, hasPolicy: Bool = false)
        -> StandInFit.Side
    {
        var head = ModelHead<Int>()
        if isProbability {
            head.addProbabilities([0, 1], classes: ["0", "1"])
        } else {
            head.addScore([0], kinds: [kind])
        }
        let signature = head.signature(inputs: inputs.map { Field($0) })
        return StandInFit.Side(signature, score: signature.roles.score, hasPolicy: hasPolicy)
    }

    private func notes(_ asked: StandInFit.Side, _ standIn: StandInFit.Side) -> [String] {
        StandInFit(asked: asked, standIn: standIn).notes(on: "other")
    }

    @Test func modelsOfOneScaleAndTheSameInputsNeedNoNote() {
        #expect(notes(side(["a", "b"], isProbability: true), side(["b"], isProbability: true)).isEmpty)
        #expect(notes(side(["a"], isProbability: false), side(["a"], isProbability: false)).isEmpty)
    }

    @Test func anotherScaleIsNoted() {
        let found = notes(side(["a"], isProbability: true, hasPolicy: true), side(["a"], isProbability: false))
        #expect(
            found.count == 1 && found[0].contains("that of the fallback 'other' is none")
                && found[0].contains("This model's policy"))
        #expect(
            notes(side(["a"], isProbability: false), side(["a"], isProbability: true)).first?.contains("'other' is one") == true)
    }

    @Test func inputsWithoutAValueAreNoted() {
        let found = notes(side(["account age", "x"], isProbability: true), side(["account_age", "x"], isProbability: true))
        #expect(found.count == 1 && found[0].contains("no value for its inputs 'account_age'"))
        #expect(notes(side(["a"], isProbability: true), side(["b"], isProbability: true))[0].contains("any of its inputs 'b'"))
    }

    @Test func aModelOfAnotherNumberOfScoresNeverAnswers() {
        var head = ModelHead<Int>()
        head.addScore([0, 1], kinds: [.number, .number])
        let signature = head.signature(inputs: [Field("a")])
        let several = StandInFit.Side(signature, score: signature.roles.score, hasPolicy: false)
        #expect(notes(side(["a"], isProbability: false), several).first?.contains("gives 2 scores, not 1") == true)
    }

    @Test func whatIsNoValueOfTheAskedModelIsNotAnsweredWith() {
        let probability = side(["a"], isProbability: true)
        func allows(_ value: Double, _ asked: StandInFit.Side) -> Bool {
            StandInFit.allows(value, in: asked.score.lowerBound, of: asked)
        }
        #expect([0, 0.5, 1].allSatisfy { allows($0, probability) })
        #expect(![-0.1, 1.1, 522, .infinity, .nan].contains { allows($0, probability) })
        let points = side(["a"], isProbability: false, kind: .integer)
        #expect(allows(522, points) && !allows(0.5, points))
        #expect(allows(-0.5, side(["a"], isProbability: false)))
    }

    @Test func ofSeveralScoresEachGoesByItsOwnKind() {
        var head = ModelHead<Int>()
        head.addScore([0, 1], kinds: [.number, .integer])
        let signature = head.signature(inputs: [Field("a")])
        let asked = StandInFit.Side(signature, score: signature.roles.score, hasPolicy: false)
        #expect(StandInFit.allows(0.5, in: 0, of: asked) && !StandInFit.allows(0.5, in: 1, of: asked))
        #expect(StandInFit.allows(3, in: 1, of: asked))
    }
}
