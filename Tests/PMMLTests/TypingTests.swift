import PMML
import Scoring
import Testing

/// The second pass: what names stand for, of what type fields are, and whose texts matter.
@Suite struct TypingTests {
    static let fields =
        PMMLText.field("x") + PMMLText.field("n", "integer") + PMMLText.field("f", "float") + PMMLText.field("b", "boolean")
        + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b", "c")) + PMMLText.field("t", "string")
        + PMMLText.field("u", "string") + PMMLText.field("o", "string", "ordinal", PMMLText.values("low", "high"))
        + PMMLText.field("i", "integer", "categorical", PMMLText.values("1", "2"))
        + PMMLText.field("d", "date", "ordinal") + PMMLText.field("dt", "dateTime", "ordinal")
        + PMMLText.field("tm", "time", "ordinal")

    static let schema = PMMLText.schema("x", "n", "f", "b", "s", "t", "u", "o", "i", "d", "dt", "tm")

    func typed(_ text: String) throws(ScoringError) -> TypedDocument { try Typing.typed(Document.read(Array(text.utf8))) }

    /// A tree that only asks whether fields are missing: their values, and so their texts, do not matter to it.
    func asking(_ names: String..., schema: String = schema, local: String = "", output: String = "") -> String {
        """
        <TreeModel functionName="regression">\(schema)\(output)<LocalTransformations>\(local)</LocalTransformations><Node><True/>
        \(names.map { "<Node score='1'><SimplePredicate field='\($0)' operator='isMissing'/></Node>" }.joined())</Node></TreeModel>
        """
    }

    func derived(
        _ name: String, _ expression: String, type: String = "double", _ opType: String = "continuous", values: String = ""
    )
        -> String
    {
        "<DerivedField name='\(name)' dataType='\(type)' optype='\(opType)'>\(expression)\(values)</DerivedField>"
    }

    /// The document whose derived field `e` is what the expression says.
    func document(_ expression: String, type: String = "double", functions: String = "", local: String = "") throws(ScoringError)
        -> TypedDocument
    {
        try typed(
            PMMLText.document(
                fields: Self.fields, functions: functions,
                asking("e", local: local + derived("e", expression, type: type, "categorical"))))
    }

    func apply(_ function: String, _ arguments: String..., attributes: String = "") -> String {
        ExpressionText.apply(function, arguments, attributes)
    }

    func message(_ body: () throws(ScoringError) -> TypedDocument) -> String {
        do {
            _ = try body()
            return "nothing is refused"
        } catch { return "\(error)" }
    }

    // MARK: Inputs

    @Test func inputsAreTheActiveFieldsInTheSchemasOrder() throws {
        let schema = """
            <MiningSchema><MiningField name="n"/><MiningField name="b" usageType="supplementary"/><MiningField name="x"/>
            <MiningField name="f" usageType="target"/><MiningField name="s" usageType="group"/></MiningSchema>
            """
        let document = try typed(PMMLText.document(fields: Self.fields, asking("x", schema: schema)))
        #expect(document.inputs.map(\.name) == ["n", "x"])
        #expect(document.textInputs.isEmpty)
    }

    @Test func fieldsThatAreUsedWithoutBeingListedFollow() throws {
        let schema = "<MiningSchema><MiningField name='x'/><MiningField name='b' usageType='supplementary'/></MiningSchema>"
        let document = try typed(PMMLText.document(fields: Self.fields, asking("i", "b", "n", schema: schema)))
        #expect(document.inputs.map(\.name) == ["x", "i", "b", "n"])
    }

    @Test func aFieldThatIsListedTwiceIsRefused() {
        let schema = PMMLText.schema("x", "x")
        let message = message { () throws(ScoringError) in
            try typed(PMMLText.document(fields: Self.fields, asking("x", schema: schema)))
        }
        #expect(message.contains("'x' is listed twice") && message.contains("line"))
    }

    @Test func undefinedFieldsAreRefusedWithTheirPlace() {
        let message = message { () throws(ScoringError) in try document("<FieldRef field='nowhere'/>") }
        #expect(message.contains("'nowhere' is not defined") && message.contains("line"))
        let listed = PMMLText.document(fields: Self.fields, asking("x", schema: PMMLText.schema("x", "gone")))
        #expect(throws: Never.self) { try typed(listed) }
        let used = PMMLText.document(fields: Self.fields, asking("gone", schema: PMMLText.schema("x", "gone")))
        #expect(self.message { () throws(ScoringError) in try typed(used) }.contains("'gone' is not in the data dictionary"))
    }

    @Test(arguments: ["data field", "derived field", "function"])
    func namesThatAreDefinedTwiceAreRefused(_ kind: String) {
        let function = "<DefineFunction name='q' optype='continuous'><Constant>1</Constant></DefineFunction>"
        let field = derived("q", "<Constant>1</Constant>")
        let document = PMMLText.document(
            fields: kind == "data field" ? Self.fields + PMMLText.field("x") : Self.fields,
            functions: kind == "function" ? function + function : kind == "derived field" ? field + field : "",
            asking("x"))
        #expect(message { () throws(ScoringError) in try typed(document) }.contains("the \(kind) '"))
    }

    @Test func circlesAreRefused() {
        let local = derived("p", "<FieldRef field='q'/>") + derived("q", apply("+", "x", "p"))
        #expect(
            message { () throws(ScoringError) in try document("<FieldRef field='p'/>", local: local) }.contains(
                "is defined by itself"))
    }

    @Test func definitionsThatNothingUsesAreNotLookedAt() throws {
        let functions =
            derived("wrong", apply("frobnicate", "nowhere"))
            + "<DefineFunction name='g' optype='continuous'><FieldRef field='nowhere'/></DefineFunction>"
        let local = derived("alsoWrong", apply("abs", "t", "t")) + derived("circle", "<FieldRef field='circle'/>")
        let document = try document("<FieldRef field='x'/>", functions: functions, local: local)
        #expect(document.fieldTypes["wrong"] == nil && document.fieldTypes["alsoWrong"] == nil)
        #expect(document.fieldTypes["e"]?.type == .double)
    }

    // MARK: Functions

    @Test func theNumberOfArgumentsIsChecked() {
        for call in [
            apply("abs", "x", "x"), apply("pow", "x"), apply("if", "b"), apply("isIn", "x"), apply("substring", "t", "1"),
        ] {
            #expect(message { () throws(ScoringError) in try document(call) }.contains("does not take"))
        }
        let function =
            "<DefineFunction name='g' optype='continuous'><ParameterField name='p'/><FieldRef field='p'/></DefineFunction>"
        let message = message { () throws(ScoringError) in try document(apply("g", "x", "x"), functions: function) }
        #expect(message.contains("'g' takes 1 arguments, not 2") && message.contains("line"))
    }

    @Test func unknownFunctionsAreNamed() {
        let message = message { () throws(ScoringError) in try document(apply("com.example.Custom", "x")) }
        #expect(message.contains("'com.example.Custom'") && message.contains("line"))
    }

    @Test func functionsThatCallEachOtherAreRefused() {
        let functions = ["p", "q"].map { name in
            "<DefineFunction name='\(name)' optype='continuous'><ParameterField name='a'/>\(apply(name == "p" ? "q" : "p", "a"))</DefineFunction>"
        }
        let message = message { () throws(ScoringError) in try document(apply("p", "x"), functions: functions.joined()) }
        #expect(message.contains("nested too deeply"))
    }

    @Test func aFunctionOfTheFileTakesThePlaceOfABuiltInOne() throws {
        let functions = """
            <DefineFunction name="if" optype="continuous" dataType="integer"><Constant dataType="integer">7</Constant></DefineFunction>
            """
        let document = try document("<Apply function='if' mapMissingTo='3'/>", type: "integer", functions: functions)
        #expect(document.fieldTypes["e"]?.type == .integer)
        #expect(try ModelAssembly.lowered(document).fieldTypes["e"]?.type == .integer)
    }

    @Test func parametersHideFieldsAndSeeNoOthers() throws {
        let functions = """
            <DefineFunction name="g" optype="categorical"><ParameterField name="x"/><FieldRef field="x"/></DefineFunction>
            <DefineFunction name="h" optype="categorical"><ParameterField name="p" dataType="integer"/><FieldRef field="p"/></DefineFunction>
            <DefineFunction name="k" optype="categorical"><ParameterField name="p"/><FieldRef field="n"/></DefineFunction>
            """
        #expect(
            try document(apply("isMissing", apply("g", "t")), type: "boolean", functions: functions).fieldTypes["x"]?.type
                == .double)
        let local = derived("r", apply("g", "s"), type: "string", "categorical")
        #expect(
            try document("<FieldRef field='r'/>", type: "string", functions: functions, local: local).fieldTypes["r"]?.isListed
                == true)
        #expect(
            try document(apply("concat", apply("h", "x"), "'!'"), type: "string", functions: functions).fieldTypes["e"]?.isListed
                == false)
        let message = message { () throws(ScoringError) in try document(apply("k", "x"), functions: functions) }
        #expect(message.contains("'n' is not defined"))
    }

    // MARK: Types

    @Test(arguments: [
        ("<Constant>1</Constant>", DataType.integer), ("<Constant>1.0</Constant>", .double),
        ("<Constant>1e3</Constant>", .double),
        ("<Constant>one</Constant>", .string), ("<Constant dataType='float'>1</Constant>", .float),
        ("<Constant dataType='date'>2020-01-01</Constant>", .date), ("<FieldRef field='f'/>", .float),
        ("<NormContinuous field='n'><LinearNorm orig='0' norm='0'/><LinearNorm orig='1' norm='1'/></NormContinuous>", .double),
        ("<NormDiscrete field='s' value='a'/>", .double),
        (
            "<Discretize field='x'><DiscretizeBin binValue='l'><Interval closure='openOpen' rightMargin='0'/></DiscretizeBin></Discretize>",
            .string
        ),
        (
            "<Discretize field='x' dataType='integer'><DiscretizeBin binValue='1'><Interval closure='openOpen' rightMargin='0'/></DiscretizeBin></Discretize>",
            .integer
        ),
        (
            "<MapValues outputColumn='o'><FieldColumnPair field='s' column='k'/><InlineTable><row><k>a</k><o>1</o></row></InlineTable></MapValues>",
            .string
        ),
        (
            "<MapValues outputColumn='o' dataType='double'><FieldColumnPair field='s' column='k'/><InlineTable><row><k>a</k><o>1</o></row></InlineTable></MapValues>",
            .double
        ),
        ("<TextIndex textField='t'><Constant>word</Constant></TextIndex>", .integer),
        ("<TextIndex textField='t' localTermWeights='logarithmic'><Constant>word</Constant></TextIndex>", .double),
        ("<Apply function='+'><FieldRef field='n'/><FieldRef field='f'/></Apply>", .float),
        ("<Apply function='+'><FieldRef field='f'/><FieldRef field='t'/></Apply>", .double),
        ("<Apply function='/'><FieldRef field='n'/><FieldRef field='n'/></Apply>", .double),
        ("<Apply function='abs'><FieldRef field='b'/></Apply>", .integer),
        ("<Apply function='-'><FieldRef field='b'/></Apply>", .integer),
        ("<Apply function='if'><FieldRef field='b'/><FieldRef field='n'/><FieldRef field='x'/></Apply>", .double),
        ("<Apply function='if'><FieldRef field='b'/><FieldRef field='n'/></Apply>", .integer),
        ("<Apply function='if'><FieldRef field='b'/><Constant missing='true'/><FieldRef field='f'/></Apply>", .float),
        ("<Apply function='if'><FieldRef field='b'/><FieldRef field='n'/><FieldRef field='s'/></Apply>", .string),
    ])
    func everyExpressionHasAType(_ expression: String, _ expected: DataType) throws {
        // A function without types gives what its body does; its result is asked for as the argument of an output.
        let functions =
            "<DefineFunction name='same' optype='continuous'><ParameterField name='v'/><FieldRef field='v'/></DefineFunction>"
        let output =
            "<Output><OutputField name='y' feature='transformedValue' optype='categorical'>\(apply("same", expression))</OutputField></Output>"
        let document = try typed(PMMLText.document(fields: Self.fields, functions: functions, asking("x", output: output)))
        #expect(document.fieldTypes["y"]?.type == expected)
        #expect(try ModelAssembly.lowered(document).fieldTypes["y"]?.type == expected)
    }

    @Test func castsThatMeanNothingAreRefused() {
        for (expression, type) in [
            ("<FieldRef field='d'/>", "time"), ("<FieldRef field='b'/>", "date"), ("<FieldRef field='x'/>", "dateTime"),
            ("<FieldRef field='tm'/>", "dateDaysSince[1970]"), (apply("if", "b", "d", "n"), "date"),
        ] {
            let message = message { () throws(ScoringError) in try document(expression, type: type) }
            #expect(message.contains("turning a value of type") && message.contains("line"))
        }
        #expect(throws: Never.self) { try document("<Constant missing='true'/>", type: "date") }
    }

    @Test(arguments: ["NormContinuous", "Discretize"])
    func stringsAreNotTakenForNumbers(_ element: String) {
        let content =
            element == "Discretize"
            ? "<DiscretizeBin binValue='1'><Interval closure='openOpen' rightMargin='0'/></DiscretizeBin>"
            : "<LinearNorm orig='0' norm='0'/><LinearNorm orig='1' norm='1'/>"
        let message = message { () throws(ScoringError) in try document("<\(element) field='s'>\(content)</\(element)>") }
        #expect(message.contains("'s' is no number"))
        let table = "<RegressionTable intercept='0'><NumericPredictor name='t' coefficient='1'/></RegressionTable>"
        let regression = "<RegressionModel functionName='regression'>\(Self.schema)\(table)</RegressionModel>"
        #expect(throws: ScoringError.self) { try typed(PMMLText.document(fields: Self.fields, regression)) }
    }

    // MARK: Texts

    /// Expressions and the inputs whose texts they need.
    static let readers: [(String, String, Set<String>)] = [
        ("<FieldRef field='t'/>", "string", []), ("<FieldRef field='t'/>", "double", ["t"]),
        ("<FieldRef field='s'/>", "double", []),
        (ExpressionText.apply("uppercase", ["t"]), "string", ["t"]), (ExpressionText.apply("uppercase", ["s"]), "string", []),
        (ExpressionText.apply("concat", ["s", "t", "n"]), "string", ["t"]),
        (ExpressionText.apply("stringLength", ["t"]), "integer", ["t"]),
        (ExpressionText.apply("matches", ["t", "'x+'"]), "boolean", ["t"]),
        (ExpressionText.apply("replace", ["u", "'x+'", "'y'"]), "string", ["u"]),
        (ExpressionText.apply("equal", ["t", "'a'"]), "boolean", []), (ExpressionText.apply("equal", ["t", "s"]), "boolean", []),
        (ExpressionText.apply("equal", ["t", "u"]), "boolean", ["t", "u"]),
        (ExpressionText.apply("equal", ["t", "1.0"]), "boolean", ["t"]),
        (ExpressionText.apply("isIn", ["t", "'a'", "'b'"]), "boolean", []),
        (ExpressionText.apply("isNotIn", ["t", "'a'", "u"]), "boolean", ["t", "u"]),
        (ExpressionText.apply("lessThan", ["t", "'a'"]), "boolean", ["t"]),
        (ExpressionText.apply("lessThan", ["s", "'b'"]), "boolean", []),
        (ExpressionText.apply("lessThan", ["o", "'high'"]), "boolean", []),
        (ExpressionText.apply("lessThan", ["o", "t"]), "boolean", []),
        (ExpressionText.apply("+", ["t", "1"]), "double", ["t"]), (ExpressionText.apply("hypot", ["t", "x"]), "double", ["t"]),
        (ExpressionText.apply("round", ["t"]), "integer", ["t"]),
        (ExpressionText.apply("avg", ["x", "t", "u"]), "double", ["t", "u"]),
        (ExpressionText.apply("threshold", ["t", "0"]), "integer", ["t"]),
        (ExpressionText.apply("normalCDF", ["t", "0", "1"]), "double", ["t"]),
        (ExpressionText.apply("not", ["t"]), "boolean", ["t"]), (ExpressionText.apply("and", ["b", "t"]), "boolean", ["t"]),
        (ExpressionText.apply("if", ["t", "1", "2"]), "integer", ["t"]),
        (ExpressionText.apply("if", ["b", "t", "u"]), "string", []),
        (ExpressionText.apply("uppercase", [ExpressionText.apply("if", ["b", "t", "'z'"])]), "string", ["t"]),
        (ExpressionText.apply("isMissing", ["t"]), "boolean", []), (ExpressionText.apply("isValid", ["t"]), "boolean", []),
        (ExpressionText.apply("dateDaysSinceYear", ["t", "2000"]), "integer", ["t"]),
        (ExpressionText.apply("formatDatetime", ["t", "'%Y'"]), "string", ["t"]),
        (ExpressionText.apply("formatNumber", ["t", "'%3d'"]), "string", ["t"]),
        (ExpressionText.apply("dateDaysSinceYear", ["d", "2000"]), "integer", []),
        ("<TextIndex textField='t'><Constant>word</Constant></TextIndex>", "double", ["t"]),
        ("<TextIndex textField='s'><FieldRef field='u'/></TextIndex>", "double", ["u"]),
        // What was made of a listed string is listed; what was made of a text is its own.
        (ExpressionText.apply("equal", [ExpressionText.apply("uppercase", ["s"]), "t"]), "boolean", []),
        (ExpressionText.apply("equal", [ExpressionText.apply("lowercase", ["t"]), "u"]), "boolean", ["t", "u"]),
        (ExpressionText.apply("equal", [ExpressionText.apply("formatNumber", ["x", "'%3d'"]), "u"]), "boolean", ["u"]),
        (ExpressionText.apply("equal", [ExpressionText.apply("concat", ["i", "'-'"]), "u"]), "boolean", []),
        (ExpressionText.apply("equal", [ExpressionText.apply("concat", ["n", "'-'"]), "u"]), "boolean", ["u"]),
        (ExpressionText.apply("equal", [ExpressionText.apply("concat", ["d", "'-'"]), "u"]), "boolean", ["u"]),
    ]

    @Test(arguments: readers)
    func textsThatMatterAreFound(_ expression: String, _ type: String, _ texts: Set<String>) throws {
        let document = try document(expression, type: type)
        #expect(document.textInputs == TextSet(texts))
        // Nothing else is read when the program is made.
        let lowered = try ModelAssembly.lowered(document)
        #expect(lowered.fieldTypes["e"]?.type == document.fieldTypes["e"]?.type)
    }

    @Test func fieldsThatLetOtherValuesThroughAreOpen() throws {
        for (treatment, texts) in [("asIs", Set(["s"])), ("asMissing", []), ("returnInvalid", [])] {
            let schema = "<MiningSchema><MiningField name='s' invalidValueTreatment='\(treatment)'/></MiningSchema>"
            let local = derived("e", apply("uppercase", "s"), type: "string", "categorical")
            #expect(
                try typed(PMMLText.document(fields: Self.fields, asking("e", schema: schema, local: local))).textInputs
                    == TextSet(texts))
        }
        // Neither is a field closed that no schema treats.
        let local = derived("e", apply("uppercase", "s"), type: "string", "categorical")
        #expect(
            try typed(PMMLText.document(fields: Self.fields, asking("e", schema: PMMLText.schema("x"), local: local))).textInputs
                == ["s"])
    }

    @Test func limitsMakeOtherNumbersOfListedOnes() throws {
        let schema = "<MiningSchema><MiningField name='i' outliers='asExtremeValues' highValue='1.5'/></MiningSchema>"
        let local = derived("e", apply("concat", "i", "'-'"), type: "string", "categorical")
        let document = try typed(PMMLText.document(fields: Self.fields, asking("e", schema: schema, local: local)))
        #expect(document.fieldTypes["e"]?.isListed == false)
    }

    @Test func outputsShowTexts() throws {
        let output =
            "<Output><OutputField name='y' feature='transformedValue' dataType='string'>\(apply("if", "b", "t", "'z'"))</OutputField></Output>"
        #expect(try typed(PMMLText.document(fields: Self.fields, asking("x", output: output))).textInputs == ["t"])
        let number =
            "<Output><OutputField name='y' feature='transformedValue' dataType='double'><FieldRef field='u'/></OutputField></Output>"
        #expect(try typed(PMMLText.document(fields: Self.fields, asking("x", output: number))).textInputs == ["u"])
    }

    @Test func derivedFieldsPutOrderIntoTexts() throws {
        let order = PMMLText.values("x", "y")
        let local = derived("r", "<FieldRef field='t'/>", type: "string", "ordinal", values: order)
        #expect(try document(apply("lessThan", "r", "'y'"), type: "boolean", local: local).textInputs.isEmpty)
        // An order of nothing is none.
        let bare = derived("r", "<FieldRef field='t'/>", type: "string", "ordinal")
        #expect(try document(apply("lessThan", "r", "'y'"), type: "boolean", local: bare).textInputs == ["t"])
    }
}
