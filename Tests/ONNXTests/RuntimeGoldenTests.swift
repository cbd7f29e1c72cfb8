internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Graphs that ONNX Runtime evaluates answer what its Python interface answers.
@Suite struct RuntimeGoldenTests {
    @Test func goldensCoverWhatTheRuntimeIsFor() { #expect(RuntimeGolden.all.count >= 18) }

    @Test(arguments: RuntimeGolden.all)
    func answersAreThoseOfThePythonInterface(_ golden: RuntimeGolden) throws {
        let model = try golden.load()
        #expect(model.description.engine.hasPrefix("onnxruntime 1."))
        #expect(model.calls.isBlocking)
        // Functions, loops and sequences are not followed: what cannot be proven counts as dependent.
        let isProven = !["own_function", "scan", "sequence_of_tensors"].contains(golden.testDescription)
        #expect(model.calls.mayShareCalls == isProven)
        let isSaid = model.description.notes.contains { $0.hasPrefix("A row's scores may depend on the other rows of a run") }
        #expect(isSaid != isProven)
        let batch = try golden.batch(for: model)
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        try compare(scores, model, golden, rows: Array(0..<batch.count))
    }

    @Test(arguments: RuntimeGolden.all)
    func aRowsScoreIsTheSameAloneAndInAnyCompany(_ golden: RuntimeGolden) throws {
        let model = try golden.load()
        let batch = try golden.batch(for: model)
        let (scores, workspace) = (ScoreBatch(), Workspace())
        for row in 0..<batch.count {
            try model.score(
                RuntimeGolden.rows([row], of: batch, model), into: scores, ScoreCall(deadline: nil, workspace: workspace))
            try compare(scores, model, golden, rows: [row])
        }
        // Sizes that grow and shrink, in another order, over the bound of one run.
        for count in [3, 2, 17, 1, 2500, 5] {
            let rows = (0..<count).map { ($0 * 7 + 3) % batch.count }
            try model.score(
                RuntimeGolden.rows(rows, of: batch, model), into: scores, ScoreCall(deadline: nil, workspace: workspace))
            try compare(scores, model, golden, rows: rows)
        }
        try model.score(RuntimeGolden.rows([], of: batch, model), into: scores, ScoreCall(deadline: nil, workspace: workspace))
        #expect(scores.count == 0)
    }

    @Test func theNativeEngineIsTakenWhereItCanAndTheRuntimeWhereItCannot() throws {
        func model(_ name: String, _ engine: LoadOptions.Engine) throws -> any ScoringModel {
            try RuntimeGolden.load(try RuntimeGolden.named(name).bytes()) { $0.engine = engine }
        }
        #expect(try model("passed_on", .automatic).description.engine == "native")
        #expect(try model("passed_on", .onnxruntime).description.engine.hasPrefix("onnxruntime"))
        let scan = try model("scan", .automatic).description
        #expect(scan.engine.hasPrefix("onnxruntime"))
        #expect(scan.notes.contains { $0.hasPrefix("Evaluated by ONNX Runtime, because ") && $0.contains("native engine") })
        #expect(throws: ScoringError.self) { try model("scan", .native) }
    }

    @Test func aFileSaysWhatItTakesAndGives() throws {
        let notes = try RuntimeGolden.named("maps_of_inputs").load().description.notes
        #expect(notes.contains("Written by verdict-tests."))
        #expect(notes.contains("Operators: ai.onnx 17, ai.onnx.ml 3."))
        #expect(notes.contains("Inputs in the file: X float[?, 3]."))
        #expect(notes.contains("Outputs in the file: Z sequence(map(string, float))."))
    }

    @Test func namesOfFeaturesComeFromModelYAML() throws {
        let bytes = try RuntimeGolden.named("passed_on").bytes()
        let model = try RuntimeGolden.load(bytes) { $0.inputs = ["amount", "age", "speed"] }
        #expect(model.signature.inputs.map(\.name) == ["amount", "age", "speed"])
        #expect(throws: ScoringError.self) { try RuntimeGolden.load(bytes) { $0.inputs = ["amount"] } }
        #expect(throws: ScoringError.self) { try RuntimeGolden.load(bytes) { $0.inputs = ["a", "b", "a"] } }
    }

    @Test(
        arguments: [
            { (options: inout LoadOptions.Runtime) in options.optimization = .none }, { $0.optimization = .basic },
            { $0.optimization = .extended }, { $0.arena = false },
            {
                $0.threads = 2
                $0.execution = .parallel
            },
        ] as [@Sendable (inout LoadOptions.Runtime) -> Void])
    func optionsDoNotChangeTheAnswers(_ change: @Sendable (inout LoadOptions.Runtime) -> Void) throws {
        for name in ["mlp_pipeline", "knn_classifier", "mixed_inputs"] {
            let golden = RuntimeGolden.named(name)
            let model = try RuntimeGolden.load(try golden.bytes()) { change(&$0.runtime) }
            let scores = ScoreBatch()
            let batch = try golden.batch(for: model)
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
            try compare(scores, model, golden, rows: Array(0..<batch.count))
        }
    }

    @Test func fourThreadsOnOneSessionGetTheirOwnAnswers() async throws {
        for name in ["mlp_pipeline", "knn_classifier", "mixed_inputs", "sequence_of_tensors"] {
            let golden = RuntimeGolden.named(name)
            let model = try golden.load()
            let expected = try golden.table("expected.csv")
            let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<4 {
                    group.addTask { try Self.wrongAnswers(of: model, golden, expected, worker) }
                }
                return try await group.reduce(0, +)
            }
            #expect(wrong == 0, "\(name)")
        }
    }

    private static func wrongAnswers(
        of model: any ScoringModel, _ golden: RuntimeGolden, _ expected: (names: [String], rows: [[String]]), _ worker: Int
    ) throws -> Int {
        let batch = try golden.batch(for: model)
        let (scores, workspace) = (ScoreBatch(), Workspace())
        var wrong = 0
        for turn in 0..<500 {
            let rows = (0..<(turn % 5 + 1)).map { ($0 * 5 + turn * 3 + worker * 7) % batch.count }
            try model.score(
                RuntimeGolden.rows(rows, of: batch, model), into: scores, ScoreCall(deadline: nil, workspace: workspace))
            for (position, row) in rows.enumerated() {
                for (cell, name) in zip(expected.rows[row], expected.names) {
                    guard let column = model.signature.outputColumn(named: name) else { return -1 }
                    if !RuntimeGolden.agree(RuntimeGolden.text(scores, position, column, model), cell) { wrong += 1 }
                }
            }
        }
        return wrong
    }

    private func compare(_ scores: ScoreBatch, _ model: any ScoringModel, _ golden: RuntimeGolden, rows: [Int]) throws {
        let expected = try golden.table("expected.csv")
        try #require(scores.count == rows.count)
        #expect(scores.failures.isEmpty)
        for (place, name) in expected.names.enumerated() {
            let column = try #require(model.signature.outputColumn(named: name), "\(name)")
            for (position, row) in rows.enumerated() {
                let got = RuntimeGolden.text(scores, position, column, model)
                #expect(RuntimeGolden.agree(got, expected.rows[row][place]), "\(name), row \(row): \(got)")
            }
        }
        // Two classes have their score in a column of its own.
        let further = model.signature.roles.probabilities.count == 2 ? 1 : 0
        #expect(model.signature.shownOutputs.count == expected.names.count + further)
        if further == 1 {
            #expect(rows.indices.allSatisfy { scores[$0, 0] == scores[$0, model.signature.roles.probabilities.upperBound - 1] })
        }
    }
}
