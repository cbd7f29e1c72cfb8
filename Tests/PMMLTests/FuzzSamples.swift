/// Documents to damage: at least one of every kind of model and transformation.
enum FuzzSamples {
    /// Models that are written in tests and not made by scripts.
    static let written: [String: String] = {
        var samples = [
            "network": NeuralNetworkTests.example, "general regression": GeneralRegressionTests.example,
            "survival": GeneralRegressionTests.survivalExample, "naive Bayes": NaiveBayesTests.example,
            "texts": texts, "transformations": transformations, "chain": chain, "treatments": treatments,
            "regression SVM": SupportVectorMachineTests.regression(
                "<SigmoidKernelType gamma='0.5' coef0='-1'/>",
                SupportVectorMachineTests.machine(SupportVectorMachineTests.terms, 0.125)),
            "classification SVM": SupportVectorMachineTests.classification(
                "classificationMethod='OneAgainstOne' threshold='0.5'",
                SupportVectorMachineTests.line(0, "targetCategory='yes' alternateTargetCategory='no'"),
                SupportVectorMachineTests.line(1, "targetCategory='yes' alternateTargetCategory='maybe'")),
            "clustering": ClusteringTests.document(
                "<minkowski p-parameter='3'/>", weights: "<MissingValueWeights><Array>1 2 3</Array></MissingValueWeights>"),
            "similarity": ClusteringTests.document(
                "<jaccard/>", kind: "similarity",
                clusters: ClusteringTests.cluster("id='A'", "1 0 0") + ClusteringTests.cluster("id='2'", "0 1 1")),
            "tables": ClusteringTests.tables,
            "neighbors": NearestNeighborTests.document(
                ["y", "c"], "numberOfNeighbors='3' instanceIdVariable='name' continuousScoringMethod='weightedAverage'",
                function: "mixed", output: NearestNeighborTests.outputs),
            "cluster distance": AnomalyDetectionTests.document(
                "algorithmType='clusterMeanDist'", AnomalyDetectionTests.clusters,
                "<MeanClusterDistances><Array type='real'>4 0.5</Array></MeanClusterDistances>"),
            "isolation forest": AnomalyDetectionTests.document(
                "algorithmType='iforest' sampleDataSize='256'", AnomalyDetectionTests.forest),
            "weighted confidence": TreeMissingValueTests.model(
                "missingValueStrategy='weightedConfidence' missingValuePenalty='0.5'"),
            "aggregate nodes": TreeMissingValueTests.model("missingValueStrategy='aggregateNodes'", isClassification: false),
            "penalised tree": TreeMissingValueTests.penalised("missingValueStrategy='defaultChild'"),
            "probabilities": EnsembleTests.ensemble(
                "max", EnsembleTests.shares, "missingPredictionTreatment='skipSegment' missingThreshold='0.5'"),
            "votes": EnsembleTests.ensemble("weightedMajorityVote", EnsembleTests.labels, predicate: "<True/>"),
            "selection": EnsembleTests.ensemble(
                "selectFirst", EnsembleTests.labels,
                output: "<OutputField name='o' feature='entityId' segmentId='s2'/>"),
        ]
        let rules = RuleSetModelTests.three + "<CompoundRule><True/>\(RuleSetModelTests.rule("c", above: -1))</CompoundRule>"
        samples["weighted rules"] = RuleSetModelTests.model("weightedSum", rules).replacing(
            "<RuleSet ", with: "\(explanation)<RuleSet ")
        samples["heaviest rule"] = RuleSetModelTests.model("weightedMax", rules)
        samples["first rule"] = RuleSetModelTests.model("firstHit", rules, "defaultScore='c'")
        return samples.mapValues { $0.replacing("'", with: "\"") }
    }()

    private static let explanation = """
        <ModelExplanation><PredictiveModelQuality targetField="y" AIC="1"><ROC><ROCGraph><XCoordinates><Array n="2">0 1</Array></XCoordinates>
        <YCoordinates><Array n="2">0 1</Array></YCoordinates></ROCGraph></ROC></PredictiveModelQuality></ModelExplanation>
        """

    private static func derived(_ name: String, _ type: String, _ expression: String) -> String {
        "<DerivedField name=\"\(name)\" dataType=\"\(type)\" optype=\"continuous\">\(expression)</DerivedField>"
    }

    private static func outputs(_ names: String...) -> String {
        names.map { name in
            "<OutputField name=\"out_\(name)\" feature=\"transformedValue\"><FieldRef field=\"\(name)\"/></OutputField>"
        }.joined()
    }

    static let texts = PMMLText.document(
        fields: PMMLText.field("t", "string") + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b"))
            + PMMLText.field("d", "date", "ordinal") + PMMLText.field("m", "dateTime", "ordinal") + PMMLText.field("x"),
        functions: """
            <DefineFunction name="terms" optype="continuous" dataType="double"><ParameterField name="text"/><ParameterField name="term"/>
            <TextIndex textField="text" localTermWeights="augmentedNormalizedTermFrequency" maxLevenshteinDistance="1" countHits="bestHits">
            <TextIndexNormalization recursive="true" inField="in" outField="out" regexField="re"><InlineTable>
            <row><in>fo+x</in><out>$0</out><re>true</re></row><row><in>dog</in><out>cat</out></row></InlineTable></TextIndexNormalization>
            <FieldRef field="term"/></TextIndex></DefineFunction>
            """,
        """
        <RegressionModel functionName="regression">\(PMMLText.schema("t", "s", "d", "m", "x"))
        <Output>\(outputs("up", "part", "new", "has", "day", "number", "date", "term", "word", "older", "both"))</Output>
        <LocalTransformations>
        \(derived("up", "string", "<Apply function=\"uppercase\"><Apply function=\"trimBlanks\"><FieldRef field=\"t\"/></Apply></Apply>"))
        \(derived("part", "string", "<Apply function=\"substring\"><FieldRef field=\"t\"/><Constant>2</Constant><FieldRef field=\"x\"/></Apply>"))
        \(derived("new", "string", "<Apply function=\"replace\"><FieldRef field=\"t\"/><Constant>(a+)(?:b|[c-e])?</Constant><Constant>$1-</Constant></Apply>"))
        \(derived("has", "boolean", "<Apply function=\"matches\"><FieldRef field=\"t\"/><Constant>^\\w{1,3}\\s*(?i:x)$</Constant></Apply>"))
        \(derived("day", "integer", "<Apply function=\"dateDaysSinceYear\"><FieldRef field=\"d\"/><Constant>1970</Constant></Apply>"))
        \(derived("number", "string", "<Apply function=\"formatNumber\"><FieldRef field=\"x\"/><Constant>%5.2f|</Constant></Apply>"))
        \(derived("date", "string", "<Apply function=\"formatDatetime\"><FieldRef field=\"m\"/><Constant>%Y-%j %I:%M %p %A</Constant></Apply>"))
        \(derived("term", "double", "<Apply function=\"terms\"><FieldRef field=\"t\"/><Constant>quick fox</Constant></Apply>"))
        \(derived("word", "double", "<TextIndex textField=\"t\" localTermWeights=\"binary\" wordSeparatorCharacterRE=\"[\\s,]+\"><FieldRef field=\"s\"/></TextIndex>"))
        \(derived("older", "boolean", "<Apply function=\"lessThan\"><FieldRef field=\"t\"/><FieldRef field=\"up\"/></Apply>"))
        \(derived("both", "string", "<Apply function=\"if\"><FieldRef field=\"has\"/><Apply function=\"concat\"><FieldRef field=\"t\"/><FieldRef field=\"x\"/><FieldRef field=\"s\"/></Apply><FieldRef field=\"t\"/></Apply>"))
        </LocalTransformations><RegressionTable intercept="1"/></RegressionModel>
        """)

    static let transformations = PMMLText.document(
        fields: PMMLText.field("x") + PMMLText.field("n", "integer") + PMMLText.field("b", "boolean")
            + PMMLText.field("f", "float")
            + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b", "c"))
            + PMMLText.field("c", "integer", "categorical"),
        functions: """
            <DefineFunction name="twice" optype="continuous" dataType="double"><ParameterField name="p" dataType="double"/>
            <Apply function="+"><FieldRef field="p"/><FieldRef field="p"/></Apply></DefineFunction>
            <DerivedField name="t" dataType="double" optype="continuous"><Apply function="twice"><FieldRef field="x"/></Apply></DerivedField>
            """,
        """
        <RegressionModel functionName="regression">\(PMMLText.schema("x", "n", "b", "f", "s", "c"))
        <Output>\(outputs("bin", "map", "logic", "word"))<OutputField name="y" feature="predictedValue"/></Output><LocalTransformations>
        \(derived("line", "double", "<NormContinuous field=\"t\" outliers=\"asExtremeValues\"><LinearNorm orig=\"0\" norm=\"1\"/><LinearNorm orig=\"2\" norm=\"5\"/></NormContinuous>"))
        \(derived("one", "double", "<NormDiscrete field=\"s\" value=\"a\" mapMissingTo=\"0.5\"/>"))
        \(derived("bin", "string", "<Discretize field=\"x\" defaultValue=\"high\" mapMissingTo=\"none\"><DiscretizeBin binValue=\"low\"><Interval closure=\"openClosed\" rightMargin=\"1\"/></DiscretizeBin></Discretize>"))
        \(derived("map", "integer", "<MapValues outputColumn=\"o\" defaultValue=\"9\"><FieldColumnPair field=\"s\" column=\"s\"/><FieldColumnPair field=\"c\" column=\"c\"/><InlineTable><row><s>a</s><c>1</c><o>5</o></row><row><s>b</s><c>2</c><o>6</o></row></InlineTable></MapValues>"))
        \(derived("sum", "double", "<Apply function=\"max\" mapMissingTo=\"-1\"><Apply function=\"ln\" invalidValueTreatment=\"asMissing\"><FieldRef field=\"x\"/></Apply><Apply function=\"pow\"><FieldRef field=\"f\"/><Constant>2</Constant></Apply><FieldRef field=\"n\"/></Apply>"))
        \(derived("logic", "boolean", "<Apply function=\"or\"><Apply function=\"isIn\"><FieldRef field=\"s\"/><Constant>a</Constant><Constant>b</Constant></Apply><Apply function=\"greaterOrEqual\"><FieldRef field=\"n\"/><Constant>3</Constant></Apply><FieldRef field=\"b\"/></Apply>"))
        \(derived("word", "string", "<Apply function=\"concat\"><FieldRef field=\"s\"/><Constant>-</Constant><FieldRef field=\"bin\"/></Apply>"))
        </LocalTransformations><RegressionTable intercept="1"><NumericPredictor name="line" exponent="2" coefficient="2"/>
        <NumericPredictor name="sum" coefficient="1"/><NumericPredictor name="map" coefficient="1"/>
        <CategoricalPredictor name="word" value="a-low" coefficient="3"/>
        <PredictorTerm coefficient="2"><FieldRef field="one"/><FieldRef field="f"/></PredictorTerm></RegressionTable></RegressionModel>
        """)

    static let chain = PMMLText.document(
        fields: PMMLText.field("x") + PMMLText.field("s", "string", "categorical", PMMLText.values("a", "b"))
            + PMMLText.field("y") + PMMLText.field("c", "string", "categorical", PMMLText.values("p", "q", "r")),
        """
        <MiningModel functionName="regression">\(PMMLText.schema("x", "s", target: "y"))<Output><OutputField name="last" feature="predictedValue"/>
        <OutputField name="first" feature="transformedValue" segmentId="1" value="label"/>
        <OutputField name="which" feature="entityId"/></Output>
        <Targets><Target field="y" min="-5" max="5" rescaleFactor="2" castInteger="round"/></Targets>
        <ModelVerification recordCount="1"><VerificationFields><VerificationField field="x"/><VerificationField field="y" precision="0.5"/></VerificationFields>
        <InlineTable><row><x>1</x><y>10</y></row></InlineTable></ModelVerification>
        <Segmentation multipleModelMethod="modelChain"><Segment id="1"><True/>
        <TreeModel functionName="classification" missingValueStrategy="lastPrediction">\(PMMLText.schema("x", "s", target: "c"))
        <Output><OutputField name="label" feature="predictedValue"/><OutputField name="p" feature="probability" value="q"/>
        <OutputField name="second" feature="predictedValue" rank="2"/><OutputField name="node" feature="entityId"/></Output>
        <Node id="n" score="p"><True/><ScoreDistribution value="p" recordCount="3"/><ScoreDistribution value="q" recordCount="1"/>
        <Node score="q"><CompoundPredicate booleanOperator="xor"><SimplePredicate field="x" operator="lessThan" value="0"/>
        <SimpleSetPredicate field="s" booleanOperator="isIn"><Array type="string">a "b c"</Array></SimpleSetPredicate></CompoundPredicate>
        <ScoreDistribution value="r" recordCount="3"/></Node></Node></TreeModel></Segment>
        <Segment id="2"><SimplePredicate field="p" operator="greaterThan" value="-1"/><RegressionModel functionName="regression" normalizationMethod="exp">
        <MiningSchema><MiningField name="x"/><MiningField name="p"/><MiningField name="label"/><MiningField name="y" usageType="target"/></MiningSchema>
        <RegressionTable intercept="0.5"><NumericPredictor name="p" coefficient="2"/><CategoricalPredictor name="label" value="q" coefficient="1"/>
        </RegressionTable></RegressionModel></Segment></Segmentation></MiningModel>
        """)

    static let treatments = PMMLText.document(
        fields: PMMLText.field(
            "x", "double", "continuous",
            "<Interval closure=\"closedOpen\" leftMargin=\"-10\" rightMargin=\"10\"/><Value value=\"99\" property=\"missing\"/>")
            + PMMLText.field(
                "s", "string", "ordinal", PMMLText.values("low", "high") + "<Value value=\"none\" property=\"missing\"/>")
            + PMMLText.field("n", "integer", "categorical", PMMLText.values("1", "2", "3"))
            + PMMLText.field("c", "string", "categorical", PMMLText.values("p", "q", "r")),
        """
        <RegressionModel functionName="classification" normalizationMethod="softmax"><MiningSchema>
        <MiningField name="x" outliers="asExtremeValues" lowValue="-1" highValue="5" missingValueReplacement="0" invalidValueTreatment="asMissing"/>
        <MiningField name="s" invalidValueTreatment="asValue" invalidValueReplacement="low"/>
        <MiningField name="n" invalidValueTreatment="asIs" missingValueTreatment="returnInvalid"/>
        <MiningField name="c" usageType="target"/></MiningSchema>
        <Output><OutputField name="label" feature="predictedValue"/><OutputField name="shown" feature="predictedDisplayValue"/>
        <OutputField name="best" feature="probability"/><OutputField name="third" feature="probability" rank="3"/>
        <OutputField name="gap" feature="residual"/>
        <OutputField name="act" feature="decision"><Apply function="if"><Apply function="equal"><FieldRef field="label"/><Constant>p</Constant></Apply>
        <Constant>yes</Constant><Constant>no</Constant></Apply></OutputField></Output>
        <Targets><Target field="c"><TargetValue value="p" displayValue="P" priorProbability="0.25"/><TargetValue value="q" priorProbability="0.75"/></Target></Targets>
        <RegressionTable targetCategory="p" intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable>
        <RegressionTable targetCategory="q" intercept="0"><CategoricalPredictor name="s" value="high" coefficient="1"/></RegressionTable>
        <RegressionTable targetCategory="r" intercept="1"><CategoricalPredictor name="n" value="2" coefficient="-1"/></RegressionTable>
        </RegressionModel>
        """)
}
