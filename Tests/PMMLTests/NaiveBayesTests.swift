import Glibc
import PMML
import Scoring
import Testing

@Suite struct NaiveBayesTests {
    static func counts(_ yes: Double?, _ no: Double?) -> String {
        let cells = [yes.map { ("yes", $0) }, no.map { ("no", $0) }].compactMap(\.self)
        return "<TargetValueCounts>" + cells.map { "<TargetValueCount value=\"\($0.0)\" count=\"\($0.1)\"/>" }.joined()
            + "</TargetValueCounts>"
    }

    static let colour = """
        <BayesInput fieldName="s"><PairCounts value="red">\(counts(3, 1))</PairCounts><PairCounts value="blue">\(counts(1, 5))</PairCounts><PairCounts value="grey">\(counts(0, 4))</PairCounts></BayesInput>
        """

    static func measured(_ yes: String, _ no: String) -> String {
        "<BayesInput fieldName=\"x\"><TargetValueStats><TargetValueStat value=\"yes\">\(yes)</TargetValueStat><TargetValueStat value=\"no\">\(no)</TargetValueStat></TargetValueStats></BayesInput>"
    }

    func document(
        _ inputs: String, threshold: String = "0.001", function: String = "classification", output: String? = nil,
        schema: String = ""
    ) -> String {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("s", "string") + PMMLText.field("y", "string"),
            """
            <NaiveBayesModel functionName="\(function)" threshold="\(threshold)">\(PMMLText.schema("x", "s", target: "y"))\(schema)
            <BayesInputs>\(inputs)</BayesInputs><BayesOutput fieldName="y">\(output ?? Self.counts(4, 10))</BayesOutput></NaiveBayesModel>
            """)
    }

    /// The probability of "yes", which is the first category.
    func yes(_ inputs: String, _ row: [String: String], threshold: String = "0.001") throws -> Double {
        let model = try load(document(inputs, threshold: threshold))
        return try score(model, [row])[0, model.signature.roles.probabilities.lowerBound]
    }

    func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-14 }

    @Test func countsBecomeSharesOfEachCategory() throws {
        #expect(close(try yes(Self.colour, ["s": "red"]), 4 * 0.75 / (4 * 0.75 + 10 * 0.1)))
        #expect(close(try yes(Self.colour, ["s": "blue"]), 4 * 0.25 / (4 * 0.25 + 10 * 0.5)))
        // Never seen with "yes": the threshold.
        #expect(close(try yes(Self.colour, ["s": "grey"]), 4 * 0.001 / (4 * 0.001 + 10 * 0.4)))
        let absent = Self.colour.replacing("<TargetValueCount value=\"yes\" count=\"0.0\"/>", with: "")
        #expect(absent != Self.colour)
        #expect(close(try yes(absent, ["s": "grey"]), 4 * 0.001 / (4 * 0.001 + 10 * 0.4)))
    }

    @Test func missingAndUnknownValuesSayNothing() throws {
        #expect(close(try yes(Self.colour, [:]), 4.0 / 14))
        #expect(close(try yes(Self.colour, ["s": "green"]), 4.0 / 14))
    }

    @Test func numbersAreMeasuredByNormalDistributions() throws {
        let input = Self.measured(
            "<GaussianDistribution mean='1' variance='4'/>", "<GaussianDistribution mean='3' variance='0.25'/>")
        func density(_ x: Double, _ mean: Double, _ variance: Double) -> Double {
            exp(-(x - mean) * (x - mean) / (2 * variance)) / (2 * .pi * variance).squareRoot()
        }
        let (a, b) = (4 * density(2, 1, 4), 10 * density(2, 3, 0.25))
        #expect(close(try yes(input, ["x": "2"]), a / (a + b)))
        #expect(close(try yes(input, [:]), 4.0 / 14))
        // Densities below the threshold are the threshold.
        let far = 4 * density(6, 1, 4)
        #expect(close(try yes(input, ["x": "6"]), far / (far + 10 * 0.001)))
        // Without a threshold, logarithms still tell them apart where densities are zero.
        #expect(try yes(input, ["x": "500"], threshold: "0") == 1)
        #expect(close(try yes(Self.colour + input, ["x": "2", "s": "red"]), 0.75 * a / (0.75 * a + 0.1 * b)))
    }

    @Test func countsAreMeasuredByPoissonDistributions() throws {
        let input = Self.measured("<PoissonDistribution mean='2'/>", "<PoissonDistribution mean='0.5'/>")
        let (a, b): (Double, Double) = (4 * exp(-2.0) * 8 / 6, 10 * exp(-0.5) * 0.125 / 6)
        #expect(close(try yes(input, ["x": "3"]), a / (a + b)))
        // No counts: both are the threshold.
        #expect(close(try yes(input, ["x": "2.5"]), 4.0 / 14))
        #expect(close(try yes(input, ["x": "-1"]), 4.0 / 14))
        #expect(close(try yes(input, [:]), 4.0 / 14))
    }

    @Test func numbersAreMadeCategoriesWithinAnInput() throws {
        let input = """
            <BayesInput fieldName="x"><DerivedField name="band" dataType="string" optype="categorical"><Discretize field="x">
            <DiscretizeBin binValue="low"><Interval closure="openOpen" rightMargin="10"/></DiscretizeBin><DiscretizeBin binValue="high"><Interval closure="closedOpen" leftMargin="10" rightMargin="20"/></DiscretizeBin></Discretize></DerivedField>
            <PairCounts value="low">\(Self.counts(1, 8))</PairCounts><PairCounts value="high">\(Self.counts(3, 2))</PairCounts></BayesInput>
            """
        #expect(close(try yes(input, ["x": "9"]), 4 * 0.25 / (4 * 0.25 + 10 * 0.8)))
        #expect(close(try yes(input, ["x": "10"]), 4 * 0.75 / (4 * 0.75 + 10 * 0.2)))
        #expect(close(try yes(input, ["x": "20"]), 4.0 / 14))
    }

    @Test func inputsWithinExtensionsAreThoseOfOldFiles() throws {
        let input = Self.measured(
            "<GaussianDistribution mean='0' variance='1'/>", "<GaussianDistribution mean='1' variance='1'/>")
        let plain = try yes(Self.colour + input, ["x": "0.3", "s": "red"])
        #expect(try yes(Self.colour + "<Extension>\(input)</Extension>", ["x": "0.3", "s": "red"]) == plain)
        #expect(plain != (try yes(Self.colour, ["x": "0.3", "s": "red"])))
    }

    @Test func theMostProbableCategoryIsTheLabelAndZeroCountsAreImpossible() throws {
        let model = try load(document(Self.colour, output: Self.counts(4, 0)))
        let scores = try score(model, [["s": "blue"]])
        #expect(text(scores, model, row: 0, "y") == "yes")
        #expect(model.signature.roles.probabilities.map { scores[0, $0] } == [1, 0])
    }

    @Test func otherDistributionsAreRefusedByName() {
        for name in ["AnyDistribution", "UniformDistribution"] {
            let input = Self.measured("<\(name) mean='1' variance='2' lower='0' upper='1'/>", "<PoissonDistribution mean='1'/>")
            let error = #expect(throws: ScoringError.self) { try load(document(input)) }
            #expect("\(error!)".contains(name))
        }
    }

    @Test func modelsThatDoNotHoldTogetherAreRefused() {
        let stat = "<GaussianDistribution mean='1' variance='0'/>"
        let bad = [
            document(Self.measured(stat, stat)), document(Self.measured("", "")),
            document(Self.measured("<PoissonDistribution mean='0'/>", "<PoissonDistribution mean='1'/>")),
            document(Self.colour, threshold: "-1"), document(Self.colour, threshold: "x"),
            document(Self.colour, function: "regression"), document(Self.colour, output: "<TargetValueCounts/>"),
            document(
                Self.colour,
                output:
                    "<TargetValueCounts><TargetValueCount value='a' count='1'/><TargetValueCount value='a' count='2'/></TargetValueCounts>"
            ),
            document("<BayesInput fieldName='s'/>"), document(Self.colour.replacing("\"s\"", with: "\"nowhere\"")),
            document(Self.colour.replacing("count=\"3.0\"", with: "count=\"-3\"")),
            document(Self.colour.replacing("\"grey\"", with: "\"red\"")),
            document("<Other/>"),
            document(
                Self.measured("<PoissonDistribution mean='1'/>", "<PoissonDistribution mean='1'/>").replacing(
                    "\"x\"", with: "\"s\"")),
        ]
        for text in bad { #expect(throws: ScoringError.self, "\(text)") { try load(text) } }
    }

    /// A model with inputs of every kind.
    static var example: String {
        let measured = measured("<GaussianDistribution mean=\"1\" variance=\"4\"/>", "<PoissonDistribution mean=\"3\"/>")
        return NaiveBayesTests().document(colour + "<Extension>\(measured)</Extension>")
    }
}
