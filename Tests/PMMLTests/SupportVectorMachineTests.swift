import Glibc
import PMML
import Scoring
import Testing

@Suite struct SupportVectorMachineTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b"))
        + PMMLText.field("y") + PMMLText.field("c", "string", "categorical", PMMLText.values("no", "yes", "maybe"))

    static let dictionary = """
        <VectorDictionary numberOfVectors="3"><VectorFields numberOfFields="2"><FieldRef field="x"/><FieldRef field="z"/></VectorFields>
        <VectorInstance id="v1"><Array n="2" type="real">1 2</Array></VectorInstance>
        <VectorInstance id="v2"><REAL-SparseArray n="2"><Indices>2</Indices><REAL-Entries>-1</REAL-Entries></REAL-SparseArray></VectorInstance>
        <VectorInstance id="v3"><REAL-SparseArray n="2" defaultValue="0.5"/></VectorInstance></VectorDictionary>
        """

    static func machine(_ terms: [(String, Double)], _ intercept: Double, _ attributes: String = "") -> String {
        """
        <SupportVectorMachine \(attributes)><SupportVectors>\(terms.map { "<SupportVector vectorId=\"\($0.0)\"/>" }.joined())</SupportVectors>
        <Coefficients absoluteValue="\(intercept)">\(terms.map { "<Coefficient value=\"\($0.1)\"/>" }.joined())</Coefficients></SupportVectorMachine>
        """
    }

    /// A machine whose value is x + intercept, by the linear kernel.
    static func line(_ intercept: Double, _ attributes: String) -> String {
        machine([("v1", 0.5), ("v2", 1), ("v3", 1)], intercept, attributes)
    }

    static func regression(_ kernel: String, _ machines: String, head: String = "", dictionary: String = dictionary) -> String {
        PMMLText.document(
            fields: fields,
            """
            <SupportVectorMachineModel functionName="regression" \(head)>\(PMMLText.schema("x", "z", "s", target: "y"))
            <Targets><Target field="y" rescaleFactor="2" rescaleConstant="1"/></Targets>\(kernel)\(dictionary)\(machines)</SupportVectorMachineModel>
            """)
    }

    static func classification(_ head: String, _ machines: String..., output: String = "", target: String = "c") -> String {
        PMMLText.document(
            fields: fields + PMMLText.field("b", "string", "categorical", PMMLText.values("no", "yes")),
            """
            <SupportVectorMachineModel functionName="classification" \(head)>\(PMMLText.schema("x", "z", target: target))\(output)
            <LinearKernelType/>\(dictionary)\(machines.joined())</SupportVectorMachineModel>
            """)
    }

    func column(_ document: String, _ name: String, _ rows: [[String: String]]) throws -> [String?] {
        let model = try load(document)
        let scores = try score(model, rows)
        return rows.indices.map { text(scores, model, row: $0, name) }
    }

    static let terms = [("v1", 2.0), ("v2", -1.0), ("v3", 0.25)]

    /// The machine of `terms`, with the given kernel of dot product and squared distance.
    static func expected(_ x: Double, _ z: Double, _ kernel: (Double, Double) -> Double) -> Double {
        let vectors = [("v1", 1.0, 2.0), ("v2", 0.0, -1.0), ("v3", 0.5, 0.5)]
        var sum = 0.0
        for ((_, coefficient), (_, a, b)) in zip(terms, vectors) {
            sum += coefficient * kernel(x * a + z * b, (x - a) * (x - a) + (z - b) * (z - b))
        }
        return (sum + 0.125) * 2 + 1
    }

    @Test func kernelsAreThoseOfTheSpecification() throws {
        let kernels: [(String, (Double, Double) -> Double)] = [
            ("<LinearKernelType/>", { dot, _ in dot }), ("<PolynomialKernelType/>", { dot, _ in dot + 1 }),
            ("<PolynomialKernelType gamma='0.5' coef0='2' degree='3'/>", { dot, _ in pow(0.5 * dot + 2, 3) }),
            ("<RadialBasisKernelType/>", { _, distance in exp(-distance) }),
            ("<RadialBasisKernelType gamma='0.25'/>", { _, distance in exp(-0.25 * distance) }),
            ("<SigmoidKernelType/>", { dot, _ in tanh(dot + 1) }),
            ("<SigmoidKernelType gamma='0.5' coef0='-1'/>", { dot, _ in tanh(0.5 * dot - 1) }),
        ]
        for (kernel, function) in kernels {
            let result = try column(
                Self.regression(kernel, Self.machine(Self.terms, 0.125)), "y", [["x": "0.75", "z": "-0.5"], ["x": "1"], [:]])
            let number = try #require(result[0].flatMap { Double($0) })
            #expect(abs(number - Self.expected(0.75, -0.5, function)) < 1e-14, "\(kernel)")
            // A vector with a missing number has no kernel.
            #expect(result[1...] == ["", ""])
        }
    }

    @Test(arguments: ["representation", "svmRepresentation"])
    func coefficientsCanStandForAllVectors(_ attribute: String) throws {
        let machine = """
            <SupportVectorMachine><Coefficients absoluteValue="3"><Coefficient value="2"/><Coefficient value="-1"/></Coefficients></SupportVectorMachine>
            """
        let document = Self.regression("<LinearKernelType/>", machine, head: "\(attribute)='Coefficients'")
        #expect(try column(document, "y", [["x": "1", "z": "0.5"]]) == ["10.0"])
        #expect(throws: ScoringError.self) {
            try load(Self.regression("<RadialBasisKernelType/>", machine, head: "\(attribute)='Coefficients'"))
        }
    }

    @Test func categoriesCanBeCoordinates() throws {
        let dictionary = """
            <VectorDictionary><VectorFields><FieldRef field="x" mapMissingTo="7"/><CategoricalPredictor name="s" value="b" coefficient="1"/></VectorFields>
            <VectorInstance id="v"><Array type="real">1 10</Array></VectorInstance></VectorDictionary>
            """
        let document = Self.regression("<LinearKernelType/>", Self.machine([("v", 1)], 0), dictionary: dictionary)
        let rows = [["x": "2", "s": "b"], ["x": "2", "s": "a"], ["s": "a"], ["x": "2"]]
        #expect(try column(document, "y", rows) == ["25.0", "5.0", "15.0", ""])
    }

    @Test func oneMachineDecidesBetweenTwoCategories() throws {
        let rows = [["x": "-1", "z": "0"], ["x": "0", "z": "0"], ["x": "1", "z": "0"], ["z": "0"]]
        let both = "targetCategory='yes' alternateTargetCategory='no'"
        let output = "<Output><OutputField name='p' feature='probability' value='yes'/></Output>"
        #expect(
            try column(Self.classification("", Self.line(0, both), target: "b"), "b", rows) == ["yes", "no", "no", ""])
        #expect(
            try column(Self.classification("maxWins='true'", Self.line(0, both), target: "b"), "b", rows) == [
                "no", "no", "yes", "",
            ])
        #expect(
            try column(Self.classification("threshold='0.5'", Self.line(0, both), output: output, target: "b"), "p", rows)
                == ["1.0", "1.0", "0.0", ""])
        #expect(
            try column(Self.classification("threshold='0.5'", Self.line(0, both + " threshold='-0.5'"), target: "b"), "b", rows)
                == ["yes", "no", "no", ""])
        // The other one of two listed categories needs no name.
        #expect(
            try column(Self.classification("", Self.line(0, "targetCategory='yes'"), target: "b"), "b", rows)
                == ["yes", "no", "no", ""])
        let model = try load(Self.classification("", Self.line(0.25, both), target: "b"))
        #expect(try text(score(model, rows), model, row: 2, "raw") == "1.25")
    }

    @Test func formerBinaryMachinesGiveOneAndZero() throws {
        let document = Self.classification(
            "alternateBinaryTargetCategory='no'", Self.line(0, "targetCategory='yes'"), target: "b")
        let rows = ["0.75", "0.25", "-0.25", "1.25", "2"].map { ["x": $0, "z": "0"] }
        #expect(try column(document, "b", rows) == ["yes", "no", "no", "yes", ""])
    }

    @Test func pairsOfCategoriesVote() throws {
        let output =
            "<Output>"
            + ["no", "yes", "maybe"].map {
                "<OutputField name='p(\($0))' feature='probability' value='\($0)'/>"
            }.joined() + "</Output>"
        func pair(_ a: String, _ b: String, _ intercept: Double) -> String {
            Self.line(intercept, "targetCategory='\(a)' alternateTargetCategory='\(b)'")
        }
        for head in ["classificationMethod='OneAgainstOne'", ""] {
            // yes beats no below 0, yes beats maybe below 1, no beats maybe below 2.
            let document = Self.classification(
                head, pair("yes", "no", 0), pair("yes", "maybe", -1), pair("no", "maybe", -2), output: output)
            let rows = ["-1", "0.5", "1.5", "3"].map { ["x": $0, "z": "0"] } + [["z": "0"]]
            #expect(try column(document, "c", rows) == ["yes", "no", "no", "maybe", ""])
            #expect(
                try column(document, "p(no)", rows) == ["\(1.0 / 3)", "\(2.0 / 3)", "\(2.0 / 3)", "\(1.0 / 3)", ""])
            #expect(try column(document, "p(yes)", rows) == ["\(2.0 / 3)", "\(1.0 / 3)", "0.0", "0.0", ""])
        }
    }

    @Test func tiesGoToTheCategoryThatIsNamedFirst() throws {
        func pair(_ a: String, _ b: String, _ intercept: Double) -> String {
            Self.line(intercept, "targetCategory='\(a)' alternateTargetCategory='\(b)'")
        }
        // Each has a vote: no beats yes, yes beats maybe, maybe beats no. The first machine votes for no.
        let document = Self.classification(
            "classificationMethod='OneAgainstOne'", pair("yes", "no", 1), pair("yes", "maybe", -1), pair("no", "maybe", 1))
        #expect(try column(document, "c", [["x": "0", "z": "0"]]) == ["yes"])
    }

    @Test func theBestMachineOfAllWins() throws {
        func one(_ category: String, _ intercept: Double, _ factor: Double) -> String {
            Self.machine([("v1", 0.5 * factor), ("v2", factor), ("v3", factor)], intercept, "targetCategory='\(category)'")
        }
        let machines = one("yes", 0, 1) + one("no", 0.5, 0) + one("maybe", 2, -1)
        let rows = ["0", "1", "3", "0.5", "1.5"].map { ["x": $0, "z": "0"] } + [["x": "0"]]
        // Values x, 0.5 and 2 - x; of equals the first.
        for head in ["classificationMethod='OneAgainstAll'", ""] {
            #expect(try column(Self.classification(head, machines), "c", rows) == ["yes", "no", "maybe", "yes", "no", ""])
            #expect(
                try column(Self.classification(head + " maxWins='true'", machines), "c", rows)
                    == ["maybe", "yes", "yes", "maybe", "yes", ""])
        }
        #expect(try column(Self.classification("", machines), "raw(maybe)", rows)[1] == "1.0")
    }

    /// KNIME gives machines of one category each an alternative too; the method that the specification assumes makes nothing of it.
    @Test func alternativesDoNotMakePairsOfMachinesForDifferentCategories() throws {
        func one(_ category: String, _ other: String, _ intercept: Double, _ factor: Double) -> String {
            Self.machine(
                [("v1", 0.5 * factor), ("v2", factor), ("v3", factor)], intercept,
                "targetCategory='\(category)' alternateTargetCategory='\(other)'")
        }
        // Values x, 0.5 and 2 - x.
        let machines = one("yes", "no", 0, 1) + one("no", "maybe", 0.5, 0) + one("maybe", "yes", 2, -1)
        let rows = ["-1", "1", "3"].map { ["x": $0, "z": "0"] }
        for head in ["classificationMethod='OneAgainstAll'", ""] {
            #expect(try column(Self.classification(head, machines), "c", rows) == ["yes", "no", "maybe"])
        }
        // By pairs: yes below 0.25, else no; maybe; maybe above 1.75, else yes. Of equal votes the first one named.
        #expect(
            try column(Self.classification("classificationMethod='OneAgainstOne' threshold='0.25'", machines), "c", rows)
                == ["yes", "yes", "maybe"])
    }

    @Test(arguments: [
        "x-mathContext='float'", "classificationMethod='Other'", "svmRepresentation='Other'",
    ])
    func whatIsNotSupportedIsNamed(_ attribute: String) {
        let error = #expect(throws: ScoringError.self) {
            try load(Self.classification(attribute, Self.line(0, "targetCategory='yes' alternateTargetCategory='no'")))
        }
        guard case .unsupportedModel(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(attribute.prefix { $0 != "=" }))
    }

    @Test func machinesForOneCategoryEachHaveNoProbabilities() {
        let error = #expect(throws: ScoringError.self) {
            try load(
                Self.classification(
                    "classificationMethod='OneAgainstAll'",
                    Self.line(0, "targetCategory='yes'") + Self.line(1, "targetCategory='no'"),
                    output: "<Output><OutputField name='p' feature='probability' value='no'/></Output>"))
        }
        #expect("\(error!)".contains("probability"))
    }

    @Test func filesThatContradictThemselvesAreRefused() {
        let kernel = "<LinearKernelType/>"
        let machine = Self.machine(Self.terms, 0)
        let documents = [
            Self.regression("", machine), Self.regression(kernel, ""), Self.regression(kernel, machine + machine),
            Self.regression(kernel, Self.machine([("v9", 1)], 0)),
            Self.regression(kernel, machine.replacing("<Coefficient value=\"2.0\"/>", with: "")),
            Self.regression(
                kernel, machine, dictionary: Self.dictionary.replacing("n=\"2\" type=\"real\">1 2", with: "type=\"real\">1")),
            Self.regression(kernel, machine, dictionary: Self.dictionary.replacing("<Indices>2<", with: "<Indices>3<")),
            Self.regression(kernel, machine, dictionary: Self.dictionary.replacing("<Indices>2<", with: "<Indices>0<")),
            Self.regression(kernel, machine, dictionary: Self.dictionary.replacing("<Indices>2<", with: "<Indices>1 2<")),
            Self.regression(
                kernel, machine,
                dictionary: Self.dictionary.replacing("n=\"2\" defaultValue", with: "n=\"2000000000\" defaultValue")),
            Self.regression(kernel, machine, dictionary: Self.dictionary.replacing("id=\"v3\"", with: "id=\"v1\"")),
            Self.regression(
                kernel, machine, dictionary: Self.dictionary.replacing("FieldRef field=\"x\"", with: "FieldRef field=\"s\"")),
            Self.classification("", Self.line(0, "")),
            Self.classification("classificationMethod='OneAgainstOne'", Self.line(0, "targetCategory='yes'")),
        ]
        for (index, document) in documents.enumerated() {
            let error = #expect(throws: ScoringError.self, "\(index)") { try load(document) }
            guard case .invalidModel? = error else {
                Issue.record("\(index): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func machinesWorkWithinChainsAndEnsembles() throws {
        func svm(_ intercept: Double, _ output: String = "") -> String {
            """
            <Segment><True/><SupportVectorMachineModel functionName="regression">\(PMMLText.schema("x", "z"))\(output)
            <LinearKernelType/>\(Self.dictionary)\(Self.line(intercept, ""))</SupportVectorMachineModel></Segment>
            """
        }
        func mining(_ method: String, _ segments: String) -> String {
            PMMLText.document(
                fields: Self.fields,
                """
                <MiningModel functionName="regression">\(PMMLText.schema("x", "z", target: "y"))
                <Segmentation multipleModelMethod="\(method)">\(segments)</Segmentation></MiningModel>
                """)
        }
        let rows = [["x": "1", "z": "0"], ["x": "1"]]
        #expect(try column(mining("average", svm(0) + svm(2)), "y", rows) == ["2.0", ""])
        let first = svm(1, "<Output><OutputField name='f' isFinalResult='false'/></Output>")
        let second = """
            <Segment><True/><RegressionModel functionName="regression">\(PMMLText.schema("f"))
            <RegressionTable intercept="0"><NumericPredictor name="f" coefficient="3"/></RegressionTable></RegressionModel></Segment>
            """
        #expect(try column(mining("modelChain", first + second), "y", rows) == ["6.0", ""])
    }
}
