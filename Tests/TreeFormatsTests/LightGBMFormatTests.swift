internal import Testing
internal import Scoring
internal import Tabular
internal import TreeFormats

@Suite struct LightGBMFormatTests {
    @Test func modelsAreRecognisedByContent() throws {
        let format = LightGBMFormat()
        func recognises(_ bytes: [UInt8]) -> Bool { format.recognises(.file(name: "model.json", bytes: bytes)) }
        #expect(recognises(try GoldenFile.bytes("lightgbm-3.3.5/binary.txt")))
        #expect(recognises(Array("tree\r\nversion=v4\r\n".utf8)))
        #expect(!recognises(Array("tree".utf8)))
        #expect(!recognises(Array("trees\n".utf8)))
        #expect(!recognises(try GoldenFile.bytes("xgboost-3.2.0/binary.json")))
        #expect(!format.recognises(.folder(name: "tree\n", files: [])))
    }

    @Test func windowsLineEndsAreRead() throws {
        let text = String(decoding: try GoldenFile.bytes("lightgbm-4.7.0/categories.txt"), as: UTF8.self)
        let model = try GoldenFile.lower(Array(text.replacing("\n", with: "\r\n").utf8))
        let same = try GoldenFile.lower(Array(text.utf8))
        #expect(model.description == same.description)
        #expect(try forest(model) == (try forest(same)))
    }

    // MARK: Signatures

    @Test func aBinaryModelsLabelIsTheFirstOfTheMoreProbableClasses() throws {
        let file = try #require(GoldenFile.all.first { $0.testDescription.hasPrefix("lightgbm-4.7.0/binary.txt") })
        let model = try file.lowered()
        #expect(model.signature.outputs.map(\.name) == ["prediction", "probability(0)", "probability(1)", "label", "raw"])
        let scores = ScoreBatch()
        try file.compiled(model).score(
            try GoldenRows(file.rows).batch(for: model.signature), into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        for row in 0..<scores.count {
            #expect(scores[row, 1] == 1 - scores[row, 0])
            #expect(scores[row, 3] == (scores[row, 2] > scores[row, 1] ? 1 : 0))
        }
    }

    @Test func oneAgainstAllIsMulticlass() throws {
        let signature = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/multiclassova.txt")).signature
        #expect(signature.roles == Roles(score: 0..<3, label: 3, probabilities: 0..<3, classes: ["0", "1", "2"], raw: 4..<7))
    }

    @Test func outputsOfACustomObjectiveAreItsMargins() throws {
        let model = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/custom-objective-outputs.txt"))
        #expect(model.signature.roles.score == 0..<3)
        #expect(model.signature.outputs[0].name == "prediction(0)")
        #expect(model.description.objective == "custom")
    }

    @Test func aForestSaysThatItAverages() throws {
        let description = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/forest.txt")).description
        #expect(description.format == "LightGBM v4")
        #expect(description.notes.contains { $0.contains("trees' mean") })
    }

    @Test func roundsThatAreNotThereAreRefused() throws {
        var options = LoadOptions()
        let bytes = try GoldenFile.bytes("lightgbm-4.7.0/multiclass.txt")
        options.iterations = .best
        #expect(throws: ScoringError.self) { try GoldenFile.lower(bytes, options: options) }
        options.iterations = .first(4)
        #expect(throws: ScoringError.refusedModel("'iterations' asks for the first 4 rounds, but the model has 3")) {
            try GoldenFile.lower(bytes, options: options)
        }
        options.iterations = .first(2)
        #expect(try GoldenFile.lower(bytes, options: options).description.trees == 6)
    }

    // MARK: Levels

    @Test func pandasLevelsBecomeThoseOfTheCategoricalFeatures() throws {
        let inputs = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/pandas.txt")).signature.inputs
        #expect(inputs[0].kind == .number)
        let levels = inputs.dropFirst().map { field in
            if case .category(let levels) = field.kind { levels } else { CategoryLevels([]) }
        }
        #expect(levels.map(\.count) == [12, 40, 4, 2])
        #expect(levels[0].position(of: "中国") == 9)
        #expect(levels[1].position(of: -40.0) == 1)
        #expect(levels[1].position(of: "-40") == 1)
        #expect(levels[2].position(of: 1e21) == 2)
        #expect(levels[3].position(of: "true") == 1)
        #expect(levels[3].position(of: 0.0) == 0)
        #expect(inputs.dropFirst().allSatisfy { $0.unknownLevel == .missing })
    }

    @Test func levelsAreFoundFromFeatureInfosWhereTheParametersAreGone() throws {
        let text = String(decoding: try GoldenFile.bytes("lightgbm-4.7.0/pandas.txt"), as: UTF8.self)
        let start = try #require(text.firstRange(of: "\nparameters:"))
        let end = try #require(text.firstRange(of: "end of parameters\n"))
        let without = text.replacingCharacters(in: start.lowerBound..<end.upperBound)
        #expect(
            try GoldenFile.lower(Array(without.utf8)).signature.inputs
                == (try GoldenFile.lower(Array(text.utf8)).signature.inputs))
    }

    @Test func levelsThatCouldBelongToOtherColumnsAreNotGuessed() throws {
        let model = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/pandas-ordered.txt"))
        #expect(model.signature.inputs.allSatisfy { $0.kind == .number })
        #expect(model.description.notes.contains { $0.contains("taken as codes") })
    }

    // MARK: Thresholds

    /// LightGBM flushes inputs to zero before it compares; moving thresholds has to decide the same.
    @Test func thresholdsNearZeroDecideAsFlushedInputsDo() throws {
        let zero = Forest.zeroBound
        let values = [
            0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1e-40, -1e-40, zero.nextDown, zero, zero.nextUp,
            -zero.nextDown, -zero, -zero.nextUp, 1e-30,
            -1e-30, 1, -1,
        ]
        for threshold in values {
            let text = """
                tree
                version=v4
                num_class=1
                label_index=0
                max_feature_idx=0
                feature_names=x
                feature_infos=[-1:1]

                Tree=0
                num_leaves=2
                num_cat=0
                split_feature=0
                threshold=\(threshold)
                decision_type=2
                left_child=-1
                right_child=-2
                leaf_value=1 2

                end of trees
                """
            let reference = ForestReference(try forest(try GoldenFile.lower(Array(text.utf8))))
            for value in values {
                let flushed = abs(value) > zero ? value : 0
                #expect(reference.sums(of: [value]) == [flushed <= threshold ? 1 : 2], "\(value) at \(threshold)")
            }
        }
    }

    private func forest(_ model: LoweredTreeModel) throws -> Forest {
        guard case .forest(let forest, _, _) = try #require(model.program.steps.first) else {
            throw ScoringError.invalidRequest("no forest")
        }
        return forest
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>) -> String {
        String(self[..<range.lowerBound] + self[range.upperBound...])
    }
}
