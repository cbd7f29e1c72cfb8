import Glibc
import PMML
import Scoring
import Testing

@Suite struct RegressionModelTests {
    func model(
        _ attributes: String, _ tables: String, target: String = "", function: String = "classification", targets: String = ""
    ) -> String {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("s", "string")
                + PMMLText.field("y", function == "regression" ? "double" : "string", nil, target),
            """
            <RegressionModel functionName="\(function)" \(attributes)>\(PMMLText.schema("x", "s", target: "y"))\(targets)\(tables)</RegressionModel>
            """)
    }

    func table(_ intercept: Double, _ category: String?, _ slope: Double = 1) -> String {
        "<RegressionTable intercept=\"\(intercept)\" \(category.map { "targetCategory=\"\($0)\"" } ?? "")><NumericPredictor name=\"x\" coefficient=\"\(slope)\"/></RegressionTable>"
    }

    func close(_ actual: [Double], _ expected: [Double]) -> Bool {
        actual.count == expected.count && zip(actual, expected).allSatisfy { abs($0 - $1) <= 1e-14 }
    }

    func regression(_ normalization: String, _ x: Double) throws -> Double {
        let model = try load(model("normalizationMethod='\(normalization)'", table(0.5, nil, 2), function: "regression"))
        return try score(model, [["x": "\(x)"]])[0, model.signature.roles.score.lowerBound]
    }

    @Test func everyNormalizationOfARegression() throws {
        let y = 0.5 + 2 * 0.3
        #expect(try regression("none", 0.3) == y)
        #expect(try regression("exp", 0.3) == exp(y))
        #expect(try close([regression("softmax", 0.3), regression("logit", 0.3)], [1 / (1 + exp(-y)), 1 / (1 + exp(-y))]))
        #expect(try close([regression("probit", 0.3)], [0.5 * (1 + erf(y / 2.0.squareRoot()))]))
        #expect(try close([regression("cloglog", 0.3)], [1 - exp(-exp(y))]))
        #expect(try close([regression("loglog", 0.3)], [exp(-exp(-y))]))
        #expect(try close([regression("cauchit", 0.3)], [0.5 + atan(y) / .pi]))
    }

    func probabilities(_ text: String, _ row: [String: String]) throws -> [Double] {
        let model = try load(text)
        let scores = try score(model, [row])
        return model.signature.roles.probabilities.map { scores[0, $0] }
    }

    @Test func softmaxAndSimplemaxOfSeveralClasses() throws {
        let tables = table(1, "a") + table(2, "b", 0.5) + table(0.5, "c", 2)
        let (a, b, c) = (2.0, 2.5, 2.5)
        let sum = exp(a) + exp(b) + exp(c)
        #expect(
            try close(
                probabilities(model("normalizationMethod='softmax'", tables), ["x": "1"]),
                [exp(a) / sum, exp(b) / sum, exp(c) / sum]))
        #expect(try close(probabilities(model("normalizationMethod='simplemax'", tables), ["x": "1"]), [a / 7, b / 7, c / 7]))
    }

    @Test func oneOfTwoClassesIsWhatTheOtherLeaves() throws {
        let tables = table(0.5, "yes") + "<RegressionTable intercept=\"0\" targetCategory=\"no\"/>"
        let p = 1 / (1 + exp(-1.5))
        #expect(try close(probabilities(model("normalizationMethod='logit'", tables), ["x": "1"]), [p, 1 - p]))
        // In the order of the target's values.
        let ordered = model("normalizationMethod='logit'", tables, target: PMMLText.values("no", "yes"))
        #expect(try close(probabilities(ordered, ["x": "1"]), [1 - p, p]))
        #expect(try close(probabilities(model("", tables), ["x": "-0.25"]), [0.25, 0.75]))
    }

    @Test func orderedClassesAreDifferencesOfCumulativeProbabilities() throws {
        let text = model(
            "normalizationMethod='logit'",
            table(-1, "low") + table(1, "mid") + "<RegressionTable intercept=\"0\" targetCategory=\"high\"/>"
        )
        .replacing(
            "name=\"y\" dataType=\"string\" optype=\"categorical\"", with: "name=\"y\" dataType=\"string\" optype=\"ordinal\"")
        let (first, second) = (1 / (1 + exp(0.5)), 1 / (1 + exp(-1.5)))
        #expect(try close(probabilities(text, ["x": "0.5"]), [first, second - first, 1 - second]))
    }

    @Test func theMostProbableClassIsTheLabel() throws {
        let model = try load(model("normalizationMethod='softmax'", table(1, "a") + table(0, "b", 3)))
        let scores = try score(model, [["x": "0"], ["x": "1"], [:]])
        #expect((0..<3).map { text(scores, model, row: $0, "y") } == ["a", "b", ""])
        // Of equals the first in the order of the tables, whatever the order of the target's values.
        let equal = try load(
            self.model("normalizationMethod='softmax'", table(1, "b") + table(1, "a"), target: PMMLText.values("a", "b")))
        #expect(try text(score(equal, [["x": "0"]]), equal, row: 0, "y") == "b")
    }

    @Test func predictorsOfEveryKindAddUp() throws {
        let tables = """
            <RegressionTable intercept="1"><NumericPredictor name="x" exponent="2" coefficient="3"/><NumericPredictor name="x" coefficient="0.5"/>
            <CategoricalPredictor name="s" value="a" coefficient="10"/><CategoricalPredictor name="s" value="b" coefficient="20"/>
            <PredictorTerm coefficient="100"><FieldRef field="x"/><FieldRef field="x"/><FieldRef field="x"/></PredictorTerm></RegressionTable>
            """
        let model = try load(model("", tables, function: "regression"))
        let rows = [["x": "2", "s": "b"], ["x": "2", "s": "c"], ["x": "2"], ["s": "a"]]
        let scores = try score(model, rows)
        // A missing category counts as none; a missing number makes the sum missing.
        #expect(rows.indices.map { text(scores, model, row: $0, "y") } == ["834.0", "814.0", "814.0", ""])
    }

    @Test func targetsLimitThenScaleThenRound() throws {
        func result(_ target: String, _ x: String) throws -> String? {
            let model = try load(
                model("", table(0, nil), function: "regression", targets: "<Targets><Target field=\"y\" \(target)/></Targets>"))
            return try text(score(model, [["x": x]]), model, row: 0, "y")
        }
        #expect(try result("min='-1' max='4' rescaleFactor='2' rescaleConstant='1'", "10") == "9.0")
        #expect(try result("min='-1' max='4' rescaleFactor='2' rescaleConstant='1'", "-10") == "-1.0")
        #expect(try result("castInteger='round'", "-2.5") == "-2")
        #expect(try result("castInteger='round'", "2.5") == "3")
        #expect(try result("castInteger='ceiling'", "2.1") == "3")
        #expect(try result("castInteger='floor'", "-2.1") == "-3")
        #expect(try result("castInteger='floor'", "") == "")
    }

    @Test func marginsAreGivenBesideTheProbabilities() throws {
        let model = try load(model("normalizationMethod='softmax'", table(1, "a") + table(0, "b", 3)))
        let scores = try score(model, [["x": "2"]])
        #expect(model.signature.roles.raw.map { model.signature.outputs[$0].name } == ["raw(a)", "raw(b)"])
        #expect(model.signature.roles.raw.map { scores[0, $0] } == [3, 6])
    }

    @Test func tablesWithoutOrWithTheSameCategoryAreRefused() {
        #expect(throws: ScoringError.self) { try load(model("", table(1, "a") + table(1, "a"))) }
        #expect(throws: ScoringError.self) { try load(model("", table(1, nil) + table(1, "a"))) }
    }

    @Test func simplemaxIsNoNormalizationOfARegression() {
        let error = #expect(throws: ScoringError.self) { try regression("simplemax", 1) }
        #expect("\(error!)".contains("simplemax"))
    }

    @Test func everyLinkOfTwoClasses() throws {
        let tables = table(0.5, "yes") + "<RegressionTable intercept=\"0\" targetCategory=\"no\"/>"
        func yes(_ method: String, _ x: Double) throws -> Double {
            try probabilities(model("normalizationMethod='\(method)'", tables), ["x": "\(x)"])[0]
        }
        let y = 0.9
        #expect(
            try close(
                ["probit", "cloglog", "loglog", "cauchit"].map { try yes($0, 0.4) },
                [0.5 * (1 + erf(y / 2.0.squareRoot())), 1 - exp(-exp(y)), exp(-exp(-y)), 0.5 + atan(y) / .pi]))
        // Without a link the sum is the probability, as far as it can be one.
        #expect(try [0.25, 4, -4].map { try yes("none", $0) } == [0.75, 1, 0])
        #expect(throws: ScoringError.self) { try yes("exp", 1) }
    }

    @Test func logitOfMoreThanTwoClassesIsSharedOut() throws {
        let tables = table(1, "a") + table(2, "b", 0.5) + table(0.5, "c", 2)
        let values = [2.0, 2.5, 2.5].map { 1 / (1 + exp(-$0)) }
        let sum = values[0] + values[1] + values[2]
        #expect(try close(probabilities(model("normalizationMethod='logit'", tables), ["x": "1"]), values.map { $0 / sum }))
        for method in ["probit", "cloglog", "loglog", "cauchit", "exp"] {
            #expect(throws: ScoringError.self, "\(method)") { try load(model("normalizationMethod='\(method)'", tables)) }
        }
    }

    @Test(arguments: ["none", "logit", "probit", "cloglog", "loglog", "cauchit"])
    func everyCumulativeLinkOfOrderedClasses(_ method: String) throws {
        let tables =
            table(0.1, "low", 0.5) + table(0.6, "mid", 0.5) + "<RegressionTable intercept=\"0\" targetCategory=\"high\"/>"
        let text = model("normalizationMethod='\(method)'", tables)
            .replacing(
                "name=\"y\" dataType=\"string\" optype=\"categorical\"", with: "name=\"y\" dataType=\"string\" optype=\"ordinal\""
            )
        func inverse(_ x: Double) -> Double {
            switch method {
            case "none": min(max(x, 0), 1)
            case "logit": 1 / (1 + exp(-x))
            case "probit": 0.5 * (1 + erf(x / 2.0.squareRoot()))
            case "cloglog": 1 - exp(-exp(x))
            case "loglog": exp(-exp(-x))
            default: 0.5 + atan(x) / .pi
            }
        }
        for x in [0.3, 1.4] {
            let (low, mid) = (inverse(0.1 + 0.5 * x), inverse(0.6 + 0.5 * x))
            #expect(try close(probabilities(text, ["x": "\(x)"]), [low, mid - low, 1 - mid]))
        }
        for other in ["softmax", "simplemax", "exp"] {
            #expect(throws: ScoringError.self) { try load(text.replacing("'\(method)'", with: "'\(other)'")) }
        }
    }

    @Test func aTermWithAMissingFactorMakesTheSumMissing() throws {
        let tables =
            "<RegressionTable intercept=\"1\"><PredictorTerm coefficient=\"2\"><FieldRef field=\"x\"/><FieldRef field=\"x\"/></PredictorTerm></RegressionTable>"
        let model = try load(self.model("", tables, function: "regression"))
        let scores = try score(model, [["x": "3"], [:]])
        #expect((0..<2).map { text(scores, model, row: $0, "y") } == ["19.0", ""])
        #expect(throws: ScoringError.self) {
            try load(
                self.model(
                    "", "<RegressionTable intercept=\"1\"><PredictorTerm coefficient=\"2\"/></RegressionTable>",
                    function: "regression"))
        }
    }

    @Test func priorsTakeThePlaceOfAMissingClassification() throws {
        func text(_ values: String) -> String {
            self.model(
                "normalizationMethod='softmax'", table(1, "a") + table(0, "b", 3),
                targets: "<Targets><Target field=\"y\">\(values)</Target></Targets>")
        }
        let priors =
            "<TargetValue value=\"a\" priorProbability=\"1\"/><TargetValue value=\"b\" priorProbability=\"2\"/><TargetValue value=\"c\" priorProbability=\"5\"/>"
        let model = try load(text(priors))
        let scores = try score(model, [[:], ["x": "2"]])
        #expect(model.signature.roles.classes == ["a", "b", "c"])
        #expect(model.signature.roles.probabilities.map { scores[0, $0] } == [0.125, 0.25, 0.625])
        #expect((0..<2).map { PMMLTests.text(scores, model, row: $0, "y") } == ["c", "b"])
        let found = model.signature.roles.probabilities.map { scores[1, $0] }
        #expect(close(found, [1 / (1 + exp(3.0)), 1 / (1 + exp(-3.0)), 0]))
        // Values without priors say nothing.
        let plain = try load(text("<TargetValue value=\"a\"/><TargetValue value=\"b\"/>"))
        #expect(try PMMLTests.text(score(plain, [[:]]), plain, row: 0, "y") == "")
    }

    @Test func aDefaultTakesThePlaceOfAMissingRegressionBeforeTheTargetsScale() throws {
        let model = try load(
            self.model(
                "", table(0, nil), function: "regression",
                targets: "<Targets><Target field=\"y\" rescaleFactor=\"2\"><TargetValue defaultValue=\"3.5\"/></Target></Targets>"
            ))
        let scores = try score(model, [[:], ["x": "5"]])
        #expect((0..<2).map { text(scores, model, row: $0, "y") } == ["7.0", "10.0"])
    }
}
