import Glibc
import PMML
import Scoring
import Testing

@Suite struct NeuralNetworkTests {
    static let inputs = """
        <NeuralInputs><NeuralInput id="a"><DerivedField dataType="double" optype="continuous"><NormContinuous field="x"><LinearNorm orig="0" norm="0"/><LinearNorm orig="10" norm="1"/></NormContinuous></DerivedField></NeuralInput>
        <NeuralInput id="b"><DerivedField dataType="double" optype="continuous"><NormDiscrete field="s" value="red"/></DerivedField></NeuralInput></NeuralInputs>
        """

    static func output(_ neuron: String, _ expression: String) -> String {
        """
        <NeuralOutput outputNeuron="\(neuron)"><DerivedField dataType="double" optype="continuous">\(expression)</DerivedField></NeuralOutput>
        """
    }

    static func neuron(_ id: String, _ attributes: String, _ connections: (String, Double)...) -> String {
        "<Neuron id=\"\(id)\" \(attributes)>" + connections.map { "<Con from=\"\($0.0)\" weight=\"\($0.1)\"/>" }.joined()
            + "</Neuron>"
    }

    func document(
        _ layers: String, _ outputs: String, function: String = "regression",
        attributes: String = "activationFunction='identity'", extra: String = "", targets: [String] = ["y"]
    )
        -> String
    {
        PMMLText.document(
            fields: PMMLText.field("x") + PMMLText.field("s", "string")
                + PMMLText.field("y", function == "classification" ? "string" : "double")
                + PMMLText.field("w"),
            """
            <NeuralNetwork functionName="\(function)" \(attributes)><MiningSchema><MiningField name="x"/><MiningField name="s"/>
            \(targets.map { "<MiningField name=\"\($0)\" usageType=\"target\"/>" }.joined())</MiningSchema>\(extra)
            \(Self.inputs)\(layers)<NeuralOutputs>\(outputs)</NeuralOutputs></NeuralNetwork>
            """)
    }

    func value(_ model: any ScoringModel, _ row: [String: String], _ name: String = "y") throws -> Double {
        try score(model, [row])[0, #require(model.signature.outputColumn(named: name))]
    }

    static let z = 0.7
    static let activations: [(String, Double)] = [
        ("threshold", 1), ("logistic", 1 / (1 + exp(-z))), ("tanh", tanh(z)), ("identity", z), ("exponential", exp(z)),
        ("reciprocal", 1 / z), ("square", z * z), ("Gauss", exp(-z * z)), ("sine", sin(z)), ("cosine", cos(z)),
        ("Elliott", z / (1 + z)), ("arctan", 2 * atan(z) / .pi), ("rectifier", z),
    ]

    @Test(arguments: activations)
    func everyActivationFunctionByName(_ name: String, _ expected: Double) throws {
        // 2 * 0.3 + 0.5 * 1 - 0.4
        let layer =
            "<NeuralLayer activationFunction=\"\(name)\" threshold=\"0.6\">\(Self.neuron("n", "bias='-0.4'", ("a", 2), ("b", 0.5)))</NeuralLayer>"
        let model = try load(document(layer, Self.output("n", "<FieldRef field='y'/>")))
        #expect(abs(try value(model, ["x": "3", "s": "red"]) - expected) <= 1e-15)
    }

    @Test func aFunctionOnEveryLayerNeedsNoneOnTheModel() throws {
        func layers(_ last: String) -> String {
            """
            <NeuralLayer activationFunction="square">\(Self.neuron("n", "", ("a", 10)))</NeuralLayer>
            <NeuralLayer \(last)>\(Self.neuron("o", "bias='1'", ("n", 2)))</NeuralLayer>
            """
        }
        let output = Self.output("o", "<FieldRef field='y'/>")
        let model = try load(document(layers("activationFunction='identity'"), output, attributes: ""))
        #expect(abs(try value(model, ["x": "3", "s": "red"]) - 19) <= 1e-12)
        let error = #expect(throws: ScoringError.self) { try load(document(layers(""), output, attributes: "")) }
        #expect("\(error!)".contains("activationFunction") && "\(error!)".contains("NeuralLayer"))
    }

    @Test func radialBasisFunctionsHaveWidthAndAltitudeOfNeuronLayerOrNetwork() throws {
        let network = "activationFunction='radialBasis' width='2' altitude='0.5'"
        // The squared distance of (0.3, 1) from (0.1, 0.4).
        let distance = 0.2 * 0.2 + 0.6 * 0.6
        func result(_ neuron: String, _ layer: String = "") throws -> Double {
            let layer = "<NeuralLayer \(layer)>\(Self.neuron("n", neuron, ("a", 0.1), ("b", 0.4)))</NeuralLayer>"
            return try value(
                load(document(layer, Self.output("n", "<FieldRef field='y'/>"), attributes: network)), ["x": "3", "s": "red"])
        }
        #expect(abs(try result("") - 0.25 * exp(-distance / 8)) <= 1e-15)
        #expect(abs(try result("", "width='1' altitude='1'") - exp(-distance / 2)) <= 1e-15)
        #expect(abs(try result("width='3' altitude='2'", "width='1' altitude='1'") - 4 * exp(-distance / 18)) <= 1e-14)
    }

    @Test func layersCanReachBackAndHaveDefaultsOfTheNetwork() throws {
        let layers = """
            <NeuralLayer>\(Self.neuron("h", "bias='0.1'", ("a", 1)))\(Self.neuron("i", "", ("a", 2), ("b", 1)))</NeuralLayer>
            <NeuralLayer activationFunction="identity">\(Self.neuron("o", "bias='5'", ("h", 10), ("b", 1), ("i", -1)))</NeuralLayer>
            """
        let model = try load(document(layers, Self.output("o", "<FieldRef field='y'/>"), attributes: "activationFunction='tanh'"))
        let expected = 10 * tanh(0.5 + 0.1) + 0 - tanh(1) + 5
        #expect(abs(try value(model, ["x": "5", "s": "blue"]) - expected) <= 1e-14)
        #expect(try value(model, ["x": "5"]).isNaN)
    }

    @Test func aRegressionsResultIsDenormalisedAndThenGoesThroughTheTargets() throws {
        let layer = "<NeuralLayer>\(Self.neuron("n", "", ("a", 1)))</NeuralLayer>"
        let norm =
            "<NormContinuous field='y'><LinearNorm orig='100' norm='0'/><LinearNorm orig='300' norm='0.5'/><LinearNorm orig='310' norm='1'/></NormContinuous>"
        let model = try load(document(layer, Self.output("n", norm)))
        let results = try ["0", "2.5", "5", "7.5", "20", "-5"].map { try value(model, ["x": $0, "s": "red"]) }
        #expect(results == [100, 200, 300, 305, 330, -100])
        // Descending, through a derived field, then rounded.
        let derived =
            "<LocalTransformations><DerivedField name='scaled' dataType='double' optype='continuous'><NormContinuous field='y'><LinearNorm orig='0' norm='1'/><LinearNorm orig='9' norm='0'/></NormContinuous></DerivedField></LocalTransformations>"
        let rounded = try load(
            document(
                layer, Self.output("n", "<FieldRef field='scaled'/>"),
                extra: "<Targets><Target field='y' castInteger='floor'/></Targets>" + derived))
        #expect(try value(rounded, ["x": "5", "s": "red"]) == 4)
    }

    @Test func classificationsTakeTheCategoryOfTheHighestNeuron() throws {
        let layers = """
            <NeuralLayer activationFunction="identity" normalizationMethod="softmax">\(Self.neuron("p", "", ("a", 1)))\(Self.neuron("q", "", ("a", 2)))\(Self.neuron("r", "bias='1'"))</NeuralLayer>
            """
        let outputs = ["p": "good", "q": "bad", "r": "open"].sorted { $0.key < $1.key }
            .map { Self.output($0.key, "<NormDiscrete field='y' value='\($0.value)'/>") }.joined()
        let text = document(
            layers, outputs, function: "classification",
            extra: "<Output><OutputField name='neuron' feature='entityId' dataType='string'/></Output>")
        let model = try load(text)
        let scores = try score(model, [["x": "10", "s": "red"], ["x": "0", "s": "red"], ["s": "red"]])
        #expect((0..<3).map { PMMLTests.text(scores, model, row: $0, "y") } == ["bad", "open", ""])
        #expect((0..<3).map { PMMLTests.text(scores, model, row: $0, "neuron") } == ["q", "r", ""])
        let (e, e2): (Double, Double) = (exp(1.0), exp(2.0))
        let sum = 2 * e + e2
        let probabilities = model.signature.roles.probabilities.map { scores[0, $0] }
        #expect(zip(probabilities, [e / sum, e2 / sum, e / sum]).allSatisfy { abs($0 - $1) <= 1e-15 })
    }

    @Test func simplemaxOfTheNetworkHoldsForItsLayers() throws {
        let layers = "<NeuralLayer>\(Self.neuron("p", "bias='1'", ("a", 1)))\(Self.neuron("q", "bias='2'"))</NeuralLayer>"
        let outputs =
            Self.output("p", "<NormDiscrete field='y' value='1'/>") + Self.output("q", "<NormDiscrete field='y' value='0'/>")
        let model = try load(
            document(
                layers, outputs, function: "classification",
                attributes: "activationFunction='identity' normalizationMethod='simplemax'"))
        let scores = try score(model, [["x": "10", "s": "red"]])
        #expect(model.signature.roles.probabilities.map { scores[0, $0] } == [0.5, 0.5])
        // Of equals, the first in the file.
        #expect(PMMLTests.text(scores, model, row: 0, "y") == "1")
    }

    @Test func severalTargetsHaveNeuronsOfTheirOwn() throws {
        let layers = "<NeuralLayer>\(Self.neuron("p", "", ("a", 1)))\(Self.neuron("q", "", ("b", 3)))</NeuralLayer>"
        let outputs = Self.output("p", "<FieldRef field='y'/>") + Self.output("q", "<FieldRef field='w'/>")
        let model = try load(
            document(layers, outputs, extra: "<Targets><Target field='w' rescaleFactor='2'/></Targets>", targets: ["y", "w"]))
        #expect(try value(model, ["x": "5", "s": "red"], "y") == 0.5)
        #expect(try value(model, ["x": "5", "s": "red"], "w") == 6)
        #expect(model.signature.scoreNames() == ["y", "w"])
    }

    @Test func networksThatDoNotHoldTogetherAreRefused() {
        let layer = "<NeuralLayer>\(Self.neuron("n", "", ("a", 1)))</NeuralLayer>"
        let output = Self.output("n", "<FieldRef field='y'/>")
        let bad = [
            document("<NeuralLayer>\(Self.neuron("n", "", ("z", 1)))</NeuralLayer>", output),
            document("<NeuralLayer>\(Self.neuron("m", ""))\(Self.neuron("n", "", ("m", 1)))</NeuralLayer>", output),
            document("<NeuralLayer>\(Self.neuron("a", ""))</NeuralLayer>", Self.output("a", "<FieldRef field='y'/>")),
            document(layer, Self.output("z", "<FieldRef field='y'/>")),
            document(layer, output + output),
            document(layer, ""), document("", output), document("<NeuralLayer/>" + layer, output),
            document(layer, output, function: "classification"),
            document(layer, output, targets: ["y", "w"]),
            document(layer, output, attributes: "activationFunction='radialBasis'"),
            document(layer, output, attributes: "activationFunction='radialBasis' width='1' altitude='-1'"),
            document(layer, output, attributes: "activationFunction='softplus'"),
            document(layer, output, attributes: ""),
            document(
                layer,
                Self.output(
                    "n",
                    "<NormContinuous field='y'><LinearNorm orig='0' norm='0'/><LinearNorm orig='1' norm='0'/></NormContinuous>")),
            document(layer, Self.output("n", "<Constant>1</Constant>")),
        ]
        for text in bad { #expect(throws: ScoringError.self) { try load(text) } }
        #expect(throws: Never.self) { try load(document(layer, output)) }
    }

    /// A network with everything that can be damaged.
    static var example: String {
        let layers = """
            <NeuralLayer activationFunction="radialBasis" width="2" altitude="0.5">\(neuron("g", "", ("a", 0.1), ("b", 0.4)))\(neuron("h", "width=\"3\"", ("a", 1), ("b", 2)))</NeuralLayer>
            <NeuralLayer activationFunction="threshold" threshold="0.5">\(neuron("i", "bias=\"1\"", ("g", 1), ("b", 0.4)))\(neuron("j", "", ("h", 2)))</NeuralLayer>
            <NeuralLayer normalizationMethod="simplemax">\(neuron("p", "bias=\"1\"", ("i", 1), ("j", 4)))\(neuron("q", "", ("j", 3), ("g", 1)))</NeuralLayer>
            """
        return NeuralNetworkTests().document(
            layers,
            output("p", "<NormDiscrete field=\"y\" value=\"1\"/>") + output("q", "<NormDiscrete field=\"y\" value=\"0\"/>"),
            function: "classification",
            extra:
                "<Targets><Target field=\"y\"><TargetValue value=\"1\" priorProbability=\"0.3\"/><TargetValue value=\"0\" priorProbability=\"0.7\"/></Target></Targets>"
        )
    }
}
