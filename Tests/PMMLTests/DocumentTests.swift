import PMML
import Scoring
import Testing

/// Reading to typed elements, before anything is resolved.
@Suite struct DocumentTests {
    func document(_ models: String, dictionary: String = "") throws -> Document {
        try Document.read(Array(PMMLText.document(fields: dictionary, models).utf8))
    }

    @Test func dataFieldsKeepTheirListsAndIntervals() throws {
        let document = try document(
            PMMLText.constantTree,
            dictionary: """
                <DataField name="x" optype="continuous" dataType="float"><Extension name="e"><Value value="1"/></Extension>
                  <Interval closure="openClosed" leftMargin="-INF" rightMargin=" 2.5 "/><Value value="-9" property="missing"/></DataField>
                """)
        let field = document.dataFields[0]
        #expect(field.name == "x")
        #expect(field.type == .float)
        #expect(field.intervals == [Interval(closure: .openClosed, left: -.infinity, right: 2.5)])
        #expect(field.values.map(\.property) == [.missing])
    }

    @Test(arguments: [
        ("<PMML xmlns='http://www.dmg.org/PMML-4_2'>", "4.2"), ("<PMML xmlns='https://www.dmg.org/PMML-4_3'>", "4.3"),
        ("<PMML>", "4.4"), ("<p:PMML xmlns:p='https://www.dmg.org/PMML-3_2' version='4.1'>", "4.1"),
    ])
    func theVersionIsThatOfTheNamespaceWhereThereIsNoAttribute(_ root: String, _ version: String) throws {
        let prefix = root.hasPrefix("<p:") ? "p:" : ""
        let text = PMMLText.constantTree.replacing("</", with: "\u{1}").replacing("<", with: "<\(prefix)").replacing(
            "\u{1}", with: "</\(prefix)")
        let document = try Document.read(Array("\(root)<\(prefix)DataDictionary/>\(text)</\(prefix)PMML>".utf8))
        #expect(document.version == version)
    }

    @Test func nodesKeepTheirOrderAndChildren() throws {
        let document = try document(
            """
            <TreeModel functionName="classification"><MiningSchema/><Node id="r"><True/>
              <ScoreDistribution value="a" recordCount="1"/><ScoreDistribution value="b" recordCount="2"/>
              <Node id="x" score="a"><True/><Node id="y"><False/></Node></Node><Node id="z" score="b"><True/></Node></Node></TreeModel>
            """)
        guard case .tree(let tree) = document.model else {
            Issue.record("not a tree")
            return
        }
        #expect(tree.nodes.map(\.id) == ["r", "x", "y", "z"])
        #expect(tree.children(of: 0) == [1, 3])
        #expect(tree.children(of: 1) == [2])
        #expect(tree.nodes[0].distribution == 0..<2)
        #expect(tree.nodes[1].distribution.isEmpty)
    }

    @Test func deepTreesAreReadWithoutRecursion() throws {
        let depth = 3_000
        let open = "<Node score=\"1\"><True/>"
        let text =
            "<TreeModel functionName=\"regression\"><MiningSchema/>" + String(repeating: open, count: depth)
            + String(repeating: "</Node>", count: depth) + "</TreeModel>"
        let document = try document(text)
        guard case .tree(let tree) = document.model else { return }
        #expect(tree.nodes.count == depth)
        #expect(try score(load(PMMLText.document(fields: "", text)), [[:]]).count == 1)
    }

    @Test func expressionsNestedWithoutEndAreRefused() {
        let text =
            String(repeating: "<Apply function='abs'>", count: 1_000) + "<Constant>1</Constant>"
            + String(repeating: "</Apply>", count: 1_000)
        #expect(throws: ScoringError.self) {
            try document(
                PMMLText.regression(local: "<DerivedField name='d' optype='continuous' dataType='double'>\(text)</DerivedField>"))
        }
    }

    @Test func arraysAreSplitAtWhiteSpaceOutsideOfQuotes() {
        #expect(ArrayText.values(" a \"b c\"\n\"d\\\"e\" f\\g \"\" ") == ["a", "b c", "d\"e", "f\\g", ""])
        #expect(ArrayText.values("") == [])
    }

    @Test func anArrayOfAnotherLengthThanSaidIsRefused() {
        #expect(throws: ScoringError.self) {
            try document(
                """
                <TreeModel functionName="regression"><MiningSchema/><Node score="1">
                <SimpleSetPredicate field="x" booleanOperator="isIn"><Array n="3" type="int">1 2</Array></SimpleSetPredicate></Node></TreeModel>
                """)
        }
    }

    @Test(arguments: [
        ("SequenceModel", "RuleSetModel"), ("TimeSeriesModel", "feature"), ("BaselineModel", "statistic"),
        ("GaussianProcessModel", "SupportVectorMachineModel"), ("BayesianNetworkModel", "NaiveBayesModel"),
        ("TextModel", "TextIndex"),
    ])
    func modelsThatAreNotEvaluatedAreRefusedWithWhatToUseInstead(_ name: String, _ instead: String) {
        let error = #expect(throws: ScoringError.self) { try document("<\(name) functionName=\"regression\"/>") }
        guard case .unsupportedModel(let message)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(message.contains("<\(name)>") && message.contains(instead) && message.contains("line"))
    }

    @Test func unsupportedModelsAreNamedWithTheirLine() throws {
        let error = #expect(throws: ScoringError.self) { try document("<TimeSeriesModel functionName=\"timeSeries\"/>") }
        guard case .unsupportedModel(let message)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(message.contains("TimeSeriesModel") && message.contains("line"))
    }

    @Test func unknownElementsInsideOfModelsAreRefused() {
        let error = #expect(throws: ScoringError.self) {
            try document("<TreeModel functionName='regression'><Surprise/></TreeModel>")
        }
        #expect("\(error!)".contains("<Surprise>"))
    }

    @Test func extensionsAndForeignElementsArePassedOver() throws {
        let document = try document(
            """
            <x:Tool xmlns:x="urn:x"><TreeModel/></x:Tool>
            <TreeModel functionName="regression"><Extension><Node/></Extension><MiningSchema/>
            <x:Layout xmlns:x="urn:x"/><Node score="1"><Extension name="n"/><True/></Node></TreeModel>
            """)
        #expect(document.modelCount == 1)
    }

    @Test func theFirstScorableModelIsTaken() throws {
        let document = try document(
            """
            <TreeModel modelName="a" functionName="regression" isScorable="false"><MiningSchema/><Node score="1"><True/></Node></TreeModel>
            <TreeModel modelName="b" functionName="regression"><MiningSchema/><Node score="1"><True/></Node></TreeModel>
            """)
        #expect(document.model.head.name == "b")
        #expect(document.modelCount == 2)
    }

    @Test(arguments: ["3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "4.3", "4.4", "4.4.1"])
    func versionsOfTheLastTwoDecadesAreRead(_ version: String) throws {
        let text = PMMLText.document(fields: "", PMMLText.constantTree, version: version)
        #expect(try Document.read(Array(text.utf8)).version == version)
    }

    @Test(arguments: ["1.1", "2.1", "5.0", "x"])
    func otherVersionsAreRefused(_ version: String) {
        #expect(throws: ScoringError.self) {
            try Document.read(Array(PMMLText.document(fields: "", PMMLText.constantTree, version: version).utf8))
        }
    }

    @Test func tablesKeepTheirCellsWhateverTheirNamespace() throws {
        let document = try document(
            PMMLText.regression(
                local: """
                    <DerivedField name="d" optype="continuous" dataType="double"><MapValues outputColumn="d:out" xmlns:d="urn:d">
                    <FieldColumnPair field="x" column="in"/>
                    <InlineTable><row><d:in>1</d:in><d:out>2</d:out></row><row><in>3</in><extra/></row></InlineTable></MapValues></DerivedField>
                    """))
        guard case .mapValues(let map)? = document.model.head.localTransformations.first?.expression else {
            Issue.record("no table")
            return
        }
        #expect(map.table.columns == ["d:in", "d:out", "in", "extra"])
        #expect(map.table.text(row: 0, column: 1) == "2")
        #expect(map.table.text(row: 1, column: 1) == nil)
        #expect(map.table.column("out") == 1)
    }
}
