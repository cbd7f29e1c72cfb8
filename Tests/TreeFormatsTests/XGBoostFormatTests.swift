internal import Testing
internal import Scoring
internal import Tabular
internal import TreeFormats

@Suite struct XGBoostFormatTests {
    // MARK: Recognition

    @Test func modelsAreRecognisedByContent() throws {
        let format = XGBoostFormat()
        func recognises(_ bytes: [UInt8]) -> Bool { format.recognises(.file(name: "x.pkl", bytes: bytes)) }
        #expect(recognises(try GoldenFile.bytes("xgboost-1.0.2/binary.json")))
        #expect(recognises(try GoldenFile.bytes("xgboost-3.2.0/binary.ubj")))
        #expect(recognises(try GoldenFile.bytes("xgboost-2.1.4/legacy.deprecated")))
        #expect(recognises(Array(" {\n \"version\": [1, 0, 0],\n \"learner\": {}}".utf8)))
        #expect(recognises(Array("{\"Config\":{\"learner\":{}},\"Model\":{}}".utf8)))
    }

    @Test func otherFilesAreNotRecognised() throws {
        let format = XGBoostFormat()
        func recognises(_ bytes: [UInt8]) -> Bool { format.recognises(.file(name: "model.ubj", bytes: bytes)) }
        #expect(!recognises([]))
        #expect(!recognises(Array("{".utf8)))
        #expect(!recognises(Array("{\"learner".utf8)))
        #expect(!recognises(Array("{\"name\":\"tree\",\"version\":\"v4\",\"learner\":1}".utf8)))
        #expect(!recognises(try GoldenFile.bytes("lightgbm-4.7.0/binary.txt")))
        // A pickle that holds an XGBoost model.
        #expect(
            !recognises(
                [0x80, 0x05] + Array("\u{95}xgboost.core Booster".utf8) + (try GoldenFile.bytes("xgboost-3.2.0/binary.ubj"))))
        #expect(!format.recognises(.folder(name: "learner", files: [(path: "learner", bytes: [])])))
    }

    @Test func theOldBinaryFormatIsRefusedWithTheWayOut() throws {
        #expect {
            try GoldenFile.lower(try GoldenFile.bytes("xgboost-2.1.4/legacy.deprecated"))
        } throws: { error in
            guard case .unsupportedModel(let message) = error as? ScoringError else { return false }
            return message.contains("save_model(\"model.ubj\")") && message.contains("before 3.1")
        }
    }

    // MARK: Signatures

    @Test func aBinaryModelHasItsOutputsInOrder() throws {
        let signature = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/binary.ubj")).signature
        #expect(signature.inputs.map(\.name) == ["f0", "f1", "f2", "f3", "f4", "f5"])
        #expect(signature.outputs.map(\.name) == ["prediction", "probability(0)", "probability(1)", "label", "raw"])
        #expect(signature.roles == Roles(score: 0..<1, label: 3, probabilities: 1..<3, classes: ["0", "1"], raw: 4..<5))
    }

    @Test func aMulticlassModelsScoreIsItsProbabilities() throws {
        let signature = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/softprob.json")).signature
        #expect(
            signature.outputs.map(\.name) == [
                "probability(0)", "probability(1)", "probability(2)", "label", "raw(0)", "raw(1)", "raw(2)", "prediction",
            ])
        #expect(signature.roles.score == 0..<3)
        #expect(signature.roles.raw == 4..<7)
        #expect(signature.roles.label == 3)
    }

    @Test func severalTargetsAreSeveralPredictions() throws {
        for name in ["targets", "flags"] {
            let signature = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/\(name).json")).signature
            let count = name == "targets" ? 3 : 2
            #expect(signature.roles.score == 0..<count)
            #expect(signature.outputs[0].name == "prediction(0)")
            #expect(signature.outputs[count].name == "raw(0)")
            #expect(signature.roles.label == nil)
        }
    }

    @Test func labelAndComplementFollowFromTheProbability() throws {
        let file = try #require(GoldenFile.all.first { $0.testDescription.hasPrefix("xgboost-3.2.0/binary.json") })
        let scores = try scores(file)
        for row in 0..<scores.count {
            #expect(scores[row, 0] == scores[row, 2])
            #expect(scores[row, 1] == Double(1 - Float(scores[row, 2])))
            #expect(scores[row, 3] == (scores[row, 2] > 0.5 ? 1 : 0))
        }
    }

    @Test func aMulticlassLabelIsTheFirstOfTheMostProbableClasses() throws {
        let file = try #require(GoldenFile.all.first { $0.testDescription.hasPrefix("xgboost-3.2.0/softprob.json") })
        let scores = try scores(file)
        for row in 0..<scores.count {
            let probabilities = (0..<3).map { scores[row, $0] }
            #expect(scores[row, 3] == Double(try #require(probabilities.firstIndex(of: probabilities.max() ?? 0))))
            #expect(scores[row, 7] == scores[row, 3])
        }
    }

    private func scores(_ file: GoldenFile) throws -> ScoreBatch {
        let model = try file.lowered()
        let scores = ScoreBatch()
        let rows = try GoldenRows(file.rows).batch(for: model.signature)
        try file.compiled(model).score(rows, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return scores
    }

    @Test func inputsCanBeNamedByTheOwner() throws {
        var options = LoadOptions()
        options.inputs = ["a", "b", "c", "d", "e", "f"]
        let bytes = try GoldenFile.bytes("xgboost-3.2.0/binary.json")
        #expect(try GoldenFile.lower(bytes, options: options).signature.inputs.map(\.name) == options.inputs)
        options.inputs.removeLast()
        #expect(throws: ScoringError.refusedModel("'inputs' names 5 features, but the model has 6")) {
            try GoldenFile.lower(bytes, options: options)
        }
        options.inputs.append("a")
        #expect(throws: ScoringError.refusedModel("'inputs' names 'a' twice")) { try GoldenFile.lower(bytes, options: options) }
    }

    // MARK: Levels

    @Test func levelsInTheFileBecomeThoseOfTheInputs() throws {
        let inputs = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.4.1/pandas.ubj")).signature.inputs
        #expect(inputs[0].kind == .number)
        guard case .category(let countries) = inputs[1].kind, case .category(let branches) = inputs[2].kind else {
            Issue.record("expected categories")
            return
        }
        #expect(countries.table.symbols.prefix(4) == ["Österreich", "中国", "Россия", "FR"])
        #expect(branches.position(of: -50.0) == 0)
        #expect(branches.position(of: "10") == 6)
        #expect(inputs[1].unknownLevel == .refused)
    }

    @Test func damagedLevelsOfOldVersionsAreRefused() throws {
        let text = try edited("xgboost-3.2.0/pandas.json", "78,76,66", "195,169,66")
        #expect {
            try GoldenFile.lower(text)
        } throws: { error in
            guard case .unsupportedModel(let message) = error as? ScoringError else { return false }
            return message.contains("beyond ASCII")
        }
    }

    @Test func categoriesWithoutLevelsAreCodes() throws {
        let inputs = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/categories-partition.ubj")).signature.inputs
        #expect(inputs.allSatisfy { $0.kind == .number })
    }

    // MARK: Rounds

    @Test func theDescriptionSaysWhichRoundsAreUsed() throws {
        let booster = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/early-stopping.ubj")).description
        #expect(booster.format == "XGBoost UBJSON 3.2.0")
        #expect(booster.objective == "binary:logistic")
        let note = try #require(booster.notes.first)
        #expect(note.contains("as Booster.predict does") && note.contains("early stopping found"))

        let wrapper = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/early-stopping-sklearn.json")).description
        #expect(try #require(wrapper.notes.first).contains("as its scikit-learn wrapper does"))
        var options = LoadOptions()
        options.iterations = .all
        let all = try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/early-stopping-sklearn.json"), options: options)
            .description
        #expect(try #require(wrapper.trees) < (try #require(all.trees)))
    }

    @Test func roundsThatAreNotThereAreRefused() throws {
        var options = LoadOptions()
        options.iterations = .best
        #expect(throws: ScoringError.self) {
            try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/binary.json"), options: options)
        }
        for count in [0, -1, 17, Int.max] {
            options.iterations = .first(count)
            #expect(throws: ScoringError.refusedModel("'iterations' asks for the first \(count) rounds, but the model has 16")) {
                try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/binary.json"), options: options)
            }
            #expect(throws: ScoringError.self) {
                try GoldenFile.lower(try GoldenFile.bytes("xgboost-3.2.0/linear.json"), options: options)
            }
        }
    }

    @Test func aSnapshotWithConfigurationIsReadLikeItsModel() throws {
        let text = String(decoding: try GoldenFile.bytes("xgboost-3.2.0/dart.json"), as: UTF8.self)
        let snapshot = "{\"Config\":{\"learner\":{\"objective\":{\"name\":\"other\"}}},\"Model\":\(text)}"
        let model = try GoldenFile.lower(Array(snapshot.utf8))
        #expect(model.description.trees == 8)
        #expect(model.description == (try GoldenFile.lower(Array(text.utf8)).description))
    }

    private func edited(_ file: String, _ old: String, _ new: String) throws -> [UInt8] {
        let text = String(decoding: try GoldenFile.bytes(file), as: UTF8.self)
        let isThere = text.contains(old)
        try #require(isThere, "the file does not contain what the test edits")
        return Array(text.replacing(old, with: new, maxReplacements: 1).utf8)
    }
}
