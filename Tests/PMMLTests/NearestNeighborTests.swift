import PMML
import Scoring
import Testing

@Suite struct NearestNeighborTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("y")
        + PMMLText.field("c", "string", "categorical", PMMLText.values("b", "a", "d"))
        + PMMLText.field("n", "integer", "categorical")

    /// x, z, y, c, n and the name of each instance.
    static let instances: [[String]] = [
        ["0", "0", "10", "a", "1", "zero"], ["2", "0", "20", "b", "10", "two"], ["4", "0", "30", "b", "10", "four"],
        ["8", "0", "70", "d", "9", "eight"], ["16", "0", "50", "a", "9", "sixteen"],
    ]

    static func table(_ rows: [[String]] = instances) -> String {
        let names = ["x", "z", "y", "c", "n", "name"]
        return "<TrainingInstances isTransformed=\"true\"><InstanceFields>"
            + names.map { "<InstanceField field=\"\($0)\" column=\"data:\($0)_\"/>" }.joined()
            + "</InstanceFields><InlineTable xmlns:data=\"urn:x\">"
            + rows.map { row in "<row>" + zip(names, row).map { "<data:\($0)_>\($1)</data:\($0)_>" }.joined() + "</row>" }
            .joined()
            + "</InlineTable></TrainingInstances>"
    }

    static let outputs = """
        <Output><OutputField name="first" feature="entityId"/><OutputField name="second" feature="entityId" rank="2"/>
        <OutputField name="sixth" feature="entityId" rank="6"/><OutputField name="distance" feature="affinity"/>
        <OutputField name="next" feature="entityAffinity" rank="2"/></Output>
        """

    static func document(
        _ targets: [String], _ head: String, function: String = "regression", output: String = "", table: String = table(),
        measure: String = "<euclidean/>", inputs: String = "<KNNInput field='x'/><KNNInput field='z'/>", kind: String = "distance"
    ) -> String {
        PMMLText.document(
            fields: fields,
            """
            <NearestNeighborModel functionName="\(function)" \(head)><MiningSchema><MiningField name="x"/><MiningField name="z"/>
            \(targets.map { "<MiningField name=\"\($0)\" usageType=\"target\"/>" }.joined())</MiningSchema>\(output)\(table)
            <ComparisonMeasure kind="\(kind)">\(measure)</ComparisonMeasure><KNNInputs>\(inputs)</KNNInputs></NearestNeighborModel>
            """)
    }

    func columns(_ document: String, _ names: [String], _ row: [String: String]) throws -> [String?] {
        let model = try load(document)
        let scores = try score(model, [row])
        return names.map { text(scores, model, row: 0, $0) }
    }

    static func at(_ x: String) -> [String: String] { ["x": x, "z": "0"] }

    @Test func numbersAreCombinedAsSaid() throws {
        let three = "numberOfNeighbors='3'"
        // From 5 on, the instances at 4, 2 and 8, with 30, 20 and 70; 2 and 8 are as far.
        #expect(try columns(Self.document(["y"], three), ["y"], Self.at("5")) == ["40.0"])
        #expect(try columns(Self.document(["y"], three + " continuousScoringMethod='median'"), ["y"], Self.at("5")) == ["30.0"])
        let weights = [1 / (1 + 0.5), 1 / (3 + 0.5), 1 / (3 + 0.5)]
        let mean = (weights[0] * 30 + weights[1] * 20 + weights[2] * 70) / (weights[0] + weights[1] + weights[2])
        let weighted = Self.document(["y"], three + " continuousScoringMethod='weightedAverage' threshold='0.5'")
        #expect(try columns(weighted, ["y"], Self.at("5")) == ["\(mean)"])
        let unsaid = Self.document(["y"], "numberOfNeighbors='1' continuousScoringMethod='weightedAverage'")
        #expect(try columns(unsaid, ["y"], Self.at("5")) == ["\(1 / 1.001 * 30 / (1 / 1.001))"])
    }

    @Test func neighborsVote() throws {
        func document(_ head: String) -> String { Self.document(["c"], head, function: "classification") }
        #expect(try columns(document("numberOfNeighbors='3'"), ["c"], Self.at("5")) == ["b"])
        // One each of d and a: there are as many instances of a as of b, and more than of d.
        #expect(try columns(document("numberOfNeighbors='2'"), ["c"], Self.at("11")) == ["a"])
        // One each of a and b, with as many instances: the lesser value.
        #expect(try columns(document("numberOfNeighbors='2'"), ["c"], Self.at("1.5")) == ["a"])
        #expect(
            try columns(document("numberOfNeighbors='2' categoricalScoringMethod='weightedMajorityVote'"), ["c"], Self.at("1.5"))
                == ["b"])
        #expect(
            try columns(document("numberOfNeighbors='3' categoricalScoringMethod='weightedMajorityVote'"), ["c"], Self.at("0.25"))
                == ["a"])
    }

    @Test func tiesOfNumbersGoToTheLeastNumber() throws {
        // 10 and 9 have two instances each; as a text 10 would come first.
        let document = Self.document(["n"], "numberOfNeighbors='2'", function: "classification")
        #expect(try columns(document, ["n"], Self.at("6")) == ["9"])
    }

    @Test func severalTargetsAreAnsweredAtOnce() throws {
        let output = "<Output><OutputField name='class' feature='predictedValue' targetField='c'/></Output>"
        let document = Self.document(["y", "c"], "numberOfNeighbors='3'", function: "mixed", output: output)
        #expect(try columns(document, ["y", "c", "class"], Self.at("5")) == ["40.0", "b", "b"])
    }

    @Test func neighborsAreNamedInOrder() throws {
        let names = ["first", "second", "sixth", "distance", "next"]
        let named = Self.document(["y"], "numberOfNeighbors='1' instanceIdVariable='name'", output: Self.outputs)
        #expect(try columns(named, names, Self.at("5")) == ["four", "two", "", "1.0", "3.0"])
        // Without a variable, instances are counted from 1.
        let counted = Self.document(["y"], "numberOfNeighbors='1'", output: Self.outputs)
        #expect(try columns(counted, names, Self.at("5")) == ["3", "2", "", "1.0", "3.0"])
        let output = "<Output><OutputField name='a' feature='affinity' value='sixteen'/></Output>"
        let affinity = Self.document(["y"], "numberOfNeighbors='1' instanceIdVariable='name'", output: output)
        #expect(try columns(affinity, ["a"], Self.at("5")) == ["11.0"])
    }

    @Test func withoutTargetsTheNearestInstanceIsTheResult() throws {
        let document = Self.document([], "numberOfNeighbors='2' instanceIdVariable='name'", function: "clustering")
        #expect(try columns(document, ["label"], Self.at("7")) == ["eight"])
        #expect(throws: ScoringError.self) {
            try load(Self.document([], "numberOfNeighbors='2'", function: "clustering"))
        }
    }

    @Test func whatIsMissingIsMadeUpFor() throws {
        let document = Self.document(["y"], "numberOfNeighbors='1'", output: Self.outputs)
        #expect(try columns(document, ["first", "distance"], ["x": "9"]) == ["4", "\(2.0.squareRoot())"])
        #expect(try columns(document, ["y", "first", "distance"], [:]) == ["", "", ""])
        let vote = Self.document(["c"], "numberOfNeighbors='2'", function: "classification")
        #expect(try columns(vote, ["c"], [:]) == [""])
    }

    @Test func fieldsHaveWeightsAndFunctions() throws {
        let document = Self.document(
            ["y"], "numberOfNeighbors='1'", output: Self.outputs, measure: "<squaredEuclidean/>",
            inputs: "<KNNInput field='x' fieldWeight='3'/><KNNInput field='z' compareFunction='delta'/>")
        #expect(try columns(document, ["distance"], ["x": "5", "z": "9"]) == ["4.0"])
    }

    @Test func instancesAreTransformedAsRowsAre() throws {
        let derived = """
            <LocalTransformations><DerivedField name="scaled" dataType="double" optype="continuous"><Apply function="*"><FieldRef field="x"/><Constant>0.1</Constant></Apply></DerivedField>
            <DerivedField name="size" dataType="string" optype="categorical"><Discretize field="z" defaultValue="large"><DiscretizeBin binValue="small"><Interval closure="openOpen" rightMargin="1"/></DiscretizeBin></Discretize></DerivedField></LocalTransformations>
            """
        let rows = [["0", "0", "10", "a", "1", "p"], ["10", "5", "20", "b", "1", "q"], ["40", "0", "30", "b", "1", "r"]]
        let table = Self.table(rows).replacing("isTransformed=\"true\"", with: "isTransformed=\"false\"")
        let document = Self.document(
            ["y"], "numberOfNeighbors='1' instanceIdVariable='name'", output: Self.outputs, table: derived + table,
            measure: "<cityBlock/>",
            inputs:
                "<KNNInput field='size' compareFunction='delta'/><KNNInput field='x' fieldWeight='0'/><KNNInput field='scaled'/>")
        let names = ["y", "first", "second", "distance", "next"]
        // From x = 12, z = 7: 1.2 + 1, 0.2 and 2.8 + 1.
        #expect(try columns(document, names, ["x": "12", "z": "7"]) == ["20.0", "q", "p", "\(12 * 0.1 - 1)", "\(12 * 0.1 + 1)"])
        #expect(throws: ScoringError.self) { try load(document.replacing("<data:z_>5</data:z_>", with: "")) }
    }

    @Test func theMostSimilarInstancesAreFound() throws {
        let rows = [["1", "0", "1", "a", "1", "p"], ["1", "1", "2", "a", "1", "q"], ["0", "0", "3", "a", "1", "r"]]
        let document = Self.document(
            ["y"], "numberOfNeighbors='1' instanceIdVariable='name'", output: Self.outputs, table: Self.table(rows),
            measure: "<jaccard/>", kind: "similarity")
        #expect(try columns(document, ["y", "first", "second", "distance"], ["x": "1", "z": "1"]) == ["2.0", "q", "p", "1.0"])
    }

    @Test func whatIsNotSupportedIsNamed() {
        let documents = [
            ("float", Self.document(["y"], "numberOfNeighbors='1' x-mathContext='float'")),
            (
                "probability",
                Self.document(
                    ["c"], "numberOfNeighbors='1'", function: "classification",
                    output: "<Output><OutputField name='p' feature='probability' value='a'/></Output>")
            ),
            (
                "similarity",
                Self.document(
                    ["y"], "numberOfNeighbors='1' continuousScoringMethod='weightedAverage'",
                    table: Self.table([["1", "0", "1", "a", "1", "p"]]), measure: "<jaccard/>", kind: "similarity")
            ),
            (
                "TableLocator",
                Self.document(["y"], "numberOfNeighbors='1'", table: "<TrainingInstances><TableLocator/></TrainingInstances>")
            ),
        ]
        for (name, document) in documents {
            let error = #expect(throws: ScoringError.self, "\(name)") { try load(document) }
            guard case .unsupportedModel(let reason)? = error, reason.contains(name) else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func filesThatContradictThemselvesAreRefused() {
        let one = "numberOfNeighbors='1'"
        func changed(_ index: Int, _ text: String) -> String {
            var rows = Self.instances
            rows[2][index] = text
            return Self.table(rows)
        }
        let documents = [
            Self.document(["y"], ""), Self.document(["y"], "numberOfNeighbors='0'"),
            Self.document(["y"], "numberOfNeighbors='6'"),
            Self.document(["y"], "numberOfNeighbors='9223372036854775807'"), Self.document(["y"], one, table: ""),
            Self.document(["y"], one, table: changed(0, "x")), Self.document(["y"], one, table: changed(0, "NaN")),
            Self.document(["y"], one, table: changed(2, "x")), Self.document(["n"], one, table: changed(4, "x")),
            Self.document(["y"], one, table: Self.table(Self.instances + [["1"]])), Self.document(["y"], one, measure: ""),
            Self.document(["y"], one, inputs: ""), Self.document(["y"], one, inputs: "<KNNInput field='q'/>"),
            Self.document(["y"], one, table: Self.table().replacing("field=\"z\"", with: "field=\"q\"")),
            Self.document(["y"], one + " instanceIdVariable='q'", output: Self.outputs),
        ]
        for (index, document) in documents.enumerated() {
            let error = #expect(throws: ScoringError.self, "\(index)") { try load(document) }
            guard case .invalidModel? = error else {
                Issue.record("\(index): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func neighborsWorkWithinChains() throws {
        let neighbors = """
            <Segment><True/><NearestNeighborModel functionName="regression" numberOfNeighbors="1"><MiningSchema><MiningField name="x"/><MiningField name="z"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="f" isFinalResult="false"/></Output>\(Self.table())
            <ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><KNNInputs><KNNInput field="x"/></KNNInputs></NearestNeighborModel></Segment>
            """
        let document = PMMLText.document(
            fields: Self.fields,
            """
            <MiningModel functionName="regression">\(PMMLText.schema("x", "z", target: "y"))<Segmentation multipleModelMethod="modelChain">\(neighbors)
            <Segment><True/><RegressionModel functionName="regression">\(PMMLText.schema("f"))
            <RegressionTable intercept="1"><NumericPredictor name="f" coefficient="3"/></RegressionTable></RegressionModel></Segment></Segmentation></MiningModel>
            """)
        #expect(try columns(document, ["y"], Self.at("9")) == ["211.0"])
    }
}
