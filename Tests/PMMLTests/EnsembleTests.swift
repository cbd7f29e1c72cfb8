import PMML
import Scoring
import Testing

/// How the results of several models become one, for every kind of result and with some of them missing.
@Suite struct EnsembleTests {
    static let fields =
        ["x1", "x2", "x3", "x4", "z"].map { PMMLText.field($0) }.joined() + PMMLText.field("y")
        + PMMLText.field("c", "string", "categorical", PMMLText.values("a", "b", "d"))

    /// What a model gives where its field is present; nothing where it is missing.
    enum Member {
        case number(Double), label(String), shares([Double])

        func model(_ field: String) -> String {
            let node: String
            let function: String
            switch self {
            case .number(let value): (function, node) = ("regression", "score='\(value)'>")
            case .label(let label): (function, node) = ("classification", "score='\(label)'>")
            case .shares(let shares):
                (function, node) = (
                    "classification",
                    ">"
                        + zip(["a", "b", "d"], shares).map {
                            "<ScoreDistribution value='\($0)' recordCount='1' probability='\($1)'/>"
                        }
                        .joined()
                )
            }
            return """
                <TreeModel functionName="\(function)" missingValueStrategy="nullPrediction">\(PMMLText.schema(field))
                <Output><OutputField name="out\(field)"/></Output>
                <Node><True/><Node \(node.replacing(">", with: "><SimplePredicate field='\(field)' operator='greaterOrEqual' value='0'/>", maxReplacements: 1))</Node></Node></TreeModel>
                """
        }
    }

    static let isUsed = "<SimplePredicate field='z' operator='isMissing'/>"

    /// Member i looks at the field x<i>. The first segment's predicate keeps the ensemble from being a forest.
    static func ensemble(
        _ method: String, _ members: [(Member, weight: Double)], _ attributes: String = "", predicate: String = isUsed,
        output: String = "", function: String? = nil
    ) -> String {
        var name = "classification"
        if case .number = members[0].0 { name = "regression" }
        name = function ?? name
        let segments = members.enumerated().map { index, member in
            "<Segment id='s\(index + 1)' weight='\(member.weight)'>\(index == 0 ? predicate : "<True/>")\(member.0.model("x\(index + 1)"))</Segment>"
        }
        return PMMLText.document(
            fields: fields,
            """
            <MiningModel functionName="\(name)">\(PMMLText.schema("x1", "x2", "x3", "x4", "z", target: name == "regression" ? "y" : "c"))
            <Output><OutputField name="a" feature="probability" value="a"/><OutputField name="b" feature="probability" value="b"/>\(output)</Output>
            <Segmentation multipleModelMethod="\(method)" \(attributes)>\(segments.joined())</Segmentation></MiningModel>
            """.replacing(
                name == "classification"
                    ? "<none/>"
                    : "<OutputField name=\"a\" feature=\"probability\" value=\"a\"/><OutputField name=\"b\" feature=\"probability\" value=\"b\"/>",
                with: ""))
    }

    /// The result for rows in which these members' fields are missing.
    func results(_ text: String, _ name: String, missing: [[Int]], extra: [String: String] = [:]) throws -> [String] {
        let model = try load(text)
        let rows = missing.map { missing in
            var row = extra
            for index in 1...4 where !missing.contains(index) { row["x\(index)"] = "1" }
            return row
        }
        let scores = try score(model, rows)
        return rows.indices.map { PMMLTests.text(scores, model, row: $0, name) ?? "?" }
    }

    static let numbers: [(Member, weight: Double)] = [(.number(2), 1), (.number(10), 3), (.number(3), 2)]
    static let absences = [[], [2], [1, 2], [1, 2, 3]]

    @Test(arguments: [
        ("sum", ["15.0", "5.0", "3.0", ""]), ("average", ["5.0", "2.5", "3.0", ""]), ("median", ["3.0", "2.5", "3.0", ""]),
        ("max", ["10.0", "3.0", "3.0", ""]), ("weightedSum", ["38.0", "8.0", "6.0", ""]),
        ("x-weightedSum", ["38.0", "8.0", "6.0", ""]), ("weightedAverage", ["\(38.0 / 6)", "\(8.0 / 3)", "3.0", ""]),
        ("weightedMedian", ["3.0", "3.0", "3.0", ""]),
    ])
    func numbersAreCombined(_ method: String, _ skipping: [String]) throws {
        func all(_ treatment: String) throws -> [String] {
            try results(Self.ensemble(method, Self.numbers, treatment), "y", missing: Self.absences)
        }
        #expect(try all("missingPredictionTreatment='skipSegment'") == skipping)
        #expect(try all("missingPredictionTreatment='returnMissing'") == [skipping[0], "", "", ""])
        #expect(try all("missingPredictionTreatment='continue'") == [skipping[0], "", "", ""])
        #expect(try all("") == [skipping[0], "", "", ""])
        // Missing: a third, then two thirds; by weight a half, then two thirds.
        let isWeighted = method.contains("eighted")
        #expect(
            try all("missingPredictionTreatment='skipSegment' missingThreshold='0.4'") == [
                skipping[0], isWeighted ? "" : skipping[1], "", "",
            ])
        #expect(
            try all("missingPredictionTreatment='skipSegment' missingThreshold='0.5'") == [skipping[0], skipping[1], "", ""])
    }

    @Test(arguments: ["majorityVote", "weightedMajorityVote", "selectAll"])
    func methodsThatAreNoneForNumbersAreRefused(_ method: String) {
        let error = #expect(throws: ScoringError.self) { try load(Self.ensemble(method, Self.numbers)) }
        #expect("\(error!)".contains(method))
    }

    static let labels: [(Member, weight: Double)] = [(.label("a"), 1), (.label("b"), 3), (.label("a"), 1), (.label("d"), 1)]

    @Test(arguments: [true, false])
    func votesAreCountedWithAndWithoutMissingOnes(_ isForest: Bool) throws {
        func all(_ method: String, _ treatment: String, _ name: String) throws -> [String] {
            let text = Self.ensemble(method, Self.labels, treatment, predicate: isForest ? "<True/>" : Self.isUsed)
            return try results(text, name, missing: [[], [1], [2], [1, 2], [1, 2, 3], [1, 2, 3, 4]])
        }
        // With two of four missing, neither a nor d has more votes than missing; with as many, the class wins.
        #expect(try all("majorityVote", "", "c") == ["a", "a", "a", "", "", ""])
        #expect(try all("majorityVote", "", "a") == ["0.5", "\(1.0 / 3)", "\(2.0 / 3)", "", "", ""])
        #expect(try all("weightedMajorityVote", "", "c") == ["b", "b", "", "", "", ""])
        #expect(try all("weightedMajorityVote", "", "b") == ["0.5", "0.6", "", "", "", ""])
        let skip = "missingPredictionTreatment='skipSegment'"
        #expect(try all("majorityVote", skip, "c") == ["a", "a", "a", "a", "d", ""])
        #expect(try all("majorityVote", skip, "a") == ["0.5", "\(1.0 / 3)", "\(2.0 / 3)", "0.5", "0.0", ""])
        #expect(try all("weightedMajorityVote", skip, "c") == ["b", "b", "a", "a", "d", ""])
        let some = "missingThreshold='0.4'"
        #expect(try all("majorityVote", some, "c") == ["a", "a", "a", "", "", ""])
        #expect(try all("weightedMajorityVote", "\(skip) \(some)", "c") == ["b", "b", "", "", "", ""])
        #expect(try all("majorityVote", "missingPredictionTreatment='returnMissing'", "c") == ["a", "", "", "", "", ""])
    }

    @Test func aClassWithAsManyVotesAsMissingWins() throws {
        let two: [(Member, weight: Double)] = [(.label("b"), 1), (.label("a"), 1)]
        for predicate in ["<True/>", Self.isUsed] {
            let text = Self.ensemble("majorityVote", two, predicate: predicate)
            #expect(try results(text, "c", missing: [[], [1], [2], [1, 2]]) == ["a", "a", "b", ""])
        }
    }

    static let shares: [(Member, weight: Double)] = [
        (.shares([0.5, 0.25, 0.25]), 1), (.shares([0.25, 0.625, 0.125]), 1), (.shares([0.75, 0.125, 0.125]), 2),
    ]

    @Test(arguments: [
        // All three; without the third.
        ("average", ["a", "b"], ["0.5", "0.375"], ["\(1.0 / 3)", "0.4375"]),
        ("weightedAverage", ["a", "b"], ["0.5625", "0.375"], ["0.28125", "0.4375"]),
        // The model that is surest of the class that any is surest of.
        ("max", ["a", "b"], ["0.75", "0.25"], ["0.125", "0.625"]),
        // The model in the middle for the class of the greatest median; of two, both.
        ("median", ["a", "b"], ["0.5", "0.375"], ["0.25", "0.4375"]),
    ])
    func probabilitiesAreCombined(_ method: String, _ labels: [String], _ a: [String], _ b: [String]) throws {
        let missing = [[], [3], [1, 2, 3]]
        let text = Self.ensemble(method, Self.shares, "missingPredictionTreatment='skipSegment'")
        #expect(try results(text, "c", missing: missing) == labels + [""])
        #expect(try results(text, "a", missing: missing) == a + [""])
        #expect(try results(text, "b", missing: missing) == b + [""])
        for treatment in ["", "missingPredictionTreatment='continue'", "missingPredictionTreatment='returnMissing'"] {
            for predicate in ["<True/>", Self.isUsed] {
                let text = Self.ensemble(method, Self.shares, treatment, predicate: predicate)
                #expect(try results(text, "c", missing: missing) == [labels[0], "", ""])
                #expect(try results(text, "a", missing: missing) == [a[0], "", ""])
            }
        }
        let limited = Self.ensemble(method, Self.shares, "missingPredictionTreatment='skipSegment' missingThreshold='0.25'")
        #expect(try results(limited, "c", missing: missing) == [labels[0], "", ""])
    }

    @Test func modelsThatAreEquallySureAreAveraged() throws {
        let members: [(Member, weight: Double)] = [
            (.shares([0.75, 0.25, 0]), 1), (.shares([0.75, 0, 0.25]), 1), (.shares([0, 0.5, 0.5]), 1),
        ]
        let text = Self.ensemble("max", members)
        #expect(try results(text, "a", missing: [[]]) == ["0.75"])
        #expect(try results(text, "b", missing: [[]]) == ["0.125"])
    }

    @Test(arguments: ["sum", "weightedSum", "weightedMedian", "selectAll"])
    func methodsThatAreNoneForClassesAreRefused(_ method: String) {
        let error = #expect(throws: ScoringError.self) { try load(Self.ensemble(method, Self.shares)) }
        #expect("\(error!)".contains(method))
    }

    @Test func clustersAreVotedFor() throws {
        func text(_ method: String) -> String {
            Self.ensemble(method, Self.labels).replacing(
                "<MiningModel functionName=\"classification\">", with: "<MiningModel functionName=\"clustering\">"
            ).replacing(
                "<OutputField name=\"a\" feature=\"probability\" value=\"a\"/><OutputField name=\"b\" feature=\"probability\" value=\"b\"/>",
                with: "<OutputField name=\"cluster\" feature=\"predictedValue\"/><OutputField name=\"id\" feature=\"clusterId\"/>"
            )
        }
        #expect(try results(text("majorityVote"), "cluster", missing: [[], [3], [1, 2, 3, 4]]) == ["a", "a", ""])
        #expect(try results(text("weightedMajorityVote"), "id", missing: [[]]) == ["b"])
        let error = #expect(throws: ScoringError.self) { try load(text("average")) }
        #expect("\(error!)".contains("average"))
    }

    // MARK: Selections and chains

    @Test func aSelectionCanPassOverModelsWithoutAResult() throws {
        func all(_ treatment: String) throws -> [String] {
            try results(Self.ensemble("selectFirst", Self.numbers, treatment), "y", missing: Self.absences)
        }
        #expect(try all("") == ["2.0", "2.0", "", ""])
        #expect(try all("missingPredictionTreatment='returnMissing'") == ["2.0", "2.0", "", ""])
        #expect(try all("missingPredictionTreatment='skipSegment'") == ["2.0", "2.0", "3.0", ""])
    }

    @Test func theEntityOfASelectionIsItsSegment() throws {
        let output = "<OutputField name='which' feature='entityId'/>"
        let first = Self.ensemble("selectFirst", Self.numbers, "missingPredictionTreatment='skipSegment'", output: output)
        #expect(try results(first, "which", missing: Self.absences) == ["s1", "s1", "s3", ""])
        #expect(try results(first, "which", missing: [[]], extra: ["z": "1"]) == ["s2"])
        #expect(try results(Self.ensemble("modelChain", Self.numbers, output: output), "which", missing: [[]]) == ["s3"])
        #expect(throws: ScoringError.self) { try load(Self.ensemble("average", Self.numbers, output: output)) }
    }

    @Test func chainsReturnMissingWhereTheyAreToldTo() throws {
        for method in ["modelChain", "x-multiModelChain"] {
            func all(_ treatment: String, _ name: String) throws -> [String] {
                try results(Self.ensemble(method, Self.numbers, treatment), name, missing: Self.absences)
            }
            #expect(try all("", "outx3") == ["3.0", "3.0", "3.0", ""])
            #expect(try all("missingPredictionTreatment='returnMissing'", "outx3") == ["3.0", "", "", ""])
            let error = #expect(throws: ScoringError.self) {
                try load(Self.ensemble(method, Self.numbers, "missingPredictionTreatment='skipSegment'"))
            }
            #expect("\(error!)".contains("skipSegment"))
        }
        #expect(try results(Self.ensemble("modelChain", Self.numbers), "y", missing: Self.absences) == ["3.0", "3.0", "3.0", ""])
    }

    @Test func outputsCanBeThoseOfASegment() throws {
        let output = """
            <OutputField name="first" segmentId="s1"/><OutputField name="second" segmentId="s2" feature="predictedValue"/>
            <OutputField name="named" segmentId="s2" feature="transformedValue" value="outx2"/>
            <OutputField name="none" segmentId="s9"/>
            """
        for method in ["average", "sum", "selectFirst", "modelChain"] {
            let text = Self.ensemble(method, Self.numbers, output: output)
            let extra = [["z": "1"], [:]]
            #expect(try extra.map { try results(text, "first", missing: [[]], extra: $0)[0] } == ["", "2.0"], "\(method)")
            #expect(try results(text, "second", missing: [[], [2]]) == ["10.0", ""])
            #expect(try results(text, "named", missing: [[], [2]]) == ["10.0", ""])
            #expect(try results(text, "none", missing: [[]]) == [""])
        }
        let bad = Self.ensemble("sum", Self.numbers, output: output.replacing("value=\"outx2\"", with: "value=\"q\""))
        #expect(throws: ScoringError.self) { try load(bad) }
    }

    @Test func modelsNestInsideOfModels() throws {
        let inner = Self.ensemble("sum", Self.numbers)
        let start = try #require(inner.firstRange(of: "<MiningModel"))
        let model = String(inner[start.lowerBound..<inner.firstRange(of: "</PMML>")!.lowerBound])
        let text = PMMLText.document(
            fields: Self.fields,
            """
            <MiningModel functionName="regression">\(PMMLText.schema("x1", "x2", "x3", "z", target: "y"))<Segmentation multipleModelMethod="average">
            <Segment><True/>\(model)</Segment><Segment>\(Self.isUsed)\(Member.number(5).model("x1"))</Segment></Segmentation></MiningModel>
            """)
        #expect(try results(text, "y", missing: [[], [2]]) == ["10.0", ""])
        // Without its first segment the inner sum is 13, and the outer average is of the inner model alone.
        #expect(try results(text, "y", missing: [[]], extra: ["z": "1"]) == ["13.0"])
    }

    @Test(arguments: ["VariableWeight", "Regression", "DecisionTree", "EmbeddedModel"])
    func whatIsNotEvaluatedIsNamed(_ element: String) {
        let inSegment = Self.ensemble("sum", Self.numbers).replacing("<True/><TreeModel", with: "<True/><\(element)/><TreeModel")
        let inModel = Self.ensemble("sum", Self.numbers).replacing("<Segmentation", with: "<\(element)/><Segmentation")
        for text in [inSegment, inModel] {
            let error = #expect(throws: ScoringError.self) { try load(text) }
            #expect("\(error!)".contains(element))
        }
    }

    @Test func aThresholdOutsideOfZeroToOneIsRefused() {
        for threshold in ["-0.1", "1.5", "NaN"] {
            #expect(throws: ScoringError.self) { try load(Self.ensemble("sum", Self.numbers, "missingThreshold='\(threshold)'")) }
        }
    }
}
