internal import Scoring
internal import Tabular
internal import Testing
internal import Texts

@Suite struct ProgramValidationTests {
    /// What is broken is refused and the step named. What is not refused runs, and as the reference says, which looks
    /// every slot up with a check.
    @Test(arguments: StepKind.allCases)
    func aWrongIndexIsRefusedOrHarmless(kind: StepKind) throws {
        var (refused, harmless) = (0, 0)
        for seed in 0..<12 {
            var draw = RandomPrograms(seed: UInt64(9_000 + seed))
            // The step that is last writes the last slots, which no other may read.
            let program = try draw.program(of: [kind, .complement])
            try program.validate()
            let rows = (0..<9).map { _ in draw.row() }
            let signature = draw.signature(program)
            for mutation in ProgramMutations(of: program, seed: UInt64(seed)).all {
                do throws(ScoringError) {
                    try mutation.program.validate()
                } catch {
                    guard case .invalidModel(let reason, let place) = error else {
                        Issue.record("\(mutation.what) gave \(error)")
                        continue
                    }
                    #expect(
                        place.hasPrefix("step ") || place == "the outputs" || place == "the program",
                        "\(mutation.what): \(reason) (at \(place))")
                    #expect(reason.contains("not sound"))
                    refused += 1
                    continue
                }
                #expect(!mutation.isBroken, "seed \(seed): \(mutation.what) was not refused")
                guard !mutation.isBroken else { continue }
                let difference = try ProgramReferenceTests.difference(mutation.program, signature, rows)
                #expect(difference == nil, "seed \(seed), \(mutation.what): \(difference ?? "")")
                harmless += 1
            }
        }
        #expect(refused > 100, "\(refused) of \(kind)")
        #expect(harmless > 5, "\(harmless) of \(kind)")
    }

    private func reason(_ program: Program) -> String? {
        do throws(ScoringError) {
            try program.validate()
            return nil
        } catch {
            return error.description
        }
    }

    @Test func theMessageNamesTheStepAndTheInstruction() {
        var program = Program(inputCount: 1)
        let slots = program.addSlots(2)
        var formula = Formula()
        formula.instructions = [
            .init(.copy, .slot(0), .slot(0), .slot(0), into: Int32(slots)),
            .init(.add, .slot(0), .slot(7), .slot(0), into: Int32(slots + 1)),
        ]
        program.steps = [.formula(formula)]
        program.outputs = [slots]
        let said = reason(program)
        #expect(
            said?.contains("slot 7 of 3") == true && said?.contains("step 1 (formula), instruction 2 (add)") == true,
            "\(said ?? "")")
        program.steps = []
        #expect(reason(program)?.contains("slot 1 is read before it is written") == true)
    }

    @Test func impossibleFramesAreRefused() {
        for (inputs, slots) in [(-1, 0), (3, 2), (0, -1), (0, Program.maxSlots + 1), (0, .max), (.min, 5)] {
            var program = Program(inputCount: inputs)
            program.slotCount = slots
            #expect(reason(program) != nil, "\(inputs) inputs, \(slots) slots")
        }
        for output in [-1, 2, .max] {
            var program = Program(inputCount: 2)
            program.outputs = [output]
            #expect(reason(program)?.contains("the outputs") == true)
        }
    }

    /// A node that several splits lead to would be laid out as often as there are ways to it.
    @Test func treesWhoseWaysMeetAreRefused() {
        var forest = Forest(
            comparison: .less, inputPrecision: .float64, sumPrecision: .float64, featureCount: 1, outputCount: 1, base: [0])
        var tree = Forest.Tree(nodes: [], values: [1])
        for node in 0..<100 {
            tree.nodes.append(
                .split(
                    .init(
                        feature: 0, condition: .threshold(Double(node)), missing: .nan, missingGoesLeft: true, left: node + 1,
                        right: node + 1)))
        }
        tree.nodes.append(.leaf(0))
        forest.trees = [tree]
        var program = Program(inputCount: 1)
        let into = program.addSlots()
        program.steps = [.forest(forest, features: [0], into: into)]
        program.outputs = [into]
        #expect(reason(program)?.contains("two ways lead to node 1") == true)
    }

    @Test func aSignatureThatDoesNotFitIsRefused() throws {
        var program = Program(inputCount: 2)
        program.outputs = [0]
        func fits(_ inputs: [Field], _ outputs: [OutputColumn]) -> Bool {
            let signature = Signature(inputs: inputs, outputs: outputs, roles: Roles(score: 0..<1))
            return (try? TabularModel(program: program, signature: signature, description: ModelDescription(format: "test")))
                != nil
        }
        let (a, b, y) = (Field("a"), Field("b"), OutputColumn("y"))
        #expect(fits([a, b], [y]))
        #expect(!fits([a], [y]))
        #expect(!fits([a, b], [y, y]))
        #expect(!fits([a, b], [OutputColumn("y", .text)]))
        var texts = TextProgram()
        texts.registerCount = 1
        let into = program.addSlots()
        texts.lines = [.init(.input(1), into: 0), .init(.output(.init(index: 0)), into: into)]
        program.steps = [.texts(texts)]
        program.outputs = [into]
        #expect(fits([a, Field("b", .text)], [OutputColumn("y", .text)]))
        #expect(!fits([a, b], [OutputColumn("y", .text)]))
    }

    /// Codes come from rows, so no program can promise them.
    @Test func ballotsAndReasonsThatAreNoCodesDoNotCount() throws {
        let vote = Vote(ballots: [0, 1, 2], weights: [], preference: [0, 1])
        let ranking = ReasonRanking(entries: [.init(code: 0, points: 1), .init(code: 2, points: 1)], codeCount: 2, places: 2)
        var program = Program(inputCount: 3)
        let into = program.addSlots(3)
        program.steps = [.vote(vote, into: into), .rankReasons(ranking, into: into + 1)]
        program.outputs = [into, into + 1, into + 2]
        let signature = Signature(
            inputs: ["a", "b", "c"].map { Field($0) }, outputs: ["v", "r", "s"].map { OutputColumn($0) },
            roles: Roles(score: 0..<1))
        let values: [[Double]] = [[-1, 1, 7], [.infinity, 0, -.infinity], [1e300, 2, -1e300], [2, 2, 2]]
        let rows = values.map { (values: $0, texts: [Int: String]()) }
        #expect(try ProgramReferenceTests.difference(program, signature, rows) == nil)
    }
}
