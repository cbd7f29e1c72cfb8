internal import Scoring
internal import Tabular
internal import Testing
internal import TreeFormats

/// `classes` of model.yaml: names for the classes that XGBoost and LightGBM number.
@Suite struct ClassNamesTests {
    @Test(arguments: ["xgboost-3.2.0/binary.ubj", "lightgbm-4.7.0/binary.txt"])
    func theTwoClassesOfABinaryModelTakeNames(file: String) throws {
        let signature = try lower(file, ["ok", "fraud"]).signature
        #expect(signature.outputs.map(\.name) == ["prediction", "probability(ok)", "probability(fraud)", "label", "raw"])
        #expect(signature.roles.classes == ["ok", "fraud"] && signature.classesAreWords)
        #expect(signature.outputs[3].kind == .category(SymbolTable(["ok", "fraud"])))
        #expect(signature.scoreNames() == ["probability(fraud)"])
    }

    @Test(arguments: ["xgboost-3.2.0/softprob.json", "lightgbm-4.7.0/multiclass.txt", "lightgbm-4.7.0/multiclassova.txt"])
    func theClassesOfAMulticlassModelTakeNames(file: String) throws {
        let names = ["low", "mid", "high"]
        let signature = try lower(file, names).signature
        let labels = OutputColumn.Kind.category(SymbolTable(names))
        #expect(
            signature.outputs
                == names.map { OutputColumn("probability(\($0))") } + [OutputColumn("label", labels)]
                + names.map { OutputColumn("raw(\($0))") } + [OutputColumn("prediction", labels)])
        #expect(signature.roles.classes == names)
    }

    @Test(arguments: ["xgboost-3.2.0/softprob.json", "lightgbm-4.7.0/multiclass.txt"])
    func namesChangeNoNumber(file: String) throws {
        let golden = try #require(GoldenFile.all.first { $0.testDescription.hasPrefix(file) })
        let rows = try GoldenRows(golden.rows)
        var scores: [[Double]] = []
        for names in [[], ["a", "b", "c"]] {
            let model = try lower(file, names)
            let batch = ScoreBatch()
            try golden.compiled(model).score(
                try rows.batch(for: model.signature), into: batch, ScoreCall(deadline: nil, workspace: Workspace()))
            scores.append((0..<batch.count * batch.width).map { batch.values[$0] })
        }
        #expect(scores[0].map(\.bitPattern) == scores[1].map(\.bitPattern))
    }

    @Test(arguments: [
        ("xgboost-3.2.0/binary.ubj", ["a", "b", "c"], "'classes' names 3 classes, but the model has 2"),
        ("lightgbm-4.7.0/binary.txt", ["a", "b", "c"], "'classes' names 3 classes, but the model has 2"),
        ("xgboost-3.2.0/softprob.json", ["a", "b"], "'classes' names 2 classes, but the model has 3"),
        ("lightgbm-4.7.0/multiclass.txt", ["a", "b"], "'classes' names 2 classes, but the model has 3"),
        ("xgboost-3.2.0/squarederror.json", ["a", "b"], "a model of the objective 'reg:squarederror' has none"),
        ("xgboost-3.2.0/flags.json", ["a", "b"], "a model of the objective 'binary:logistic' has none"),
        ("lightgbm-4.7.0/poisson.txt", ["a", "b"], "a model of the objective 'poisson' has none"),
        ("lightgbm-4.7.0/custom-objective.txt", ["a", "b"], "a model of the objective 'custom' has none"),
    ])
    func asManyAsTheModelHasAreNeeded(file: String, names: [String], reason: String) throws {
        let error = try #require(throws: ScoringError.self) { try lower(file, names) }
        guard case .refusedModel(let message) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(message.hasSuffix(reason), "\(message)")
    }

    private func lower(_ file: String, _ names: [String]) throws -> LoweredTreeModel {
        var options = LoadOptions()
        options.classes = names
        return try GoldenFile.lower(try GoldenFile.bytes(file), options: options)
    }
}
