import Glibc
import PMML
import Scoring
import Testing

@Suite struct GeneralRegressionTests {
    static let predictors = """
        <FactorList><Predictor name="s"/><Predictor name="n"/></FactorList><CovariateList><Predictor name="x"/><Predictor name="z"/></CovariateList>
        """

    /// p0 is the intercept; p1 is x squared; p2 is s = a; p3 is s = b and n = 2, times x and z.
    static let cells = """
        <PPMatrix><PPCell parameterName="p1" predictorName="x" value="2"/><PPCell parameterName="p2" predictorName="s" value="a"/>
        <PPCell parameterName="p3" predictorName="x" value="1"/><PPCell parameterName="p3" predictorName="s" value="b"/><PPCell parameterName="p3" predictorName="n" value="2.0"/><PPCell parameterName="p3" predictorName="z" value="-1"/></PPMatrix>
        """

    static func parameters(_ betas: [(String, Double, String?)]) -> String {
        "<ParamMatrix>"
            + betas.map { name, beta, category in
                "<PCell parameterName=\"\(name)\" beta=\"\(beta)\" df=\"1\" \(category.map { "targetCategory=\"\($0)\"" } ?? "")/>"
            }.joined() + "</ParamMatrix>"
    }

    static let betas: [(String, Double, String?)] = [("p0", 0.5, nil), ("p1", 0.1, nil), ("p2", -1, nil), ("p3", 2, nil)]

    func document(
        _ attributes: String, function: String = "regression", predictors: String = predictors, cells: String = cells,
        parameters: String = parameters(betas), tables: String = "", target: String = "", targetType: String? = nil,
        list: String = ""
    ) -> String {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("z") + PMMLText.field("s", "string") + PMMLText.field("n", "integer")
                + PMMLText.field(
                    "y", targetType ?? (function == "regression" ? "double" : "string"), target.isEmpty ? nil : target, list),
            """
            <GeneralRegressionModel functionName="\(function)" \(attributes)>\(PMMLText.schema("x", "z", "s", "n", target: "y"))
            <ParameterList><Parameter name="p0"/><Parameter name="p1" referencePoint="2"/><Parameter name="p2"/><Parameter name="p3"/></ParameterList>
            \(predictors)\(cells)<PCovMatrix/>\(parameters)\(tables)</GeneralRegressionModel>
            """)
    }

    func value(_ text: String, _ row: [String: String]) throws -> Double {
        let model = try load(text)
        return try score(model, [row])[0, #require(model.signature.outputColumn(named: "y"))]
    }

    func close(_ a: [Double], _ b: [Double]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-14 } }

    @Test(arguments: ["regression", "generalLinear"])
    func parametersAreMultipliedWithFactorsAndCovariates(_ type: String) throws {
        let text = document("modelType='\(type)'")
        #expect(close([try value(text, ["x": "3", "z": "4", "s": "a", "n": "2"])], [0.5 + 0.1 * 9 - 1]))
        #expect(close([try value(text, ["x": "3", "z": "4", "s": "b", "n": "2"])], [0.5 + 0.1 * 9 + 2 * 3 / 4]))
        #expect(close([try value(text, ["x": "3", "z": "4", "s": "b", "n": "1"])], [0.5 + 0.1 * 9]))
    }

    @Test func missingPredictorsMakeTheResultMissingUnlessAFactorRulesThemOut() throws {
        let text = document("modelType='generalLinear'")
        #expect(try value(text, ["z": "4", "s": "a", "n": "2"]).isNaN)
        #expect(try value(text, ["x": "3", "z": "4", "n": "2"]).isNaN)
        #expect(try value(text, ["x": "3", "s": "b", "n": "2"]).isNaN)
        #expect(close([try value(text, ["x": "3", "s": "a", "n": "2"])], [0.5 + 0.1 * 9 - 1]))
    }

    @Test func everyLinkOfAGeneralizedLinearModel() throws {
        let eta = 0.5 + 0.1 * 4
        func result(_ attributes: String) throws -> Double {
            try value(document("modelType='generalizedLinear' \(attributes)"), ["x": "2", "z": "1", "s": "c", "n": "1"])
        }
        let expected: [(String, Double)] = [
            ("identity", eta), ("log", exp(eta)), ("logit", 1 / (1 + exp(-eta))), ("cloglog", 1 - exp(-exp(eta))),
            ("loglog", exp(-exp(-eta))), ("logc", 1 - exp(eta)), ("probit", 0.5 * (1 + erf(eta / 2.0.squareRoot()))),
            ("cauchit", 0.5 + atan(eta) / .pi), ("negbin' distParameter='-2", 1 / (-2 * (exp(-eta) - 1))),
            ("oddspower' linkParameter='0.5", 1 / (1 + pow(1 + 0.5 * eta, -2))),
            ("oddspower' linkParameter='0", 1 / (1 + exp(-eta))),
            ("power' linkParameter='2", eta.squareRoot()), ("power' linkParameter='0", exp(eta)),
        ]
        for (link, wanted) in expected { #expect(close([try result("linkFunction='\(link)'")], [wanted]), "\(link)") }
        #expect(close([try result("linkFunction='log' offsetValue='0.25'")], [exp(eta + 0.25)]))
        #expect(close([try result("linkFunction='log' offsetVariable='z'")], [exp(eta + 1)]))
        #expect(close([try result("linkFunction='logit' trialsValue='10'")], [10 / (1 + exp(-eta))]))
        #expect(close([try result("linkFunction='logit' trialsVariable='x'")], [2 / (1 + exp(-eta))]))
    }

    @Test func contrastsComeFromTheFactorsMatrix() throws {
        func text(_ matrix: String) -> String {
            document(
                "modelType='generalLinear'",
                predictors:
                    "<FactorList><Predictor name='n' contrastMatrixType='custom'><Categories><Category value='1'/><Category value='2'/><Category value='3'/></Categories>\(matrix)</Predictor></FactorList>",
                cells:
                    "<PPMatrix><PPCell parameterName='p1' predictorName='n' value='1'/><PPCell parameterName='p2' predictorName='n' value='2'/></PPMatrix>",
                parameters: Self.parameters([("p0", 1, nil), ("p1", 10, nil), ("p2", 100, nil)]))
        }
        func all(_ text: String) throws -> [Double] { try ["1", "2", "3"].map { try value(text, ["n": $0]) } }
        let any = text(
            "<Matrix nbRows='3' nbCols='2'><Array type='real' n='2'>1 0</Array><Array type='real' n='2'>0.5 2</Array><Array type='real' n='2'>-1 -1</Array></Matrix>"
        )
        #expect(try all(any) == [11, 206, -109])
        #expect(try value(any, ["n": "4"]).isNaN)
        #expect(try value(any, [:]).isNaN)
        let diagonal = text("<Matrix kind='diagonal' diagDefault='1' offDiagDefault='0'/>")
        #expect(try all(diagonal) == [11, 101, 1])
        let symmetric = text(
            "<Matrix kind='symmetric'><Array type='real'>1</Array><Array type='real'>2 3</Array><Array type='real'>4 5 6</Array></Matrix>"
        )
        #expect(try all(symmetric) == [211, 321, 541])
        let sparse = text("<Matrix offDiagDefault='0' diagDefault='7'><MatCell row='3' col='1'>2</MatCell></Matrix>")
        #expect(try all(sparse) == [71, 701, 21])
        #expect(throws: ScoringError.self) { try load(text("<Matrix><Array type='real'>1</Array></Matrix>")) }
        #expect(throws: ScoringError.self) { try load(text("<Matrix><MatCell row='0' col='1'>2</MatCell></Matrix>")) }
    }

    func probabilities(_ text: String, _ row: [String: String]) throws -> [Double] {
        let model = try load(text)
        let scores = try score(model, [row])
        return model.signature.roles.probabilities.map { scores[0, $0] }
    }

    static let covariate = "<CovariateList><Predictor name='x'/></CovariateList>"
    static let covariateCell = "<PPMatrix><PPCell parameterName='p1' predictorName='x' value='1'/></PPMatrix>"

    @Test func multinomialModelsHaveAReferenceCategoryOfSumZero() throws {
        let parameters = Self.parameters([("p0", 0.5, "a"), ("p1", 1, "a"), ("p0", -1, "c"), ("p1", 2, "c")])
        func text(_ attributes: String) -> String {
            document(
                "modelType='multinomialLogistic' \(attributes)", function: "classification", predictors: Self.covariate,
                cells: Self.covariateCell, parameters: parameters, list: PMMLText.values("a", "b", "c"))
        }
        let (a, c): (Double, Double) = (exp(0.5 + 0.3), exp(-1 + 0.6))
        let expected = [a, 1, c].map { $0 / (a + 1 + c) }
        #expect(close(try probabilities(text("targetReferenceCategory='b'"), ["x": "0.3"]), expected))
        // It is the one without parameters.
        #expect(close(try probabilities(text(""), ["x": "0.3"]), expected))
        #expect(try probabilities(text(""), [:]).allSatisfy { $0.isNaN })
        let huge = try probabilities(text(""), ["x": "1000"])
        #expect(huge == [0, 0, 1])
        let model = try load(text(""))
        #expect(try PMMLTests.text(score(model, [["x": "-5"]]), model, row: 0, "y") == "b")
        #expect(throws: ScoringError.self) { try load(text("offsetValue='1'")) }
    }

    @Test func categoriesCanHavePredictorsOfTheirOwn() throws {
        let cells =
            "<PPMatrix><PPCell parameterName='p1' predictorName='x' value='1'/><PPCell parameterName='p1' predictorName='x' value='2' targetCategory='c'/></PPMatrix>"
        let text = document(
            "modelType='multinomialLogistic'", function: "classification", predictors: Self.covariate, cells: cells,
            parameters: Self.parameters([("p1", 1, "a"), ("p1", 1, "c")]), list: PMMLText.values("a", "b", "c"))
        let (a, c): (Double, Double) = (exp(0.3), exp(0.3 * 0.3))
        #expect(close(try probabilities(text, ["x": "0.3"]), [a, 1, c].map { $0 / (a + 1 + c) }))
    }

    @Test func binomialModelsGiveTheOtherCategoryTheRest() throws {
        func text(_ category: String?, _ attributes: String) -> String {
            document(
                "modelType='generalizedLinear' linkFunction='logit' \(attributes)", function: "classification",
                predictors: Self.covariate, cells: Self.covariateCell,
                parameters: Self.parameters([("p0", 0.5, category), ("p1", 1, category)]), targetType: "integer",
                list: PMMLText.values("0", "1")
            ).replacing(
                "name=\"y\" dataType=\"integer\" optype=\"continuous\"",
                with: "name=\"y\" dataType=\"integer\" optype=\"categorical\"")
        }
        let p = 1 / (1 + exp(-0.8))
        #expect(close(try probabilities(text("1", ""), ["x": "0.3"]), [1 - p, p]))
        // Categories are numbers, and parameters need not name the category where the reference is given.
        #expect(close(try probabilities(text(nil, "targetReferenceCategory='0.0'"), ["x": "0.3"]), [1 - p, p]))
        #expect(throws: ScoringError.self) { try load(text(nil, "")) }
        #expect(throws: ScoringError.self) { try load(text("1", "trialsValue='3'")) }
    }

    @Test(arguments: ["logit", "probit", "cloglog", "loglog", "cauchit"])
    func ordinalModelsAreDifferencesOfCumulativeProbabilities(_ link: String) throws {
        let text = document(
            "modelType='ordinalMultinomial' cumulativeLink='\(link)' offsetValue='0.1'", function: "classification",
            predictors: Self.covariate,
            cells: Self.covariateCell, parameters: Self.parameters([("p0", -1, "low"), ("p0", 1, "mid"), ("p1", 2, nil)]),
            target: "ordinal", list: PMMLText.values("low", "mid", "high"))
        let inverse: (Double) -> Double = { x in
            switch link {
            case "logit": 1 / (1 + exp(-x))
            case "probit": 0.5 * (1 + erf(x / 2.0.squareRoot()))
            case "cloglog": 1 - exp(-exp(x))
            case "loglog": exp(-exp(-x))
            default: 0.5 + atan(x) / .pi
            }
        }
        let (low, mid) = (inverse(-1 + 0.6 + 0.1), inverse(1 + 0.6 + 0.1))
        #expect(close(try probabilities(text, ["x": "0.3"]), [low, mid - low, 1 - mid]))
    }

    func cox(_ tables: String, _ attributes: String = "") -> String {
        document(
            "modelType='CoxRegression' endTimeVariable='z' \(attributes)", predictors: Self.covariate, cells: Self.covariateCell,
            parameters: Self.parameters([("p1", 0.5, nil)]), tables: tables)
    }

    @Test func survivalModelsGiveTheCumulativeHazard() throws {
        let text = cox(
            "<BaseCumHazardTables maxTime='20'><BaselineCell time='15' cumHazard='0.7'/><BaselineCell time='5' cumHazard='0.2'/></BaseCumHazardTables>"
        )
        // The reference point of p1 is 2.
        let factor = exp(0.5 * 3 - 0.5 * 2)
        let results = try ["4.9", "5", "14.9", "15", "20"].map { try value(text, ["x": "3", "z": $0]) }
        #expect(close(results, [0, 0.2 * factor, 0.2 * factor, 0.7 * factor, 0.7 * factor]))
        #expect(try value(text, ["x": "3", "z": "20.1"]).isNaN)
        #expect(try value(text, ["x": "3"]).isNaN)
        #expect(try value(text, ["z": "6"]).isNaN)
        #expect(try value(text, ["z": "4"]) == 0)
    }

    @Test func strataHaveBaselinesOfTheirOwn() throws {
        let tables = """
            <BaseCumHazardTables><BaselineStratum value="a" maxTime="10"><BaselineCell time="1" cumHazard="0.1"/></BaselineStratum>
            <BaselineStratum value="b" maxTime="5"><BaselineCell time="2" cumHazard="0.4"/><BaselineCell time="5" cumHazard="0.5"/></BaselineStratum></BaseCumHazardTables>
            """
        let text = cox(tables, "baselineStrataVariable='s'")
        let rows = [("a", "1"), ("a", "10"), ("b", "1"), ("b", "2"), ("b", "5")]
        #expect(close(try rows.map { try value(text, ["x": "2", "s": $0.0, "z": $0.1]) }, [0.1, 0.1, 0, 0.4, 0.5]))
        for row in [["s": "b", "z": "6"], ["s": "c", "z": "1"], ["z": "1"]] {
            #expect(try value(text, row.merging(["x": "2"]) { a, _ in a }).isNaN)
        }
        #expect(throws: ScoringError.self) { try load(cox(tables)) }
    }

    @Test func modelsThatDoNotHoldTogetherAreRefused() {
        let bad = [
            document(""), document("modelType='other'"), document("modelType='multinomialLogistic'"),
            document("modelType='generalLinear'", function: "classification"), document("modelType='generalizedLinear'"),
            document("modelType='generalizedLinear' linkFunction='power'"),
            document("modelType='generalizedLinear' linkFunction='negbin'"),
            document("modelType='generalLinear'", parameters: ""),
            document("modelType='generalLinear'", parameters: "<ParamMatrix/>"),
            document("modelType='generalLinear'", predictors: ""),
            document("modelType='generalLinear'", cells: Self.cells.replacing("value=\"-1\"", with: "value=\"much\"")),
            document("modelType='generalLinear'", parameters: Self.parameters([("p0", 1, "a")])),
            document(
                "modelType='ordinalMultinomial' cumulativeLink='logit'", function: "classification",
                list: PMMLText.values("a", "b")),
            cox(""), cox("<BaseCumHazardTables maxTime='1'/>"),
            cox("<BaseCumHazardTables><BaselineCell time='1' cumHazard='1'/></BaseCumHazardTables>"),
        ]
        for text in bad { #expect(throws: ScoringError.self, "\(text)") { try load(text) } }
        let error = #expect(throws: ScoringError.self) { try load(document("modelType='logLinear'")) }
        #expect("\(error!)".contains("logLinear"))
    }

    /// A classification with factors, contrasts and covariates.
    static var example: String {
        let factors = """
            <FactorList><Predictor name="n"/><Predictor name="s"><Categories><Category value="a"/><Category value="b"/></Categories><Matrix kind="symmetric"><Array type="real" n="1">1</Array><Array type="real" n="2">2 3</Array></Matrix></Predictor></FactorList>
            <CovariateList><Predictor name="x"/><Predictor name="z"/></CovariateList>
            """
        return GeneralRegressionTests().document(
            "modelType=\"multinomialLogistic\" targetReferenceCategory=\"b\"", function: "classification", predictors: factors,
            parameters: parameters([("p0", 0.5, "a"), ("p1", 1, "a"), ("p2", -1, "a"), ("p3", 2, "c")]),
            list: PMMLText.values("a", "b", "c"))
    }

    static var survivalExample: String {
        GeneralRegressionTests().cox(
            """
            <BaseCumHazardTables><BaselineStratum value="a" maxTime="10"><BaselineCell time="1" cumHazard="0.1"/></BaselineStratum>
            <BaselineStratum value="b" maxTime="5"><BaselineCell time="2" cumHazard="0.4"/><BaselineCell time="5" cumHazard="0.5"/></BaselineStratum></BaseCumHazardTables>
            """, "baselineStrataVariable=\"s\"")
    }
}
