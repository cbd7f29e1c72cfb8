internal import Scoring
internal import Testing

/// Names and meanings of outputs, as every format gives them.
@Suite struct ModelHeadTests {
    @Test func ofTwoClassesTheScoreIsTheSecondsProbability() {
        var head = ModelHead<Int>()
        head.addProbabilities([10, 11], classes: ["no", "yes"])
        head.addLabel(12, classes: ["no", "yes"])
        head.addMargins([13], classes: [])
        #expect(head.columns.map(\.name) == ["prediction", "probability(no)", "probability(yes)", "label", "raw"])
        #expect(head.sources == [11, 10, 11, 12, 13])
        #expect(head.roles == Roles(score: 0..<1, label: 3, probabilities: 1..<3, classes: ["no", "yes"], raw: 4..<5))
    }

    @Test func ofSeveralClassesAllProbabilitiesAreTheScore() {
        var head = ModelHead<Int>()
        head.addProbabilities([1, 2, 3], classes: ["a", "b", "c"])
        head.addMargins([4, 5, 6], classes: ["a", "b", "c"])
        #expect(head.columns.suffix(3).map(\.name) == ["raw(a)", "raw(b)", "raw(c)"])
        #expect(head.roles.score == 0..<3 && head.roles.probabilities == 0..<3 && head.roles.raw == 3..<6)
    }

    @Test func severalValuesAreNumberedOrNamedByTheirTargets() {
        var numbered = ModelHead<Int>()
        numbered.addScore([1, 2], kinds: [.number, .number])
        #expect(numbered.columns.map(\.name) == ["prediction(0)", "prediction(1)"] && numbered.roles.score == 0..<2)
        var named = ModelHead<Int>()
        named.addScore([1, 2], kinds: [.number, .integer], targets: ["loss", "claims"])
        #expect(named.columns.map(\.name) == ["prediction(loss)", "prediction(claims)"] && named.columns[1].kind == .integer)
    }

    @Test func whatTheModelNamesItselfIsUsedForItsMeaning() {
        var head = ModelHead<Int>()
        let classes = ["no", "yes"]
        head.add("class", .category(SymbolTable(classes)), 1)
        head.add("p_no", .number, 2)
        head.add("p_yes", .number, 3)
        head.nameAll()
        head.addLabel(1, classes: classes)
        head.useProbabilities([2, 3], classes: classes)
        #expect(head.columns.count == 3 && head.roles.named == 0..<3)
        #expect(head.roles.label == 0 && head.roles.probabilities == 1..<3 && head.roles.score == 2..<3)
        // Not side by side in their order: they get columns of their own.
        head.useProbabilities([3, 2], classes: ["yes", "no"])
        #expect(head.columns.suffix(2).map(\.name) == ["probability(yes)", "probability(no)"] && head.roles.score == 1..<2)
    }

    @Test func aNumberIsNotUsedForACategory() {
        var head = ModelHead<Int>()
        head.add("code", .number, 1)
        head.addReasons([1], codes: ["R1", "R2"])
        #expect(head.columns.map(\.name) == ["code", "reasonCode(1)"] && head.roles.reasons == 1..<2)
    }

    @Test func namesThatAreTakenGetNumbers() {
        var head = ModelHead<Int>()
        for source in 0..<3 { head.add("label", .number, source) }
        head.addLabel(3, classes: ["a", "b"])
        #expect(head.columns.map(\.name) == ["label", "label#2", "label#3", "label#4"] && head.roles.label == 3)
    }

    @Test func marginsWithoutProbabilitiesAreTheScore() {
        var single = ModelHead<Int>()
        single.addMarginsAsScore([1], names: [], classes: ["inlier", "outlier"])
        #expect(single.columns.map(\.name) == ["prediction", "raw"] && single.roles.score == 0..<1 && single.roles.raw == 1..<2)
        var several = ModelHead<Int>()
        several.addMarginsAsScore([1, 2, 3], names: ["a", "b", "c"], classes: ["a", "b", "c"])
        #expect(several.columns.map(\.name) == ["raw(a)", "raw(b)", "raw(c)"] && several.roles.score == several.roles.raw)
        #expect(several.roles.probabilities.isEmpty && several.roles.classes == ["a", "b", "c"])
    }

    @Test func remaindersComeLastAndAreNotShown() {
        var head = ModelHead<Int>()
        head.add("id", .integer, 1)
        head.add("score", .number, 2)
        head.addRemainder(of: 0, .uint64)
        let signature = head.signature(inputs: [])
        #expect(signature.shownOutputs.map(\.name) == ["id", "score"])
        #expect(signature.outputs[0].remainder == 2 && signature.outputs[2].isRemainder)
    }
}
