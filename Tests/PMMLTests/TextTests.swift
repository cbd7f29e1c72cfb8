import PMML
import Scoring
import Testing

/// Functions of strings that the model does not list, TextIndex, dates and what becomes of invalid arguments.
@Suite struct TextTests {
    func model(_ expression: String, type: String = "double", functions: String = "") throws -> any ScoringModel {
        try load(
            PMMLText.document(
                fields: PMMLText.field("t", "string") + PMMLText.field("u", "string") + PMMLText.field("x")
                    + PMMLText.field("n", "integer")
                    + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b"))
                    + PMMLText.field("d", "date", "ordinal") + PMMLText.field("dt", "dateTime", "ordinal")
                    + PMMLText.field("tm", "time", "ordinal"),
                functions: functions,
                """
                <RegressionModel functionName="regression">\(PMMLText.schema("t", "u", "x", "n", "s", "d", "dt", "tm"))
                <Output><OutputField name="y" feature="transformedValue" dataType="\(type)" optype="continuous"><FieldRef field="e"/></OutputField></Output>
                <LocalTransformations><DerivedField name="e" dataType="\(type)" optype="categorical">\(expression)</DerivedField></LocalTransformations>
                <RegressionTable intercept="0"/></RegressionModel>
                """))
    }

    func value(_ expression: String, _ row: [String: String] = [:], type: String = "double", functions: String = "") throws
        -> String
    {
        let model = try model(expression, type: type, functions: functions)
        // The second row must not see anything of the first.
        let scores = try score(model, [["t": "some other text"], row])
        if let failure = scores.failure(row: 1) { throw failure }
        return text(scores, model, row: 1, "y") ?? "?"
    }

    func string(_ expression: String, _ row: [String: String] = [:]) throws -> String {
        try value(expression, row, type: "string")
    }

    func apply(_ function: String, _ arguments: String..., attributes: String = "") -> String {
        ExpressionText.apply(function, arguments, attributes)
    }

    @Test func functionsOfOpenStringsRunAtScoring() throws {
        #expect(try string(apply("uppercase", "t"), ["t": "straße é"]) == "STRASSE É")
        #expect(try string(apply("lowercase", "t"), ["t": "ÄBC x"]) == "äbc x")
        #expect(try string(apply("trimBlanks", "t"), ["t": "  a b\t "]) == "a b")
        #expect(try string(apply("substring", "t", "2", "3"), ["t": "aébcde"]) == "ébc")
        #expect(try string(apply("substring", "t", "5", "9"), ["t": "abc"]) == "")
        #expect(try string(apply("substring", "t", "n", "1"), ["t": "abc", "n": "3"]) == "c")
        #expect(try string(apply("concat", "t", "'-'", "s", "n"), ["t": "q", "s": "b", "n": "7"]) == "q-b7")
        #expect(try string(apply("concat", "t", "u"), ["t": "q"]) == "q")
        #expect(try value(apply("stringLength", "t"), ["t": "né€😀"]) == "4.0")
        #expect(try value(apply("stringLength", apply("concat", "t", "t")), ["t": "ab"]) == "4.0")
        for function in ["uppercase", "lowercase", "trimBlanks", "stringLength"] {
            #expect(try value(apply("isMissing", apply(function, "t")), type: "boolean") == "true")
        }
        #expect(try string("<FieldRef field=\"t\"/>", ["t": "any text at all"]) == "any text at all")
    }

    @Test func patternsMatchAnywhereAndReplaceEverywhere() throws {
        #expect(try value(apply("matches", "t", "'ar?y'"), ["t": "January"], type: "boolean") == "true")
        #expect(try value(apply("matches", "t", "'^ar?y'"), ["t": "January"], type: "boolean") == "false")
        #expect(try value(apply("matches", "t", "'a'"), type: "boolean") == "")
        #expect(try value(apply("matches", "s", "'^b$'"), ["s": "b"], type: "boolean") == "true")
        #expect(try string(apply("replace", "t", "'[aeiou]'", "''"), ["t": "Doctorate"]) == "Dctrt")
        #expect(try string(apply("replace", "t", "'(\\w+) (\\w+)'", "'$2 $1'"), ["t": "one two"]) == "two one")
        #expect(try string(apply("replace", "s", "'b'", "'c'"), ["s": "b"]) == "c")
        let error = #expect(throws: ScoringError.self) { try value(apply("matches", "t", "'(a)\\1'"), type: "boolean") }
        #expect("\(error!)".contains("back-references"))
        let open = #expect(throws: ScoringError.self) { try value(apply("matches", "t", "u"), type: "boolean") }
        #expect("\(open!)".contains("not constant"))
    }

    @Test func madeStringsAreCategoriesLikeOthers() throws {
        let lower = apply("lowercase", "t")
        #expect(try value(apply("equal", lower, "'yes'"), ["t": "YES"], type: "boolean") == "true")
        #expect(try value(apply("isIn", lower, "'no'", "'yes'"), ["t": "Yes"], type: "boolean") == "true")
        #expect(try value(apply("equal", lower, "'yes'"), ["t": "maybe"], type: "boolean") == "false")
        #expect(try value(apply("equal", lower, "u"), ["t": "NEW", "u": "new"], type: "boolean") == "true")
        #expect(try value(apply("notEqual", lower, apply("trimBlanks", "u")), ["t": "A", "u": "b"], type: "boolean") == "true")
        #expect(
            try value(apply("lessThan", lower, apply("trimBlanks", "u")), ["t": "abc", "u": "abd"], type: "boolean") == "true")
        #expect(try string(apply("if", apply("greaterThan", "x", "0"), lower, "'none'"), ["t": "QQ", "x": "1"]) == "qq")
        #expect(try string(apply("if", apply("greaterThan", "x", "0"), lower, "'none'"), ["t": "QQ", "x": "0"]) == "none")
        #expect(try string(apply("if", apply("greaterThan", "x", "0"), lower, "u"), ["t": "QQ", "x": "0", "u": "ZZ"]) == "ZZ")
        #expect(try string(apply("lowercase", "t", attributes: "defaultValue=\"nothing\"")) == "nothing")
        let map = """
            <MapValues outputColumn="o" defaultValue="0"><FieldColumnPair field="k" column="i"/>
            <InlineTable><row><i>de</i><o>5</o></row></InlineTable></MapValues>
            """
        let functions = """
            <DefineFunction name="f" optype="continuous" dataType="double"><ParameterField name="k" dataType="string"/>\(map)</DefineFunction>
            """
        #expect(try value(apply("f", lower), ["t": "DE"], functions: functions) == "5.0")
        #expect(try value(apply("f", lower), ["t": "zz"], functions: functions) == "0.0")
    }

    @Test func textsAreReadAsNumbersAndNumbersAsTexts() throws {
        #expect(try value("<FieldRef field=\"t\"/>", ["t": " 1.5e1 "]) == "15.0")
        #expect(try value(apply("+", "t", "1.0"), ["t": "41"]) == "42.0")
        #expect(throws: ScoringError.self) { try value("<FieldRef field=\"t\"/>", ["t": "12 apples"]) }
        #expect(throws: ScoringError.self) { try value("<FieldRef field=\"t\"/>", ["t": "0x10"]) }
        #expect(try value("<FieldRef field=\"t\"/>") == "")
        #expect(try string(apply("concat", "x", "'|'", "n"), ["x": "0.1", "n": "-3"]) == "0.1|-3")
        #expect(try string(apply("formatNumber", "x", "'[%07.2f]'"), ["x": "3.14159"]) == "[0003.14]")
        #expect(try string(apply("formatNumber", "n", "'%3d%%'"), ["n": "7"]) == "  7%")
        #expect(throws: ScoringError.self) { try value(apply("formatNumber", "x", "'%n'"), type: "string") }
        #expect(throws: ScoringError.self) { try value(apply("formatNumber", "x", "'%s %d'"), type: "string") }
    }

    @Test func textsThatGrowTooLongFailTheirRowOnly() throws {
        var expression = apply("concat", "t", "t")
        for _ in 0..<3 { expression = apply("concat", expression, expression) }
        let model = try model(apply("stringLength", expression))
        let scores = try score(
            model, [["t": String(repeating: "x", count: 8_000)], ["t": "x"], ["t": String(repeating: "x", count: 9_000)]])
        #expect(scores.failure(row: 0) == nil && text(scores, model, row: 0, "y") == "128000.0" || scores.failure(row: 0) != nil)
        #expect(text(scores, model, row: 1, "y") == "16.0")
        #expect("\(scores.failure(row: 2)!)".contains("65536"))
    }

    // MARK: TextIndex

    static let sentence = "The quick brown fox. The QUICK dog, quick, quick brown fix!"

    func index(_ term: String, _ attributes: String = "", _ normalization: String = "", _ text: String? = Self.sentence) throws
        -> String
    {
        let expression = """
            <TextIndex textField="t" \(attributes)>\(normalization)<Constant dataType="string">\(term)</Constant></TextIndex>
            """
        return try value(expression, text.map { ["t": $0] } ?? [:])
    }

    @Test func termsAreCounted() throws {
        #expect(try index("quick") == "4.0")
        #expect(try index("quick", "isCaseSensitive=\"true\"") == "3.0")
        #expect(try index("quick brown") == "2.0")
        #expect(try index("brown quick") == "0.0")
        #expect(try index("fox") == "1.0")
        #expect(try index("") == "0.0")
        #expect(try index("quick", "", "", "") == "0.0")
        #expect(try index("quick", "", "", nil) == "")
        #expect(try index("a", "x-wordRE=\"\\w\\w+\"", "", "a a a") == "0.0")
        #expect(try index("dog", "x-wordRE=\"\\w+\"", "", "dog,dog;cat") == "2.0")
        #expect(try index("dog", "wordSeparatorCharacterRE=\"[,;]\"", "", "dog,dog;cat") == "2.0")
        #expect(try value("<TextIndex textField=\"t\"><FieldRef field=\"u\"/></TextIndex>", ["t": "a b a", "u": "A"]) == "2.0")
    }

    @Test func countsAreWeighted() throws {
        #expect(try index("quick", "localTermWeights=\"binary\"") == "1.0")
        #expect(try index("cat", "localTermWeights=\"binary\"") == "0.0")
        #expect(Double(try index("quick", "localTermWeights=\"logarithmic\""))! - 0.6989700043360189 < 1e-15)
        // The most frequent word is there four times, "fox" once.
        #expect(try index("fox", "localTermWeights=\"augmentedNormalizedTermFrequency\"") == "0.625")
        #expect(try index("cat", "localTermWeights=\"augmentedNormalizedTermFrequency\"") == "0.0")
        #expect(try index("cat", "localTermWeights=\"augmentedNormalizedTermFrequency\"", "", "") == "0.0")
    }

    @Test func lettersMayDiffer() throws {
        #expect(try index("fox", "maxLevenshteinDistance=\"1\"") == "2.0")
        #expect(try index("fox", "maxLevenshteinDistance=\"1\" countHits=\"bestHits\"") == "1.0")
        #expect(try index("fax", "maxLevenshteinDistance=\"1\" countHits=\"bestHits\"") == "2.0")
        #expect(try index("brwn fx", "maxLevenshteinDistance=\"2\"") == "2.0")
        #expect(try index("brwn fx", "maxLevenshteinDistance=\"1\"") == "0.0")
        #expect(try index("quick", "maxLevenshteinDistance=\"1\"", "", nil) == "")
    }

    @Test func textsAreNormalisedFirst() throws {
        func table(_ attributes: String, _ rows: (String, String, String)...) -> String {
            "<TextIndexNormalization \(attributes)><InlineTable>"
                + rows.map { "<row><string>\($0.0)</string><stem>\($0.1)</stem><regex>\($0.2)</regex></row>" }.joined()
                + "</InlineTable></TextIndexNormalization>"
        }
        #expect(try index("animal", "", table("", ("fox|dog", "animal", "true"))) == "2.0")
        #expect(try index("f.x", "", table("", ("f.x", "animal", "false"))) == "0.0")
        #expect(try index("b", "", table("", ("aa", "a", "false"), ("a", "b", "false")), "aaaa a") == "1.0")
        #expect(
            try index("b", "", table("recursive=\"true\"", ("aa", "a", "false")) + table("", ("a", "b", "false")), "aaaa a")
                == "2.0")
        #expect(throws: ScoringError.self) { try index("x", "", table("recursive=\"true\"", ("a", "aa", "false")), "a") }
        #expect(throws: ScoringError.self) { try index("x", "tokenize=\"false\"") }
    }

    @Test func functionsOfSASNameTheirParametersByConstants() throws {
        func model(_ name: String) throws -> any ScoringModel {
            try load(
                PMMLText.document(
                    fields: PMMLText.field("job", "string"),
                    functions: """
                        <DefineFunction name="\(name)" optype="categorical" dataType="string"><ParameterField name="FMTWIDTH" optype="continuous"/>
                        <ParameterField name="AnyCInput" optype="categorical"/><Apply function="trimBlanks"><Apply function="uppercase">
                        <Apply function="substring"><FieldRef field="AnyCInput"/><Constant>1</Constant><Constant>FMTWIDTH</Constant></Apply></Apply></Apply></DefineFunction>
                        """,
                    """
                    <RegressionModel functionName="regression">\(PMMLText.schema("job"))<LocalTransformations>
                    <DerivedField name="g" optype="categorical" dataType="string"><Apply function="\(name)"><Constant>6</Constant><FieldRef field="job"/></Apply></DerivedField>
                    </LocalTransformations><RegressionTable intercept="0"><CategoricalPredictor name="g" value="OFFICE" coefficient="5"/>
                    <CategoricalPredictor name="g" value="MGR" coefficient="7"/></RegressionTable></RegressionModel>
                    """))
        }
        let sas = try model("SAS-EM-String-Normalize")
        let found = try ["Office", "mgr ", "Officer", "x"].map { try text(score(sas, [["job": $0]]), sas, row: 0, "prediction") }
        #expect(found == ["5.0", "7.0", "5.0", "0.0"])
        // What no DefineFunction of the file explains is refused by its name, and so is what cannot be evaluated.
        func refusal(_ text: String) -> String {
            do throws(ScoringError) { _ = try load(text) } catch { return "\(error)" }
            return ""
        }
        #expect(
            refusal(PMMLText.expression("<Apply function='SAS-FORMAT-$CHARw'><FieldRef field='t'/></Apply>", type: "string"))
                .contains("the function 'SAS-FORMAT-$CHARw' is not supported"))
        let best = """
            <DefineFunction name="SAS-FORMAT-BESTw" optype="categorical" dataType="string"><ParameterField name="FMTWIDTH" optype="continuous"/>
            <ParameterField name="AnyNInput" optype="continuous"/><Apply function="formatNumber"><FieldRef field="AnyNInput"/>
            <Constant>FMTWIDTH</Constant></Apply></DefineFunction>
            """
        #expect(
            refusal(
                PMMLText.expression(
                    "<Apply function='SAS-FORMAT-BESTw'><Constant>12</Constant><FieldRef field='x'/></Apply>", type: "string",
                    functions: best)
            ).contains("the function 'SAS-FORMAT-BESTw': the SAS format '12' of formatNumber (SAS does not document"))
        for format in ["BEST12.", "BEST8", "12.2"] {
            let apply = "<Apply function='formatNumber'><FieldRef field='x'/><Constant>\(format)</Constant></Apply>"
            #expect(refusal(PMMLText.expression(apply, type: "string")).contains("the SAS format '\(format)' of formatNumber"))
        }
        // A definition that nothing uses does no harm.
        #expect(refusal(PMMLText.expression("<FieldRef field=\"x\"/>", functions: best)).isEmpty)
        // Elsewhere a constant is what it says.
        let other = try model("normalize")
        #expect(try score(other, [["job": "Office"]]).failure(row: 0) != nil)
    }

    // MARK: Dates

    @Test func datesAreCountedAndWritten() throws {
        let row = ["d": "2003-04-01", "dt": "1960-01-03T03:30:03", "tm": "03:30:03"]
        #expect(try value(apply("dateDaysSinceYear", "d", "1960"), row) == "15796.0")
        #expect(try value(apply("dateDaysSinceYear", "d", "1960"), ["d": "1960-01-01"]) == "0.0")
        #expect(try value(apply("dateSecondsSinceYear", "dt", "1960"), row) == "185403.0")
        #expect(try value(apply("dateSecondsSinceMidnight", "dt"), row) == "12603.0")
        #expect(try value(apply("dateSecondsSinceMidnight", "tm"), row) == "12603.0")
        #expect(try value(apply("dateDaysSinceYear", "t", "1970"), ["t": "1970-02-01"]) == "31.0")
        #expect(try value(apply("dateDaysSinceYear", "d", "1960")) == "")
        #expect(try string(apply("formatDatetime", "d", "'%m/%d/%y %A %j'"), row) == "04/01/03 Tuesday 091")
        #expect(try string(apply("formatDatetime", "dt", "'%Y-%b-%e %I:%M:%S%p'"), row) == "1960-Jan- 3 03:30:03AM")
        #expect(try value("<FieldRef field=\"d\"/>", row, type: "date") == "2003-04-01")
        #expect(try value("<FieldRef field=\"dt\"/>", row, type: "dateDaysSince[1960]") == "2.0")
        #expect(try value("<FieldRef field=\"dt\"/>", row, type: "dateTimeSecondsSince[1960]") == "185403.0")
        // Parts of seconds do not count: these are whole numbers.
        let parts = ["dt": "1960-01-03T03:30:03.75", "tm": "03:30:03.75"]
        #expect(try value(apply("dateSecondsSinceYear", "dt", "1960"), parts) == "185403.0")
        #expect(try value(apply("dateSecondsSinceYear", "dt", "1961"), parts) == "-31436996.0")
        #expect(try value(apply("dateSecondsSinceMidnight", "dt"), parts) == "12603.0")
        #expect(try value(apply("dateSecondsSinceMidnight", "tm"), parts) == "12603.0")
        #expect(try value("<FieldRef field=\"dt\"/>", parts, type: "dateTimeSecondsSince[1960]") == "185403.0")
        #expect(try value("<FieldRef field=\"tm\"/>", parts, type: "timeSeconds") == "12603.0")
        #expect(try value(apply("lessThan", "d", "'2004-01-01'"), row, type: "boolean") == "true")
        #expect(throws: ScoringError.self) { try value(apply("formatDatetime", "d", "'%H'"), row, type: "string") }
        #expect(throws: ScoringError.self) { try value(apply("formatDatetime", "d", "'%Q'"), row, type: "string") }
        for wrong in ["2003-02-29", "01.04.2003", "2003-4", "x"] {
            let error = #expect(throws: ScoringError.self) { try value(apply("dateDaysSinceYear", "d", "1960"), ["d": wrong]) }
            #expect(error?.description == "feature 'd': expected a date such as 2001-12-31")
        }
        let comparison = """
            <Apply function="lessThan"><FieldRef field="d"/><Constant dataType="date">01.04.2003</Constant></Apply>
            """
        let literal = #expect(throws: ScoringError.self) { try value(comparison, ["d": "2003-04-01"], type: "boolean") }
        let expected = "'01.04.2003' is no value of type date: expected a date such as 2001-12-31"
        #expect(literal?.description.contains(expected) == true)
    }

    // MARK: Invalid arguments

    @Test func undefinedResultsFailTheRowUnlessTheyCountAsMissing() throws {
        let missing = "invalidValueTreatment=\"asMissing\""
        for (function, x) in [("ln", "-1"), ("sqrt", "-1"), ("asin", "2"), ("stdNormalIDF", "2"), ("log10", "-5")] {
            #expect(throws: ScoringError.self) { try value(apply(function, "x"), ["x": x]) }
            #expect(try value(apply(function, "x", attributes: missing), ["x": x]) == "")
            #expect(try value(apply(function, "x", attributes: missing + " defaultValue=\"8\""), ["x": x]) == "8.0")
            #expect(try value(apply(function, "x", attributes: "invalidValueTreatment=\"asIs\""), ["x": x]) == "")
        }
        #expect(throws: ScoringError.self) { try value(apply("/", "n", "0"), ["n": "1"]) }
        #expect(try value(apply("/", "x", "0.0"), ["x": "1"]) == "inf")
        #expect(try value(apply("/", "x", "0.0", attributes: missing), ["x": "1"]) == "")
        #expect(try value(apply("+", "t", "1", attributes: missing), ["t": "apples"]) == "")
        #expect(throws: ScoringError.self) { try value(apply("+", "t", "1"), ["t": "apples"]) }
        let guarded = apply("if", apply("greaterThan", "x", "0"), apply("ln", "x"), "0.0")
        #expect(try value(guarded, ["x": "-1"]) == "0.0")
        #expect(throws: ScoringError.self) { try model(apply("ln", "x", attributes: "invalidValueTreatment=\"asValue\"")) }
    }

    @Test func rowsAreNeededForAggregateAndLag() {
        for element in ["<Aggregate field=\"x\" function=\"sum\"/>", "<Lag field=\"x\"/>"] {
            let error = #expect(throws: ScoringError.self) { try model(element) }
            #expect("\(error!)".contains("several rows"))
        }
    }

    @Test func furtherFunctionsOfNumbers() throws {
        #expect(Double(try value(apply("atan2", "x", "n"), ["x": "1", "n": "-1"]))! == 2.356194490192345)
        #expect(try value(apply("hypot", "x", "n"), ["x": "3", "n": "4"]) == "5.0")
        #expect(try value(apply("threshold", "x", "2.0"), ["x": "3"]) == "1.0")
        #expect(try value(apply("threshold", "x", "2.0"), ["x": "2"]) == "0.0")
        #expect(try value(apply("isValid", "t"), ["t": "whatever"], type: "boolean") == "true")
        #expect(try value(apply("isValid", "t"), type: "boolean") == "false")
        #expect(try value(apply("isIn", "x", "1", "2"), type: "boolean") == "false")
    }

    @Test func patternsThatAreTooMuchForLoadingOrForARowAreRefused() throws {
        // Listed values are matched when the row comes where matching them all beforehand takes too long.
        let long = String(repeating: "ab", count: 20_000)
        let fields = PMMLText.field("s", "string", "categorical", PMMLText.values(long, "b")) + PMMLText.field("t", "string")
        func document(_ field: String, _ pattern: String) -> String {
            PMMLText.document(
                fields: fields,
                """
                <RegressionModel functionName="regression">\(PMMLText.schema("s", "t"))
                <Output><OutputField name="y" feature="transformedValue" dataType="boolean" optype="categorical">
                \(apply("matches", field, "'\(pattern)'"))</OutputField></Output><RegressionTable intercept="0"/></RegressionModel>
                """)
        }
        let listed = try load(document("s", "a{500}$"))
        #expect(text(try score(listed, [["s": long]]), listed, row: 0, "y") == "false")
        let open = try load(document("t", "(a?b?){900}c"))
        let scores = try score(open, [["t": long], ["t": "abc"]])
        #expect("\(scores.failure(row: 0)!)".contains("steps"))
        #expect(text(scores, open, row: 1, "y") == "true")
    }

    // MARK: Damaged files

    @Test func damagedTextModelsGiveAnErrorOrAModel() throws {
        let expression = """
            <Apply function="concat"><Apply function="replace"><FieldRef field="t"/><Constant>([a-z]+)\\b(x|y)*?</Constant>
            <Constant>$1-$2</Constant></Apply><Apply function="formatNumber"><TextIndex textField="u" maxLevenshteinDistance="1">
            <TextIndexNormalization recursive="true"><InlineTable><row><string>a+b</string><stem>c</stem><regex>true</regex></row>
            </InlineTable></TextIndexNormalization><Constant>two words</Constant></TextIndex><Constant>%5.2f</Constant></Apply>
            <Apply function="formatDatetime"><FieldRef field="dt"/><Constant>%Y-%m %A</Constant></Apply>
            <Apply function="substring"><FieldRef field="t"/><FieldRef field="n"/><Constant>3</Constant></Apply></Apply>
            """
        let document = Array(
            PMMLText.expression(expression, type: "string").replacing(
                PMMLText.field("f", "float"),
                with: PMMLText.field("f", "float") + PMMLText.field("u", "string") + PMMLText.field("dt", "dateTime")
            ).utf8)
        let (start, end) = (document.count * 2 / 5, document.count)
        var random = RandomBytes(state: 11)
        var (models, errors) = (0, 0)
        for _ in 0..<1_500 {
            var damaged = document
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: start..<end, using: &random)
                damaged[place] = "()[]{}*+?\\|^$.%0123456789-aAdwsb".utf8.randomElement(using: &random)!
            }
            do {
                let model = try PMMLFormat().load(.file(name: "x", bytes: damaged), options: LoadOptions())
                models += 1
                _ = try score(
                    model,
                    [
                        [:], ["t": "abc xé😀 y", "u": "two wrds aaab", "dt": "2020-02-29T12:00:00", "n": "2"],
                        ["t": "", "u": "", "dt": "-", "n": "-5"], ["t": "\u{0}a", "u": "two two words", "n": "1e300"],
                    ])
            } catch { errors += 1 }
        }
        #expect(models > 0 && errors > 0)
    }

    struct RandomBytes: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) ^ (state << 31)
        }
    }
}
